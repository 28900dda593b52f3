"""Reader of a tracker. Methods without docstring do exactly what ``connectors.ports.IssueReader`` says."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from connectors.check_result import CheckResult
from connectors.errors import ConnectorError, Gone, MalformedIssue, SkipSource
from connectors.model import (
    Account,
    Census,
    Comment,
    Cursor,
    FailedSource,
    FieldSelection,
    HistoryRequest,
    Issue,
    IssueRef,
    LabelEvent,
    LabelHistory,
    PulledSource,
    Source,
    SourceCursor,
    SourceHistory,
    UnreadableIssue,
    census_from_pull,
)
from connectors.ports import Cache
from increment_sync_markdown.document import BrokenDocument, Document, parse
from increment_sync_markdown.folder import KEY, File, Folder
from increment_sync_markdown.git import Event, History, Repository
from increment_sync_markdown.issues import (
    EPOCH,
    as_change,
    as_comment,
    build_issue,
    id_or_none,
    label_histories,
    require_id,
)

_KEYS: Final = "keys"
"""Entry of the cache: id of the issue that each key named last. So a moved issue is found by its old key."""


class MarkdownReader:
    """Reads issues of one root."""

    def __init__(self, folder: Folder, repository: Repository | None, account: str, cache: Cache) -> None:
        """``repository``: None if the root lies in none; histories are unknown then."""
        self.tracker = folder.tracker
        self._folder, self._repository, self._account, self._cache = folder, repository, account, cache

    def whoami(self) -> Account:
        return Account(id=self._account, name="increment-sync")

    # ---- pulling

    def pull(
        self, sources: Sequence[SourceCursor], selection: FieldSelection
    ) -> Iterator[PulledSource | FailedSource]:
        for source, cursor in sources:
            try:
                yield self._pull(source, cursor, selection)
            except ConnectorError as error:
                yield FailedSource.from_error(source, error)

    def _pull(self, source: Source, cursor: Cursor | None, selection: FieldSelection) -> PulledSource:
        """Read every file, and return the issues whose content differs from what the cursor stands for."""
        issues, unreadable = self._issues(source.container, selection)
        marks = {issue.ref.id: _mark(issue, file) for issue, file in issues}
        etag = _digest(json.dumps([marks, sorted(each.reason for each in unreadable)], sort_keys=True))
        watermark = max((issue.updated for issue, _ in issues), default=cursor.watermark if cursor else EPOCH)
        before = self._cache.get(f"marks:{cursor.etag}") if cursor else None
        if cursor is None or cursor.etag != etag:
            self._cache.put(f"marks:{etag}", marks, days=90)
        return PulledSource(
            source=source,
            issues=tuple(
                issue for issue, _ in issues if (before or {}).get(issue.ref.id) != marks[issue.ref.id]
            ),
            cursor=Cursor(watermark=watermark, updated_since=watermark, etag=etag),
            full=before is None,
            unchanged=cursor is not None and cursor.etag == etag,
            unreadable=tuple(unreadable),
        )

    def _issues(
        self, container: str, selection: FieldSelection
    ) -> tuple[list[tuple[Issue, File]], list[UnreadableIssue]]:
        ids, history, found, unreadable = self._known_ids(), self._history(), [], []
        for file in self._folder.files(container):
            try:
                if isinstance(file, MalformedIssue):
                    raise file
                found.append((self._issue(file, selection, history), file))
            except MalformedIssue as error:
                unreadable.append(
                    UnreadableIssue(id=error.id or ids.get(error.key, ""), key=error.key, reason=str(error))
                )
        counts = Counter(issue.ref.id for issue, _ in found)
        for issue, _ in found:
            if counts[issue.ref.id] > 1:
                reason = (
                    f"{issue.ref} has the same `id` as another file of {container}; give the copy another one"
                )
                unreadable.append(UnreadableIssue(id=issue.ref.id, key=issue.ref.key, reason=reason))
        found = [(issue, file) for issue, file in found if counts[issue.ref.id] == 1]
        self._remember_keys({issue.ref.key: issue.ref.id for issue, _ in found})
        return found, unreadable

    def census(self, sources: Sequence[Source], selection: FieldSelection) -> Iterator[Census | FailedSource]:
        yield from map(census_from_pull, self.pull([(source, None) for source in sources], selection))

    # ---- single issues

    def read(self, key: str, selection: FieldSelection) -> Issue:
        return self._issue(self.find(key), selection, self._history())

    def find(self, key: str, issue_id: str = "") -> File:
        """Return the file that a key or id names, wherever it is now. Raises Gone and MalformedIssue.

        ``issue_id``: another issue that has the key by now is not meant.
        """
        try:
            if KEY.fullmatch(key):
                file = self._folder.file(key)
                name = issue_id or require_id(file, self.tracker)
                if require_id(file, self.tracker) == name:
                    self._remember_keys({key: name})
                    return file
        except Gone:
            pass
        wanted = issue_id or (self._known_ids().get(key) if KEY.fullmatch(key) else key)
        for container in self._folder.containers() if wanted else ():
            for file_there in self._folder.files(container):
                if isinstance(file_there, File) and id_or_none(file_there) == wanted:
                    return file_there
        raise Gone(f"{self.tracker}: {key} does not exist")

    def _issue(self, file: File, selection: FieldSelection, history: History | None) -> Issue:
        name = require_id(file, self.tracker)
        try:
            return build_issue(self.tracker, name, file, self._folder, selection, history or History())
        except BrokenDocument as error:
            raise MalformedIssue(f"{self.tracker}: {file.key}: {error}", id=name, key=file.key) from error

    def _known_ids(self) -> dict[str, str]:
        return self._cache.get(_KEYS) or {}

    def _remember_keys(self, ids: Mapping[str, str]) -> None:
        known = self._known_ids()
        if not ids.items() <= known.items():
            self._cache.put(_KEYS, {**known, **ids}, days=365)

    # ---- comments

    def comments(self, ref: IssueRef) -> list[Comment]:
        document = self._document(self.find(ref.key, ref.id))
        return [as_comment(note) for note in document.notes]

    def comment(self, ref: IssueRef, comment_id: str) -> Comment:
        for comment in self.comments(ref):
            if comment.id == comment_id:
                return comment
        raise Gone(f"{ref}: there is no comment {comment_id}")

    def _document(self, file: File) -> Document:
        try:
            return parse(file.text)
        except BrokenDocument as error:
            raise MalformedIssue(f"{self.tracker}: {file.key}: {error}", key=file.key) from error

    # ---- histories

    def _history(self) -> History | None:
        """Return what the commits say, without the times of files that were changed since; None without Git."""
        if self._repository is None:
            return None
        history, changed = self._repository.history(), self._repository.uncommitted()
        return replace(
            history, touched={key: at for key, at in history.touched.items() if key not in changed}
        )

    def _events(self, refs: Iterable[IssueRef]) -> dict[IssueRef, list[Event]]:
        """Return all events of issues. Those with changes that are not committed are absent: not all is known."""
        if self._repository is None:
            return {}
        history, changed = self._repository.history(), self._repository.uncommitted()
        return {ref: history.events.get(ref.id, []) for ref in refs if ref.key not in changed}

    def label_origins(self, ref: IssueRef) -> dict[str, LabelEvent]:
        events = self._events([ref]).get(ref, ())
        added = {event.after: event for event in events if event.kind == "label" and event.after}
        labels = self.read(ref.key, FieldSelection()).labels if added else frozenset()
        return {
            label: LabelEvent(label=label, author_id=event.author, at=event.at)
            for label, event in added.items()
            if label in labels
        }

    def label_histories(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Mapping[str, LabelHistory]]:
        return {ref: label_histories(events) for ref, events in self._events(refs).items()}

    def histories(
        self, requests: Sequence[HistoryRequest], selection: FieldSelection
    ) -> Iterator[SourceHistory | FailedSource]:
        for request in requests:
            try:
                complete = self._events(issue.ref for issue in request.issues)
            except SkipSource as error:
                yield FailedSource.from_error(request.source, error)
                continue
            yield SourceHistory(
                source=request.source,
                changes=tuple(
                    as_change(ref, event)
                    for ref, events in complete.items()
                    for event in events
                    if event.kind != "label"
                    or (event.before or event.after).casefold() in selection.state_labels
                ),
                label_histories={ref: label_histories(events) for ref, events in complete.items()},
                complete=frozenset(ref.id for ref in complete),
            )

    # ---- the folder as a tracker

    def edits_send_mail(self, container: str) -> bool:
        del container
        return False

    def is_public(self, container: str) -> bool:
        del container
        return False

    def diagnose(
        self, sources: Sequence[Source], labels: Mapping[str, Sequence[str]]
    ) -> Iterator[CheckResult]:
        del labels  # texts in the files, which need not exist
        yield CheckResult("ok", "account", self.tracker, f"comments and commits are those of {self._account}")
        for source in sources:
            (answer,) = self.pull([(source, None)], FieldSelection())
            if isinstance(answer, FailedSource):
                yield CheckResult("problem", "source", source.name, answer.reason)
                continue
            yield CheckResult("ok", "source", source.name, f"exists, with {len(answer.issues)} issues")
            if not os.access(self._folder.root / source.container, os.W_OK):
                text = (
                    f"{self._folder.root / source.container} cannot be written; give this account the right"
                )
                yield CheckResult("problem", "rights", source.name, text)
            for each in answer.unreadable:
                yield CheckResult("warning", "source", source.name, each.reason)


def _mark(issue: Issue, file: File) -> str:
    return _digest(f"{issue.ref.key}\n{issue.updated.isoformat()}\n{file.text}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
