"""Read the sources into the store. A source that was not read whole is named and nothing is concluded from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from connectors.errors import ConnectorError, Gone
from connectors.model import Census, Cursor, FailedSource, Issue, IssueRef, KnownIssue, PulledSource, Source
from connectors.ports import IssueReader
from mappings.model import Anchor
from mappings.rules.conditions import field_selection_for
from sync.model.anchors import list_anchors
from sync.model.run import PullResult
from sync.pull.current_sources import load_current_issues, workspace_sources
from sync.pull.histories import read_histories
from sync.pull.missing import MissingIssues, check_missing_issues, unlisted_before
from sync.pull.orphans import read_orphans
from sync.runtime.context import RunContext

_Result = TypeVar("_Result")
MAX_SINGLE_READS = 20
"""So many issues that only a census named are read one by one; for more of them the source is pulled whole."""


def pull_sources(context: RunContext, *, full: bool = False, accept_shrink: bool = False) -> PullResult:
    """Pull what changed, take a census where it is due, read the anchors; everything lands in the store.

    ``full`` reads everything again and takes a census. ``accept_shrink`` believes sources that became much
    smaller.
    """
    collector = _SourcePuller(context, full=full, accept_shrink=accept_shrink)
    collector.pull()
    collector.take_census()
    collector.read_histories()
    return collector.result()


class _SourcePuller:
    def __init__(self, context: RunContext, *, full: bool, accept_shrink: bool) -> None:
        self.context, self.full, self.accept_shrink = context, full, accept_shrink
        self.sources = workspace_sources(context.workspace)
        self.selection = field_selection_for(context.workspace.teams)
        self.failed: dict[str, FailedSource] = {}
        self.pulled: Counter[str] = Counter()
        self.newly_missing: list[KnownIssue] = []
        self.failed_histories: tuple[FailedSource, ...] = ()
        self.fully_read: set[str] = set()
        """Sources whose every issue was read in this run."""

    def pull(self) -> None:
        cursors = {} if self.full else {s.name: self._stored_cursor(s) for s in self.sources}

        def ask(reader: IssueReader, group: tuple[Source, ...]) -> list[PulledSource | FailedSource]:
            return list(reader.pull([(s, cursors.get(s.name)) for s in group], self.selection))

        for number, answer in enumerate(self._run_in_parallel(_group_sources(self.sources), ask), start=1):
            self.context.progress.step(f"read {answer.source.name}", number, len(self.sources))
            if isinstance(answer, FailedSource):
                self._record_failure(answer)
            else:
                self._save_pull(answer)

    def _stored_cursor(self, source: Source) -> Cursor | None:
        state = self.context.store.source_state(source, self.selection)
        return state.cursor if state else None

    def _save_pull(self, pulled: PulledSource) -> None:
        if pulled.full:
            again = self._confirm_if_empty(pulled)
            if again is None:
                return
            pulled = again
            absent = self._check_missing(pulled.source, frozenset(issue.ref.id for issue in pulled.issues))
            if absent is None:
                return
            self.fully_read.add(pulled.source.name)
            keep = {ref.id for ref in (*absent.vanished, *absent.unlisted)}
            self.context.store.save_pull(pulled, self.selection, self.context.now(), keep_ids=keep)
            for ref, at in absent.vanished.items():
                self.context.store.mark_vanished(ref, at)
        else:
            self.context.store.save_pull(pulled, self.selection, self.context.now())
        if pulled.changes is not None:
            told = [issue for issue in pulled.issues if issue.ref.id not in pulled.without_history]
            self.context.store.save_issue_changes(told, pulled.changes, self.selection)
        self.pulled[pulled.source.name] += len(pulled.issues)
        self.context.log.info(
            "source.read",
            source=pulled.source.name,
            issues=len(pulled.issues),
            full=pulled.full,
            unchanged=pulled.unchanged,
        )

    def _confirm_if_empty(self, pulled: PulledSource) -> PulledSource | None:
        """A source that is empty at first sight is asked twice: baselines and first comments would rest on one
        wrong answer otherwise. None when the second answer is none."""
        source = pulled.source
        if pulled.issues or self.context.store.source_issue_ids(source):
            return pulled
        for answer in self.context.readers[source.tracker].pull([(source, None)], self.selection):
            if isinstance(answer, FailedSource):
                self._record_failure(answer)
                return None
            return answer
        return pulled

    def take_census(self) -> None:
        """Ids of all issues, for every source whose last census is too old."""
        due = tuple(s for s in self.sources if self._is_census_due(s))

        def ask(reader: IssueReader, group: tuple[Source, ...]) -> list[Census | FailedSource]:
            return list(reader.census(group, self.selection))

        for answer in self._run_in_parallel(_group_sources(due), ask):
            if isinstance(answer, FailedSource):
                self._record_failure(answer)
                continue
            if answer.pulled:
                self._save_pull(answer.pulled)
            else:
                self._save_census(answer)

    def _save_census(self, census: Census) -> None:
        """An issue may enter a ``jql`` without a change of its own, so that no pull from a watermark tells it."""
        source, store = census.source, self.context.store
        entered = census.ids - store.source_issue_ids(source)
        if len(entered) > MAX_SINGLE_READS:
            self._pull_in_full(source)
            return
        absent = self._check_missing(source, census.ids)
        gone = self._read_new_members(source, entered) if absent else None
        if absent is None or gone is None:
            return
        there = replace(census, ids=census.ids - gone)
        store.save_census(there, self.context.now(), vanished=absent.vanished, left=absent.moved_away)

    def _read_new_members(self, source: Source, ids: frozenset[str]) -> frozenset[str] | None:
        """Read issues one by one. Out: the ids that are not there any more; None when the source failed."""
        gone: set[str] = set()
        for issue_id in sorted(ids):
            try:
                issue = self.context.readers[source.tracker].read(issue_id, self.selection)
            except Gone:
                gone.add(issue_id)
            except ConnectorError as error:
                self._record_failure(FailedSource(source=source, reason=str(error)))
                return None
            else:
                self.context.store.save_issue(issue, self.context.now())
                self.pulled[source.name] += 1
        return frozenset(gone)

    def _pull_in_full(self, source: Source) -> None:
        for answer in self.context.readers[source.tracker].pull([(source, None)], self.selection):
            if isinstance(answer, FailedSource):
                self._record_failure(answer)
            else:
                self._save_pull(answer)

    def read_histories(self) -> None:
        """What happened to the issues that changed. A source without its history has been read nevertheless."""
        there = [source for source in self.sources if source.name not in self.failed]
        self.failed_histories = read_histories(self.context, there, self.selection)

    def _is_census_due(self, source: Source) -> bool:
        if source.name in self.failed or source.name in self.fully_read:
            return False
        state = self.context.store.source_state(source, self.selection)
        if state is None or state.last_census is None or unlisted_before(self.context, source):
            return True
        return self.full or self.context.now() - state.last_census >= self.context.settings.census_every

    def _check_missing(self, source: Source, ids: frozenset[str]) -> MissingIssues | None:
        """None when the reading is not to be believed; the source has failed then and nothing of it is kept."""
        found = check_missing_issues(
            self.context, source, ids, self.selection, accept_shrink=self.accept_shrink
        )
        if isinstance(found, FailedSource):
            self._record_failure(found)
            return None
        self.newly_missing += found.newly_missing
        return found

    def _record_failure(self, failure: FailedSource) -> None:
        self.failed[failure.source.name] = failure
        self.context.store.mark_failed(failure.source, failure.reason, self.context.now())
        # The reason is told once, in words, when the run ends; the store keeps it as well.
        self.context.log.warning("source.failed", source=failure.source.name, kind=failure.kind)

    def result(self) -> PullResult:
        # Only now: a source that is pulled well and whose census fails has been failing all the time.
        failing = [state.name for state in self.context.store.source_states() if state.failing_since]
        if healthy := {source.name for source in self.sources}.intersection(failing) - self.failed.keys():
            self.context.store.mark_healthy(healthy)
        known = load_current_issues(self.context.store, self.context.workspace)
        anchors, unread = self._read_anchors(known)
        strays = read_orphans(self.context, known, {issue.ref for issue in anchors.values()})
        states = {state.name: state.failing_since for state in self.context.store.source_states()}
        return PullResult(
            known={**known, **strays},
            orphans=frozenset(strays),
            failed=tuple(self.failed.values()),
            anchors=anchors,
            unread_anchors=unread,
            pulled_by_source=self.pulled,
            newly_missing=tuple(self.newly_missing),
            failed_histories=self.failed_histories,
            failing_since={name: since for name in self.failed if (since := states.get(name)) is not None},
        )

    def _read_anchors(
        self, known: Mapping[IssueRef, KnownIssue]
    ) -> tuple[dict[Anchor, Issue], dict[Anchor, str]]:
        """An anchor inside a source was read with it; each other one costs a direct read."""
        by_key = {
            (item.issue.ref.tracker, item.issue.ref.key.lower()): item
            for item in known.values()
            if not item.vanished
        }
        anchors: dict[Anchor, Issue] = {}
        unread: dict[Anchor, str] = {}
        for anchor in list_anchors(self.context.workspace):
            item = by_key.get((anchor.tracker, anchor.key.lower()))
            if item and item.sources - set(self.failed):
                anchors[anchor] = item.issue
                continue
            try:
                issue = self.context.readers[anchor.tracker].read(anchor.key, self.selection)
            except ConnectorError as error:
                unread[anchor] = str(error)
                self.context.log.warning("anchor.unread", anchor=str(anchor))
            else:
                anchors[anchor] = issue
                self.context.store.save_issue(issue, self.context.now())
        return anchors, unread

    def _run_in_parallel(
        self,
        groups: Sequence[tuple[Source, ...]],
        ask: Callable[[IssueReader, tuple[Source, ...]], list[_Result]],
    ) -> Iterator[_Result]:
        """Ask for all groups at once; answers come in the order of the groups, so that runs are repeatable."""
        if not groups:
            return
        if self.context.parallel_reads == 1:
            for group in groups:
                yield from ask(self.context.readers[group[0].tracker], group)
            return
        with ThreadPoolExecutor(max_workers=min(len(groups), self.context.parallel_reads)) as pool:
            asked = [pool.submit(ask, self.context.readers[group[0].tracker], group) for group in groups]
            for future in asked:
                yield from future.result()


def _group_sources(sources: Sequence[Source]) -> list[tuple[Source, ...]]:
    """What is asked for together: Jira sources without ``jql`` share a request, all others stand alone."""
    shared: dict[str, list[Source]] = {}
    alone: list[tuple[Source, ...]] = []
    for source in sources:
        if source.repo is None and source.jql is None:
            shared.setdefault(source.tracker, []).append(source)
        else:
            alone.append((source,))
    return [*(tuple(group) for group in shared.values()), *alone]
