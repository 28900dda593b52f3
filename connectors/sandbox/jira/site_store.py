"""Keeps what is on an embedded Jira site, with older versions of issues, so that searches can lag behind."""

from __future__ import annotations

import threading
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from connectors.sandbox.core.tracker import Clock
from connectors.sandbox.jira.model import (
    EPIC_TYPES,
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


@dataclass(kw_only=True, slots=True)
class Switches:
    """How this site behaves where sites differ, and the faults that only Jira knows."""

    language: Language = "en"
    page_cap: int = 100
    """Cloud: issues on a page when more than ids are asked for."""
    id_page_cap: int = 5000
    changelog_page_cap: int = 10_000
    """Cloud: entries on a page of the bulk changelog."""
    window: int = 10_000
    """Data Center: how far paging goes."""
    dc_page_cap: int = 1000
    notify_without_right: Literal["ignored", "dropped"] = "ignored"
    """Cloud, ``notifyUsers=false`` of a non-admin: is the flag ignored, or the whole edit dropped?"""
    self_links: Literal["site", "gateway"] = "site"
    burst_limit: int | None = None
    """Requests per second and method of the whole site; None: no limit."""
    burst_retry_after: str | None = "1"
    """The header's text; None: the answer does not say how long to wait."""
    issue_write_limits: bool = False
    """Cloud: 20 writes in 2 s and 100 in 30 s on one issue."""
    bucket: int | None = None
    """Data Center: tokens of a user, filled by one a second; None: no limit."""
    text_limit: int = 32_767


@dataclass(slots=True)
class _IssueVersions:
    at: list[datetime] = field(default_factory=list)
    issues: list[JiraIssue | None] = field(default_factory=list)


class JiraSiteStore:
    """One site. Every change makes a new version of an issue; all of them go through ``store``."""

    def __init__(self, kind: Literal["jira-cloud", "jira-dc"], clock: Clock) -> None:
        self.kind = kind
        self.clock = clock
        self.lock = threading.RLock()
        self.search_lag = timedelta()
        self.switches = Switches()
        self.cloud_id = ""
        self.accounts: dict[str, JiraAccount] = {}
        self.projects: dict[str, Project] = {}
        self.sprints: dict[int, Sprint] = {}
        self.fields: dict[str, CustomField] = {}
        self.mails: list[Mail] = []
        self.revision = 0
        """Counts changes; what was computed from an older state is void."""
        self._versions: dict[int, _IssueVersions] = {}
        self._ids_by_key: dict[str, int] = {}
        self._last_number: dict[str, int] = {}
        self._named_ids: dict[tuple[str, str], int] = {}
        self._last_id = 10_000
        self.last_search: tuple[object, list[JiraIssue]] | None = None
        """What the last search found, and for which query and state."""

    @property
    def is_cloud(self) -> bool:
        return self.kind == "jira-cloud"

    def next_id(self) -> int:
        """A fresh id, for whatever needs one."""
        with self.lock:
            self._last_id += 1
            return self._last_id

    def next_key(self, project: str) -> str:
        with self.lock:
            self._last_number[project] = self._last_number.get(project, 0) + 1
            return f"{project}-{self._last_number[project]}"

    # Reading.

    def issue(self, key_or_id: str | int) -> JiraIssue | None:
        """The issue as it is now, by id, key or former key; None when there is none or it was deleted."""
        text = str(key_or_id)
        issue_id = int(text) if text.isascii() and text.isdigit() else self._ids_by_key.get(text.upper())
        versions = self._versions.get(issue_id) if issue_id is not None else None
        return versions.issues[-1] if versions else None

    def require_issue(self, key_or_id: str | int) -> JiraIssue:
        """Like ``issue``, for callers that know it exists. KeyError."""
        found = self.issue(key_or_id)
        if found is None:
            raise KeyError(f"There is no issue {key_or_id}.")
        return found

    def issues(self) -> list[JiraIssue]:
        """All issues as they are now, by id."""
        return [issue for versions in list(self._versions.values()) if (issue := versions.issues[-1])]

    def searchable_issues(self) -> list[JiraIssue]:
        """All issues as searches see them, ``search_lag`` late."""
        if not self.search_lag:
            return self.issues()
        horizon = self.clock.now() - self.search_lag
        seen = []
        for versions in list(self._versions.values()):
            place = bisect_right(versions.at, horizon)
            if place and (issue := versions.issues[place - 1]):
                seen.append(issue)
        return seen

    def find_comment(self, comment_id: int) -> tuple[JiraIssue, JiraComment] | None:
        """The issue and comment of a comment id."""
        for issue in self.issues():
            for comment in issue.comments:
                if comment.id == comment_id:
                    return issue, comment
        return None

    def category(self, issue: JiraIssue) -> str:
        """Key of the status category; ``undefined`` when the project does not know the status."""
        project = self.projects.get(issue.project)
        return project.statuses.get(issue.status, "undefined") if project else "undefined"

    def status_id(self, name: str) -> str:
        """Statuses with one name share an id, on every project."""
        return self.named_id("status", name)

    def named_id(self, kind: str, name: str) -> str:
        """A stable number for a thing that has only a name here: status, issue type, resolution, version."""
        return str(self._named_ids.setdefault((kind, name), 10_000 + len(self._named_ids)))

    def is_epic(self, issue: JiraIssue) -> bool:
        return issue.type in EPIC_TYPES

    # Writing.

    def store(self, issue: JiraIssue, *, visible_since: datetime | None = None) -> JiraIssue:
        """Make this the newest version. ``visible_since`` backdates it for lagging searches (seeds)."""
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
