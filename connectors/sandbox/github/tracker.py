"""A GitHub look-alike: the part of the REST API that concerns issues, served below ``/api/v3``.

Models what matters to a client that synchronises: lists that hold pull requests and page by cursor, ETags
that belong to a token, redirects of renamed repositories and moved issues, labels and their limits, comments
with their mails and backlinks, rights, archived and locked things, both kinds of rate limit. No GraphQL, no
search, no projects.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from connectors.sandbox.core.tracker import Clock, Request, Response, TrackerKind
from connectors.sandbox.github import read_endpoints as reads
from connectors.sandbox.github import write_endpoints as writes
from connectors.sandbox.github.call import ApiError, Call, Caller, authenticate
from connectors.sandbox.github.pagination import list_issues
from connectors.sandbox.github.rate_limits import Limits
from connectors.sandbox.github.seed import build_state
from connectors.sandbox.github.serializer import Shapes
from connectors.sandbox.github.state import GithubState

Handler = Callable[[Call], Response]

_PREFIX = "/api/v3"
_REPO = r"/(?:repos/(?P<owner>[^/]+)/(?P<repo>[^/]+)|repositories/(?P<repo_id>\d{1,18}))"
_ISSUE = r"/issues/(?P<number>\d{1,18})"
_COMMENT = r"/issues/comments/(?P<comment>\d{1,18})"
_LABEL = r"/labels/(?P<label>.+)"


def _route(method: str, path: str, handler: Handler) -> tuple[str, re.Pattern[str], Handler]:
    return method, re.compile(path), handler


def _repo_route(method: str, path: str, handler: Handler) -> tuple[str, re.Pattern[str], Handler]:
    return _route(method, f"{_REPO}(?P<rest>{path})", handler)


_ROUTES = (
    _route("GET", "/user", reads.me),
    _route("GET", r"/users/(?P<login>[^/]+)", reads.user),
    _route("GET", "/meta", reads.meta),
    _route("GET", "/app", reads.app),
    _route("GET", r"/app/installations/(?P<installation>\d{1,18})", reads.installation),
    _route("POST", r"/app/installations/(?P<installation>\d{1,18})/access_tokens", reads.installation_token),
    _repo_route("GET", "", reads.repository),
    _repo_route("GET", "/issues", list_issues),
    _repo_route("POST", "/issues", writes.create_issue),
    _repo_route("GET", "/issues/comments", reads.repo_comments),
    _repo_route("GET", "/issues/events", reads.repo_events),
    _repo_route("GET", _ISSUE, reads.issue),
    _repo_route("PATCH", _ISSUE, writes.edit_issue),
    _repo_route("GET", f"{_ISSUE}/comments", reads.issue_comments),
    _repo_route("POST", f"{_ISSUE}/comments", writes.create_comment),
    _repo_route("GET", f"{_ISSUE}/timeline", reads.timeline),
    _repo_route("GET", f"{_ISSUE}/events", reads.issue_events),
    _repo_route("GET", f"{_ISSUE}/labels", reads.issue_labels),
    _repo_route("POST", f"{_ISSUE}/labels", writes.add_labels),
    _repo_route("PUT", f"{_ISSUE}/labels", writes.replace_labels),
    _repo_route("DELETE", f"{_ISSUE}/labels", writes.remove_all_labels),
    _repo_route("DELETE", f"{_ISSUE}{_LABEL}", writes.remove_label),
    _repo_route("GET", _COMMENT, reads.comment),
    _repo_route("PATCH", _COMMENT, writes.edit_comment),
    _repo_route("DELETE", _COMMENT, writes.delete_comment),
    _repo_route("GET", "/labels", reads.repo_labels),
    _repo_route("POST", "/labels", writes.create_label),
    _repo_route("GET", _LABEL, reads.repo_label),
    _repo_route("PATCH", _LABEL, writes.edit_label),
    _repo_route("DELETE", _LABEL, writes.delete_label),
)
_CREATES = ("POST", "PATCH", "PUT")


class GithubTracker:
    """The look-alike as the sandbox server sees it; ``state`` is the world behind it."""

    url = _PREFIX

    def __init__(self, name: str, kind: TrackerKind, clock: Clock) -> None:
        self.name = name
        self.kind = kind
        self._clock = clock
        self._seed: Mapping[str, Any] = {}
        self.load({})

    def load(self, seed: Mapping[str, Any]) -> None:
        """Replace everything by a seed (``seed.py``). SeedError; then the old state stays."""
        self.state: GithubState = build_state(seed, self._clock, self.name)
        self._limits = Limits(self.state.settings)
        self._seed = seed

    def reset(self) -> None:
        """Back to the seed: ``state`` is a new object afterwards."""
        self.load(self._seed)

    @property
    def search_lag(self) -> timedelta:
        return self.state.search_lag

    @search_lag.setter
    def search_lag(self, lag: timedelta) -> None:
        self.state.search_lag = lag

    def dump(self) -> Mapping[str, Any]:
        """Repositories with issues, comments and events, and the mails that were sent."""
        state = self.state
        with state.lock:
            shapes = Shapes(state, state.base_url)
            repos = {
                repo.full_name: {
                    "labels": [shapes.label(repo, label) for label in repo.labels],
                    "issues": [
                        shapes.issue(repo, issue, alone=True)
                        | {"comments": [shapes.comment(repo, issue, one) for one in issue.comments]}
                        | {"timeline": [shapes.event(repo, event) for event in issue.events]}
                        for issue in repo.issues.values()
                    ],
                }
                for repo in state.repos.values()
            }
            mails = [[mail.login, mail.reason, mail.issue] for mail in state.notifications]
            return {"repos": repos, "notifications": mails}

    def handle(self, request: Request) -> Response:
        """Carry out one request."""
        state = self.state
        with state.lock:
            state.base_url = request.base_url
            caller = Caller()
            try:
                caller = authenticate(state, request)
                response = self._limited(request, caller)
            except ApiError as error:
                response = error.response
            response = self._conditional(request, caller, response)
            response.headers |= self._limits.headers(caller.secret, state.now())
            response.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
            if state.settings.enterprise:
                response.headers["X-GitHub-Enterprise-Version"] = "3.19.0"
            response.authenticated_as = caller.name
            return response

    def _limited(self, request: Request, caller: Caller) -> Response:
        now = self.state.now()
        if not self._limits.take(caller.secret, now):
            who = f"user ID {caller.account.id}" if caller.account else "127.0.0.1"
            raise ApiError(403, f"API rate limit exceeded for {who}.")
        call, handler = self._route(request, caller)
        if request.method in _CREATES and caller.account is not None:
            self._check_content(caller)
        return handler(call)

    def _check_content(self, caller: Caller) -> None:
        if not self._limits.may_create(caller.secret, self.state.now()):
            wait = self.state.settings.secondary_retry_after
            raise ApiError(
                403,
                "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
                headers={} if wait is None else {"Retry-After": str(wait)},
            )

    def _route(self, request: Request, caller: Caller) -> tuple[Call, Handler]:
        path = request.path.removeprefix(_PREFIX)
        method = "GET" if request.method == "HEAD" else request.method
        for known, pattern, handler in _ROUTES if request.path.startswith(f"{_PREFIX}/") else ():
            found = pattern.fullmatch(path) if known == method else None
            if found:
                args = {name: value for name, value in found.groupdict().items() if value is not None}
                shapes = Shapes(self.state, request.base_url)
                call = Call(state=self.state, request=request, caller=caller, shapes=shapes, args=args)
                return call, handler
        raise ApiError(404, "Not Found")

    def _conditional(self, request: Request, caller: Caller, response: Response) -> Response:
        """Add the ETag of a read, or answer 304, which costs no quota, when the client has it already."""
        if request.method != "GET" or response.status != 200:
            return response
        content = json.dumps([caller.secret, response.data, response.headers.get("Link")])
        tag = f'"{hashlib.sha256(content.encode()).hexdigest()}"'
        response.headers["ETag"] = f"W/{tag}"
        asked = str(request.headers.get("If-None-Match", ""))
        if tag not in [part.strip().removeprefix("W/") for part in asked.split(",")]:
            return response
        if caller.account is not None:
            self._limits.give_back(caller.secret, self.state.now())
        return Response(status=304, headers={"ETag": f"W/{tag}"})
