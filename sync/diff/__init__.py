"""Pure comparison of the desired state with the state of the trackers.

Words:

- desired: labels and comments that follow from rules, plans and the roll-up.
- pushed: labels and comments that increment-sync wrote last, from the store.
- live: labels and comments on the tracker, as read in this run.
- override: a decision of a person that differs from the desired state. It wins.
- pin: a ``capability:`` label put by a person. The issue counts in that capability.
- veto: a label removed by a person. The issue leaves that capability.
- reverted: a label or comment that ``undo`` took back. It stays as it is until ``overrides clear``.
- suspected override: an override that a stale list may only pretend. A direct read checks it first.
- pure removal: a label that is removed without a successor of its family.
- guard: the check that refuses an unsafe change set. Its limits are called safety limits in texts for people.
- rollout: a first change set that is spread over several runs, so that nobody gets too much mail at once.

Modules: ``desired_labels`` and ``desired_comments`` build the desired state, ``label_diff`` (with the decision table in
``label_table``) and ``comment_diff`` compare it, ``limits`` is the guard. Time and inputs are arguments: nothing here
reads a clock, the store or a tracker.
"""
