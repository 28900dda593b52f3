"""The steps of a run, in order, and planning without a run.

A run: ``plan_run`` pulls the sources, recovers pending writes, plans, resolves suspected overrides and checks the
guard. ``apply_changes`` writes the change set. ``save_run_result`` saves what the next run needs.

Words:

- planning: the pure step from inputs to a change set. ``Planner.assess`` matches and rolls up,
  ``Planner.derive_changes`` compares.
- recorded state: what the store knows from earlier runs (pushed labels, comments, overrides, baselines).
- observed: what the trackers returned in this run.
- resolution: planning again after each checked override, until none is left.
- instance: one installation of increment-sync with its own store. Two instances must not write on the same issue.
- recovery of overrides: after a lost store, label histories show which labels people had removed.
- offline planning: the same planning on stored issues, without requests.
- incremental planning: planning again for the affected issues only, after plans or mappings changed.
"""
