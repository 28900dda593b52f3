"""``run``, ``reconcile``, ``preview`` and ``apply``: the commands that talk to trackers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from sync.apply.changeset_file import SavedChanges, load, refuse_if_stale, save
from sync.apply.executor import Applier
from sync.cli.render import (
    applied_text,
    attention_text,
    changes_markdown,
    changes_text,
    outcome_json,
    problems_text,
    summary_line,
    written_text,
)
from sync.cli.run_telemetry import Watched, watched
from sync.diff.limits import check_changes, spread_of
from sync.model.run import Applied, Options, Outcome
from sync.pipeline.impact_estimate import spreading_kept, weigh_changes
from sync.pipeline.instances import look_again, refuse_other_instance
from sync.pipeline.run import carry_out, finish_row, look, remember_outcome, run_once, with_row
from sync.pull.recorded import Recorder, aliases, carry_renames_over, remember
from sync.runtime.check_prefixes import refuse_lost_prefixes
from sync.runtime.context import Job
from sync.runtime.invocation import Ways, agrees, complain, holder, say, say_json
from sync.runtime.limits import deadline_of, guard_limits
from sync.runtime.run_lock import held
from sync.runtime.session import online_job

PENDING = 2
"""Exit code with ``--detailed-exitcode`` when there is something to change."""


def run(ways: Ways, options: Options, metrics: Path | None = None) -> int:
    """The cron job. ``metrics``: the file for figures about it, in place of the settings' one."""
    return watched(ways, metrics, lambda seen: _run(ways, options, seen))


def _run(ways: Ways, options: Options, seen: Watched) -> int:
    with online_job(
        ways, "run", _told(options), writes=True, max_duration=options.max_duration, waits_for_all=False
    ) as job:
        seen.job = job
        seen.outcome = outcome = run_once(job, options)
        _tell(ways, job, outcome, wrote=True)
        return outcome.exit_code


def preview(ways: Ways, options: Options, out: Path | None, detailed: bool, format_: str) -> int:
    """Show what ``run`` would write, and save it for ``apply``."""
    with online_job(ways, "preview", _told(options), writes=False, waits_for_all=False) as job:

        def work() -> Outcome:
            outcome = look(job, options, keeps=False)
            if out and not outcome.refusals:
                save(out, job, outcome.changes, outcome.weighed.attention)
            return outcome

        outcome = with_row(job, work)
        if format_ == "markdown":
            say(changes_markdown(outcome.changes, outcome.weighed.attention))
            _complain_problems(outcome)
        else:
            _tell(ways, job, outcome, wrote=False)
        if out and not outcome.refusals:
            complain(f"saved to {out}; write exactly this with: increment-sync apply {out}")
        if outcome.exit_code == 0 and detailed and len(outcome.changes):
            return PENDING
        return outcome.exit_code


def apply_file(ways: Ways, path: Path, options: Options) -> int:
    """Write exactly what was reviewed, or refuse it whole."""
    saved = load(path)
    told = {"file": str(path), **_told(options)}
    with online_job(ways, "apply", told, writes=True, max_duration=options.max_duration) as job:
        try:
            return _apply(ways, job, saved, options)
        except BaseException as error:
            finish_row(job, f"stopped: {type(error).__name__}", 1, {})
            raise


def _apply(ways: Ways, job: Job, saved: SavedChanges, options: Options) -> int:
    if not job.writers:
        return _refuse(ways, job, 3, [_push_is_off(job)])
    started, limits = job.now(), guard_limits(job, options)
    with held(job, holder()):
        refuse_other_instance(job)
        refuse_lost_prefixes(job)
        refuse_if_stale(job, saved)
        weighed = weigh_changes(job, saved.changes, (item.issue for item in job.store.known()))
        starting = [change for change in saved.changes.comments if change.creates]
        remembered = remember(job)
        around = look_again(job, starting, Recorder(job, remembered))
        refusals = around.refusals or check_changes(saved.changes, remembered.pushed, limits, weighed)
        if refusals:
            return _refuse(ways, job, 4, [f"refused ({each.rule}): {each.text}" for each in refusals])
        carry_renames_over(job)
        applier = Applier(
            job,
            max_writes=options.max_writes,
            deadline=deadline_of(job, options, started),
            aliases=aliases(job.workspace),
            spread=spread_of(weighed, limits),
            looked=around.looked,
        )
        with spreading_kept(job, weighed, applier.result):
            applied = applier.apply(saved.changes)
    code = 1 if applied.failed else 0
    finish_row(job, "done" if code == 0 else "partly failed", code, {"written": applied.done})
    _tell_applied(ways, job, applied, code)
    return code


