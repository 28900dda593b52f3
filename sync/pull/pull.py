"""Read all sources into the store.

A source that cannot be read completely is listed as failed, and the run concludes nothing from it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import TypeVar

from connectors.errors import ConnectorError, Gone, MalformedIssue
from connectors.http.parallel import thread_pool
from connectors.model import (
    Census,
    Cursor,
    FailedSource,
    Issue,
    IssueRef,
    KnownIssue,
    LabelHistory,
    PulledSource,
    Source,
    UnreadableIssue,
)
from connectors.ports import IssueReader
from mappings.model import Anchor
from mappings.rules.conditions import field_selection_for
from sync.model.anchors import issues_by_place, list_anchors
from sync.model.run import PullResult
from sync.pull.current_sources import load_current_issues, workspace_sources
from sync.pull.former_keys import learn_former_keys
from sync.pull.histories import read_histories
from sync.pull.missing import MissingIssues, check_missing_issues, unlisted_before
from sync.pull.orphans import read_orphans
from sync.pull.unreadable import (
    ids_in,
    is_nameless,
    load_unreadable,
    merge_unreadable,
    refuse_unreadable,
    save_unreadable,
    unreadable_by_source,
    unreadable_refs,
    with_known_ids,
)
from sync.runtime.context import RunContext
from sync.runtime.log_fields import logs_sources, source_fields

_Result = TypeVar("_Result")
MAX_SINGLE_READS = 20
"""Limit for single reads of issues that only a census lists; beyond it the source is pulled in full."""


def pull_sources(context: RunContext, *, full: bool = False, accept_shrink: bool = False) -> PullResult:
    """Pull changes, take censuses that are due, read the anchors, and save everything to the store.

    ``full`` reads everything again and takes every census. ``accept_shrink`` accepts sources that became much smaller.
    """
    puller = _SourcePuller(context, full=full, accept_shrink=accept_shrink)
    puller.pull()
    puller.take_census()
    puller.read_histories()
    return puller.result()


class _SourcePuller:
    """State of one ``pull_sources()``."""

    def __init__(self, context: RunContext, *, full: bool, accept_shrink: bool) -> None:
        self.context, self.full, self.accept_shrink = context, full, accept_shrink
        self.sources = workspace_sources(context.workspace)
        self.selection = field_selection_for(context.workspace.teams)
        self.failed: dict[str, FailedSource] = {}
        self.pulled: Counter[str] = Counter()
        self.newly_missing: list[KnownIssue] = []
        self.failed_histories: tuple[FailedSource, ...] = ()
        self.label_histories: dict[IssueRef, Mapping[str, LabelHistory]] = {}
        """Label histories that came with changed issues."""
        self.fully_read: set[str] = set()
        """Names of the sources that were pulled in full in this run."""

    def pull(self) -> None:
        cursors = {} if self.full else {s.name: self._stored_cursor(s) for s in self.sources}

        def pull_group(reader: IssueReader, group: tuple[Source, ...]) -> list[PulledSource | FailedSource]:
            return list(reader.pull([(s, cursors.get(s.name)) for s in group], self.selection))

        answers = self._run_in_parallel(self._grouped(self.sources), pull_group)
        for number, answer in enumerate(answers, start=1):
            self.context.progress.step(f"read {answer.source.name}", number, len(self.sources))
            if isinstance(answer, FailedSource):
                self._record_failure(answer)
            else:
                self._save_pull(answer)

    def _stored_cursor(self, source: Source) -> Cursor | None:
        state = self.context.store.source_state(source, self.selection)
        if any(map(is_nameless, load_unreadable(self.context, source))):
            return None
        return state.cursor if state else None

    def _save_pull(self, pulled: PulledSource) -> None:
        store, source = self.context.store, pulled.source
        pulled = with_known_ids(self.context, pulled)
        if not self.accept_shrink and (failed := refuse_unreadable(self.context, pulled)):
            self._record_failure(failed)
            return
        missing = MissingIssues()
        if pulled.full:
            if not pulled.issues and not pulled.unreadable and not store.source_issue_ids(source):
                # Baselines and first comments would otherwise rest on one wrong response.
                again = self._pull_in_full(source)
                if again is None:
                    return
                pulled = again
            listed = frozenset(issue.ref.id for issue in pulled.issues) | ids_in(pulled.unreadable)
            checked = self._check_missing(source, listed)
            if checked is None:
                return
            missing = checked
            self.fully_read.add(source.name)
        unreadable = merge_unreadable(self.context, pulled, missing)
        save_unreadable(self.context, source, unreadable)
        keep_ids = {ref.id for ref in (*missing.vanished, *missing.unlisted)} | ids_in(unreadable)
        store.save_pull(pulled, self.selection, self.context.now(), keep_ids=keep_ids)
        for ref, at in missing.vanished.items():
            store.mark_vanished(ref, at)
        if pulled.changes is not None:
            with_history = [issue for issue in pulled.issues if issue.ref.id not in pulled.without_history]
            store.save_issue_changes(with_history, pulled.changes, self.selection)
            self.label_histories.update(pulled.label_histories)
        if pulled.statuses:
            store.save_statuses(source.tracker, pulled.statuses)
        count = len(pulled.issues)
        self.pulled[source.name] += count
        fields = source_fields(self.context.workspace, source)
        self.context.log.info(
            "source.read", **fields, issues=count, full=pulled.full, unchanged=pulled.unchanged
        )

    def _pull_in_full(self, source: Source) -> PulledSource | None:
        """Pull one source without its cursor. Returns None if that fails."""
        [answer] = self.context.readers[source.tracker].pull([(source, None)], self.selection)
        if isinstance(answer, FailedSource):
            self._record_failure(answer)
            return None
        return answer

    def take_census(self) -> None:
        """List the ids of every source whose last census is too old."""
        due = tuple(s for s in self.sources if self._is_census_due(s))

        def list_ids(reader: IssueReader, group: tuple[Source, ...]) -> list[Census | FailedSource]:
            return list(reader.census(group, self.selection))

        for answer in self._run_in_parallel(self._grouped(due), list_ids):
            if isinstance(answer, FailedSource):
                self._record_failure(answer)
            elif answer.pulled:
                self._save_pull(answer.pulled)
            else:
                self._save_census(answer)

    def _save_census(self, census: Census) -> None:
        """Save a census.

        An issue can begin to match a ``jql`` without a change of its own, and then no pull since the watermark returns
        it: such issues are read directly.
        """
        source, store = census.source, self.context.store
        unreadable = load_unreadable(self.context, source)
        entered = census.ids - store.source_issue_ids(source) - ids_in(unreadable)
        if len(entered) > MAX_SINGLE_READS:
            if pulled := self._pull_in_full(source):
                self._save_pull(pulled)
            return
        missing = self._check_missing(source, census.ids)
        retried = [each for each in unreadable if not each.id or each.id in census.ids]
        if missing is None:
            return
        gone = self._read_members(source, entered, retried, missing.unreadable)
        if gone is None:
            return
        readable = replace(census, ids=census.ids - gone)
        store.save_census(readable, self.context.now(), vanished=missing.vanished, left=missing.moved_away)

    def _read_members(
        self,
        source: Source,
        ids: frozenset[str],
        retried: Sequence[UnreadableIssue],
        unreadable_now: Sequence[UnreadableIssue],
    ) -> frozenset[str] | None:
        """Read new members one by one, and the first ``MAX_SINGLE_READS`` of those that were unreadable before.

        Returns the ids that do not exist any more, or None if the source failed.
        """
        gone: set[str] = set()
        unreadable = [*retried[MAX_SINGLE_READS:], *unreadable_now]
        for address in (*sorted(ids), *(each.id or each.key for each in retried[:MAX_SINGLE_READS])):
            try:
                issue = self.context.readers[source.tracker].read(address, self.selection)
            except Gone:
                gone.add(address)
            except MalformedIssue as error:
                name = {"id": address} if address.isdecimal() else {"key": address}
                unreadable.append(replace(UnreadableIssue.from_error(error), **name))
            except ConnectorError as error:
                self._record_failure(FailedSource(source=source, reason=str(error)))
                return None
            else:
                self.context.store.save_issue(issue, self.context.now())
                self.pulled[source.name] += 1
        save_unreadable(self.context, source, unreadable)
        return frozenset(gone)

    def read_histories(self) -> None:
        """Read the histories of changed issues. A source whose histories fail still counts as read."""
        pulled = [source for source in self.sources if source.name not in self.failed]
        self.failed_histories = read_histories(self.context, pulled, self.selection, self.label_histories)

    def _is_census_due(self, source: Source) -> bool:
        if source.name in self.failed or source.name in self.fully_read:
            return False
        state = self.context.store.source_state(source, self.selection)
        if state is None or state.last_census is None or unlisted_before(self.context, source):
            return True
        return self.full or self.context.now() - state.last_census >= self.context.settings.census_every

    def _check_missing(self, source: Source, ids: frozenset[str]) -> MissingIssues | None:
        """Check the issues that a full reading did not list.

        Returns None if the reading is not credible: then the source has failed and nothing of it is saved.
        """
        missing = check_missing_issues(self.context, source, ids, accept_shrink=self.accept_shrink)
        if isinstance(missing, FailedSource):
            self._record_failure(missing)
            return None
        self.newly_missing += missing.newly_missing
        return missing

    def _record_failure(self, failure: FailedSource) -> None:
        self.failed[failure.source.name] = failure
        self.context.store.mark_failed(failure.source, failure.reason, self.context.now())
        fields = source_fields(self.context.workspace, failure.source)
        self.context.log.warning("source.failed", **fields, kind=failure.kind, reason=failure.reason)

    def result(self) -> PullResult:
        # Not before the end: a source can be pulled and then fail at its census.
        failing = [state.name for state in self.context.store.source_states() if state.failing_since]
        if healthy := {source.name for source in self.sources}.intersection(failing) - self.failed.keys():
            self.context.store.mark_healthy(healthy)
        known = load_current_issues(self.context.store, self.context.workspace)
        known |= learn_former_keys(self.context, known, frozenset(self.failed))
        anchors, unread = self._read_anchors(known)
        orphans = read_orphans(self.context, known, {issue.ref for issue in anchors.values()})
        states = {state.name: state.failing_since for state in self.context.store.source_states()}
        read = [source for source in self.sources if source.name not in self.failed]
        return PullResult(
            known={**known, **orphans},
            orphans=frozenset(orphans),
            failed=tuple(self.failed.values()),
            anchors=anchors,
            unread_anchors=unread,
            pulled_by_source=self.pulled,
            newly_missing=tuple(self.newly_missing),
            failed_histories=self.failed_histories,
            unreadable=unreadable_by_source(self.context, read),
            label_histories=self.label_histories,
            failing_since={name: since for name in self.failed if (since := states.get(name)) is not None},
        )

    def _read_anchors(
        self, known: Mapping[IssueRef, KnownIssue]
    ) -> tuple[dict[Anchor, Issue], dict[Anchor, str]]:
        """Return the anchors and, for unreadable ones, the reason.

        An anchor in a source that was read costs nothing; each other one costs one direct read.
        """
        by_key = issues_by_place(item for item in known.values() if not item.vanished)
        unreadable = unreadable_refs(self.context, self.sources)
        anchors: dict[Anchor, Issue] = {}
        unread: dict[Anchor, str] = {}
        for anchor in list_anchors(self.context.workspace):
            item = by_key.get(anchor.place)
            if item and item.sources - set(self.failed) and item.issue.ref not in unreadable:
                anchors[anchor] = item.issue
                continue
            try:
                issue = self.context.readers[anchor.tracker].read(anchor.key, self.selection)
            except ConnectorError as error:
                unread[anchor] = str(error)
                self.context.log.warning("anchor.unread", anchor=str(anchor), reason=str(error))
            else:
                anchors[anchor] = issue
                self.context.store.save_issue(issue, self.context.now())
                self.context.store.save_former_key(issue, anchor.key, self.context.now())
        return anchors, unread

    def _run_in_parallel(
        self,
        groups: Sequence[tuple[Source, ...]],
        read_group: Callable[[IssueReader, tuple[Source, ...]], list[_Result]],
    ) -> Iterator[_Result]:
        """Read all groups concurrently. Results come in the order of the groups, so that runs are deterministic."""

        def read(group: tuple[Source, ...]) -> list[_Result]:
            with logs_sources(self.context.workspace, group):
                return read_group(self.context.readers[group[0].tracker], group)

        if not groups:
            return
        if self.context.parallel_reads == 1:
            yield from chain.from_iterable(map(read, groups))
            return
        with thread_pool(min(len(groups), self.context.parallel_reads)) as pool:
            yield from chain.from_iterable(pool.map(read, groups))

    def _grouped(self, sources: Sequence[Source]) -> list[tuple[Source, ...]]:
        """Group the sources by request: whole containers of a tracker share one if its connector prefers that."""
        shared: defaultdict[str, list[Source]] = defaultdict(list)
        alone: list[tuple[Source, ...]] = []
        for source in sources:
            traits = self.context.settings.spec(source.tracker).traits
            if traits.whole_containers_share_requests and not source.narrowing:
                shared[source.tracker].append(source)
            else:
                alone.append((source,))
        return [*(tuple(group) for group in shared.values()), *alone]
