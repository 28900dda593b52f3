"""GitHub sandbox: the part of the REST API that concerns issues.

``tracker`` dispatches a request to an endpoint, as an ``ApiCall``; endpoints read the ``store`` and change it by
the actions of ``state``; the ``serializer`` builds the JSON. No GraphQL, no search, no projects.
"""
