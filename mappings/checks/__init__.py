"""Checks of plans and mappings.

error       makes the workspace unusable
warning     probable mistake; can be silenced with ``silence: [name-of-the-check]``
reach       sources of a team that can contain an issue that a rule matches
shadowed    a rule that never matches first, because earlier rules match all its issues
snapshot    issues that the last run stored
"""
