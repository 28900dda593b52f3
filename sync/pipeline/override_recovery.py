"""After a store was lost: which of our labels people had taken off is in the trackers' own histories.

A store that is younger than our work on a tracker cannot tell a label that was never put from one that a person
removed. Before such an issue gets a label, its history is asked; until then it gets none. Trackers on which nothing
tells of earlier work of ours are not asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from connectors.errors import ConnectorError
from connectors.model import IssueRef, LabelEvent, LabelHistory
from sync.model.labels import SuspectedOverride
from sync.model.planning import PlanningInputs, PlanningResult, RecordedState
from sync.pipeline.confirm_overrides import CheckedOverride
from sync.pull.recorded import RECOVERED_KEY, label_renamer
from sync.runtime.context import RunContext

MAX_HISTORIES_PER_RUN: Final = 100
"""Issues of a tracker whose histories one run asks for."""
_WROTE_BEFORE_KEY: Final = "worked-before:"
_SAMPLE_SIZE: Final = 3
"""Issues with our labels whose histories are asked to find out whether we put one of them."""
_WEEK_DAYS, _TEN_YEARS_DAYS = 7, 3650


def record_earlier_writes(context: RunContext, tracker: str) -> None:
    """Something on this tracker is ours that this store did not know."""
    if not context.store.cache.get(_WROTE_BEFORE_KEY + tracker):
        context.store.cache.put(_WROTE_BEFORE_KEY + tracker, True, days=_TEN_YEARS_DAYS)


def issues_to_recover(
    context: RunContext, planning: PlanningResult, observed: PlanningInputs, recorded: RecordedState
) -> frozenset[IssueRef]:
    """The issues that lack a label that we wish, and of which nobody knows here whether a person took it off."""
    doubtful: dict[str, list[IssueRef]] = {}
    anchors = {issue.ref: issue for issue in observed.anchors.values()}
    for ref, wish in planning.desired.items():
        if not (wish.labels and wish.fully_read and wish.may_write):
            continue
        issue = anchors[ref] if ref in anchors else observed.known[ref].issue
        lacks = wish.labels.keys() - {label.lower() for label in issue.labels}
        if lacks and issue.created < recorded.store_created_at:
            doubtful.setdefault(ref.tracker, []).append(ref)
    return frozenset(
        ref
        for tracker, refs in doubtful.items()
        if _wrote_before(context, tracker, observed, recorded)
        for ref in refs
        if not context.store.cache.get(f"{RECOVERED_KEY}{ref.tracker}:{ref.id}")
    )


def _wrote_before(
    context: RunContext, tracker: str, observed: PlanningInputs, recorded: RecordedState
) -> bool:
    """Whether we wrote on a tracker before this store was born: a comment of ours was found there, or the history of
    an issue says that we put a label that it carried when this store saw it first."""
    kept = context.store.cache.get(_WROTE_BEFORE_KEY + tracker)
    if kept is not None:
        return bool(kept)
    labelled = sorted(
        ref
        for ref, item in observed.known.items()
        if ref.tracker == tracker
        and item.issue.created < recorded.store_created_at
        and context.workspace.labels.managed(item.first_labels)
        and not recorded.pushed_labels.get(ref)
    )
    if not labelled:
        return False
    try:
        told = context.readers[tracker].label_histories(labelled[:_SAMPLE_SIZE])
    except ConnectorError:
        return True  # then the issues themselves cannot be asked either, and get no label
    ours = context.own_account_ids(tracker)
    named = context.workspace.labels.managed
    puts = [stories[label].added for stories in told.values() for label in named(stories)]
    found = any(put is not None and put.author_id in ours for put in puts)
    context.store.cache.put(_WROTE_BEFORE_KEY + tracker, found, days=_TEN_YEARS_DAYS if found else _WEEK_DAYS)
    return found


@dataclass(kw_only=True, slots=True)
class RecoveredOverrides:
    """What histories said in this run."""

    findings: list[CheckedOverride] = field(default_factory=list)
    """Vetoes of the last look."""
    requested: set[IssueRef] = field(default_factory=set)
    unread: dict[IssueRef, str] = field(default_factory=dict)
    """Issue -> why its history could not be read."""
    postponed: set[IssueRef] = field(default_factory=set)
    """Issues whose turn comes in a later run."""

    def recover(self, context: RunContext, suspicions: Collection[SuspectedOverride]) -> frozenset[IssueRef]:
        """Ask for the histories of the issues of these suspicions, as long as the budget of the run lasts. Out: the
        issues of which all is known now."""
        self.findings, before = [], frozenset(self.requested)
        wished: dict[str, dict[IssueRef, set[str]]] = {}
        for each in suspicions:
            wished.setdefault(each.ref.tracker, {}).setdefault(each.ref, set()).add(each.label)
        for tracker, labels in wished.items():
            left = MAX_HISTORIES_PER_RUN - sum(1 for ref in self.requested if ref.tracker == tracker)
            refs = sorted(labels)
            self.postponed.update(refs[left:])
            self._read_histories(context, tracker, {ref: labels[ref] for ref in refs[:left]})
        return frozenset(self.requested - before - self.unread.keys())

    def _read_histories(
        self, context: RunContext, tracker: str, labels: Mapping[IssueRef, Collection[str]]
    ) -> None:
        if not labels:
            return
        self.requested.update(labels)
        try:
            told = context.readers[tracker].label_histories(list(labels))
        except ConnectorError as error:
            self.unread.update(dict.fromkeys(labels, str(error)))
            return
        for ref, wished in labels.items():
            if ref in told:
                self.findings += _vetoes(context, ref, told[ref], wished)
            else:
                self.unread[ref] = (
                    "its history, which may say that a person took our label off, cannot be read"
                )
        context.log.info("history.labels", tracker=tracker, issues=len(labels), vetoes=len(self.findings))


def _vetoes(
    context: RunContext, ref: IssueRef, histories: Mapping[str, LabelHistory], desired: Collection[str]
) -> Iterator[CheckedOverride]:
    """The labels that we put and somebody else took off last, whatever their prefix was."""
    today, ours = label_renamer(context), context.own_account_ids(ref.tracker)
    last: dict[str, tuple[LabelEvent, str, LabelHistory]] = {}
    for label in sorted(context.workspace.labels.managed(histories)):
        event = histories[label].removed or histories[label].added
        if event and (today(label) not in last or last[today(label)][0].at <= event.at):
            last[today(label)] = event, label, histories[label]
    names = {today(label) for label in desired}
    for name, (event, label, story) in last.items():
        was_ours = story.added is not None and story.added.author_id in ours
        if (
            story.removed
            and was_ours
            and event.author_id not in ours
            and (name in names or _is_planned_capability(context, name))
        ):
            suspicion = SuspectedOverride(ref=ref, kind="veto", label=label, needs_history=True)
            yield CheckedOverride(suspicion=suspicion, verdict="veto", decided_at=event.at)


def _is_planned_capability(context: RunContext, label: str) -> bool:
    named = context.workspace.labels.capability_of(label)
    return named is not None and context.workspace.capability(named) is not None
