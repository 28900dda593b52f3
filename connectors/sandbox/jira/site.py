"""Actions of users and of the API on a Jira site of the sandbox. ``by`` is always an account id."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from connectors.sandbox.jira.model import (
    ChangeItem,
    HistoryEntry,
    IssueLink,
    JiraComment,
    JiraIssue,
    Mail,
    Project,
)
from connectors.sandbox.jira.site_store import JiraSiteStore

_MENTION = re.compile(r"\[~(?:accountid:)?([^\]]+)\]")
_ISSUE_UPDATED = "issue updated"


class JiraSiteState(JiraSiteStore):
    """A site with its actions. Every change bumps ``updated`` and is recorded in the issue's history."""

    def change(self, issue: JiraIssue, by: str, items: Iterable[ChangeItem] = (), **fields: Any) -> JiraIssue:
        """Set fields, bump ``updated``, and add the items to the history."""
        entries, now, history = tuple(items), self.clock.now(), issue.history
        if entries:
            history = (*history, HistoryEntry(id=self.new_id(), author=by, at=now, items=entries))
        return self.store(replace(issue, **{"updated": now, "history": history, **fields}))

    def set_labels(self, issue: JiraIssue, labels: Iterable[str], by: str) -> JiraIssue:
        """Set all labels, case-sensitive; nothing happens if they are equal."""
        new_labels = tuple(sorted(set(labels)))
        if set(new_labels) == set(issue.labels):
            return issue
        item = ChangeItem(field="labels", before=" ".join(issue.labels), after=" ".join(new_labels))
        return self.change(issue, by, [item], labels=new_labels)

    def store_comment(self, issue: JiraIssue, comment: JiraComment) -> JiraIssue:
        """Add a comment, or replace the one with its id."""
        others = [other for other in issue.comments if other.id != comment.id]
        comments = tuple(sorted([*others, comment], key=lambda each: each.id))
        return self.change(issue, comment.editor or comment.author, comments=comments)

    def update_silently(self, issue: JiraIssue, **fields: Any) -> JiraIssue:
        """Set fields without bumping ``updated``, as for properties."""
        return self.store(replace(issue, **fields))

    def notify(self, issue: JiraIssue, by: str, reason: str, text: str = "") -> None:
        """Mail the watchers and the accounts mentioned in the text, but not ``by``."""
        mentioned = {name for name in _MENTION.findall(text) if name in self.accounts}
        for name in sorted({*issue.watchers, *mentioned} - {by}):
            self.mails.append(Mail(to=name, reason=reason, issue=issue.key))

    # Actions of users.

    def add_project(self, key: str, name: str = "", **fields: Any) -> Project:
        """Create a project; ``fields`` as in ``Project``."""
        with self.lock:
            project = Project(id=self.new_id(), key=key, name=name or key, **fields)
            self.projects[key] = project
            self.revision += 1
        return project

    def add_issue(
        self, project: str, summary: str, *, by: str = "", parent: str | None = None, **fields: Any
    ) -> str:
        """Create an issue and return its key; ``parent`` is a key, other fields as in ``JiraIssue``."""
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
        start |= {"created": now, "updated": now, "parent": parent_id, "labels": labels}
        issue = JiraIssue(id=self.new_id(), key=self.next_key(project), summary=summary, **start)
        return self.store(issue).key

    def set_status(self, key: str, status: str, by: str, resolution: str | None = None) -> None:
        """Move an issue to a status. A ``done`` status sets the resolution; every other one clears it."""
        issue = self.require_issue(key)
        now = self.clock.now()
        items = [self.status_item(issue.status, status)]
        if resolution != issue.resolution:
            items.append(_edit_item("resolution", issue.resolution, resolution))
        resolved = (issue.resolved or now) if resolution else None
        changed = self.change(
            issue, by, items, status=status, status_changed=now, resolution=resolution, resolved=resolved
        )
        self.notify(changed, by, _ISSUE_UPDATED)

    def status_item(self, before: str, after: str) -> ChangeItem:
        """Return the item of a change of status, with the ids of both."""
        before_id, after_id = self.status_id(before), self.status_id(after)
        return ChangeItem(field="status", before=before, after=after, before_id=before_id, after_id=after_id)

    def edit(self, key: str, by: str, **fields: Any) -> None:
        """Set any other field of ``JiraIssue``: summary, description, parent id, sprints, flagged, type."""
        issue = self.require_issue(key)
        items = [_edit_item(name, getattr(issue, name), value) for name, value in fields.items()]
        self.notify(self.change(issue, by, items, **fields), by, _ISSUE_UPDATED)

    def flag(self, key: str, by: str, flagged: bool = True) -> None:
        """Set or clear the flag "Impediment" of an issue."""
        self.edit(key, by, flagged=flagged)

    def block(self, key: str, blocker: str, by: str = "", **kind: Any) -> None:
        """Link two issues: ``blocker`` blocks ``key``. ``kind``: type and texts as in ``IssueLink``."""
        number, first, second = self.new_id(), self.require_issue(key), self.require_issue(blocker)
        for issue, other, inward in ((first, second, True), (second, first, False)):
            link = IssueLink(id=number, other=other.id, inward=inward, **kind)
            items = [_edit_item("Link", None, other.key)]
            self.change(issue, by, items, links=(*issue.links, link))

    def label(self, key: str, label: str, by: str) -> None:
        self._change_labels(key, {*self.require_issue(key).labels, label}, by)

    def unlabel(self, key: str, label: str, by: str) -> None:
        self._change_labels(key, set(self.require_issue(key).labels) - {label}, by)

    def _change_labels(self, key: str, labels: Iterable[str], by: str) -> None:
        issue = self.require_issue(key)
        changed = self.set_labels(issue, labels, by)
        if changed is not issue:
            self.notify(changed, by, _ISSUE_UPDATED)

    def comment(self, key: str, body: str, by: str, **fields: Any) -> int:
        """Write a comment and mail the watchers; return its id."""
        now = self.clock.now()
        comment = JiraComment(id=self.new_id(), author=by, body=body, created=now, updated=now, **fields)
        issue = self.store_comment(self.require_issue(key), comment)
        self.notify(issue, by, "comment created", body)
        return comment.id

    def edit_comment(self, key: str, comment_id: int, body: str, by: str) -> None:
        issue = self.require_issue(key)
        old = next(comment for comment in issue.comments if comment.id == comment_id)
        self.store_comment(issue, replace(old, body=body, document=None, editor=by, updated=self.clock.now()))

    def delete_comment(self, key: str, comment_id: int, by: str) -> None:
        issue = self.require_issue(key)
        others = tuple(comment for comment in issue.comments if comment.id != comment_id)
        self.change(issue, by, comments=others)

    def move(self, key: str, project: str, by: str = "") -> str:
        """Move an issue to another project and return its new key; the old key still finds it."""
        issue = self.require_issue(key)
        new_key = self.next_key(project)
        items = [
            ChangeItem(field="project", before=issue.project, after=project),
            ChangeItem(field="Key", before=issue.key, after=new_key),
        ]
        return self.change(issue, by, items, key=new_key, former_keys=(*issue.former_keys, issue.key)).key

    def delete(self, key: str) -> None:
        """Delete the issue: at once for direct reads, after the lag for searches."""
        issue = self.require_issue(key)
        with self.lock:
            self._append(issue.id, None, self.clock.now())


def _edit_item(name: str, before: Any, after: Any) -> ChangeItem:
    if name == "flagged":
        was, now = ("Impediment" if flagged else "" for flagged in (before, after))
        return ChangeItem(field="Flagged", before=was, after=now)
    return ChangeItem(field=name, before=str(before or ""), after=str(after or ""))
