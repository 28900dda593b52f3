"""Health: the word that a forecast earns, where the team's own past shows that such words come true.

Words: a *backtest* is what a team's own past says of our forecasts; a *standing* is the word that is shown and the one
that waits for a second day; a *statement* is a forecast that was kept so that it can be held against what happened.
"""
