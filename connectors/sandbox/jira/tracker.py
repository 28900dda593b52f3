"""REST API of a Jira site in the sandbox, Cloud or Data Center: routes and dispatch."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from email.utils import format_datetime
from typing import Any, Final, Literal

from connectors.sandbox.core.tracker import Tracker, TrackerRequest, TrackerResponse, as_response
from connectors.sandbox.jira import changelog_endpoints as changelogs
from connectors.sandbox.jira import comment_endpoints as comments
from connectors.sandbox.jira import issue_endpoints as issues
from connectors.sandbox.jira import search_endpoints as search
from connectors.sandbox.jira import site_endpoints as about
from connectors.sandbox.jira.auth import authenticate, login_headers
from connectors.sandbox.jira.call import JiraApiError, JiraCall
from connectors.sandbox.jira.model import JiraCaller, JiraIssue
from connectors.sandbox.jira.rate_limits import JiraRateLimits
from connectors.sandbox.jira.seed import load_seed
from connectors.sandbox.jira.serializer import JiraSerializer
from connectors.sandbox.jira.site import JiraSiteState

_Handler = Callable[..., Any]
_Deployment = Literal["cloud", "dc", "both"]

_ISSUE = r"issue/([^/]+)"
_COMMENT = r"comment/(\d{1,18})"
_PROPERTY = r"properties/([^/]+)"
_ROUTES: Final[tuple[tuple[str, str, _Handler, _Deployment], ...]] = (
    ("GET", "serverInfo", about.get_server_info, "both"),
    ("GET", "myself", about.get_authenticated_user, "both"),
    ("GET", "field", about.list_fields, "both"),
    ("GET", "mypermissions", about.list_permissions, "both"),
    ("GET", "project/([^/]+)", about.get_project, "both"),
    ("GET", "status", about.list_statuses, "both"),
    ("GET|POST", "search/jql", search.search_by_token, "cloud"),
    ("POST", "search/approximate-count", search.count_issues, "cloud"),
    ("POST", "changelog/bulkfetch", changelogs.fetch_changelogs, "cloud"),
    ("GET|POST", "search", search.reject_removed_search, "cloud"),
    ("GET|POST", "search", search.search_by_start, "dc"),
    ("GET", _ISSUE, issues.get_issue, "both"),
    ("PUT", _ISSUE, issues.edit_issue, "both"),
    ("GET", f"{_ISSUE}/changelog", issues.get_changelog, "cloud"),
    ("GET", f"{_ISSUE}/{_PROPERTY}", issues.get_issue_property, "both"),
    ("PUT", f"{_ISSUE}/{_PROPERTY}", issues.set_issue_property, "both"),
    ("GET", f"{_ISSUE}/comment", comments.list_comments, "both"),
    ("POST", f"{_ISSUE}/comment", comments.create_comment, "both"),
    ("GET", f"{_ISSUE}/{_COMMENT}", comments.get_comment, "both"),
    ("PUT", f"{_ISSUE}/{_COMMENT}", comments.update_comment, "both"),
    ("DELETE", f"{_ISSUE}/{_COMMENT}", comments.delete_comment, "both"),
    ("POST", "comment/list", comments.list_comments_by_id, "cloud"),
    ("GET", f"{_COMMENT}/properties", comments.list_property_keys, "both"),
    ("GET", f"{_COMMENT}/{_PROPERTY}", comments.get_comment_property, "both"),
    ("PUT", f"{_COMMENT}/{_PROPERTY}", comments.set_comment_property, "both"),
    ("DELETE", f"{_COMMENT}/{_PROPERTY}", comments.delete_comment_property, "both"),
)
"""Methods, path, handler and deployment. A handler gets the groups of the path as arguments, and returns JSON, or a
``TrackerResponse`` where the status is not 200."""


class JiraTracker(Tracker):
    """One Jira site of the sandbox; tests use its ``state``."""

    state: JiraSiteState

    def _replace_state(self, seed: Mapping[str, Any]) -> None:
        state = JiraSiteState(self.kind, self.clock)
        load_seed(state, seed, self.name)
        self.state = state
        self._rate_limits = JiraRateLimits(state)

    @property
    def gateway(self) -> str:
        """Cloud: path below the mount for scoped tokens."""
        return f"/gateway/ex/jira/{self.state.cloud_id}"

    def dump(self) -> Mapping[str, Any]:
        """Return issues by key with labels and comments, and the mails that would have been sent."""
        with self.state.lock:
            return {
                "kind": self.kind,
                "issues": {issue.key: _dump_issue(issue) for issue in self.state.issues()},
                "mails": [asdict(mail) for mail in self.state.mails],
            }

    def handle(self, request: TrackerRequest) -> TrackerResponse:
        """Carry out one request."""
        with self.state.lock:
            caller: JiraCaller | None = None
            try:
                if request.path == "/_edge/tenant_info" and self.state.is_cloud:
                    response = TrackerResponse(data={"cloudId": self.state.cloud_id})
                else:
                    caller, rest = authenticate(self.state, request)
                    response = self._dispatch(caller, request, rest)
            except JiraApiError as refusal:
                response = refusal.response
            return self._finish_response(request, response, caller)

    def _dispatch(self, caller: JiraCaller, request: TrackerRequest, rest: str) -> TrackerResponse:
        handler, parts = self._route(request.method, rest)
        limited = self._rate_limits.check(request, caller, self._written_issue_id(request, rest))
        call = JiraCall(self.state, caller, request, JiraSerializer(self.state, caller))
        return limited or as_response(handler(call, *parts))

    def _route(self, method: str, rest: str) -> tuple[_Handler, tuple[str, ...]]:
        own_deployment = "cloud" if self.state.is_cloud else "dc"
        known_path = False
        for methods, pattern, handler, deployment in _ROUTES:
            if deployment in (own_deployment, "both") and (found := re.fullmatch(pattern, rest)):
                if method in methods.split("|"):
                    return handler, found.groups()
                known_path = True
        raise JiraApiError(405 if known_path else 404, f"null for uri: /rest/api/{rest}")

    def _written_issue_id(self, request: TrackerRequest, rest: str) -> int | None:
        if request.method == "GET" or not rest.startswith("issue/"):
            return None
        issue = self.state.issue(rest.split("/")[1])
        return issue.id if issue else None

    def _finish_response(
        self, request: TrackerRequest, response: TrackerResponse, caller: JiraCaller | None
    ) -> TrackerResponse:
        response.headers = {
            "Date": format_datetime(self.clock.now(), usegmt=True),
            **login_headers(self.state, request, caller),
            **self._rate_limits.headers(caller),
            **response.headers,
        }
        response.authenticated_as = caller.account.id if caller and caller.account else None
        return response


def _dump_issue(issue: JiraIssue) -> dict[str, Any]:
    return {
        "id": str(issue.id),
        "summary": issue.summary,
        "type": issue.type,
        "status": issue.status,
        "labels": list(issue.labels),
        "updated": issue.updated.isoformat(),
        "properties": dict(issue.properties),
        "comments": [
            {
                "id": str(comment.id),
                "author": comment.author,
                "body": comment.body,
                "public": comment.public,
                "properties": dict(comment.properties),
            }
            for comment in issue.comments
        ],
    }
