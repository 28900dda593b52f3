"""Jira Cloud and Jira Data Center, both by REST API version 2.

site        one Jira installation; Cloud or Data Center
gateway     Atlassian's address for scoped Cloud tokens, used with a ``cloud_id``
field id    id of a custom field (``customfield_10020``); names are looked up once and cached
changelog   Jira's history of one issue: entries, each with the items (fields) that changed together
expanded    an issue in a search result that carries its changelog (Data Center only)
marker      the comment property ``increment-sync``, which marks a comment as ours
"""
