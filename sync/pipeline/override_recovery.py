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
from connectors.model import IssueRef, LabelEvent, LabelStory
from sync.model.labels import Suspicion
from sync.model.planning import Remembered, Seen, Thought
from sync.pipeline.confirm_overrides import Finding
from sync.pull.recorded import LOOKED_BACK, label_names
from sync.runtime.context import Job

MOST: Final = 100
"""Issues of a tracker whose histories one run asks for."""
_WORKED: Final = "worked-before:"
_PROOFS: Final = 3
"""Issues with our labels whose histories are asked to find out whether we put one of them."""
_WEEK, _FOR_GOOD = 7, 3650


def note_earlier_work(job: Job, tracker: str) -> None:
    """Something on this tracker is ours that this store did not know."""
    if not job.store.cache.get(_WORKED + tracker):
        job.store.cache.put(_WORKED + tracker, True, days=_FOR_GOOD)


def not_looked_back(job: Job, thought: Thought, seen: Seen, remembered: Remembered) -> frozenset[IssueRef]:
    """The issues that lack a label that we wish, and of which nobody knows here whether a person took it off."""
    doubtful: dict[str, list[IssueRef]] = {}
    anchors = {issue.ref: issue for issue in seen.anchors.values()}
    for ref, wish in thought.wishes.items():
        if not (wish.labels and wish.read and wish.may_write):
            continue
        issue = anchors[ref] if ref in anchors else seen.known[ref].issue
        lacks = wish.labels.keys() - {label.lower() for label in issue.labels}
        if lacks and issue.created < remembered.born:
            doubtful.setdefault(ref.tracker, []).append(ref)
    return frozenset(
        ref
        for tracker, refs in doubtful.items()
        if _worked_before(job, tracker, seen, remembered)
        for ref in refs
        if not job.store.cache.get(f"{LOOKED_BACK}{ref.tracker}:{ref.id}")
    )


def _worked_before(job: Job, tracker: str, seen: Seen, remembered: Remembered) -> bool:
    """Whether we wrote on a tracker before this store was born: a comment of ours was found there, or the history of
    an issue says that we put a label that it carried when this store saw it first."""
    kept = job.store.cache.get(_WORKED + tracker)
    if kept is not None:
        return bool(kept)
    labelled = sorted(
        ref
        for ref, item in seen.known.items()
        if ref.tracker == tracker
        and item.issue.created < remembered.born
        and job.workspace.labels.ours(item.first_labels)
        and not remembered.pushed.get(ref)
    )
    if not labelled:
        return False
    try:
        told = job.readers[tracker].label_stories(labelled[:_PROOFS])
    except ConnectorError:
        return True  # then the issues themselves cannot be asked either, and get no label
    ours = job.accounts(tracker)
    named = job.workspace.labels.ours
    puts = [stories[label].put for stories in told.values() for label in named(stories)]
    found = any(put is not None and put.author_id in ours for put in puts)
    job.store.cache.put(_WORKED + tracker, found, days=_FOR_GOOD if found else _WEEK)
    return found


@dataclass(kw_only=True, slots=True)
class LookedBack:
    """What histories said in this run."""

    findings: list[Finding] = field(default_factory=list)
    """Vetoes of the last look."""
    asked: set[IssueRef] = field(default_factory=set)
    unread: dict[IssueRef, str] = field(default_factory=dict)
    """Issue -> why its history could not be read."""
    postponed: set[IssueRef] = field(default_factory=set)
    """Issues whose turn comes in a later run."""

    def look(self, job: Job, suspicions: Collection[Suspicion]) -> frozenset[IssueRef]:
        """Ask for the histories of the issues of these suspicions, as long as the budget of the run lasts. Out: the
        issues of which all is known now."""
        self.findings, before = [], frozenset(self.asked)
        wished: dict[str, dict[IssueRef, set[str]]] = {}
        for each in suspicions:
            wished.setdefault(each.ref.tracker, {}).setdefault(each.ref, set()).add(each.label)
        for tracker, labels in wished.items():
            left = MOST - sum(1 for ref in self.asked if ref.tracker == tracker)
            refs = sorted(labels)
            self.postponed.update(refs[left:])
            self._ask(job, tracker, {ref: labels[ref] for ref in refs[:left]})
        return frozenset(self.asked - before - self.unread.keys())

    def _ask(self, job: Job, tracker: str, labels: Mapping[IssueRef, Collection[str]]) -> None:
        if not labels:
            return
        self.asked.update(labels)
        try:
            told = job.readers[tracker].label_stories(list(labels))
        except ConnectorError as error:
            self.unread.update(dict.fromkeys(labels, str(error)))
            return
        for ref, wished in labels.items():
            if ref in told:
                self.findings += _vetoes(job, ref, told[ref], wished)
            else:
                self.unread[ref] = (
                    "its history, which may say that a person took our label off, cannot be read"
                )
        job.log.info("history.labels", tracker=tracker, issues=len(labels), vetoes=len(self.findings))


def _vetoes(
    job: Job, ref: IssueRef, stories: Mapping[str, LabelStory], wished: Collection[str]
) -> Iterator[Finding]:
    """The labels that we put and somebody else took off last, whatever their prefix was."""
    today, ours = label_names(job), job.accounts(ref.tracker)
    last: dict[str, tuple[LabelEvent, str, LabelStory]] = {}
    for label in sorted(job.workspace.labels.ours(stories)):
        event = stories[label].off or stories[label].put
        if event and (today(label) not in last or last[today(label)][0].at <= event.at):
            last[today(label)] = event, label, stories[label]
    names = {today(label) for label in wished}
    for name, (event, label, story) in last.items():
        was_ours = story.put is not None and story.put.author_id in ours
        if story.off and was_ours and event.author_id not in ours and (name in names or _is_known(job, name)):
            suspicion = Suspicion(ref=ref, kind="veto", label=label, needs_history=True)
            yield Finding(suspicion=suspicion, verdict="veto", at=event.at)


def _is_known(job: Job, label: str) -> bool:
    named = job.workspace.labels.capability_of(label)
    return named is not None and job.workspace.capability(named) is not None
