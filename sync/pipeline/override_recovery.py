"""Recovery of vetoes after a lost store, from the label histories of the trackers.

A store that is younger than the labels on a tracker cannot tell a label that was never put from one that a person
removed. Such an issue gets no label until its history was read. Trackers without a sign of earlier writes are skipped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Final

from connectors.errors import ConnectorError
from connectors.model import IssueRef, LabelEvent, LabelHistory
from sync.model.labels import SuspectedOverride
from sync.model.planning import PlanningInputs, PlanningResult, RecordedState
from sync.pipeline.label_evidence import UNREAD_HISTORY, CheckedOverride, LabelEvidence
from sync.pull.recorded import RECOVERED_KEY, label_renamer
from sync.runtime.context import RunContext

MAX_HISTORIES_PER_RUN: Final = 100
"""Histories that one run reads from one tracker."""
_WROTE_BEFORE_KEY: Final = "worked-before:"
_SAMPLE_SIZE: Final = 3
"""Issues with managed labels whose history is read to find out whether we put one of them."""
_WEEK_DAYS, _TEN_YEARS_DAYS = 7, 3650


def record_earlier_writes(context: RunContext, tracker: str) -> None:
    """Record that this tracker has writes of ours from before this store."""
    context.store.cache.put(_WROTE_BEFORE_KEY + tracker, True, days=_TEN_YEARS_DAYS)


def record_writes_in_histories(
    context: RunContext, histories: Mapping[IssueRef, Mapping[str, LabelHistory]], store_created: datetime
) -> None:
    """Look in label histories that came with the pull for changes by our account from before this store.

    After an undo of every write they are the only sign.
    """
    accounts: defaultdict[str, set[str]] = defaultdict(set)
    for ref, of_issue in histories.items():
        for label in context.workspace.labels.managed(of_issue):
            events = of_issue[label].added, of_issue[label].removed
            accounts[ref.tracker] |= {each.author_id for each in events if each and each.at < store_created}
    for tracker, found in accounts.items():
        if found & context.own_account_ids(tracker) and not context.store.cache.get(
            _WROTE_BEFORE_KEY + tracker
        ):
            record_earlier_writes(context, tracker)


def issues_to_recover(
    context: RunContext, planning: PlanningResult, observed: PlanningInputs, recorded: RecordedState
) -> frozenset[IssueRef]:
    """Return the issues that lack a desired label which a person may have removed before this store existed."""
    candidates: defaultdict[str, list[IssueRef]] = defaultdict(list)
    anchors = {issue.ref: issue for issue in observed.anchors.values()}
    for ref, desired in planning.desired.items():
        if not (desired.labels and desired.fully_read and desired.may_write):
            continue
        issue = anchors[ref] if ref in anchors else observed.known[ref].issue
        missing = desired.labels.keys() - {label.lower() for label in issue.labels}
        if missing and issue.created < recorded.store_created_at:
            candidates[ref.tracker].append(ref)
    return frozenset(
        ref
        for tracker, refs in candidates.items()
        if _wrote_before(context, tracker, observed, recorded)
        for ref in refs
        if not context.store.cache.get(f"{RECOVERED_KEY}{ref.tracker}:{ref.id}")
    )


def _wrote_before(
    context: RunContext, tracker: str, observed: PlanningInputs, recorded: RecordedState
) -> bool:
    """Return True if increment-sync wrote on a tracker before this store existed.

    The sign is a status comment, a label history that came with the pull, or the history of an issue that already
    carried a managed label at its first read.
    """
    stored = context.store.cache.get(_WROTE_BEFORE_KEY + tracker)
    if stored is not None:
        return bool(stored)
    labeled = sorted(
        ref
        for ref, item in observed.known.items()
        if ref.tracker == tracker
        and item.issue.created < recorded.store_created_at
        and context.workspace.labels.managed(item.first_labels)
        and not recorded.pushed_labels.get(ref)
    )
    if not labeled:
        return False
    try:
        histories = context.readers[tracker].label_histories(labeled[:_SAMPLE_SIZE])
    except ConnectorError:
        # The check of a label can succeed in this run and take the only sign away.
        context.store.cache.put(_WROTE_BEFORE_KEY + tracker, True, days=_WEEK_DAYS)
        return True
    ours = context.own_account_ids(tracker)
    named = context.workspace.labels.managed
    added = [of_issue[label].added for of_issue in histories.values() for label in named(of_issue)]
    found = any(put is not None and put.author_id in ours for put in added)
    context.store.cache.put(_WROTE_BEFORE_KEY + tracker, found, days=_TEN_YEARS_DAYS if found else _WEEK_DAYS)
    return found


@dataclass(kw_only=True, slots=True)
class RecoveredOverrides:
    """Vetoes that label histories have shown in this run."""

    evidence: LabelEvidence
    findings: list[CheckedOverride] = field(default_factory=list)
    """Vetoes of the last call of ``recover``."""
    requested: set[IssueRef] = field(default_factory=set)
    unread: dict[IssueRef, str] = field(default_factory=dict)
    """Issue -> reason why its history could not be read."""
    postponed: set[IssueRef] = field(default_factory=set)
    """Issues whose history a later run reads."""

    def recover(self, context: RunContext, suspicions: Collection[SuspectedOverride]) -> frozenset[IssueRef]:
        """Read the histories of these issues within the budget of the run.

        Return the issues that are fully known now.
        """
        self.findings, before = [], frozenset(self.requested)
        labels: defaultdict[IssueRef, set[str]] = defaultdict(set)
        for each in suspicions:
            labels[each.ref].add(each.label)
        for tracker, of_tracker in groupby(sorted(labels), key=lambda ref: ref.tracker):
            refs = list(of_tracker)
            left = MAX_HISTORIES_PER_RUN - sum(ref.tracker == tracker for ref in self.requested)
            self.postponed.update(refs[left:])
            self._read_histories(context, tracker, {ref: labels[ref] for ref in refs[:left]})
        return frozenset(self.requested - before - self.unread.keys())

    def _read_histories(
        self, context: RunContext, tracker: str, labels: Mapping[IssueRef, Collection[str]]
    ) -> None:
        if not labels:
            return
        self.requested.update(labels)
        self.evidence.request(labels)
        for ref, desired in labels.items():
            if ref in self.evidence.histories:
                self.findings += _vetoes(context, ref, self.evidence.histories[ref], desired)
            else:
                self.unread[ref] = self.evidence.unread.get(ref, UNREAD_HISTORY)
        context.log.info("history.vetoes", tracker=tracker, issues=len(labels), vetoes=len(self.findings))


def _vetoes(
    context: RunContext, ref: IssueRef, histories: Mapping[str, LabelHistory], desired: Collection[str]
) -> Iterator[CheckedOverride]:
    """Find the labels that we put and that another account removed last, with any prefix."""
    current_name, ours = label_renamer(context), context.own_account_ids(ref.tracker)
    last: dict[str, tuple[LabelEvent, str, LabelHistory]] = {}
    for label in sorted(context.workspace.labels.managed(histories)):
        event = histories[label].removed or histories[label].added
        if event and (current_name(label) not in last or last[current_name(label)][0].at <= event.at):
            last[current_name(label)] = event, label, histories[label]
    names = {current_name(label) for label in desired}
    for name, (event, label, history) in last.items():
        was_ours = history.added is not None and history.added.author_id in ours
        if (
            history.removed
            and was_ours
            and event.author_id not in ours
            and (name in names or _is_planned_capability(context, name))
        ):
            suspicion = SuspectedOverride(ref=ref, kind="veto", label=label, needs_history=True)
            yield CheckedOverride(
                suspicion=suspicion, verdict="veto", decided_at=event.at, account=event.author_id
            )


def _is_planned_capability(context: RunContext, label: str) -> bool:
    named = context.workspace.labels.capability_of(label)
    return named is not None and context.workspace.capability(named) is not None
