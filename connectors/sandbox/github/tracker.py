"""REST API of the GitHub sandbox below ``/api/v3``: routes and dispatch.

It covers what a synchronising client meets: lists with pull requests and cursors, ETags per token, redirects of
renamed repositories and moved issues, labels and their limits, comments with mails and backlinks, permissions,
archived repositories and locked issues, both kinds of rate limit.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from connectors.sandbox.core.tracker import Tracker, TrackerRequest, TrackerResponse, as_response
from connectors.sandbox.github import read_endpoints as reads
from connectors.sandbox.github import write_endpoints as writes
from connectors.sandbox.github.call import ApiCall, GithubApiError, GithubCaller, authenticate
from connectors.sandbox.github.pagination import list_issues
from connectors.sandbox.github.rate_limits import GithubRateLimits
from connectors.sandbox.github.seed import build_state
from connectors.sandbox.github.serializer import GithubSerializer
from connectors.sandbox.github.state import GithubState

Handler = Callable[[ApiCall], Any]
"""Returns JSON, or a ``TrackerResponse`` where the status is not 200."""

_PREFIX = "/api/v3"
_REPO_PATH = r"/(?:repos/(?P<owner>[^/]+)/(?P<repo>[^/]+)|repositories/(?P<repo_id>\d{1,18}))"
_ISSUE_PATH = r"/issues/(?P<number>\d{1,18})"
_COMMENT_PATH = r"/issues/comments/(?P<comment>\d{1,18})"
_LABEL_PATH = r"/labels/(?P<label>.+)"


def _route(method: str, path: str, handler: Handler) -> tuple[str, re.Pattern[str], Handler]:
    return method, re.compile(path), handler


def _repo_route(method: str, path: str, handler: Handler) -> tuple[str, re.Pattern[str], Handler]:
    return _route(method, f"{_REPO_PATH}(?P<rest>{path})", handler)


_ROUTES = (
    _route("GET", "/user", reads.get_authenticated_user),
    _route("GET", r"/users/(?P<login>[^/]+)", reads.get_user),
    _route("GET", "/meta", reads.get_meta),
    _route("GET", "/app", reads.get_app),
    _route("GET", r"/app/installations/(?P<installation>\d{1,18})", reads.get_installation),
    _route(
        "POST",
        r"/app/installations/(?P<installation>\d{1,18})/access_tokens",
        reads.create_installation_token,
    ),
    _repo_route("GET", "", reads.get_repository),
    _repo_route("GET", "/issues", list_issues),
    _repo_route("POST", "/issues", writes.create_issue),
    _repo_route("GET", "/issues/comments", reads.list_repo_comments),
    _repo_route("GET", "/issues/events", reads.list_repo_events),
    _repo_route("GET", _ISSUE_PATH, reads.get_issue),
    _repo_route("PATCH", _ISSUE_PATH, writes.edit_issue),
    _repo_route("GET", f"{_ISSUE_PATH}/comments", reads.list_issue_comments),
    _repo_route("POST", f"{_ISSUE_PATH}/comments", writes.create_comment),
    _repo_route("GET", f"{_ISSUE_PATH}/dependencies/blocked_by", reads.list_blockers),
    _repo_route("GET", f"{_ISSUE_PATH}/timeline", reads.list_timeline),
    _repo_route("GET", f"{_ISSUE_PATH}/events", reads.list_issue_events),
    _repo_route("GET", f"{_ISSUE_PATH}/labels", reads.list_issue_labels),
    _repo_route("POST", f"{_ISSUE_PATH}/labels", writes.add_labels),
    _repo_route("PUT", f"{_ISSUE_PATH}/labels", writes.replace_labels),
    _repo_route("DELETE", f"{_ISSUE_PATH}/labels", writes.remove_all_labels),
    _repo_route("DELETE", f"{_ISSUE_PATH}{_LABEL_PATH}", writes.remove_label),
    _repo_route("GET", _COMMENT_PATH, reads.get_comment),
    _repo_route("PATCH", _COMMENT_PATH, writes.edit_comment),
    _repo_route("DELETE", _COMMENT_PATH, writes.delete_comment),
    _repo_route("GET", "/labels", reads.list_repo_labels),
    _repo_route("POST", "/labels", writes.create_label),
    _repo_route("GET", _LABEL_PATH, reads.get_repo_label),
    _repo_route("PATCH", _LABEL_PATH, writes.edit_label),
    _repo_route("DELETE", _LABEL_PATH, writes.delete_label),
)
_CONTENT_METHODS = ("POST", "PATCH", "PUT")


class GithubTracker(Tracker):
    """One GitHub server of the sandbox; ``state`` holds its repositories and accounts."""

    url = _PREFIX
    state: GithubState

    def _replace_state(self, seed: Mapping[str, Any]) -> None:
        self.state = build_state(seed, self.clock, self.name)
        self._rate_limits = GithubRateLimits(self.state.settings)

    def dump(self) -> Mapping[str, Any]:
        """Return repositories with issues, comments and events, and the mails that were sent."""
        state = self.state
        with state.lock:
            shapes = GithubSerializer(state, state.base_url)
            repos = {
                repo.full_name: {
                    "labels": [shapes.label(repo, label) for label in repo.labels],
                    "issues": [
                        shapes.issue(repo, issue, detailed=True)
                        | {"comments": [shapes.comment(repo, issue, one) for one in issue.comments]}
                        | {"timeline": [shapes.event(repo, event) for event in issue.events]}
                        for issue in repo.issues.values()
                    ],
                }
                for repo in state.repos.values()
            }
            mails = [[mail.login, mail.reason, mail.issue] for mail in state.notifications]
            return {"repos": repos, "notifications": mails}

    def handle(self, request: TrackerRequest) -> TrackerResponse:
        """Carry out one request."""
        state = self.state
        with state.lock:
            state.base_url = request.base_url
            caller = GithubCaller()
            try:
                caller = authenticate(state, request)
                response = self._dispatch(request, caller)
            except GithubApiError as error:
                response = error.response
            response = self._apply_etag(request, caller, response)
            response.headers |= self._rate_limits.headers(caller.secret, state.now())
            response.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
            if state.settings.enterprise:
                response.headers["X-GitHub-Enterprise-Version"] = "3.19.0"
            response.authenticated_as = caller.name
            return response

    def _dispatch(self, request: TrackerRequest, caller: GithubCaller) -> TrackerResponse:
        now = self.state.now()
        if not self._rate_limits.consume(caller.secret, now):
            who = f"user ID {caller.account.id}" if caller.account else "127.0.0.1"
            raise GithubApiError(403, f"API rate limit exceeded for {who}.")
        call, handler = self._route(request, caller)
        if request.method in _CONTENT_METHODS and caller.account is not None:
            self._check_content_limit(caller)
        return as_response(handler(call))

    def _check_content_limit(self, caller: GithubCaller) -> None:
        if not self._rate_limits.consume_content(caller.secret, self.state.now()):
            wait = self.state.settings.secondary_retry_after
            raise GithubApiError(
                403,
                "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
                headers={} if wait is None else {"Retry-After": str(wait)},
            )

    def _route(self, request: TrackerRequest, caller: GithubCaller) -> tuple[ApiCall, Handler]:
        path = request.path.removeprefix(_PREFIX)
        method = "GET" if request.method == "HEAD" else request.method
        for known, pattern, handler in _ROUTES if request.path.startswith(f"{_PREFIX}/") else ():
            found = pattern.fullmatch(path) if known == method else None
            if found:
                args = {name: value for name, value in found.groupdict().items() if value is not None}
                shapes = GithubSerializer(self.state, request.base_url)
                call = ApiCall(state=self.state, request=request, caller=caller, serializer=shapes, args=args)
                return call, handler
        raise GithubApiError(404, "Not Found")

    def _apply_etag(
        self, request: TrackerRequest, caller: GithubCaller, response: TrackerResponse
    ) -> TrackerResponse:
        """Add the ETag of a read, or respond with 304, which does not count for the rate limit."""
        if request.method != "GET" or response.status != 200:
            return response
        content = json.dumps([caller.secret, response.data, response.headers.get("Link")])
        tag = f'"{hashlib.sha256(content.encode()).hexdigest()}"'
        response.headers["ETag"] = f"W/{tag}"
        known_tags = str(request.headers.get("If-None-Match", ""))
        if tag not in [part.strip().removeprefix("W/") for part in known_tags.split(",")]:
            return response
        if caller.account is not None:
            self._rate_limits.refund(caller.secret, self.state.now())
        return TrackerResponse(status=304, headers={"ETag": f"W/{tag}"})
