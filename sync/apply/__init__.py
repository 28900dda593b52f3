"""Writing of changes to trackers, recovery after a crash, and undo.

Words:

- executor: writes a change set one change at a time and stops at a tracker that refuses to continue.
- journal: the record of every write, with the state before it. An intent is recorded before the request, the result
  after it.
- pending write: an intent without a known result, left by a crash or a lost response.
- recovery: reading the tracker to find out whether a pending write took effect.
- backoff: a growing pause before an issue that rejected writes is tried again.
- container refusal: a rejection that holds for a whole repository or project; each run tries one change there.
- block: the text of increment-sync between hidden markers in a comment.
- reversal: the inverse changes of a run, computed from its journal by ``undo``.
- hold: a reverted label or comment that runs leave alone until ``overrides clear``.
"""
