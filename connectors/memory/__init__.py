"""In-memory tracker for tests and experiments: no sockets, no search lag, no JQL.

issues      state of the tracker, and the actions of its users
tracker     ``IssueReader`` and ``IssueWriter`` on that state, held to the contract of all connectors
"""
