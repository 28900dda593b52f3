"""``IssueReader`` and ``IssueWriter`` of the in-memory tracker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from connectors.check_result import CheckResult
from connectors.errors import ConnectorError, Gone, OutcomeUnknown, Rejected
from connectors.model import (
    Account,
    Census,
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
    SourceCursor,
    SourceHistory,
    census_from_pull,
)
from tests.support.memory_issues import MemoryIssues

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MemoryTracker(MemoryIssues):
    """Reader, writer and state in one object. Methods without docstring do exactly what the ports say."""

    def __init__(
        self,
        tracker: str,
        containers: Sequence[str],
        *,
        now: Callable[[], datetime],
        me: str = "increment-sync",
    ) -> None:
        """``me`` is the id of our account. See ``MemoryIssues`` for the others."""
        super().__init__(tracker, containers, now=now)
        self.me = me
        self.failing: dict[str, ConnectorError] = {}
        """Container -> error that reads of it end with."""
        self.loses_responses = False
        """While True, comments are created but their responses are lost."""
        self.public: set[str] = set()
        """Containers that everybody can read."""
        self.sends_edit_mail = False

    # ---- reader

    def whoami(self) -> Account:
        return Account(id=self.me, name=self.me)

    def pull(
        self, sources: Sequence[SourceCursor], selection: FieldSelection
    ) -> Iterator[PulledSource | FailedSource]:
        for source, cursor in sources:
            yield self._pull_one(source, cursor, selection)

    def _pull_one(
        self, source: Source, cursor: Cursor | None, selection: FieldSelection
    ) -> PulledSource | FailedSource:
        container = source.container
        if container in self.failing:
            return FailedSource(source=source, reason=str(self.failing[container]))
        if container not in self._revisions:
            reason = f"{self.tracker}: there is no {container}"
            return FailedSource(source=source, reason=reason, kind="missing")
        if source.narrowing:
            reason = f"{self.tracker}: the in-memory tracker does not support JQL"
            return FailedSource(source=source, reason=reason)
        revision = str(self._revisions[container])
        if cursor is not None and cursor.etag == revision:
            return PulledSource(source=source, issues=(), cursor=cursor, full=False, unchanged=True)
        issues = [stored.issue for stored in self._issues.values() if stored.issue.container == container]
        since = cursor.updated_since if cursor else _EPOCH
        latest = max((issue.updated for issue in issues), default=_EPOCH)
        watermark = max(latest, since)
        return PulledSource(
            source=source,
            issues=tuple(
                _select_fields(issue, selection)
                for issue in issues
                if issue.updated >= since and (source.has("pull_requests") or not issue.is_pull_request)
            ),
            cursor=Cursor(watermark=watermark, updated_since=watermark, etag=revision),
            full=cursor is None,
        )

    def census(self, sources: Sequence[Source], selection: FieldSelection) -> Iterator[Census | FailedSource]:
        yield from map(census_from_pull, self.pull([(source, None) for source in sources], selection))

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
        return self._label_histories(refs)

    def _label_histories(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Mapping[str, LabelHistory]]:
        return {ref: dict(self._issues[ref.id].label_histories) for ref in refs if ref.id in self._issues}

    def histories(
        self, requests: Sequence[HistoryRequest], selection: FieldSelection
    ) -> Iterator[SourceHistory | FailedSource]:
        for request in requests:
            container = request.source.container
            if container in self.failing:
                yield FailedSource(source=request.source, reason=str(self.failing[container]))
                continue
            ids = [issue.ref.id for issue in request.issues]
            changes = tuple(
                change
                for issue_id in ids
                if issue_id in self._issues
                for change in self._issues[issue_id].changes
                if _is_selected(change, selection)
            )
            yield SourceHistory(
                source=request.source,
                changes=changes,
                label_histories=self._label_histories([issue.ref for issue in request.issues]),
                complete=frozenset(ids),
            )

    def edits_send_mail(self, container: str) -> bool:
        del container
        return self.sends_edit_mail

    def is_public(self, container: str) -> bool:
        return container in self.public

    def diagnose(
        self, sources: Sequence[Source], labels: Mapping[str, Sequence[str]]
    ) -> Iterator[CheckResult]:
        del labels  # plain strings here, which need not exist
        yield CheckResult(level="ok", check="account", subject=self.tracker, text=f"knows us as {self.me}")
        for source in sources:
            result = self._pull_one(source, None, FieldSelection())
            failed = isinstance(result, FailedSource)
            yield CheckResult(
                level="problem" if failed else "ok",
                check="source",
                subject=source.name,
                text=result.reason if isinstance(result, FailedSource) else "exists",
            )

    # ---- writer

    def ensure_label(self, container: str, name: str, color: str, description: str) -> None:
        """Do nothing: labels are plain strings here."""

    def rename_label(self, container: str, old: str, new: str) -> bool:
        """Rename in containers named like a repository; labels of the others are plain strings."""
        inside = [stored for stored in self._issues.values() if stored.issue.container == container]
        names = {name.lower() for stored in inside for name in stored.issue.labels}
        if "/" not in container or old.lower() not in names or new.lower() in names:
            return False
        for stored in inside:
            stored.issue = replace(stored.issue, labels=_rename_in(stored.issue.labels, old, new))
            if event := stored.label_origins.pop(old, None):
                stored.label_origins[new] = replace(event, label=new)
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

    def _require_unlocked(self, ref: IssueRef) -> None:
        if self._issue_at(ref.key).issue.locked:
            raise Rejected(f"{ref}: the issue is locked")


def _select_fields(issue: Issue, selection: FieldSelection) -> Issue:
    fields = {name: issue.fields[name] for name in selection.fields if name in issue.fields}
    return replace(issue, body=issue.body if selection.body else "", fields=fields)


def _is_selected(change: IssueChange, selection: FieldSelection) -> bool:
    label = change.before or change.after
    return change.kind != "label" or label.casefold() in selection.state_labels


def _rename_in(labels: frozenset[str], old: str, new: str) -> frozenset[str]:
    return frozenset(new if name.lower() == old.lower() else name for name in labels)
