"""Data of the GitHub sandbox: accounts, repositories, issues, comments, events."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from connectors.sandbox.core.seed import SeedModel

Level = Literal["none", "read", "triage", "write", "admin"]
LEVELS: tuple[Level, ...] = ("none", "read", "triage", "write", "admin")


@dataclass(kw_only=True, slots=True)
class GithubAccount:
    """A person or a bot."""

    id: int
    login: str
    type: str = "User"
    admin: bool = False


@dataclass(kw_only=True, slots=True)
class AccessToken:
    """A token of an account. ``app_id`` is set for an installation token."""

    account: GithubAccount
    expires: datetime | None = None
    app_id: int | None = None


@dataclass(kw_only=True, slots=True)
class App:
    """A GitHub App; ``installations`` maps ids to the accounts that it is installed on."""

    id: int
    slug: str
    bot: GithubAccount
    installations: dict[int, str]


@dataclass(kw_only=True, slots=True)
class GithubLabel:
    id: int
    name: str
    color: str = "ededed"
    description: str | None = None


@dataclass(kw_only=True, slots=True)
class Milestone:
    number: int
    title: str


@dataclass(kw_only=True, slots=True)
class Event:
    """An entry of a timeline. ``data`` holds the JSON that is specific to the kind of event."""

    id: int
    event: str
    actor: GithubAccount
    at: datetime
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True, slots=True)
class GithubComment:
    id: int
    user: GithubAccount
    body: str
    created: datetime
    updated: datetime
    app_id: int | None = None


@dataclass(kw_only=True, slots=True)
class GithubIssue:
    """An issue or a pull request. ``past_versions`` are those that lists still show while the search lags."""

    id: int
    number: int
    title: str
    user: GithubAccount
    created: datetime
    updated: datetime
    body: str | None = None
    state: str = "open"
    state_reason: str | None = None
    labels: list[GithubLabel] = field(default_factory=list)
    assignees: list[GithubAccount] = field(default_factory=list)
    milestone: Milestone | None = None
    type: str | None = None
    parent: tuple[int, int] | None = None
    """Repository id and number."""
    blocked_by: list[int] = field(default_factory=list)
    """Ids of the issues that block it."""
    comments: list[GithubComment] = field(default_factory=list)
    closed: datetime | None = None
    closed_by: GithubAccount | None = None
    locked: bool = False
    pull_request: bool = False
    app_id: int | None = None
    events: list[Event] = field(default_factory=list)
    subscribers: dict[str, str] = field(default_factory=dict)
    """Login -> reason of the subscription to the issue."""
    past_versions: list[tuple[datetime, GithubIssue]] = field(default_factory=list)
    """Time of a change, and the issue before it."""

    def copy(self) -> GithubIssue:
        """Return the current issue as a copy that later changes do not affect."""
        return replace(
            self,
            labels=list(self.labels),
            comments=list(self.comments),
            blocked_by=list(self.blocked_by),
            past_versions=[],
        )

    def version_at(self, moment: datetime) -> GithubIssue | None:
        """Return the issue as it was at a moment; None before it was created."""
        if self.created > moment:
            return None
        return next((before for changed, before in self.past_versions if changed > moment), self)

    def find_label(self, name: str) -> GithubLabel | None:
        return next((label for label in self.labels if label.name.lower() == name.lower()), None)


@dataclass(kw_only=True, slots=True)
class Repo:
    id: int
    owner: str
    name: str
    private: bool = False
    archived: bool = False
    has_issues: bool = True
    permissions: dict[str, Level] = field(default_factory=dict)
    watchers: list[str] = field(default_factory=list)
    labels: list[GithubLabel] = field(default_factory=list)
    milestones: list[Milestone] = field(default_factory=list)
    issues: dict[int, GithubIssue] = field(default_factory=dict)
    departed_issues: dict[int, tuple[int, int] | None] = field(default_factory=dict)
    """Number of an issue that is gone -> where it was transferred to, or None when it was deleted."""
    next_number: int = 1
    """Never used before, not even by a deleted issue."""

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    def store_issue(self, issue: GithubIssue) -> None:
        """Add an issue under its number."""
        self.issues[issue.number] = issue
        self.next_number = max(self.next_number, issue.number + 1)

    def find_label(self, name: str) -> GithubLabel | None:
        return next((label for label in self.labels if label.name.lower() == name.lower()), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Notification:
    """A mail that GitHub would have sent."""

    login: str
    reason: str
    """``mention``, ``author``, ``assign``, ``comment`` or ``subscribed``."""
    issue: str
    """``owner/repo#number``."""


class GithubSettings(SeedModel, frozen=False):
    """Behaviour of this server; tests may change it at any time."""

    server: Literal["cloud", "enterprise"] = "cloud"
    """``enterprise``: no sub-issues, no issue types, and no rate limit by default."""
    label_bumps_updated: bool = True
    rate_limit: int = Field(default_factory=lambda given: 0 if given["server"] == "enterprise" else 5000)
    """Requests per hour and token; 0 turns the limit and its headers off."""
    anonymous_rate_limit: int = 60
    content_per_minute: int = 80
    content_per_hour: int = 500
    secondary_retry_after: Annotated[int | None, BeforeValidator(lambda v: None if v == "none" else v)] = 60
    """Retry-After of a secondary rate limit in seconds; None, or ``none`` in a seed: no such header."""

    @property
    def enterprise(self) -> bool:
        return self.server == "enterprise"
