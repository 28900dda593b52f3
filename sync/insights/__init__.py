"""Answers from recorded data: changes and their causes, findings, predictability, ad-hoc work, and the report.

================  =====================================================================================
count record      how an issue counted towards a capability, from one run to another
transition        cause of the start or the end of a count record, with a sentence
difference        change of a subject between two moments, split into parts that add up
part              delivered, added, dropped, reopened, remapped or vanished
remapped          moved by an edit of rules or plan, a pin or a veto; the issue itself did not change
plan facts        recorded increments, goals and capabilities of the plans
finding           something that looks better than it is, with evidence (an integrity finding)
predictability    actual value of all goals divided by the planned value of the committed ones
ad-hoc work       issues of a team that no rule assigns
================  =====================================================================================

``count_ledger`` and ``change_causes`` derive what a run has to record, ``record_counts`` records it,
``change_between`` and ``issue_transitions`` compare two moments, ``change_queries`` reads the store for commands.
"""
