"""GitHub.com and GitHub Enterprise Server, by REST API version 2022-11-28.

web URL     address that people browse (``https://github.com``), derived from the address of the API
app         a GitHub App; it authenticates with a JWT (identity) and with installation tokens (everything else)
scan        a read of all pages of a repository's issue list
events      GitHub's history: of one issue, or of a whole repository (newest first, without a ``since``)
bookmark    end of what was read of a repository's events, stored between runs
"""
