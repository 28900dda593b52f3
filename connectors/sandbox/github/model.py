"""What the GitHub look-alike keeps: accounts, repositories, issues, comments, events."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

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
    """What authenticates an account. ``app`` is set for an installation token."""

    account: GithubAccount
    expires: datetime | None = None
    app_id: int | None = None


@dataclass(kw_only=True, slots=True)
class App:
    """A GitHub App; ``installations`` are ids with the account that they are installed on."""

    id: int
    slug: str
    bot: GithubAccount
    installations: dict[int, str]


@dataclass(kw_only=True, slots=True)
class Label:
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
    """An entry of a timeline. ``data`` holds what the kind of event adds to the JSON."""

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
    """An issue or a pull request. ``past_versions`` holds what lists still show while the search lags."""

    id: int
    number: int
    title: str
    user: GithubAccount
    created: datetime
    updated: datetime
    body: str | None = None
    state: str = "open"
    state_reason: str | None = None
    labels: list[Label] = field(default_factory=list)
    assignees: list[GithubAccount] = field(default_factory=list)
    milestone: Milestone | None = None
    type: str | None = None
    parent: tuple[int, int] | None = None
    """Repository id and number."""
    comments: list[GithubComment] = field(default_factory=list)
    closed: datetime | None = None
    closed_by: GithubAccount | None = None
    locked: bool = False
    pull_request: bool = False
    app_id: int | None = None
    events: list[Event] = field(default_factory=list)
    subscribers: dict[str, str] = field(default_factory=dict)
    """Login and the reason why that person gets mail about the issue."""
    past_versions: list[tuple[datetime, GithubIssue]] = field(default_factory=list)
    """Time of a change, and the issue as it was before."""

    def copy(self) -> GithubIssue:
        """The issue as it is now, untouched by later changes."""
        return replace(self, labels=list(self.labels), comments=list(self.comments), past_versions=[])

    def version_at(self, moment: datetime) -> GithubIssue | None:
        """The issue as it was then; None before it was created."""
        if self.created > moment:
            return None
        return next((before for changed, before in self.past_versions if changed > moment), self)

    def find_label(self, name: str) -> Label | None:
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
    labels: list[Label] = field(default_factory=list)
    milestones: list[Milestone] = field(default_factory=list)
    issues: dict[int, GithubIssue] = field(default_factory=dict)
    departed_issues: dict[int, tuple[int, int] | None] = field(default_factory=dict)
    """Numbers that are gone: where they were transferred to, or None when they were deleted."""
    next_number: int = 1
    """Never used before, not even by an issue that is gone."""

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    def store_issue(self, issue: GithubIssue) -> None:
        """Take an issue in under its number."""
        self.issues[issue.number] = issue
        self.next_number = max(self.next_number, issue.number + 1)

    def find_label(self, name: str) -> Label | None:
        return next((label for label in self.labels if label.name.lower() == name.lower()), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Notification:
    """A mail that GitHub would have sent."""

    login: str
    reason: str
    """``mention``, ``author``, ``assign``, ``comment`` or ``subscribed``."""
    issue: str
    """``owner/repo#number``."""


@dataclass(kw_only=True, slots=True)
class GithubSettings:
    """How this server behaves; tests may change any of it at any time."""

    enterprise: bool = False
    label_bumps_updated: bool = True
    rate_limit: int = 5000
    """Requests an hour and token; 0 switches the limit and its headers off."""
    anonymous_rate_limit: int = 60
    content_per_minute: int = 80
    content_per_hour: int = 500
    secondary_retry_after: int | None = 60
    """Seconds for Retry-After of a secondary limit; None: the answer has no such header."""
