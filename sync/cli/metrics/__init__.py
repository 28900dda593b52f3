"""Metrics of runs for Prometheus.

- **sample**: a number with values of labels, at the end of a run; the samples of one name form a **metric**.
- **installation**: the label that every sample carries; the ``instance`` of the settings.

Values of labels come from the workspace (trackers, sources, teams) or from a fixed list, so that the number of samples
is bounded.
"""
