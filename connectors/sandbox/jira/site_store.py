"""Storage of a Jira site of the sandbox, with older versions of issues for lagging searches."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from connectors.sandbox.core.seed import SeedModel
from connectors.sandbox.core.tracker import Clock, TrackerKind, TrackerState
from connectors.sandbox.jira.model import (
    CustomField,
    JiraAccount,
    JiraComment,
    JiraIssue,
    Language,
    Mail,
    Project,
    Sprint,
)

_VERSION_RETENTION = timedelta(hours=6)


class Switches(SeedModel, frozen=False):
    """Behaviour in which real sites differ, and faults that only Jira has."""

    language: Language = "en"
    page_cap: int = 100
    """Cloud: maximum page size when a search returns more than ids."""
    id_page_cap: int = 5000
    changelog_page_cap: int = 10_000
    """Cloud: maximum page size of the bulk changelog."""
    window: int = 10_000
    """Data Center: limit of ``startAt`` plus page size."""
    dc_page_cap: int = 1000
    notify_without_right: Literal["ignored", "dropped"] = "ignored"
    """Cloud, ``notifyUsers=false`` without admin permission: the flag is ignored, or the whole edit is dropped."""
    self_links: Literal["site", "gateway"] = "site"
    burst_limit: int | None = None
    """Requests per second and HTTP method on the whole site; None: no limit."""
    burst_retry_after: str | None = "1"
    """Text of the header Retry-After; None: no such header."""
    issue_write_limits: bool = False
    """Cloud: limits of 20 writes in 2 s and 100 in 30 s on one issue."""
    bucket: int | None = None
    """Data Center: token bucket of a user, refilled by one per second; None: no limit."""
    text_limit: int = 32_767


@dataclass(slots=True)
class _IssueVersions:
    at: list[datetime] = field(default_factory=list)
    issues: list[JiraIssue | None] = field(default_factory=list)


class JiraSiteStore(TrackerState):
    """One site. Every change adds a version of an issue, by ``store``."""

    def __init__(self, kind: TrackerKind, clock: Clock) -> None:
        super().__init__(clock)
        self.kind = kind
        self.switches = Switches()
        self.cloud_id = ""
        self.accounts: dict[str, JiraAccount] = {}
        self.projects: dict[str, Project] = {}
        self.sprints: dict[int, Sprint] = {}
        self.fields: dict[str, CustomField] = {}
        self.mails: list[Mail] = []
        self.revision = 0
        """Number of changes; a cached result of an older revision is invalid."""
        self._versions: dict[int, _IssueVersions] = {}
        self._ids_by_key: dict[str, int] = {}
        self._last_number: dict[str, int] = {}
        self._named_ids: dict[tuple[str, str], int] = {}
        self.last_search: tuple[object, list[JiraIssue]] | None = None
        """Result of the last search, with its query and revision."""

    @property
    def is_cloud(self) -> bool:
        return self.kind == "jira-cloud"

    def next_key(self, project: str) -> str:
        with self.lock:
            self._last_number[project] = self._last_number.get(project, 0) + 1
            return f"{project}-{self._last_number[project]}"

    # Reading.

    def issue(self, key_or_id: str | int) -> JiraIssue | None:
        """Return the current issue by id, key or former key; None if it is missing or deleted."""
        text = str(key_or_id)
        issue_id = int(text) if text.isascii() and text.isdigit() else self._ids_by_key.get(text.upper())
        versions = self._versions.get(issue_id) if issue_id is not None else None
        return versions.issues[-1] if versions else None

    def require_issue(self, key_or_id: str | int) -> JiraIssue:
        """Return an issue that exists. KeyError."""
        found = self.issue(key_or_id)
        if found is None:
            raise KeyError(f"There is no issue {key_or_id}.")
        return found

    def issues(self) -> list[JiraIssue]:
        """Return all current issues, by id."""
        return [issue for versions in list(self._versions.values()) if (issue := versions.issues[-1])]

    def searchable_issues(self) -> list[JiraIssue]:
        """Return all issues as searches see them, ``search_lag`` late."""
        if not self.search_lag:
            return self.issues()
        horizon = self.clock.now() - self.search_lag
        visible = []
        for versions in list(self._versions.values()):
            place = bisect_right(versions.at, horizon)
            if place and (issue := versions.issues[place - 1]):
                visible.append(issue)
        return visible

    def find_comment(self, comment_id: int) -> tuple[JiraIssue, JiraComment] | None:
        """Return issue and comment of a comment id."""
        comments = ((issue, each) for issue in self.issues() for each in issue.comments)
        return next((found for found in comments if found[1].id == comment_id), None)

    def category(self, issue: JiraIssue) -> str:
        """Return the key of the status category; ``undefined`` if the project does not have the status."""
        project = self.projects.get(issue.project)
        return project.statuses.get(issue.status, "undefined") if project else "undefined"

    def status_id(self, name: str) -> str:
        """Return the id of a status, the same on all projects."""
        return self.named_id("status", name)

    def named_id(self, kind: str, name: str) -> str:
        """Return a stable id for something that has only a name here: status, issue type, resolution, version."""
        return str(self._named_ids.setdefault((kind, name), 10_000 + len(self._named_ids)))

    # Writing.

    def store(self, issue: JiraIssue, *, visible_since: datetime | None = None) -> JiraIssue:
        """Add the newest version of an issue. ``visible_since`` backdates it for lagging searches (seeds)."""
        with self.lock:
            self._ids_by_key[issue.key] = issue.id
            self._append(issue.id, issue, visible_since or self.clock.now())
            self._last_id = max(self._last_id, issue.id)
            self._last_number[issue.project] = max(self._last_number.get(issue.project, 0), issue.number)
        return issue

    def _append(self, issue_id: int, issue: JiraIssue | None, at: datetime) -> None:
        versions = self._versions.setdefault(issue_id, _IssueVersions())
        versions.at.append(at)
        versions.issues.append(issue)
        self.revision += 1
        old = max(0, bisect_right(versions.at, at - _VERSION_RETENTION) - 1)
        del versions.at[:old], versions.issues[:old]
