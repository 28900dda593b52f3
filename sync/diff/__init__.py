"""Pure comparison of the desired state with the state of the trackers.

Words:

- desired: labels and comments that follow from rules, plans and the roll-up.
- pushed: labels and comments that increment-sync wrote last, from the store.
- live: labels and comments on the tracker, as read in this run.
- managed label: a label in one of the families of increment-sync, such as ``capability:`` or ``state:``. Labels outside
  the families are never changed.
- override: a decision of a person that differs from the desired state. It wins.
- pin: a ``capability:`` label put by a person. The issue counts in that capability.
- veto: a label removed by a person. The issue leaves that capability.
- reverted label or comment: one that ``undo`` changed back. It stays unchanged until ``overrides clear``.
- suspected override: an override that may only come from a stale list. A direct read of the issue checks it.
- pure removal: the removal of a label without a successor of its family.
- guard: the check that refuses an unsafe change set. Its limits are safety limits.
- rollout: a first change set that is spread over several runs, which limits the mail that people get.

Modules: ``desired_labels`` and ``desired_comments`` build the desired state, ``label_diff`` (with the decision table in
``label_table``) and ``comment_diff`` compare it, ``guard`` refuses unsafe change sets. Time and inputs are arguments:
nothing here reads a clock, the store or a tracker.
"""
