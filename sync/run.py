"""The story of a run, one step after the other.

pull -> settle -> think -> check people's decisions -> guard -> write -> remember -> tell
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from connectors.model import IssueRef
from sync.apply import LEASE, Applied, Applier
from sync.changes import ChangeSet
from sync.collect import Collected, collect
from sync.compare import CommentDrift, Observation, Suspicion
from sync.drift import comment_drift
from sync.guard import GuardLimits, Refusal, check_changes, check_overrides
from sync.job import Job
from sync.memory import FINISHED, Recorder, aliases, carry_renames_over, remember
from sync.overrides import check_suspicions
from sync.scope import baseline_due, baseline_of
from sync.settle import settle_open_intents
from sync.think import Remembered, Seen, Thought, think

MAX_ROUNDS = 4
"""A decision can bring another to light (a pin frees a label); what is still open then waits for the next run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What the person or the crontab asked for."""

    full: bool = False
    """Read everything again, ids and our own comments included."""
    accept_shrink: bool = False
    accept_overrides: bool = False
    restore_labels: bool = False
    max_removals: int | None = None
    max_comments: int | None = None
    max_writes: int | None = None
    max_duration: timedelta | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """Everything that a run found, decided and did; commands render it."""

    run_id: str
    collected: Collected
    thought: Thought
    remembered: Remembered
    refusals: tuple[Refusal, ...] = ()
    unchecked: Mapping[IssueRef, str] = field(default_factory=dict)
    """Issues whose people's decisions could not be checked; nothing is written on them."""
    still_open: tuple[str, ...] = ()
    by_hand: tuple[Observation, ...] = ()
    """What people did to our labels and comments since the last run."""
    applied: Applied | None = None
    """None when nothing was to be written: a preview, push switched off, a refusal."""

    @property
    def changes(self) -> ChangeSet:
        return self.thought.changes

    @property
    def exit_code(self) -> int:
        """4 when the guard refused, 1 when something failed or could not be read, else 0."""
        if self.refusals:
            return 4
        failed = (
            self.collected.failed
            or self.collected.unread_anchors
            or self.unchecked
            or self.still_open
            or self.thought.matched.conflicts
            or (self.applied and self.applied.failed)
        )
        return 1 if failed else 0


Confirm = Callable[["Outcome"], bool]


def look(job: Job, options: Options, *, keeps: bool) -> Outcome:
    """Everything up to the decision: reads the trackers, writes nothing on them.

    ``keeps``: people's decisions that were found are recorded in the store.
    """
    carry_renames_over(job)
    collected = collect(job, full=options.full, accept_shrink=options.accept_shrink)
    still_open = settle_open_intents(job)
    if still_open is not None:
        collected = replace(collected, known={k.issue.ref: k for k in job.store.known()})
    recorder = Recorder(job, remember(job), keeps=keeps)
    drift, unread = comment_drift(job) if options.full else ({}, {})
    outcome = _decide(job, options, collected, recorder, tuple(still_open), drift)
    by_hand = (*recorder.found, *_told(drift, recorder.remembered))
    return replace(outcome, by_hand=by_hand, unchecked={**unread, **outcome.unchecked})


def carry_out(job: Job, options: Options, outcome: Outcome) -> Outcome:
    """Write what was decided. Without writers, or after a refusal, nothing is written."""
    if outcome.refusals or not job.writers:
        return outcome
    deadline = _deadline(job, options)
    applier = Applier(job, max_writes=options.max_writes, deadline=deadline, aliases=aliases(job.workspace))
    applied = applier.apply(outcome.changes)
    return replace(outcome, applied=applied)


def remember_outcome(job: Job, outcome: Outcome) -> None:
    """Keep what the next run, ``status`` and ``explain`` need."""
    now, store = job.now(), job.store
    if outcome.refusals:
        return
    store.save_assignments(job.run_id, now, outcome.thought.matched.assignments)
    for capability in outcome.thought.rollup.capabilities:
        found = job.workspace.capability(capability.id)
        existing = outcome.remembered.baselines.get(capability.id)
        if found and baseline_due(found[2], found[0], now, existing, capability.uncertain):
            store.save_baseline(capability.id, now, baseline_of(capability))
    _finish_increments(job, outcome)


def with_lease(job: Job, holder: str, work: Callable[[], Outcome]) -> Outcome:
    """Keep other runs away while this one works. LeaseHeld when one is at it already."""
    job.store.take_lease(job.run_id, holder, LEASE)
    try:
        return work()
    finally:
        job.store.release_lease(job.run_id)


