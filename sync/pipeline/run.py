"""The story of a run, one step after the other.

pull -> settle -> think -> check people's decisions -> guard -> write -> remember -> tell
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sync.apply.executor import Applier
from sync.apply.recover import settle_open_intents
from sync.diff.limits import check_changes, spread_of
from sync.forecast.health.save import keep_foresight, notice
from sync.insights.record_counts import keep_counted
from sync.model.comments import CommentDrift
from sync.model.labels import Observation
from sync.model.planning import Remembered, Seen
from sync.model.run import Collected, Options, Outcome
from sync.pipeline.impact_estimate import spreading_kept, weigh_changes
from sync.pipeline.instances import refuse_other_instance, remember_instance
from sync.pipeline.resolve_overrides import ask_people
from sync.pull.comment_drift import comment_drift
from sync.pull.current_sources import known_today
from sync.pull.pull import collect
from sync.pull.recorded import Recorder, aliases, carry_renames_over, keep_finished, remember
from sync.pull.rollup_snapshot import figures_of
from sync.pull.source_coverage import keep_fed
from sync.pull.visibility import find_out
from sync.rollup.baseline import baseline_due, baseline_of
from sync.runtime.check_prefixes import refuse_lost_prefixes, remember_prefixes
from sync.runtime.context import Job
from sync.runtime.invocation import holder
from sync.runtime.last_known_good import keep_files
from sync.runtime.limits import deadline_of, guard_limits
from sync.runtime.run_lock import held

Confirm = Callable[["Outcome"], bool]


def look(job: Job, options: Options, *, keeps: bool) -> Outcome:
    """Everything up to the decision: reads the trackers, writes nothing on them.

    ``keeps``: people's decisions that were found are recorded in the store, and so is what the plans renamed.
    """
    started = job.now()
    refuse_other_instance(job)
    refuse_lost_prefixes(job)
    collected = collect(job, full=options.full, accept_shrink=options.accept_shrink)
    still_open = settle_open_intents(job)
    if still_open is not None:
        collected = replace(collected, known=known_today(job.store, job.workspace))
    recorder = Recorder(job, remember(job))
    drift, unread = comment_drift(job) if options.full else ({}, {})
    looks = bool(job.writers) or not keeps
    outcome = _decide(job, replace(options, looks_around=looks), started, collected, recorder, drift)
    if keeps and not outcome.refusals:
        carry_renames_over(job)
        remember_prefixes(job)
        remember_instance(job)
        keep_files(job)
    if keeps and not outcome.refused_people:
        recorder.keep()
    by_hand = (*recorder.found, *_told(drift, recorder.remembered))
    return replace(
        outcome,
        by_hand=by_hand,
        unchecked={**unread, **outcome.unchecked},
        still_open=tuple(still_open),
    )


def carry_out(job: Job, options: Options, outcome: Outcome) -> Outcome:
    """Write what was decided. Without writers, or after a refusal, nothing is written."""
    if outcome.refusals or not job.writers:
        return outcome
    deadline = deadline_of(job, options, outcome.started)
    applier = Applier(
        job,
        max_writes=options.max_writes,
        deadline=deadline,
        aliases=aliases(job.workspace),
        spread=spread_of(outcome.weighed, guard_limits(job, options)),
        looked=outcome.looked,
        waits=not options.full,
    )
    with spreading_kept(job, outcome.weighed, applier.result):
        applied = applier.apply(outcome.changes)
    return replace(outcome, applied=applied)


def remember_outcome(job: Job, outcome: Outcome) -> None:
    """Keep what the next run, ``status`` and ``explain`` need."""
    now, store = job.now(), job.store
    if outcome.refusals:
        return
    keep_foresight(job, outcome.foresight, now)
    store.save_assignments(job.run_id, now, outcome.thought.matched.assignments)
    keep_fed(job, outcome.collected.known, outcome.thought.overrides, outcome.collected.unread)
    keep_counted(job, outcome.thought, outcome.collected.known, now, outcome.started)
    figures, last = figures_of(outcome.thought.rollup), store.last_rollup()
    if last is None or last[1] != figures:
        # Runs in which nothing moved leave no rows: a crontab makes a hundred of them a day.
        store.save_rollup(job.run_id, now, figures)
    for capability in outcome.thought.rollup.capabilities:
        found = job.workspace.capability(capability.id)
        existing = outcome.remembered.baselines.get(capability.id)
        if found and baseline_due(found[2], found[0], now, existing, capability.uncertain):
            store.save_baseline(capability.id, now, baseline_of(capability))
    _finish_increments(job, outcome)


def _decide(
    job: Job,
    options: Options,
    started: datetime,
    collected: Collected,
    recorder: Recorder,
    drift: Mapping[str, CommentDrift],
) -> Outcome:
    limits = guard_limits(job, options)
    seen = Seen(
        known=collected.known,
        anchors=collected.anchors,
        unread=collected.unread,
        failing_since=collected.failing_since,
        left_out=job.left_out,
        strays=collected.strays,
        comments=drift,
        proofs=job.proofs,
        discretion=find_out(job, collected.anchors.values()),
    )
    asked = ask_people(job, options, seen, recorder, limits)
    changes = asked.thought.changes
    issues = (item.issue for item in asked.seen.known.values())
    weighed = weigh_changes(job, changes, (*issues, *asked.seen.anchors.values()))
    unsafe = check_changes(changes, recorder.remembered.pushed, limits, weighed)
    return Outcome(
        run_id=job.run_id,
        started=started,
        collected=replace(collected, known=asked.seen.known, anchors=asked.seen.anchors),
        thought=asked.thought,
        foresight=asked.foresight,
        no_health=notice(job, asked.foresight),
        remembered=recorder.remembered,
        weighed=weighed,
        refusals=asked.refusals or unsafe,
        refused_people=bool(asked.refusals),
        looked=asked.looked,
        unchecked=asked.unchecked,
        postponed=frozenset(asked.back.postponed),
        unusable=job.unusable,
    )


def _told(drift: Mapping[str, CommentDrift], remembered: Remembered) -> tuple[Observation, ...]:
    return tuple(
        Observation(ref=remembered.written[subject].ref, text=f"the status comment of {subject} was {what}")
        for subject, what in drift.items()
    )


def _finish_increments(job: Job, outcome: Outcome) -> None:
    """After the grace days one last write, then none: remembered once everything of it was written that may be."""
    applied, collected = outcome.applied, outcome.collected
    if applied is None or applied.failed or applied.left:
        return
    if collected.failed or collected.unread_anchors or outcome.unchecked or outcome.still_open:
        return
    if outcome.postponed:
        return
    for increment in outcome.thought.rollup.increments:
        if increment.phase != "closed" or increment.id in outcome.remembered.finished:
            continue
        if others := keep_finished(job, increment.id):
            applied.closed.append(
                f"{increment.id} is closed and had its last write, but for what concerns {', '.join(others)}: "
                "push.teams does not name them"
            )


def run_once(job: Job, options: Options) -> Outcome:
    """Plan, write and record one run, under the lock. A refusal or a failed source is part of the result."""

    def work() -> Outcome:
        outcome = carry_out(job, options, look(job, options, keeps=True))
        remember_outcome(job, outcome)
        return outcome

    return with_row(job, work)


def with_row(job: Job, work: Any) -> Outcome:
    """Work while no other run does, and keep the run's end in the store, whatever it is."""
    try:
        with held(job, holder()):
            outcome: Outcome = work()
    except BaseException as error:
        finish_row(job, f"stopped: {type(error).__name__}", 1, {})
        raise
    words = {0: "done", 1: "partly failed", 3: "done without a broken mapping file", 4: "refused"}
    finish_row(job, words[outcome.exit_code], outcome.exit_code, _summary(outcome))
    return outcome


def _summary(outcome: Outcome) -> dict[str, Any]:
    applied = outcome.applied
    return {
        "pulled": outcome.collected.pulled,
        "changes": outcome.changes.summary(),
        "written": applied.done if applied else 0,
        "failed": len(applied.failed) if applied else 0,
        "left": applied.left if applied else 0,
        "failed_sources": [failure.source.name for failure in outcome.collected.failed],
    }


def finish_row(job: Job, outcome: str, code: int, summary: dict[str, Any]) -> None:
    job.store.finish_run(job.run_id, outcome, code, summary)
    job.log.info("run.finished", outcome=outcome, exit_code=code, **summary)
