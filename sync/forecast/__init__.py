"""Probabilistic forecasts from the issue history of each team, without estimates.

====================  ==================================================================================
issue flow            all state changes and blocked periods of one issue (``sync.model.flow``)
throughput history    creation and closing times of a team's issues, as arrays
hazard rate           probability per day that an open issue is closed, by its age
group                 issues that have to be finished together: a capability
pace                  closed issues of the last 4 weeks compared with the hazard rates of two years
candidate model       one set of constants of the joint model; each team weights them by its own history
weights               probability of each candidate model given a team's past (they add up to 1)
horizon               time from now to the target date or the end of the increment
cutoff                a moment in the past from which a backtest forecasts
backtest              forecasts from past cutoffs compared with what happened, beside baseline models
baseline model        a simple method that a forecast has to beat: linear projection, weekly bootstrap
85% interval          range that contains the outcome in 85 of 100 cases if the forecast is calibrated
aging WIP             open issues that are older than 85% of what their team finished
====================  ==================================================================================

Modules that need no numbers library: ``issue_history``, ``load_history``, ``csv_histories``, ``prerequisites``,
``work_item_age``, ``horizon``, ``fallbacks`` and ``probability``. All other modules need numpy and scipy (the extra
``forecast``). Forecasts are deterministic: the same inputs give the same bits. ``docs/forecasting.md`` explains the
method and its accuracy on real histories.
"""
