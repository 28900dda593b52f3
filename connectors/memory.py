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
    CheckResult,
    Comment,
    Cursor,
    FailedSource,
    FieldSelection,
    HistoryRequest,
    Issue,
    IssueChange,
    IssueRef,
    LabelEvent,
    LabelHistory,
    PulledSource,
    Source,
    SourceHistory,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(kw_only=True, slots=True)
class _StoredIssue:
    """An issue with all that hangs on it."""

    issue: Issue
    comments: dict[str, Comment] = field(default_factory=dict)
    label_origins: dict[str, LabelEvent] = field(default_factory=dict)
    label_histories: dict[str, LabelHistory] = field(default_factory=dict)
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
        self.failing: dict[str, ConnectorError] = {}
        """What reading a container comes to instead, by its name: for sources that fail."""
        self.loses_responses = False
        """While true, comments are created but the answer is lost."""
        self.public: set[str] = set()
        """Containers that anybody can read."""
        self.sends_edit_mail = False
        """Whether people are mailed about edits."""
        self._now = now
        self._issues: dict[str, _StoredIssue] = {}
        self._ids_by_key: dict[str, str] = {}
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
        given = {"status": "open", "category": "todo", "author": by, "reporter": by} | facts
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
        self._issues[ref.id] = _StoredIssue(issue=issue)
        self._ids_by_key[key] = ref.id
        self._touch(ref.id)
        for label in labels:
            self.label(key, label, by=by)
        return ref

    def edit(self, key: str, **facts: Any) -> None:
        """Change fields of an issue, as a person would."""
        kept = self._issue_at(key)
        before, kept.issue = kept.issue, replace(kept.issue, **facts)
        self._record_changes(kept, before)
        self._touch(kept.issue.ref.id)

    def _record_changes(self, kept: _StoredIssue, before: Issue) -> None:
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
        kept = self._issue_at(key)
        if name not in kept.issue.labels:
            kept.label_origins[name] = put = LabelEvent(label=name, author_id=by, at=self._now())
            kept.label_histories[name.lower()] = LabelHistory(added=put)
            self.edit(key, labels=kept.issue.labels | {name})

    def unlabel(self, key: str, name: str, by: str = "dana") -> None:
        kept = self._issue_at(key)
        put = kept.label_origins.pop(name, None)
        if name in kept.issue.labels:
            off = LabelEvent(label=name, author_id=by, at=self._now())
            kept.label_histories[name.lower()] = LabelHistory(added=put, removed=off)
            self.edit(key, labels=kept.issue.labels - {name})

    def comment_as(
        self, key: str, body: str, by: str = "dana", marker: Mapping[str, str] | None = None
    ) -> Comment:
        """Write a comment."""
        kept, now = self._issue_at(key), self._now()
        comment = Comment(
            id=str(next(self._ids)), author_id=by, body=body, created=now, updated=now, marker=marker
        )
        kept.comments[comment.id] = comment
        self._touch(kept.issue.ref.id)
        return comment

    def delete_issue(self, key: str) -> None:
        """Delete an issue for good."""
        kept = self._issue_at(key)
        self._revisions[kept.issue.container] += 1
        del self._issues[kept.issue.ref.id]

    def move(self, key: str, container: str) -> IssueRef:
        """Move an issue to another container. It keeps its id; the old key goes on leading to it."""
        kept = self._issue_at(key)
        self._revisions[kept.issue.container] += 1
        number = next(self._numbers[container])
        new_key = f"{container}#{number}" if "/" in container else f"{container}-{number}"
        self._ids_by_key[new_key] = kept.issue.ref.id
        kept.issue = replace(kept.issue, ref=replace(kept.issue.ref, key=new_key), container=container)
        self._touch(kept.issue.ref.id)
        return kept.issue.ref

    # ---- reader

    def whoami(self) -> Account:
        return Account(id=self.me, name=self.me)

    def pull(
        self, sources: Sequence[tuple[Source, Cursor | None]], selection: FieldSelection
    ) -> Iterator[PulledSource | FailedSource]:
        for source, cursor in sources:
            yield self._pull_one(source, cursor, selection)

    def _pull_one(
        self, source: Source, cursor: Cursor | None, wanted: FieldSelection
    ) -> PulledSource | FailedSource:
        container = source.project or source.repo or ""
        if container in self.failing:
            return FailedSource(source=source, reason=str(self.failing[container]))
        if container not in self._revisions:
            return FailedSource(
                source=source, reason=f"{self.tracker}: there is no {container}", kind="missing"
            )
        if source.jql:
            return FailedSource(source=source, reason=f"{self.tracker}: the tracker in memory knows no JQL")
        revision = str(self._revisions[container])
        if cursor is not None and cursor.etag == revision:
            return PulledSource(source=source, issues=(), cursor=cursor, full=False, unchanged=True)
        inside = [kept.issue for kept in self._issues.values() if kept.issue.container == container]
        latest = max((issue.updated for issue in inside), default=_EPOCH)
        since = cursor.updated_since if cursor else _EPOCH
        return PulledSource(
            source=source,
            issues=tuple(
                _select_fields(issue, wanted)
                for issue in inside
                if issue.updated >= since and (source.pull_requests or not issue.is_pull_request)
            ),
            cursor=Cursor(watermark=max(latest, since), updated_since=max(latest, since), etag=revision),
            full=cursor is None,
        )

    def census(self, sources: Sequence[Source], selection: FieldSelection) -> Iterator[Census | FailedSource]:
        for answer in self.pull([(source, None) for source in sources], selection):
            if isinstance(answer, FailedSource):
                yield answer
            else:
                ids = frozenset(issue.ref.id for issue in answer.issues)
                yield Census(source=answer.source, ids=ids, pulled=answer)

    def read(self, key: str, selection: FieldSelection) -> Issue:
        return _select_fields(self._issue_at(key).issue, selection)

    def comments(self, ref: IssueRef) -> list[Comment]:
        return list(self._issue_at(ref.key).comments.values())

    def comment(self, ref: IssueRef, comment_id: str) -> Comment:
        found = self._issue_at(ref.key).comments.get(comment_id)
        if found is None:
            raise Gone(f"{ref}: there is no comment {comment_id}")
        return found

    def label_origins(self, ref: IssueRef) -> dict[str, LabelEvent]:
        return dict(self._issue_at(ref.key).label_origins)

    def label_histories(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Mapping[str, LabelHistory]]:
        return {ref: dict(self._issues[ref.id].label_histories) for ref in refs if ref.id in self._issues}

    def histories(
        self, requests: Sequence[HistoryRequest], selection: FieldSelection
    ) -> Iterator[SourceHistory | FailedSource]:
        for each in requests:
            container = each.source.project or each.source.repo or ""
            if container in self.failing:
                yield FailedSource(source=each.source, reason=str(self.failing[container]))
                continue
            kept = [self._issues[issue.ref.id] for issue in each.issues if issue.ref.id in self._issues]
            changes = tuple(
                change for one in kept for change in one.changes if _is_selected(change, selection)
            )
            yield SourceHistory(
                source=each.source, changes=changes, complete=frozenset(issue.ref.id for issue in each.issues)
            )

    def edits_send_mail(self, container: str) -> bool:
        del container
        return self.sends_edit_mail

    def is_public(self, container: str) -> bool:
        return container in self.public

    def diagnose(
        self, sources: Sequence[Source], labels: Mapping[str, Sequence[str]]
    ) -> Iterator[CheckResult]:
        del labels  # free strings here
        yield CheckResult(level="ok", check="account", subject=self.tracker, text=f"knows us as {self.me}")
        for source in sources:
            answer = self._pull_one(source, None, FieldSelection())
            failed = isinstance(answer, FailedSource)
            yield CheckResult(
                level="problem" if failed else "ok",
                check="source",
                subject=source.name,
                text=answer.reason if isinstance(answer, FailedSource) else "is there",
            )

    # ---- writer

    def ensure_label(self, container: str, name: str, color: str, description: str) -> None:
        """Labels are free strings here."""

    def rename_label(self, container: str, old: str, new: str) -> bool:
        """In containers named like a repository, where labels are things of their own."""
        inside = [kept for kept in self._issues.values() if kept.issue.container == container]
        names = {name.lower() for kept in inside for name in kept.issue.labels}
        if "/" not in container or old.lower() not in names or new.lower() in names:
            return False
        for kept in inside:
            kept.issue = replace(kept.issue, labels=_rename_in(kept.issue.labels, old, new))
            if event := kept.label_origins.pop(old, None):
                kept.label_origins[new] = replace(event, label=new)
        return True

    def change_labels(self, ref: IssueRef, add: Sequence[str], remove: Sequence[str]) -> None:
        self._require_unlocked(ref)
        for name in add:
            self.label(ref.key, name, by=self.me)
        for name in remove:
            self.unlabel(ref.key, name, by=self.me)

    def create_comment(self, ref: IssueRef, body: str, marker: Mapping[str, str]) -> Comment:
        self._require_unlocked(ref)
        comment = self.comment_as(ref.key, body, by=self.me, marker=dict(marker))
        if self.loses_responses:
            raise OutcomeUnknown(
                f"{ref}: the answer was lost after the request was sent; it may have taken effect"
            )
        return comment

    def edit_comment(self, ref: IssueRef, comment_id: str, body: str, marker: Mapping[str, str]) -> Comment:
        self._require_unlocked(ref)
        edited = replace(self.comment(ref, comment_id), body=body, marker=dict(marker), updated=self._now())
        self._issue_at(ref.key).comments[comment_id] = edited
        self._touch(ref.id)
        return edited

    def delete_comment(self, ref: IssueRef, comment_id: str) -> None:
        self._require_unlocked(ref)
        self._issue_at(ref.key).comments.pop(comment_id, None)
        self._touch(ref.id)

    # ---- inside

    def _issue_at(self, key: str) -> _StoredIssue:
        kept = self._issues.get(self._ids_by_key.get(key, key))
        if kept is None:
            raise Gone(f"{self.tracker}: {key} is not there")
        return kept

    def _require_unlocked(self, ref: IssueRef) -> None:
        if self._issue_at(ref.key).issue.locked:
            raise Rejected(f"{ref}: the issue is locked")

    def _touch(self, issue_id: str) -> None:
        kept = self._issues[issue_id]
        kept.issue = replace(kept.issue, updated=max(self._now(), kept.issue.updated))
        self._revisions[kept.issue.container] += 1


def _select_fields(issue: Issue, wanted: FieldSelection) -> Issue:
    fields = {name: issue.fields[name] for name in wanted.fields if name in issue.fields}
    return replace(issue, body=issue.body if wanted.body else "", fields=fields)


def _is_selected(change: IssueChange, wanted: FieldSelection) -> bool:
    label = change.before or change.after
    return change.kind != "label" or label.casefold() in wanted.state_labels


def _rename_in(labels: frozenset[str], old: str, new: str) -> frozenset[str]:
    return frozenset(new if name.lower() == old.lower() else name for name in labels)
