"""Issues of the in-memory tracker, and the actions of users on them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from connectors.errors import Gone
from connectors.model import Comment, Issue, IssueChange, IssueRef, LabelEvent, LabelHistory


@dataclass(kw_only=True, slots=True)
class _StoredIssue:
    issue: Issue
    comments: dict[str, Comment] = field(default_factory=dict)
    label_origins: dict[str, LabelEvent] = field(default_factory=dict)
    label_histories: dict[str, LabelHistory] = field(default_factory=dict)
    """By label in lower case."""
    changes: list[IssueChange] = field(default_factory=list)


class MemoryIssues:
    """State of the tracker. The public methods are what users do; ``by`` is the id of their account."""

    def __init__(self, tracker: str, containers: Sequence[str], *, now: Callable[[], datetime]) -> None:
        """``containers``: project keys or ``owner/repo`` names that exist. ``now`` returns an aware time."""
        self.tracker = tracker
        self._now = now
        self._issues: dict[str, _StoredIssue] = {}
        """By id."""
        self._ids_by_key: dict[str, str] = {}
        """Includes the old keys of moved issues."""
        self._revisions = dict.fromkeys(containers, 0)
        """Number of changes in each container."""
        self._ids = itertools.count(1001)
        self._numbers = {container: itertools.count(1) for container in containers}

    def add_issue(
        self, container: str, title: str, *, by: str = "dana", labels: Sequence[str] = (), **fields: Any
    ) -> IssueRef:
        """Open an issue. ``fields`` are further fields of ``Issue``."""
        key = self._new_key(container)
        ref = IssueRef(tracker=self.tracker, id=str(next(self._ids)), key=key)
        now = self._now()
        issue = Issue(
            ref=ref,
            url=f"memory://{key}",
            title=title,
            container=container,
            created=now,
            updated=now,
            **({"status": "open", "category": "todo", "author": by, "reporter": by} | fields),
        )
        self._issues[ref.id] = _StoredIssue(issue=issue)
        self._ids_by_key[key] = ref.id
        self._touch(ref.id)
        for label in labels:
            self.label(key, label, by=by)
        return ref

    def edit(self, key: str, **fields: Any) -> None:
        """Change fields of an issue, and record changes of its state in its history."""
        stored = self._issue_at(key)
        before, stored.issue = stored.issue, replace(stored.issue, **fields)
        self._record_changes(stored, before)
        self._touch(stored.issue.ref.id)

    def close(self, key: str, resolution: str = "completed") -> None:
        self.edit(key, status="closed", category="done", resolution=resolution, closed=self._now())

    def reopen(self, key: str) -> None:
        self.edit(key, status="open", category="todo", resolution=None, closed=None)

    def label(self, key: str, name: str, by: str = "dana") -> None:
        stored = self._issue_at(key)
        if name not in stored.issue.labels:
            event = LabelEvent(label=name, author_id=by, at=self._now())
            stored.label_origins[name] = event
            stored.label_histories[name.lower()] = LabelHistory(added=event)
            self.edit(key, labels=stored.issue.labels | {name})

    def unlabel(self, key: str, name: str, by: str = "dana") -> None:
        stored = self._issue_at(key)
        added = stored.label_origins.pop(name, None)
        if name in stored.issue.labels:
            removed = LabelEvent(label=name, author_id=by, at=self._now())
            stored.label_histories[name.lower()] = LabelHistory(added=added, removed=removed)
            self.edit(key, labels=stored.issue.labels - {name})

    def comment_as(
        self, key: str, body: str, by: str = "dana", marker: Mapping[str, str] | None = None
    ) -> Comment:
        """Write a comment."""
        stored, now = self._issue_at(key), self._now()
        comment = Comment(
            id=str(next(self._ids)), author_id=by, body=body, created=now, updated=now, marker=marker
        )
        stored.comments[comment.id] = comment
        self._touch(stored.issue.ref.id)
        return comment

    def delete_issue(self, key: str) -> None:
        stored = self._issue_at(key)
        self._revisions[stored.issue.container] += 1
        del self._issues[stored.issue.ref.id]

    def move(self, key: str, container: str) -> IssueRef:
        """Move an issue to another container. It keeps its id; the old key still leads to it."""
        stored = self._issue_at(key)
        self._revisions[stored.issue.container] += 1
        ref = replace(stored.issue.ref, key=self._new_key(container))
        self._ids_by_key[ref.key] = ref.id
        stored.issue = replace(stored.issue, ref=ref, container=container)
        self._touch(ref.id)
        return ref

    def _new_key(self, container: str) -> str:
        number = next(self._numbers[container])
        return f"{container}#{number}" if "/" in container else f"{container}-{number}"

    def _record_changes(self, stored: _StoredIssue, before: Issue) -> None:
        after = stored.issue
        changes: list[dict[str, Any]] = []
        if before.status != after.status:
            status = {"before": before.status, "after": after.status, "resolution": after.resolution}
            changes.append({"kind": "status", **status})
        if before.flagged != after.flagged:
            texts = {True: "flagged", False: ""}
            changes.append({"kind": "flag", "before": texts[before.flagged], "after": texts[after.flagged]})
        changes += [{"kind": "label", "before": name} for name in sorted(before.labels - after.labels)]
        changes += [{"kind": "label", "after": name} for name in sorted(after.labels - before.labels)]
        stored.changes += [
            IssueChange(ref=after.ref, id=str(next(self._ids)), at=self._now(), **change)
            for change in changes
        ]

    def _issue_at(self, key: str) -> _StoredIssue:
        stored = self._issues.get(self._ids_by_key.get(key, key))
        if stored is None:
            raise Gone(f"{self.tracker}: {key} does not exist")
        return stored

    def _touch(self, issue_id: str) -> None:
        """Update the issue's time and its container's revision."""
        stored = self._issues[issue_id]
        stored.issue = replace(stored.issue, updated=max(self._now(), stored.issue.updated))
        self._revisions[stored.issue.container] += 1
