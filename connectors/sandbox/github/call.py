"""One request to the GitHub sandbox: authentication, permissions, repository and issue of its path."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from connectors.sandbox.core.tracker import TrackerRequest, TrackerResponse
from connectors.sandbox.github.model import (
    LEVELS,
    AccessToken,
    App,
    GithubAccount,
    GithubComment,
    GithubIssue,
    GithubLabel,
    Level,
    Repo,
)
from connectors.sandbox.github.serializer import GithubSerializer
from connectors.sandbox.github.state import GithubState


class GithubApiError(Exception):
    """Ends a request with an error response."""

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
        self.response = TrackerResponse(status=status, data=data, headers=dict(headers or {}))


def not_found() -> GithubApiError:
    return GithubApiError(404, "Not Found")


def validation_error(resource: str, code: str, name: str, message: str | None = None) -> GithubApiError:
    """Return a 422 error about one field."""
    problem = {"resource": resource, "code": code, "field": name}
    if message is not None:
        problem["message"] = message
    return GithubApiError(422, "Validation Failed", errors=[problem])


@dataclass(frozen=True, kw_only=True, slots=True)
class GithubCaller:
    """The sender of a request; anonymous when ``account`` is None."""

    account: GithubAccount | None = None
    secret: str = ""
    """The token, for ETags and rate limits; '' when anonymous."""
    installation_app_id: int | None = None
    """The app whose installation token was used."""
    app: App | None = None
    """The app that authenticates itself with a JSON web token."""

    @property
    def name(self) -> str | None:
        if self.account is not None:
            return self.account.login
        return f"app {self.app.slug}" if self.app else None


def authenticate(state: GithubState, request: TrackerRequest) -> GithubCaller:
    """Return the caller. GithubApiError 401 for unknown or expired credentials."""
    scheme, _, secret = str(request.headers.get("Authorization", "")).strip().partition(" ")
    secret = secret.strip()
    if not scheme:
        return GithubCaller()
    if scheme.lower() in ("bearer", "token"):
        token = state.tokens.get(secret)
        if token is not None and not _has_expired(state, token):
            return GithubCaller(account=token.account, secret=secret, installation_app_id=token.app_id)
        app = state.apps.get(_jwt_app_id(secret))
        if app is not None:
            return GithubCaller(app=app, secret=secret)
    raise GithubApiError(401, "Bad credentials")


def _has_expired(state: GithubState, token: AccessToken) -> bool:
    return token.expires is not None and token.expires <= state.clock.now()


def _jwt_app_id(jwt: str) -> int:
    """Return the app id of a JSON web token, 0 for any other text. Signatures are not checked."""
    try:
        payload = jwt.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return int(claims["iss"])
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, binascii.Error):
        return 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiCall:
    """A request with its caller and what is needed to respond."""

    state: GithubState
    request: TrackerRequest
    caller: GithubCaller
    serializer: GithubSerializer
    args: Mapping[str, str] = field(default_factory=dict)
    """Values of the path parameters."""

    @property
    def account(self) -> GithubAccount:
        """The authenticated account. GithubApiError 401 for anonymous callers."""
        if self.caller.account is None:
            raise GithubApiError(401, "Requires authentication")
        return self.caller.account

    @property
    def body(self) -> Mapping[str, Any]:
        """The JSON object of the body. GithubApiError 400."""
        if not isinstance(self.request.json, dict):
            raise GithubApiError(400, "Problems parsing JSON")
        return self.request.json

    @property
    def number(self) -> int:
        return int(self.args["number"])

    def repo(self) -> Repo:
        """Return the repository of the path. GithubApiError: 404, or a redirect after a rename."""
        if "repo_id" in self.args:
            found = self.state.repos.get(int(self.args["repo_id"]))
        else:
            name = f"{self.args['owner']}/{self.args['repo']}"
            found = self.state.find_repo(name)
            former = self.state.repos.get(self.state.former_names.get(name.lower(), 0))
            if found is None and former is not None and self._can_see(former):
                raise self.redirect(f"/repositories/{former.id}{self.args['rest']}")
        if found is None or not self._can_see(found):
            raise not_found()
        return found

    def _can_see(self, repo: Repo) -> bool:
        return self.state.access_level(repo, self.caller.account) != "none"

    def redirect(self, path: str) -> GithubApiError:
        """Return a redirect to another path of the API: 301 for reads, 307 for writes."""
        query = f"?{urlencode(self.request.query)}" if self.request.query else ""
        reading = self.request.method in ("GET", "HEAD")
        url = f"{self.serializer.api}{quote(path)}{query}"
        message = "Moved Permanently" if reading else "Temporary Redirect"
        error = GithubApiError(301 if reading else 307, message, headers={"Location": url})
        error.response.data["url"] = url
        return error

    def repo_with_issues(self) -> Repo:
        """Return the repository, if it has issues enabled. GithubApiError 410."""
        repo = self.repo()
        if not repo.has_issues:
            raise GithubApiError(410, "Issues are disabled for this repo")
        return repo

    def issue(self) -> tuple[Repo, GithubIssue]:
        """Return the issue of the path. GithubApiError: 404, 410 when deleted, a redirect when transferred."""
        repo = self.repo_with_issues()
        issue = repo.issues.get(self.number)
        if issue is not None:
            return repo, issue
        if self.number not in repo.departed_issues:
            raise not_found()
        target = repo.departed_issues[self.number]
        if target is None:
            raise GithubApiError(410, "This issue was deleted")
        if not self._can_see(self.state.repos[target[0]]):
            raise not_found()
        below = self.args["rest"].removeprefix(f"/issues/{self.number}")
        raise self.redirect(f"/repositories/{target[0]}/issues/{target[1]}{below}")

    def comment(self) -> tuple[Repo, GithubIssue, GithubComment]:
        """Return the comment of the path. GithubApiError 404, 410."""
        repo = self.repo_with_issues()
        found = self.state.find_comment(repo, int(self.args["comment"]))
        if found is None:
            raise not_found()
        return repo, *found

    def label(self) -> tuple[Repo, GithubLabel]:
        """Return the label of the path. GithubApiError 404."""
        repo = self.repo()
        label = repo.find_label(self.args["label"])
        if label is None:
            raise not_found()
        return repo, label

    def has_access(self, repo: Repo, level: Level) -> bool:
        """Return True if the caller has this access level in a repository."""
        return LEVELS.index(self.state.access_level(repo, self.caller.account)) >= LEVELS.index(level)

    def require_access(self, repo: Repo, level: Level) -> GithubAccount:
        """Return the caller, who needs this level in a repository that is not archived. GithubApiError 401, 403."""
        account = self.account
        if repo.archived:
            raise GithubApiError(403, "Repository was archived so is read-only.")
        if not self.has_access(repo, level):
            by = "integration" if self.caller.installation_app_id is not None else "personal access token"
            needed = {"X-Accepted-GitHub-Permissions": "issues=write"}
            raise GithubApiError(403, f"Resource not accessible by {by}", headers=needed)
        return account
