"""Failures of sources, with reasons that tell people what to correct."""

from __future__ import annotations

from connectors.errors import ConnectorError, Gone, Rejected
from connectors.jira.site import Forbidden, JiraSite
from connectors.jql_syntax import BadJql
from connectors.model import FailedSource, Source


def failed_search(site: JiraSite, source: Source, error: BadJql | ConnectorError) -> FailedSource:
    """Return the failure of a source for an error of its search. May send requests to find the reason."""
    if isinstance(error, BadJql):
        reason = f"{source.name}: this source cannot be searched: {error}; correct it in the mapping"
        return FailedSource(source, reason, "missing")
    if is_about_condition(error):
        return _explain_rejection(site, source, error)
    if isinstance(error, Gone):
        reason = f"{error}; check kind of the tracker and its url, a path such as /jira included"
        return FailedSource(source, reason, "missing")
    return FailedSource.from_error(source, error)


def is_about_condition(error: BadJql | ConnectorError) -> bool:
    """Return True if Jira refused the search condition itself (HTTP 400)."""
    return isinstance(error, Rejected) and not isinstance(error, Forbidden)


def _explain_rejection(site: JiraSite, source: Source, error: ConnectorError) -> FailedSource:
    """Find out why Jira refuses a condition: expired login, missing project, or invalid JQL."""
    try:
        site.confirm_login()
        if source.container:
            site.project(source.container)
    except Gone:
        reason = (
            f"there is no project {source.container} on {site.url} that {site.account().name} can "
            "see; correct the source in the mapping, or give that account the Browse Projects permission"
        )
    except ConnectorError as cause:
        return FailedSource.from_error(source, cause)
    else:
        reason = f"Jira refuses the search; correct the jql of the source ({error})"
    return FailedSource(source, reason, "missing")
