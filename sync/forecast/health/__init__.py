"""Health of capabilities and goals: on track, at risk or off track, from forecasts that a backtest supports.

================  ===================================================================================
expectation       what readers see of a forecast: probability, 85% interval, health and its reason
team backtest     accuracy of our forecasts on the team's own past; without it no health is shown
displayed health  health that is shown, and the one that waits for a second day (hysteresis)
statement         forecast that is recorded in order to compare it with the outcome later
track record      how often earlier statements came true
================  ===================================================================================

``assess`` runs once for each run, ``evaluate`` derives health, ``attach`` adds it to the roll-up, ``save`` records it.
"""