def _decide(
    job: Job,
    options: Options,
    collected: Collected,
    recorder: Recorder,
    still_open: tuple[str, ...],
    drift: Mapping[str, CommentDrift],
) -> Outcome:
    limits = guard_limits(job, options)
    unchecked: dict[IssueRef, str] = {}
    seen = Seen(
        known=collected.known,
        anchors=collected.anchors,
        unread=collected.unread,
        failing_since=collected.failing_since,
        comments=drift,
    )
    refusals: tuple[Refusal, ...] = ()
    thought = _think(job, seen, recorder.remembered)
    for _ in range(MAX_ROUNDS):
        open_suspicions = [s for s in thought.suspicions if s.ref not in unchecked]
        if options.restore_labels:
            open_suspicions = _restore(open_suspicions, recorder)
        if not open_suspicions and not options.restore_labels:
            break
        if not options.accept_overrides:
            refusals = check_overrides(tuple(open_suspicions), recorder.remembered.pushed, limits)
            if refusals:
                break
        fresh, unread = check_suspicions(job, open_suspicions, recorder)
        unchecked |= unread
        seen = _with_fresh(job, seen, fresh)
        thought = _think(job, seen, recorder.remembered)
        if not thought.suspicions:
            break
    for ref, labels in thought.forget.items():
        recorder.forget(ref, labels)
    if not refusals:
        refusals = check_changes(thought.changes, recorder.remembered.pushed, limits)
    return Outcome(
        run_id=job.run_id,
        collected=replace(collected, known=seen.known, anchors=seen.anchors),
        thought=thought,
        remembered=recorder.remembered,
        refusals=refusals,
        unchecked=unchecked,
        still_open=still_open,
    )


def _told(drift: Mapping[str, CommentDrift], remembered: Remembered) -> tuple[Observation, ...]:
    return tuple(
        Observation(ref=remembered.written[subject].ref, text=f"the status comment of {subject} was {what}")
        for subject, what in drift.items()
    )


def _restore(suspicions: list[Suspicion], recorder: Recorder) -> list[Suspicion]:
    """Asked to put labels back: what is gone is forgotten, so that it is simply wanted again."""
    for suspicion in suspicions:
        if suspicion.kind == "veto":
            recorder.forget(suspicion.ref, frozenset({suspicion.label}))
    return [suspicion for suspicion in suspicions if suspicion.kind != "veto"]


def _think(job: Job, seen: Seen, remembered: Remembered) -> Thought:
    return think(
        job.settings,
        job.workspace,
        seen,
        remembered,
        now=job.now(),
        markup={tracker: job.markup(tracker) for tracker in job.settings.trackers},
    )


def _with_fresh(job: Job, seen: Seen, fresh: Mapping[IssueRef, Any]) -> Seen:
    """The issues that were read directly take the place of what the lists said."""
    known = dict(seen.known)
    for ref in fresh:
        item = job.store.known_issue(ref.tracker, ref.id)
        if item is not None:
            known[ref] = item
    anchors = {anchor: fresh.get(issue.ref, issue) for anchor, issue in seen.anchors.items()}
    return replace(seen, known=known, anchors=anchors)


def guard_limits(job: Job, options: Options) -> GuardLimits:
    """The settings' limits, with what was allowed for this once."""
    limits = job.settings.limits
    removals = options.max_removals if options.max_removals is not None else limits.removals
    comments = options.max_comments if options.max_comments is not None else limits.new_comments
    return GuardLimits(
        removals=removals,
        removal_share=0.0 if options.max_removals is not None else limits.removal_share,
        new_comments=comments,
        overrides=limits.overrides,
        override_share=limits.override_share,
    )


def _deadline(job: Job, options: Options) -> Callable[[], bool]:
    if options.max_duration is None:
        return lambda: False
    started = job.now()
    until = started + options.max_duration
    return lambda: job.now() >= until


def _finish_increments(job: Job, outcome: Outcome) -> None:
    """After the grace days one last write, then none: remembered once everything of it was written."""
    applied = outcome.applied
    if applied is None or applied.failed or applied.left or outcome.collected.failed:
        return
    for increment in job.workspace.increments:
        if increment.phase(job.now()) == "closed" and increment.id not in outcome.remembered.finished:
            job.store.cache.put(FINISHED + increment.id, True, days=3650)


__all__ = ["Observation", "Options", "Outcome", "carry_out", "look", "remember_outcome", "with_lease"]
