"""Jira sandbox: the part of the REST API of Jira Cloud and Jira Data Center that concerns issues.

``tracker`` authenticates a request and dispatches it to an endpoint; endpoints read and change the ``site``; the
``serializer`` builds the JSON; ``jql_parser`` and ``jql_evaluator`` answer searches.
"""
