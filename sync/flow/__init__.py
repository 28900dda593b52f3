"""The flow of issues: when each was created, went under way, was blocked, was done, was opened again.

=============  ==============================================================================================
move           a change of an issue's flow state (todo, doing, done, dropped), in the words of its team
blocked        a time in which something stood in the way: from when to when, or until now
complete       the tracker's own history was read; otherwise only what this program saw from run to run
=============  ==============================================================================================

``history.py`` makes it out of what the tracker told and of what the program noticed; ``stored.py`` reads it
for those who ask without a tracker.
"""
