"""Values that several packages pass on. Imports nothing else of ``sync``.

==================  ===================================================================================
subject             a capability or goal, as ``capability:<id>`` or ``goal:<id>``
anchor              the issue that stands for a subject and carries its status comment
comment owner       increment and teams that a status comment is about
change, change set  one label or comment operation, and all of a run
pushed state        labels and comments as we last wrote them
override            a person's decision on a tracker that differs from ours: pin, veto and so on
recorded state      everything that planning needs of earlier runs
planning inputs     what the trackers returned in this run
planning result     assignments, roll-up, desired state and changes that follow from both
roll-up             state and counts of capabilities, goals and increments
pull result         outcome of reading the sources
apply result        outcome of writing the changes
run result          all of these together, for output and exit code
record              a row of the store as a value
==================  ===================================================================================
"""
