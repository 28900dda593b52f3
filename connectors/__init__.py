"""Talk to issue trackers; know nothing of plans.

Words used in this package:

tracker     one Jira site or one GitHub (Enterprise) server, under the name that the settings give it
issue       what a tracker calls an issue; identified by the tracker's stable id, addressed by its key
source      a part of a tracker that a team names: a Jira project or JQL, a GitHub repository
pull        reading the issues of sources that changed since a watermark
census      reading the ids of all issues of a source, to see what is gone
container   what an issue lives in: a Jira project key (``DS``) or a repository (``acme/churn``)
"""
