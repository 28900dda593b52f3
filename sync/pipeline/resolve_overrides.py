"""Think, ask the trackers about what people seem to have decided, and think again until nothing is open."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Final

from connectors.model import IssueRef
from sync.diff.limits import allowed_overrides, check_overrides, deleted_as_a_whole
from sync.forecast.health.assess import foresee
from sync.model.health_assessment import Foresight
from sync.model.labels import Suspicion
from sync.model.limits import GuardLimits, Refusal
from sync.model.planning import Remembered, Seen, Thought
from sync.model.run import Options
from sync.pipeline.confirm_overrides import Checked, check_suspicions, record
from sync.pipeline.instances import look_around
from sync.pipeline.override_recovery import LookedBack, not_looked_back, note_earlier_work
from sync.pipeline.planner import count_up, decide
from sync.pull.recorded import Recorder
from sync.runtime.context import Job

MAX_ROUNDS: Final = 4
"""A decision can bring another to light (a pin frees a label); what is still open then waits for the next run."""


@dataclass(kw_only=True, slots=True)
class Asked:
    """Where the thinking stands after people's decisions were checked."""

    seen: Seen
    thought: Thought
    foresight: Foresight
    refusals: tuple[Refusal, ...] = ()
    looked: frozenset[str] = frozenset()
    """Subjects on whose anchor we looked for a comment of ours and found none."""
    unchecked: dict[IssueRef, str] = field(default_factory=dict)
    """Issue -> why people's decisions on it could not be checked."""
    back: LookedBack = field(default_factory=LookedBack)
    """What the histories said of times before this store was there."""

    def open_suspicions(self) -> list[Suspicion]:
        """Those that can be checked in this run."""
        return [
            each
            for each in self.thought.suspicions
            if each.ref not in self.unchecked
            and not (each.kind == "earlier" and each.ref in self.back.postponed)
        ]

    def look_back(self, job: Job, suspicions: Collection[Suspicion], recorder: Recorder) -> None:
        """Ask the trackers what people took off before this store was there, and take it into memory."""
        told = self.back.look(job, [each for each in suspicions if each.kind == "earlier"])
        record(self.back.findings, recorder)
        self.unchecked |= self.back.unread
        for ref in sorted(told):
            recorder.looked_back(ref)
        self.seen = replace(self.seen, not_looked_back=self.seen.not_looked_back - told)

    def think_again(self, job: Job, remembered: Remembered) -> None:
        self.thought, self.foresight = _think(job, self.seen, remembered, self.foresight)


def ask_people(job: Job, options: Options, seen: Seen, recorder: Recorder, limits: GuardLimits) -> Asked:
    """Think, check what people seem to have decided, and think again until nothing is open."""
    before = recorder.remembered.pushed
    thought, foresight = _think(job, seen, recorder.remembered)
    asked = Asked(seen=seen, thought=thought, foresight=foresight)
    if options.looks_around and not _look_around(job, asked, recorder):
        return asked
    if options.restore_labels:
        _restore(asked.thought, recorder)
        asked.think_again(job, recorder.remembered)
    if options.looks_around:
        _find_unlooked(job, asked, recorder)
    looked_at = [ref for ref, wish in asked.thought.wishes.items() if wish.read]
    stop_after = None if options.accept_overrides else allowed_overrides(before, limits)
    confirmed: list[Suspicion] = []
    for _ in range(MAX_ROUNDS):
        suspicions = asked.open_suspicions()
        if not suspicions:
            break
        now = [each for each in suspicions if each.kind != "earlier"]
        checked = check_suspicions(job, now, stop_after=stop_after)
        confirmed += checked.confirmed
        if not options.accept_overrides:
            asked.refusals = check_overrides(confirmed, before, limits, looked_at)
            if asked.refusals:
                break
        record(checked.findings, recorder)
        asked.look_back(job, suspicions, recorder)
        anchors = {issue.ref for issue in asked.seen.anchors.values()}
        asked.unchecked |= checked.unread
        asked.unchecked |= dict.fromkeys(checked.vanished & anchors, "it is not there any more")
        asked.seen = _with_fresh(job, asked.seen, checked)
        asked.think_again(job, recorder.remembered)
    return asked


def _look_around(job: Job, asked: Asked, recorder: Recorder) -> bool:
    """What stands where comments are to be started, when they are. False when the run has to stop."""
    starting = [change for change in asked.thought.changes.comments if change.creates]
    found = look_around(job, starting, recorder)
    for tracker in found.adopted:
        note_earlier_work(job, tracker)
    asked.refusals, asked.looked = found.refusals, frozenset(found.looked)
    if found.contested or found.adopted:
        asked.seen = replace(asked.seen, contested=frozenset(found.contested))
        asked.unchecked |= found.refs
        asked.think_again(job, recorder.remembered)
    return not found.refusals


def _find_unlooked(job: Job, asked: Asked, recorder: Recorder) -> None:
    """The store may be new where our work is not: then issues are looked at before they get a label."""
    found = not_looked_back(job, asked.thought, asked.seen, recorder.remembered)
    if found:
        asked.seen = replace(asked.seen, not_looked_back=found)
        asked.think_again(job, recorder.remembered)


def _restore(thought: Thought, recorder: Recorder) -> None:
    """Asked to put a deleted label back: it is forgotten for this run, so that it is simply wanted again."""
    looked_at = [ref for ref, wish in thought.wishes.items() if wish.read]
    for suspicion in deleted_as_a_whole(thought.suspicions, recorder.remembered.pushed, looked_at):
        recorder.forget(suspicion.ref, frozenset({suspicion.label}), for_good=False)


def _think(
    job: Job, seen: Seen, remembered: Remembered, before: Foresight | None = None
) -> tuple[Thought, Foresight]:
    """``before``: what was expected when the same was thought about a moment ago; holds while the same counts."""
    now, workspace = job.now(), job.workspace
    markup = {tracker: job.markup(tracker) for tracker in job.settings.trackers}
    counting = count_up(workspace, seen, remembered, now=now)
    same = before is not None and before.rollup == counting.rollup
    foresight = before if before is not None and same else foresee(job, counting, seen.known)
    expected = foresight.expected
    thought = decide(job.settings, workspace, seen, remembered, counting, expected, now=now, markup=markup)
    return thought, foresight


def _with_fresh(job: Job, seen: Seen, checked: Checked) -> Seen:
    """The issues that were read directly take the place of what the lists said."""
    known = dict(seen.known)
    for ref in (*checked.fresh, *checked.vanished):
        item = job.store.known_issue(ref.tracker, ref.id)
        if item is not None:
            known[ref] = replace(item, sources=known[ref].sources) if ref in known else item
    anchors = {anchor: checked.fresh.get(issue.ref, issue) for anchor, issue in seen.anchors.items()}
    return replace(seen, known=known, anchors=anchors)
