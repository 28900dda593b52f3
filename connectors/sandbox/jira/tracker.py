"""REST API of a Jira site in the sandbox, Cloud or Data Center: routes and dispatch."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from email.utils import format_datetime
from typing import Any, Final, Literal

from connectors.sandbox.core.tracker import Clock, TrackerKind, TrackerRequest, TrackerResponse
from connectors.sandbox.jira import changelog_endpoints as changelogs
from connectors.sandbox.jira import comment_endpoints as comments
from connectors.sandbox.jira import issue_endpoints as issues
from connectors.sandbox.jira import search_endpoints as search
from connectors.sandbox.jira import site_endpoints as about
from connectors.sandbox.jira.auth import authenticate, login_headers
from connectors.sandbox.jira.model import JiraCaller
from connectors.sandbox.jira.rate_limits import JiraRateLimits
from connectors.sandbox.jira.request_checks import JiraApiError
from connectors.sandbox.jira.seed import load_seed
from connectors.sandbox.jira.site import JiraSiteState

_Handler = Callable[..., TrackerResponse]
_Deployment = Literal["cloud", "dc", "both"]

_ROUTES: Final[tuple[tuple[str, str, _Handler, _Deployment], ...]] = (
    ("GET", r"serverInfo", about.get_server_info, "both"),
    ("GET", r"myself", about.get_authenticated_user, "both"),
    ("GET", r"field", about.list_fields, "both"),
    ("GET", r"mypermissions", about.list_permissions, "both"),
    ("GET", r"project/([^/]+)", about.get_project, "both"),
    ("GET", r"status", about.list_statuses, "both"),
    ("GET", r"search/jql", search.search_by_token, "cloud"),
    ("POST", r"search/jql", search.search_by_token, "cloud"),
    ("POST", r"search/approximate-count", search.count_issues, "cloud"),
    ("POST", r"changelog/bulkfetch", changelogs.fetch_changelogs, "cloud"),
    ("GET", r"search", search.reject_removed_search, "cloud"),
    ("POST", r"search", search.reject_removed_search, "cloud"),
    ("GET", r"search", search.search_by_start, "dc"),
    ("POST", r"search", search.search_by_start, "dc"),
    ("GET", r"issue/([^/]+)", issues.get_issue, "both"),
    ("PUT", r"issue/([^/]+)", issues.edit_issue, "both"),
    ("GET", r"issue/([^/]+)/changelog", issues.get_changelog, "cloud"),
    ("GET", r"issue/([^/]+)/properties/([^/]+)", issues.get_issue_property, "both"),
    ("PUT", r"issue/([^/]+)/properties/([^/]+)", issues.set_issue_property, "both"),
    ("GET", r"issue/([^/]+)/comment", comments.list_comments, "both"),
    ("POST", r"issue/([^/]+)/comment", comments.create_comment, "both"),
    ("GET", r"issue/([^/]+)/comment/(\d{1,18})", comments.get_comment, "both"),
    ("PUT", r"issue/([^/]+)/comment/(\d{1,18})", comments.update_comment, "both"),
    ("DELETE", r"issue/([^/]+)/comment/(\d{1,18})", comments.delete_comment, "both"),
    ("POST", r"comment/list", comments.list_comments_by_id, "cloud"),
    ("GET", r"comment/(\d{1,18})/properties", comments.list_property_keys, "both"),
    ("GET", r"comment/(\d{1,18})/properties/([^/]+)", comments.get_comment_property, "both"),
    ("PUT", r"comment/(\d{1,18})/properties/([^/]+)", comments.set_comment_property, "both"),
    ("DELETE", r"comment/(\d{1,18})/properties/([^/]+)", comments.delete_comment_property, "both"),
)


class JiraTracker:
    """One Jira site of the sandbox; tests use its ``state``."""

    def __init__(self, name: str, kind: TrackerKind, clock: Clock) -> None:
        if kind == "github":
            raise ValueError("A Jira tracker is of the kind 'jira-cloud' or 'jira-dc'.")
        self._name = name
        self._kind: Literal["jira-cloud", "jira-dc"] = kind
        self._clock = clock
        self._seed: Mapping[str, Any] = {}
        self.load({})

    @property
    def name(self) -> str:
        """Name of the mount."""
        return self._name

    @property
    def kind(self) -> TrackerKind:
        return self._kind

    @property
    def url(self) -> str:
        """Path of the site below the mount: none."""
        return ""

    @property
    def gateway(self) -> str:
        """Cloud: path below the mount for scoped tokens."""
        return f"/gateway/ex/jira/{self.state.cloud_id}"

    @property
    def search_lag(self) -> timedelta:
        """Searches do not show changes younger than this."""
        return self.state.search_lag

    @search_lag.setter
    def search_lag(self, lag: timedelta) -> None:
        self.state.search_lag = lag

    def load(self, seed: Mapping[str, Any]) -> None:
        """Replace the whole state, and ``state`` itself, by a seed. SeedError for an invalid seed."""
        state = JiraSiteState(self._kind, self._clock)
        load_seed(state, seed, self.name)
        self.state = state
        self._rate_limits = JiraRateLimits(state)
        self._seed = seed

    def reset(self) -> None:
        """Restore the seed that was loaded last."""
        self.load(self._seed)

    def dump(self) -> Mapping[str, Any]:
        """Return issues by key with labels and comments, and the mails that would have been sent."""
        with self.state.lock:
            return {
                "kind": self._kind,
                "issues": {issue.key: _dump_issue(self.state, issue.key) for issue in self.state.issues()},
                "mails": [{"to": m.to, "reason": m.reason, "issue": m.issue} for m in self.state.mails],
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
                response = refusal.to_response()
            return self._finish_response(request, response, caller)

    def _dispatch(self, caller: JiraCaller, request: TrackerRequest, rest: str) -> TrackerResponse:
        handler, parts = self._route(request.method, rest)
        limited = self._rate_limits.check(request, caller, self._written_issue_id(request, rest))
        return limited or handler(self.state, caller, request, *parts)

    def _route(self, method: str, rest: str) -> tuple[_Handler, tuple[str, ...]]:
        own_deployment = "cloud" if self.state.is_cloud else "dc"
        known_path = False
        for expected_method, pattern, handler, deployment in _ROUTES:
            if deployment in (own_deployment, "both") and (found := re.fullmatch(pattern, rest)):
                if expected_method == method:
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
            "Date": format_datetime(self._clock.now(), usegmt=True),
            **login_headers(self.state, request, caller),
            **self._rate_limits.headers(caller),
            **response.headers,
        }
        response.authenticated_as = caller.account.id if caller and caller.account else None
        return response


def _dump_issue(state: JiraSiteState, key: str) -> dict[str, Any]:
    issue = state.require_issue(key)
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