def _refuse(ways: Ways, job: Job, code: int, reasons: list[str]) -> int:
    """Nothing of a saved change set is written; say why."""
    for reason in reasons:
        complain(reason)
    if ways.as_json:
        say_json({"version": 1, "run": job.run_id, "exit_code": code, "error": "\n".join(reasons)})
    finish_row(job, "refused", code, {})
    return code


def reconcile(ways: Ways, options: Options, *, yes: bool) -> int:
    """Read everything again, show the drift, ask, repair."""
    options = replace(options, full=True)
    with online_job(
        ways, "reconcile", _told(options), writes=True, max_duration=options.max_duration, waits_for_all=False
    ) as job:

        def work() -> Outcome:
            outcome = look(job, options, keeps=True)
            _show(ways, job, outcome)
            if outcome.refusals or not len(outcome.changes) or not job.writers:
                remember_outcome(job, outcome)
                return outcome
            if not yes and not _agreed(ways, job, outcome):
                return outcome
            outcome = carry_out(job, options, outcome)
            remember_outcome(job, outcome)
            return outcome

        outcome = with_row(job, work)
        if ways.as_json:
            say_json(outcome_json(outcome))
        else:
            for line in applied_text(outcome):
                say(line)
        return outcome.exit_code


def _agreed(ways: Ways, job: Job, outcome: Outcome) -> bool:
    """Ask on a terminal; without one nothing is repaired unless ``--yes`` said so."""
    with job.progress.paused():
        return agrees(ways, f"Repair? {summary_line(outcome.changes)}", otherwise="not repaired", do="repair")


def _tell(ways: Ways, job: Job, outcome: Outcome, *, wrote: bool) -> None:
    if ways.as_json:
        say_json(outcome_json(outcome))
        return
    _show(ways, job, outcome, told=wrote and outcome.applied is not None)
    for line in applied_text(outcome):
        say(line)


def _show(ways: Ways, job: Job, outcome: Outcome, *, told: bool = False) -> None:
    if ways.as_json:
        return
    for line in changes_text(outcome.changes):
        say(line)
    if not told and (outcome.changes.changes or not outcome.refusals):
        say(summary_line(outcome.changes))
        for line in attention_text(outcome.weighed, guard_limits(job, Options())):
            say(line)
    _complain_problems(outcome)
    if outcome.refusals:
        complain("nothing is written because of what was refused")
    if not job.settings.push.enabled:
        complain(_push_is_off(job))


def _complain_problems(outcome: Outcome) -> None:
    for line in problems_text(outcome):
        complain(line)


def _tell_applied(ways: Ways, job: Job, applied: Applied, code: int) -> None:
    if ways.as_json:
        say_json(
            {
                "version": 1,
                "run": job.run_id,
                "exit_code": code,
                "done": applied.done,
                "left": applied.left,
                "left_because": applied.left_because,
                "failed": [{"change": what, "reason": why} for what, why in applied.failed],
                "notes": applied.notes,
            }
        )
        return
    say(written_text(applied))
    for what, why in applied.failed:
        complain(f"failed: {what}: {why}")
    for note in applied.notes:
        complain(f"note: {note}")


def _push_is_off(job: Job) -> str:
    return (
        "nothing was written: push is switched off in increment-sync.yaml "
        f"(push.enabled: false, instance {job.settings.instance})"
    )


def _told(options: Options) -> dict[str, Any]:
    """The options that differ from their defaults, for the run's row."""
    default = Options()
    return {
        name: str(getattr(options, name))
        for name in Options.__dataclass_fields__
        if getattr(options, name) != getattr(default, name)
    }
