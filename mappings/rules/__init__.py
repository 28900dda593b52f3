"""Conditions, rule index and matcher. Pure functions of issues, mappings and the given time.

field       property of an issue that rules compare; ``fields.py`` lists all of them
subject     issue as rules see it: without managed labels, with its ancestors
condition   compiled condition of one key of ``when``
index       finds the rules that can match an issue without evaluating all of them
claim       a team's rule or a pin names a capability for an issue
placement   capability in which a claim puts the issue, given the dates of increments
match       result: assignments, unplanned issues and conflicts
trace       explanation of the match of one issue
"""
