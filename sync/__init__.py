"""Decide what the trackers should say, and say it.

Words used in this package:

run          one execution of the program, with an id that stands on every log line and journal entry
change       one label or comment operation, as a value before it is an act
change set   all changes of a run; it can be saved, reviewed and applied later
pushed state what we last wrote on an issue: labels, comment id, hash of the comment's text
override     a person's decision on the tracker that differs from ours (a pin or a veto); theirs wins
anchor       the tracker issue that stands for a capability or goal and carries its status comment
roll-up      state and counts of a capability, goal or increment, derived from assignments
baseline     the issues that a capability had when its increment started; growth is measured against it
journal      the record of every write with its before-image, from which it can be undone
"""
