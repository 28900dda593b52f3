"""Forecasts from the flow of a team's own issues, without estimates.

Words: a *history* is what a team opened and closed; a *group* is a set of issues that should be finished together (a
capability); the *horizon* is the time from now to the day that was promised. Everything here is pure: the same values
give the same bits. ``docs/forecasting.md`` explains the method and how well it did on real histories.
"""
