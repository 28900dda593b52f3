"""Decisions on what the trackers should say, and the runs that write it.

Words used in this package:

run          one execution of the program, with an id on every log line and journal entry
change       one label or comment operation, as a value before it is an act
change set   all changes of a run; it can be saved, reviewed and applied later
pushed state what increment-sync last wrote on an issue: labels, comment id, hash of the comment's text
override     decision of a person on the tracker that differs from the desired state (pin or veto); it wins
anchor       tracker issue that stands for a capability or goal and carries its status comment
roll-up      state and counts of a capability, goal or increment, derived from assignments
baseline     issues of a capability when its increment started; growth is measured against it
journal      record of every write with its before-image, from which it can be undone
"""
