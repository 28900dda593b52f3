"""One request to the GitHub look-alike: who calls, what they may do, which repository and issue they mean."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from connectors.sandbox.core.tracker import Request, Response
from connectors.sandbox.github.model import LEVELS, Account, App, Issue, Level, Repo, Token
from connectors.sandbox.github.serializer import Shapes
from connectors.sandbox.github.state import GithubState


class ApiError(Exception):
    """An answer that is no success."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: list[dict[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        data: dict[str, Any] = {"message": message, "documentation_url": "", "status": str(status)}
        if errors is not None:
            data["errors"] = errors
        self.response = Response(status=status, data=data, headers=dict(headers or {}))


def invalid(resource: str, code: str, name: str, message: str | None = None) -> ApiError:
    """A 422 about one field."""
    problem = {"resource": resource, "code": code, "field": name}
    if message is not None:
        problem["message"] = message
    return ApiError(422, "Validation Failed", errors=[problem])


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who sent a request. Nobody in particular when ``account`` is None."""

    account: Account | None = None
    secret: str = ""
    """The token, to tell ETags and quotas apart; '' when anonymous."""
    installed: int | None = None
    """The app whose installation token was used."""
    app: App | None = None
    """Set when an app speaks for itself with a JWT."""

    @property
    def name(self) -> str | None:
        if self.account is not None:
            return self.account.login
        return f"app {self.app.slug}" if self.app else None


def authenticate(state: GithubState, request: Request) -> Caller:
    """Who calls. ApiError 401 when the credentials are unknown or expired."""
    scheme, _, secret = str(request.headers.get("Authorization", "")).strip().partition(" ")
    secret = secret.strip()
    if not scheme:
        return Caller()
    if scheme.lower() in ("bearer", "token"):
        token = state.tokens.get(secret)
        if token is not None and not _has_expired(state, token):
            return Caller(account=token.account, secret=secret, installed=token.app)
        app = state.apps.get(_issuer(secret))
        if app is not None:
            return Caller(app=app, secret=secret)
    raise ApiError(401, "Bad credentials")


def _has_expired(state: GithubState, token: Token) -> bool:
    return token.expires is not None and token.expires <= state.clock.now()


def _issuer(jwt: str) -> int:
    """The app id that a JWT names; 0 when it is none. Signatures are not checked."""
    try:
        payload = jwt.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return int(claims["iss"])
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, binascii.Error):
        return 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request with everything that is needed to answer it."""

    state: GithubState
    request: Request
    caller: Caller
    shapes: Shapes
    args: Mapping[str, str] = field(default_factory=dict)
    """What the route found in the path."""

    @property
    def who(self) -> Account:
        """The account that acts. ApiError 401 when there is none."""
        if self.caller.account is None:
            raise ApiError(401, "Requires authentication")
        return self.caller.account

    @property
    def body(self) -> Mapping[str, Any]:
        """The JSON object that was sent. ApiError 400."""
        if not isinstance(self.request.json, dict):
            raise ApiError(400, "Problems parsing JSON")
        return self.request.json

    @property
    def number(self) -> int:
        return int(self.args["number"])

    def repo(self) -> Repo:
        """The repository of the path. ApiError: 404, or a redirect when it has another name now."""
        if "repo_id" in self.args:
            found = self.state.repos.get(int(self.args["repo_id"]))
        else:
            name = f"{self.args['owner']}/{self.args['repo']}"
            found = self.state.find_repo(name)
            former = self.state.repos.get(self.state.former_names.get(name.lower(), 0))
            if found is None and former is not None and self._sees(former):
                raise self.moved(f"/repositories/{former.id}{self.args['rest']}")
        if found is None or not self._sees(found):
            raise ApiError(404, "Not Found")
        return found

    def _sees(self, repo: Repo) -> bool:
        return self.state.level(repo, self.caller.account) != "none"

    def moved(self, path: str) -> ApiError:
        """A redirect to another path of the API: 301 for reads, 307 for writes."""
        query = f"?{urlencode(self.request.query)}" if self.request.query else ""
        reading = self.request.method in ("GET", "HEAD")
        url = f"{self.shapes.api}{quote(path)}{query}"
        message = "Moved Permanently" if reading else "Temporary Redirect"
        error = ApiError(301 if reading else 307, message, headers={"Location": url})
        error.response.data["url"] = url
        return error

    def tracked(self) -> Repo:
        """The repository, if it has issues at all. ApiError 410."""
        repo = self.repo()
        if not repo.has_issues:
            raise ApiError(410, "Issues are disabled for this repo")
        return repo

    def issue(self) -> tuple[Repo, Issue]:
        """The issue of the path. ApiError: 404, 410 when deleted, a redirect when transferred."""
        repo = self.tracked()
        issue = repo.issues.get(self.number)
        if issue is not None:
            return repo, issue
        if self.number not in repo.left:
            raise ApiError(404, "Not Found")
        target = repo.left[self.number]
        if target is None:
            raise ApiError(410, "This issue was deleted")
        if not self._sees(self.state.repos[target[0]]):
            raise ApiError(404, "Not Found")
        below = self.args["rest"].removeprefix(f"/issues/{self.number}")
        raise self.moved(f"/repositories/{target[0]}/issues/{target[1]}{below}")

    def may(self, repo: Repo, level: Level) -> bool:
        """Whether the caller has this right in a repository."""
        return LEVELS.index(self.state.level(repo, self.caller.account)) >= LEVELS.index(level)

    def need(self, repo: Repo, level: Level) -> Account:
        """The caller, who has this right in a repository that can be written. ApiError 401, 403."""
        account = self.who
        if repo.archived:
            raise ApiError(403, "Repository was archived so is read-only.")
        if not self.may(repo, level):
            by = "integration" if self.caller.installed is not None else "personal access token"
            raise ApiError(
                403,
                f"Resource not accessible by {by}",
                headers={"X-Accepted-GitHub-Permissions": "issues=write"},
            )
        return account
