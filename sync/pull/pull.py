"""Read the sources into the store. A source that was not read whole is named and nothing is concluded from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from connectors.errors import ConnectorError, Gone
from connectors.model import Census, Cursor, Failed, Issue, IssueRef, KnownIssue, Pulled, Source
from connectors.ports import IssueReader
from mappings.model import Anchor
from mappings.rules.conditions import wanted_by
from sync.model.anchors import anchors_of
from sync.model.run import Collected
from sync.pull.current_sources import all_sources, known_today
from sync.pull.histories import read_histories
from sync.pull.missing import Absent, explain_absence, missed_before
from sync.pull.orphans import read_strays
from sync.runtime.context import Job

_Answer = TypeVar("_Answer")
MAX_ENTERED = 20
"""So many issues that only a census named are read one by one; for more of them the source is pulled whole."""


def collect(job: Job, *, full: bool = False, accept_shrink: bool = False) -> Collected:
    """Pull what changed, take a census where it is due, read the anchors; everything lands in the store.

    ``full`` reads everything again and takes a census. ``accept_shrink`` believes sources that became much
    smaller.
    """
    collector = _Collector(job, full=full, accept_shrink=accept_shrink)
    collector.pull()
    collector.take_census()
    collector.read_histories()
    return collector.result()


class _Collector:
    def __init__(self, job: Job, *, full: bool, accept_shrink: bool) -> None:
        self.job, self.full, self.accept_shrink = job, full, accept_shrink
        self.sources = all_sources(job.workspace)
        self.wanted = wanted_by(job.workspace.teams)
        self.failed: dict[str, Failed] = {}
        self.pulled: Counter[str] = Counter()
        self.gone: list[KnownIssue] = []
        self.unread_histories: tuple[Failed, ...] = ()
        self.whole: set[str] = set()
        """Sources whose every issue was read in this run."""

    def pull(self) -> None:
        cursors = {} if self.full else {s.name: self._cursor(s) for s in self.sources}

        def ask(reader: IssueReader, group: tuple[Source, ...]) -> list[Pulled | Failed]:
            return list(reader.pull([(s, cursors.get(s.name)) for s in group], self.wanted))

        for number, answer in enumerate(self._side_by_side(_groups(self.sources), ask), start=1):
            self.job.progress.step(f"read {answer.source.name}", number, len(self.sources))
            if isinstance(answer, Failed):
                self._fail(answer)
            else:
                self._take(answer)

    def _cursor(self, source: Source) -> Cursor | None:
        state = self.job.store.source(source, self.wanted)
        return state.cursor if state else None

    def _take(self, pulled: Pulled) -> None:
        if pulled.full:
            again = self._asked_again(pulled)
            if again is None:
                return
            pulled = again
            absent = self._absent(pulled.source, frozenset(issue.ref.id for issue in pulled.issues))
            if absent is None:
                return
            self.whole.add(pulled.source.name)
            keep = {ref.id for ref in (*absent.vanished, *absent.unseen)}
            self.job.store.save_pull(pulled, self.wanted, self.job.now(), keep=keep)
            for ref, at in absent.vanished.items():
                self.job.store.mark_vanished(ref, at)
        else:
            self.job.store.save_pull(pulled, self.wanted, self.job.now())
        if pulled.changes is not None:
            told = [issue for issue in pulled.issues if issue.ref.id not in pulled.untold]
            self.job.store.save_changes(told, pulled.changes, self.wanted)
        self.pulled[pulled.source.name] += len(pulled.issues)
        self.job.log.info(
            "source.read",
            source=pulled.source.name,
            issues=len(pulled.issues),
            full=pulled.full,
            unchanged=pulled.unchanged,
        )

    def _asked_again(self, pulled: Pulled) -> Pulled | None:
        """A source that is empty at first sight is asked twice: baselines and first comments would rest on one
        wrong answer otherwise. None when the second answer is none."""
        source = pulled.source
        if pulled.issues or self.job.store.source_ids(source):
            return pulled
        for answer in self.job.readers[source.tracker].pull([(source, None)], self.wanted):
            if isinstance(answer, Failed):
                self._fail(answer)
                return None
            return answer
        return pulled

    def take_census(self) -> None:
        """Ids of all issues, for every source whose last census is too old."""
        due = tuple(s for s in self.sources if self._census_due(s))

        def ask(reader: IssueReader, group: tuple[Source, ...]) -> list[Census | Failed]:
            return list(reader.census(group, self.wanted))

        for answer in self._side_by_side(_groups(due), ask):
            if isinstance(answer, Failed):
                self._fail(answer)
                continue
            if answer.pulled:
                self._take(answer.pulled)
            else:
                self._take_ids(answer)

    def _take_ids(self, census: Census) -> None:
        """An issue may enter a ``jql`` without a change of its own, so that no pull from a watermark tells it."""
        source, store = census.source, self.job.store
        entered = census.ids - store.source_ids(source)
        if len(entered) > MAX_ENTERED:
            self._pull_whole(source)
            return
        absent = self._absent(source, census.ids)
        gone = self._read_entered(source, entered) if absent else None
        if absent is None or gone is None:
            return
        there = replace(census, ids=census.ids - gone)
        store.save_census(there, self.job.now(), vanished=absent.vanished, left=absent.left)

    def _read_entered(self, source: Source, ids: frozenset[str]) -> frozenset[str] | None:
        """Read issues one by one. Out: the ids that are not there any more; None when the source failed."""
        gone: set[str] = set()
        for issue_id in sorted(ids):
            try:
                issue = self.job.readers[source.tracker].read(issue_id, self.wanted)
            except Gone:
                gone.add(issue_id)
            except ConnectorError as error:
                self._fail(Failed(source=source, reason=str(error)))
                return None
            else:
                self.job.store.save_issue(issue, self.job.now())
                self.pulled[source.name] += 1
        return frozenset(gone)

    def _pull_whole(self, source: Source) -> None:
        for answer in self.job.readers[source.tracker].pull([(source, None)], self.wanted):
            if isinstance(answer, Failed):
                self._fail(answer)
            else:
                self._take(answer)

    def read_histories(self) -> None:
        """What happened to the issues that changed. A source without its history has been read nevertheless."""
        there = [source for source in self.sources if source.name not in self.failed]
        self.unread_histories = read_histories(self.job, there, self.wanted)

    def _census_due(self, source: Source) -> bool:
        if source.name in self.failed or source.name in self.whole:
            return False
        state = self.job.store.source(source, self.wanted)
        if state is None or state.last_census is None or missed_before(self.job, source):
            return True
        return self.full or self.job.now() - state.last_census >= self.job.settings.census_every

    def _absent(self, source: Source, ids: frozenset[str]) -> Absent | None:
        """None when the reading is not to be believed; the source has failed then and nothing of it is kept."""
        found = explain_absence(self.job, source, ids, self.wanted, accept_shrink=self.accept_shrink)
        if isinstance(found, Failed):
            self._fail(found)
            return None
        self.gone += found.gone
        return found

    def _fail(self, failure: Failed) -> None:
        self.failed[failure.source.name] = failure
        self.job.store.mark_failed(failure.source, failure.reason, self.job.now())
        # The reason is told once, in words, when the run ends; the store keeps it as well.
        self.job.log.warning("source.failed", source=failure.source.name, kind=failure.kind)

    def result(self) -> Collected:
        # Only now: a source that is pulled well and whose census fails has been failing all the time.
        failing = [state.name for state in self.job.store.sources() if state.failing_since]
        if healthy := {source.name for source in self.sources}.intersection(failing) - self.failed.keys():
            self.job.store.mark_healthy(healthy)
        known = known_today(self.job.store, self.job.workspace)
        anchors, unread = self._read_anchors(known)
        strays = read_strays(self.job, known, {issue.ref for issue in anchors.values()})
        states = {state.name: state.failing_since for state in self.job.store.sources()}
        return Collected(
            known={**known, **strays},
            strays=frozenset(strays),
            failed=tuple(self.failed.values()),
            anchors=anchors,
            unread_anchors=unread,
            pulled_from=self.pulled,
            gone=tuple(self.gone),
            unread_histories=self.unread_histories,
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
        for anchor in anchors_of(self.job.workspace):
            item = by_key.get((anchor.tracker, anchor.key.lower()))
            if item and item.sources - set(self.failed):
                anchors[anchor] = item.issue
                continue
            try:
                issue = self.job.readers[anchor.tracker].read(anchor.key, self.wanted)
            except ConnectorError as error:
                unread[anchor] = str(error)
                self.job.log.warning("anchor.unread", anchor=str(anchor))
            else:
                anchors[anchor] = issue
                self.job.store.save_issue(issue, self.job.now())
        return anchors, unread

    def _side_by_side(
        self,
        groups: Sequence[tuple[Source, ...]],
        ask: Callable[[IssueReader, tuple[Source, ...]], list[_Answer]],
    ) -> Iterator[_Answer]:
        """Ask for all groups at once; answers come in the order of the groups, so that runs are repeatable."""
        if not groups:
            return
        if self.job.at_once == 1:
            for group in groups:
                yield from ask(self.job.readers[group[0].tracker], group)
            return
        with ThreadPoolExecutor(max_workers=min(len(groups), self.job.at_once)) as pool:
            asked = [pool.submit(ask, self.job.readers[group[0].tracker], group) for group in groups]
            for future in asked:
                yield from future.result()


def _groups(sources: Sequence[Source]) -> list[tuple[Source, ...]]:
    """What is asked for together: Jira sources without ``jql`` share a request, all others stand alone."""
    shared: dict[str, list[Source]] = {}
    alone: list[tuple[Source, ...]] = []
    for source in sources:
        if source.repo is None and source.jql is None:
            shared.setdefault(source.tracker, []).append(source)
        else:
            alone.append((source,))
    return [*(tuple(group) for group in shared.values()), *alone]
