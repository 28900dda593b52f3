"""What people and the API do on an embedded Jira site. ``by`` is always an account id."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from connectors.sandbox.jira.model import ChangeItem, HistoryEntry, JiraComment, JiraIssue, Mail, Project
from connectors.sandbox.jira.site_store import JiraSiteStore

_MENTION = re.compile(r"\[~(?:accountid:)?([^\]]+)\]")
_ISSUE_UPDATED = "issue updated"


class JiraSiteState(JiraSiteStore):
    """A site that can be worked on. Every change bumps ``updated`` and is in the issue's history."""

    def change(self, issue: JiraIssue, by: str, items: Iterable[ChangeItem] = (), **fields: Any) -> JiraIssue:
        """Set fields, bump ``updated``, and write the items into the history."""
        entries = tuple(items)
        now = self.clock.now()
        history = issue.history
        if entries:
            history = (*history, HistoryEntry(id=self.next_id(), author=by, at=now, items=entries))
        return self.store(replace(issue, **{"updated": now, "history": history, **fields}))

    def set_labels(self, issue: JiraIssue, labels: Iterable[str], by: str) -> JiraIssue:
        """The labels afterwards; nothing happens when they are the same already. Case matters."""
        wanted = tuple(sorted(set(labels)))
        if set(wanted) == set(issue.labels):
            return issue
        item = ChangeItem(field="labels", before=" ".join(issue.labels), after=" ".join(wanted))
        return self.change(issue, by, [item], labels=wanted)

    def store_comment(self, issue: JiraIssue, comment: JiraComment) -> JiraIssue:
        """Add a comment, or replace the one with its id."""
        kept = [other for other in issue.comments if other.id != comment.id]
        comments = tuple(sorted([*kept, comment], key=lambda each: each.id))
        return self.change(issue, comment.editor or comment.author, comments=comments)

    def update_silently(self, issue: JiraIssue, **fields: Any) -> JiraIssue:
        """Set fields without touching ``updated``: properties."""
        return self.store(replace(issue, **fields))

    def notify(self, issue: JiraIssue, by: str, reason: str, text: str = "") -> None:
        """Mail the watchers, and who is mentioned in the text; nobody gets mail about what they did."""
        mentioned = {name for name in _MENTION.findall(text) if name in self.accounts}
        for name in sorted({*issue.watchers, *mentioned} - {by}):
            self.mails.append(Mail(to=name, reason=reason, issue=issue.key))

    # What people do.

    def add_project(self, key: str, name: str = "", **fields: Any) -> Project:
        """A new project; fields as in ``Project``."""
        with self.lock:
            project = Project(id=self.next_id(), key=key, name=name or key, **fields)
            self.projects[key] = project
            self.revision += 1
        return project

    def add_issue(
        self, project: str, summary: str, *, by: str = "", parent: str | None = None, **fields: Any
    ) -> str:
        """Create an issue now and return its key; ``parent`` is a key, other fields as in ``Issue``."""
        known = self.projects[project]
        now = self.clock.now()
        parent_id = self.require_issue(parent).id if parent else None
        start: dict[str, Any] = {
            "status": next(iter(known.statuses)),
            "status_changed": now,
            "creator": by or None,
            "reporter": by or None,
            **fields,
        }
        labels = tuple(sorted(start.pop("labels", ())))
        if start.get("resolution"):
            start.setdefault("resolved", now)
        issue = JiraIssue(
            id=self.next_id(),
            key=self.next_key(project),
            summary=summary,
            created=now,
            updated=now,
            parent=parent_id,
            labels=labels,
            **start,
        )
        return self.store(issue).key

    def set_status(self, key: str, status: str, by: str, resolution: str | None = None) -> None:
        """Move an issue to a status. A ``done`` status takes the resolution given; every other clears it."""
        issue = self.require_issue(key)
        now = self.clock.now()
        items = [
            ChangeItem(
                field="status",
                before=issue.status,
                after=status,
                before_id=self.status_id(issue.status),
                after_id=self.status_id(status),
            )
        ]
        if resolution != issue.resolution:
            items.append(
                ChangeItem(field="resolution", before=issue.resolution or "", after=resolution or "")
            )
        resolved = (issue.resolved or now) if resolution else None
        changed = self.change(
            issue, by, items, status=status, status_changed=now, resolution=resolution, resolved=resolved
        )
        self.notify(changed, by, _ISSUE_UPDATED)

    def edit(self, key: str, by: str, **fields: Any) -> None:
        """Set any other field of ``Issue``: summary, description, parent id, sprints, flagged, type..."""
        issue = self.require_issue(key)
        items = [_edit_item(name, getattr(issue, name), value) for name, value in fields.items()]
        self.notify(self.change(issue, by, items, **fields), by, _ISSUE_UPDATED)

    def flag(self, key: str, by: str, flagged: bool = True) -> None:
        """Put the flag that says "impediment" on an issue, or take it off."""
        self.edit(key, by, flagged=flagged)

    def label(self, key: str, label: str, by: str) -> None:
        issue = self.require_issue(key)
        self._change_labels(issue, {*issue.labels, label}, by)

    def unlabel(self, key: str, label: str, by: str) -> None:
        issue = self.require_issue(key)
        self._change_labels(issue, set(issue.labels) - {label}, by)

    def _change_labels(self, issue: JiraIssue, labels: Iterable[str], by: str) -> None:
        changed = self.set_labels(issue, labels, by)
        if changed is not issue:
            self.notify(changed, by, _ISSUE_UPDATED)

    def comment(self, key: str, body: str, by: str, **fields: Any) -> int:
        """Write a comment, mail the watchers, and return the comment's id."""
        now = self.clock.now()
        comment = JiraComment(id=self.next_id(), author=by, body=body, created=now, updated=now, **fields)
        issue = self.store_comment(self.require_issue(key), comment)
        self.notify(issue, by, "comment created", body)
        return comment.id

    def edit_comment(self, key: str, comment_id: int, body: str, by: str) -> None:
        issue = self.require_issue(key)
        old = next(comment for comment in issue.comments if comment.id == comment_id)
        self.store_comment(issue, replace(old, body=body, document=None, editor=by, updated=self.clock.now()))

    def delete_comment(self, key: str, comment_id: int, by: str) -> None:
        issue = self.require_issue(key)
        kept = tuple(comment for comment in issue.comments if comment.id != comment_id)
        self.change(issue, by, comments=kept)

    def move(self, key: str, project: str, by: str = "") -> str:
        """Move an issue to another project and return its new key; the old one still finds it."""
        issue = self.require_issue(key)
        new_key = self.next_key(project)
        items = [
            ChangeItem(field="project", before=issue.project, after=project),
            ChangeItem(field="Key", before=issue.key, after=new_key),
        ]
        return self.change(issue, by, items, key=new_key, former_keys=(*issue.former_keys, issue.key)).key

    def delete(self, key: str) -> None:
        """The issue is gone for direct reads now, for searches after the lag."""
        issue = self.require_issue(key)
        with self.lock:
            self._append(issue.id, None, self.clock.now())


def _edit_item(name: str, before: Any, after: Any) -> ChangeItem:
    if name == "flagged":
        was, now = ("Impediment" if flagged else "" for flagged in (before, after))
        return ChangeItem(field="Flagged", before=was, after=now)
    return ChangeItem(field=name, before=str(before or ""), after=str(after or ""))
