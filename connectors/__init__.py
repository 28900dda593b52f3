"""Connectors to issue trackers. They know issues and comments, and nothing of plans.

tracker     one Jira site or one GitHub (Enterprise) server, under its name in the settings
issue       identified by the tracker's permanent id, addressed by its key
source      a part of a tracker that a team names: a Jira project or JQL, a GitHub repository
container   where an issue lives: a Jira project key (``DS``) or a repository (``acme/churn``)
pull        a read of the issues of sources that changed since a cursor
cursor      the point from which the next pull of a source continues
census      a read of the ids of all issues of a source, to find deleted and moved ones
marker      data that marks a comment as ours: a comment property on Jira, part of the body on GitHub
reader      implements ``ports.IssueReader`` for one tracker
writer      implements ``ports.IssueWriter`` for one tracker
testing     contract suite of connectors, for their authors
sandbox     mock servers of Jira and GitHub for tests, demos and simulations
"""
