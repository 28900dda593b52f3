"""Storage of the GitHub sandbox: repositories, accounts and tokens, with lookup, permissions and timeline events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from connectors.sandbox.core.tracker import Clock, TrackerState
from connectors.sandbox.github.model import (
    LEVELS,
    AccessToken,
    App,
    Event,
    GithubAccount,
    GithubComment,
    GithubIssue,
    GithubSettings,
    Level,
    Notification,
    Repo,
)


class GithubStore(TrackerState):
    """All repositories and accounts. ``repo`` is always ``owner/name`` (else KeyError)."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.settings = GithubSettings()
        self.accounts: dict[str, GithubAccount] = {}
        self.tokens: dict[str, AccessToken] = {}
        self.apps: dict[int, App] = {}
        self.repos: dict[int, Repo] = {}
        self.former_names: dict[str, int] = {}
        self.notifications: list[Notification] = []
        self.base_url = "http://127.0.0.1"

    # ---- lookup

    def now(self) -> datetime:
        """Return the time in GitHub's resolution: UTC, whole seconds."""
        return self.clock.now().replace(microsecond=0)

    def account_for(self, login: str, *, kind: str = "User") -> GithubAccount:
        """Return the account of a login, created if it is unknown."""
        with self.lock:
            known = self.accounts.get(login.lower())
            if known is None:
                known = GithubAccount(id=self.new_id(), login=login, type=kind)
                self.accounts[login.lower()] = known
            return known

    def find_repo(self, name: str) -> Repo | None:
        """Return the repository with this full name now."""
        return next((r for r in self.repos.values() if r.full_name.lower() == name.lower()), None)

    def repo(self, name: str) -> Repo:
        """Return the repository that has or had this full name. KeyError."""
        found = self.find_repo(name) or self.repos.get(self.former_names.get(name.lower(), 0))
        if found is None:
            raise KeyError(f"the sandbox has no repository {name}")
        return found

    def issue(self, repo: str, number: int) -> GithubIssue:
        """Return the issue with this number. KeyError when it was deleted or transferred."""
        return self.repo(repo).issues[number]

    def blockers(self, issue: GithubIssue) -> list[tuple[Repo, GithubIssue]]:
        """Return the issues that block an issue, with their repositories."""
        return [
            (repo, each)
            for number in issue.blocked_by
            for repo in self.repos.values()
            for each in repo.issues.values()
            if each.id == number
        ]

    def find_comment(self, repo: Repo, comment_id: int) -> tuple[GithubIssue, GithubComment] | None:
        """Return a comment with its issue."""
        comments = ((issue, each) for issue in repo.issues.values() for each in issue.comments)
        return next((found for found in comments if found[1].id == comment_id), None)

    def access_level(self, repo: Repo, account: GithubAccount | None) -> Level:
        """Return the access level of an account in a repository; None is an anonymous caller."""
        floor: Level = "none" if repo.private else "read"
        if account is None:
            return floor
        if account.admin or account.login.lower() == repo.owner.lower():
            return "admin"
        given = {login.lower(): level for login, level in repo.permissions.items()}
        return max(floor, given.get(account.login.lower(), "none"), key=LEVELS.index)

    # ---- changes of an issue

    @contextmanager
    def update(self, issue: GithubIssue, *, bump: bool = True) -> Iterator[datetime]:
        """Store the version that lists show while the search lags, and bump ``updated``. Yields the time."""
        with self.lock:
            now = self.now()
            if self.search_lag:
                issue.past_versions.append((now, issue.copy()))
            yield now
            if bump:
                issue.updated = max(now, issue.updated)

    def add_event(self, issue: GithubIssue, kind: str, by: GithubAccount, at: datetime, **data: Any) -> None:
        """Add an event to the timeline of an issue."""
        issue.events.append(Event(id=self.new_id(), event=kind, actor=by, at=at, data=data))
