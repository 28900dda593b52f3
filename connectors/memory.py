"""A working tracker in RAM: reader, writer, and the people who use it. Held to the same contract tests.

For tests and experiments without a socket. It has no search lag and understands no JQL.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from connectors.errors import ConnectorError, Gone, OutcomeUnknown, Rejected
from connectors.model import (
    Account,
    Census,
    Comment,
    Cursor,
    Failed,
    Finding,
    History,
    HistoryAsked,
    Issue,
    IssueChange,
    IssueRef,
    LabelEvent,
    LabelStory,
    Pulled,
    Source,
    Wanted,
)

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(kw_only=True, slots=True)
class _Kept:
    """An issue with all that hangs on it."""

    issue: Issue
    comments: dict[str, Comment] = field(default_factory=dict)
    put_by: dict[str, LabelEvent] = field(default_factory=dict)
    stories: dict[str, LabelStory] = field(default_factory=dict)
    changes: list[IssueChange] = field(default_factory=list)


class MemoryTracker:
    """Implements ``ports.IssueReader`` and ``ports.IssueWriter``; ``me`` is our account."""

    def __init__(
        self,
        tracker: str,
        containers: Sequence[str],
        *,
        now: Callable[[], datetime],
        me: str = "increment-sync",
    ) -> None:
        """``containers``: project keys or ``owner/repo`` names that exist. ``now`` gives an aware time."""
        self.tracker = tracker
        self.me = me
        self.refusing: dict[str, ConnectorError] = {}
        """What reading a container comes to instead, by its name: for sources that fail."""
        self.losing_answers = False
        """While true, comments are created but the answer is lost."""
        self.public: set[str] = set()
        """Containers that anybody can read."""
        self.mails_edits = False
        """Whether people are mailed about edits."""
        self._now = now
        self._kept: dict[str, _Kept] = {}
        self._places: dict[str, str] = {}
        self._revisions = dict.fromkeys(containers, 0)
        self._ids = itertools.count(1001)
        self._numbers = {container: itertools.count(1) for container in containers}

    # ---- what people do

    def add_issue(
        self, container: str, title: str, *, by: str = "dana", labels: Sequence[str] = (), **facts: Any
    ) -> IssueRef:
        """Open an issue. ``facts`` are further fields of ``Issue``."""
        number = next(self._numbers[container])
        key = f"{container}#{number}" if "/" in container else f"{container}-{number}"
        ref = IssueRef(tracker=self.tracker, id=str(next(self._ids)), key=key)
        given = {"status": "open", "category": "todo", "author": by} | facts
        now = self._now()
        issue = Issue(
            ref=ref,
            url=f"memory://{key}",
            title=title,
            container=container,
            created=now,
            updated=now,
            **given,
        )
        self._kept[ref.id] = _Kept(issue=issue)
        self._places[key] = ref.id
        self._changed(ref.id)
        for label in labels:
            self.label(key, label, by=by)
        return ref

    def edit(self, key: str, **facts: Any) -> None:
        """Change fields of an issue, as a person would."""
        kept = self._at(key)
        before, kept.issue = kept.issue, replace(kept.issue, **facts)
        self._remember(kept, before)
        self._changed(kept.issue.ref.id)

    def _remember(self, kept: _Kept, before: Issue) -> None:
        """Write what an edit changed of an issue's state into its history."""
        now = kept.issue
        happened: list[dict[str, Any]] = []
        if before.status != now.status:
            happened.append({"kind": "status", "before": before.status, "after": now.status})
            happened[0]["resolution"] = now.resolution
        if before.flagged != now.flagged:
            words = {True: "flagged", False: ""}
            happened.append({"kind": "flag", "before": words[before.flagged], "after": words[now.flagged]})
        happened += [{"kind": "label", "before": name} for name in sorted(before.labels - now.labels)]
        happened += [{"kind": "label", "after": name} for name in sorted(now.labels - before.labels)]
        for each in happened:
            kept.changes.append(IssueChange(ref=now.ref, id=str(next(self._ids)), at=self._now(), **each))

    def close(self, key: str, resolution: str = "completed") -> None:
        self.edit(key, status="closed", category="done", resolution=resolution, closed=self._now())

    def reopen(self, key: str) -> None:
        self.edit(key, status="open", category="todo", resolution=None, closed=None)

    def label(self, key: str, name: str, by: str = "dana") -> None:
        kept = self._at(key)
        if name not in kept.issue.labels:
            kept.put_by[name] = put = LabelEvent(label=name, author_id=by, at=self._now())
            kept.stories[name.lower()] = LabelStory(put=put)
            self.edit(key, labels=kept.issue.labels | {name})

    def unlabel(self, key: str, name: str, by: str = "dana") -> None:
        kept = self._at(key)
        put = kept.put_by.pop(name, None)
        if name in kept.issue.labels:
            off = LabelEvent(label=name, author_id=by, at=self._now())
            kept.stories[name.lower()] = LabelStory(put=put, off=off)
            self.edit(key, labels=kept.issue.labels - {name})

    def comment_as(
        self, key: str, body: str, by: str = "dana", marker: Mapping[str, str] | None = None
    ) -> Comment:
        """Write a comment."""
        kept, now = self._at(key), self._now()
        comment = Comment(
            id=str(next(self._ids)), author_id=by, body=body, created=now, updated=now, marker=marker
        )
        kept.comments[comment.id] = comment
        self._changed(kept.issue.ref.id)
        return comment

    def delete_issue(self, key: str) -> None:
        """Delete an issue for good."""
        kept = self._at(key)
        self._revisions[kept.issue.container] += 1
        del self._kept[kept.issue.ref.id]

    def move(self, key: str, container: str) -> IssueRef:
        """Move an issue to another container. It keeps its id; the old key goes on leading to it."""
        kept = self._at(key)
        self._revisions[kept.issue.container] += 1
        number = next(self._numbers[container])
        new_key = f"{container}#{number}" if "/" in container else f"{container}-{number}"
        self._places[new_key] = kept.issue.ref.id
        kept.issue = replace(kept.issue, ref=replace(kept.issue.ref, key=new_key), container=container)
        self._changed(kept.issue.ref.id)
        return kept.issue.ref

    # ---- reader

    def whoami(self) -> Account:
        return Account(id=self.me, name=self.me)

    def pull(
        self, sources: Sequence[tuple[Source, Cursor | None]], wanted: Wanted
    ) -> Iterator[Pulled | Failed]:
        for source, cursor in sources:
            yield self._pull_one(source, cursor, wanted)

    def _pull_one(self, source: Source, cursor: Cursor | None, wanted: Wanted) -> Pulled | Failed:
        container = source.project or source.repo or ""
        if container in self.refusing:
            return Failed(source=source, reason=str(self.refusing[container]))
        if container not in self._revisions:
            return Failed(source=source, reason=f"{self.tracker}: there is no {container}", kind="missing")
        if source.jql:
            return Failed(source=source, reason=f"{self.tracker}: the tracker in memory knows no JQL")
        revision = str(self._revisions[container])
        if cursor is not None and cursor.etag == revision:
            return Pulled(source=source, issues=(), cursor=cursor, full=False, unchanged=True)
        inside = [kept.issue for kept in self._kept.values() if kept.issue.container == container]
        latest = max((issue.updated for issue in inside), default=_LONG_AGO)
        since = cursor.since if cursor else _LONG_AGO
        return Pulled(
            source=source,
            issues=tuple(
                _as_wanted(issue, wanted)
                for issue in inside
                if issue.updated >= since and (source.pull_requests or not issue.is_pull_request)
            ),
            cursor=Cursor(watermark=max(latest, since), since=max(latest, since), etag=revision),
            full=cursor is None,
        )

    def census(self, sources: Sequence[Source], wanted: Wanted) -> Iterator[Census | Failed]:
        for answer in self.pull([(source, None) for source in sources], wanted):
            if isinstance(answer, Failed):
                yield answer
            else:
                ids = frozenset(issue.ref.id for issue in answer.issues)
                yield Census(source=answer.source, ids=ids, pulled=answer)

    def read(self, key: str, wanted: Wanted) -> Issue:
        return _as_wanted(self._at(key).issue, wanted)

    def comments(self, ref: IssueRef) -> list[Comment]:
        return list(self._at(ref.key).comments.values())

    def comment(self, ref: IssueRef, comment_id: str) -> Comment:
        found = self._at(ref.key).comments.get(comment_id)
        if found is None:
            raise Gone(f"{ref}: there is no comment {comment_id}")
        return found

    def label_events(self, ref: IssueRef) -> dict[str, LabelEvent]:
        return dict(self._at(ref.key).put_by)

    def label_stories(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Mapping[str, LabelStory]]:
        return {ref: dict(self._kept[ref.id].stories) for ref in refs if ref.id in self._kept}

    def histories(self, asked: Sequence[HistoryAsked], wanted: Wanted) -> Iterator[History | Failed]:
        for each in asked:
            container = each.source.project or each.source.repo or ""
            if container in self.refusing:
                yield Failed(source=each.source, reason=str(self.refusing[container]))
                continue
            kept = [self._kept[issue.ref.id] for issue in each.issues if issue.ref.id in self._kept]
            changes = tuple(change for one in kept for change in one.changes if _telling(change, wanted))
            yield History(
                source=each.source, changes=changes, whole=frozenset(issue.ref.id for issue in each.issues)
            )

    def edits_are_mailed(self, container: str) -> bool:
        del container
        return self.mails_edits

    def is_public(self, container: str) -> bool:
        return container in self.public

    def inspect(self, sources: Sequence[Source], labels: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
        del labels  # free strings here
        yield Finding(level="ok", check="account", subject=self.tracker, text=f"knows us as {self.me}")
        for source in sources:
            answer = self._pull_one(source, None, Wanted())
            failed = isinstance(answer, Failed)
            yield Finding(
                level="problem" if failed else "ok",
                check="source",
                subject=source.name,
                text=answer.reason if isinstance(answer, Failed) else "is there",
            )

    # ---- writer

    def ensure_label(self, container: str, name: str, color: str, description: str) -> None:
        """Labels are free strings here."""

    def rename_label(self, container: str, old: str, new: str) -> bool:
        """In containers named like a repository, where labels are things of their own."""
        inside = [kept for kept in self._kept.values() if kept.issue.container == container]
        names = {name.lower() for kept in inside for name in kept.issue.labels}
        if "/" not in container or old.lower() not in names or new.lower() in names:
            return False
        for kept in inside:
            kept.issue = replace(kept.issue, labels=_renamed(kept.issue.labels, old, new))
            if event := kept.put_by.pop(old, None):
                kept.put_by[new] = replace(event, label=new)
        return True

    def change_labels(self, ref: IssueRef, add: Sequence[str], remove: Sequence[str]) -> None:
        self._writable(ref)
        for name in add:
            self.label(ref.key, name, by=self.me)
        for name in remove:
            self.unlabel(ref.key, name, by=self.me)

    def create_comment(self, ref: IssueRef, body: str, marker: Mapping[str, str]) -> Comment:
        self._writable(ref)
        comment = self.comment_as(ref.key, body, by=self.me, marker=dict(marker))
        if self.losing_answers:
            raise OutcomeUnknown(
                f"{ref}: the answer was lost after the request was sent; it may have taken effect"
            )
        return comment

    def edit_comment(self, ref: IssueRef, comment_id: str, body: str, marker: Mapping[str, str]) -> Comment:
        self._writable(ref)
        edited = replace(self.comment(ref, comment_id), body=body, marker=dict(marker), updated=self._now())
        self._at(ref.key).comments[comment_id] = edited
        self._changed(ref.id)
        return edited

    def delete_comment(self, ref: IssueRef, comment_id: str) -> None:
        self._writable(ref)
        self._at(ref.key).comments.pop(comment_id, None)
        self._changed(ref.id)

    # ---- inside

    def _at(self, key: str) -> _Kept:
        kept = self._kept.get(self._places.get(key, key))
        if kept is None:
            raise Gone(f"{self.tracker}: {key} is not there")
        return kept

    def _writable(self, ref: IssueRef) -> None:
        if self._at(ref.key).issue.locked:
            raise Rejected(f"{ref}: the issue is locked")

    def _changed(self, issue_id: str) -> None:
        kept = self._kept[issue_id]
        kept.issue = replace(kept.issue, updated=max(self._now(), kept.issue.updated))
        self._revisions[kept.issue.container] += 1


def _as_wanted(issue: Issue, wanted: Wanted) -> Issue:
    fields = {name: issue.fields[name] for name in wanted.fields if name in issue.fields}
    return replace(issue, body=issue.body if wanted.body else "", fields=fields)


def _telling(change: IssueChange, wanted: Wanted) -> bool:
    label = change.before or change.after
    return change.kind != "label" or label.casefold() in wanted.state_labels


def _renamed(labels: frozenset[str], old: str, new: str) -> frozenset[str]:
    return frozenset(new if name.lower() == old.lower() else name for name in labels)
