"""``learning``: what was asked and what was answered, from the store alone."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any, get_args

from sync.cli.render import table
from sync.config.escape import neutral_terminal
from sync.insights.experiments import Outcome, Round, learning
from sync.pipeline.offline import think_offline
from sync.pull.current_sources import known_today
from sync.pull.recorded import remember
from sync.runtime.context import Job
from sync.runtime.invocation import Ways, say, say_json
from sync.runtime.session import with_snapshot


def show_learning(ways: Ways, increment: str | None) -> int:
    """Iterations and experiments of the increments that are not closed, or of the one that was asked for."""
    with with_snapshot(ways, waits_for_all=False) as job:
        found = rounds_of(job, increment)
        if ways.as_json:
            say_json({"version": 1, "rounds": [_json(each) for each in found]})
            return 0
        if not found:
            say(
                "No iterations and no experiments; `iterations:` in a plan and `experiment: true` in a rule name them."
            )
            return 0
        for line in table(
            ("capability", "iteration", "done", "asked", *get_args(Outcome), "answer takes"), map(_row, found)
        ):
            say(line)
        for each in found:
            _say_questions(each)
        return 0


def rounds_of(job: Job, increment: str | None) -> tuple[Round, ...]:
    """LookupError for an increment that is not in the plans."""
    known = known_today(job.store, job.workspace)
    rollup = think_offline(job, known, remember(job)).rollup
    if increment is not None and increment not in {each.id for each in rollup.increments}:
        names = ", ".join(each.id for each in rollup.increments) or "none"
        raise LookupError(f"there is no increment {increment!r}; the plans have {names}")
    chosen = [
        each
        for each in rollup.increments
        if each.id == increment or (increment is None and each.phase != "closed")
    ]
    return learning(chosen, known, job.store.issue_changes(), job.workspace.teams)


def _json(found: Round) -> dict[str, Any]:
    questions = [{**asdict(each), "ref": str(each.ref), "days": _days(each.took)} for each in found.questions]
    outcomes = {outcome: found.count(outcome) for outcome in get_args(Outcome)}
    usual = _days(found.usual_time)
    return {**asdict(found), "questions": questions, "outcomes": outcomes, "usual_days": usual}


def _days(time: timedelta | None) -> float | None:
    return round(time / timedelta(days=1), 2) if time is not None else None


def _row(found: Round) -> tuple[str, ...]:
    usual = _days(found.usual_time)
    return (
        found.title,
        found.iteration or "(none)",
        f"{found.done}/{found.scope}" if found.scope else "-",
        str(len(found.questions)),
        *(str(found.count(outcome) or "") for outcome in get_args(Outcome)),
        "" if usual is None else f"{usual:.1f} days",
    )


def _say_questions(found: Round) -> None:
    if not found.questions:
        return
    say()
    say(neutral_terminal(f"{found.title}, {found.iteration or 'no iteration'}"))
    for each in found.questions:
        days = _days(each.took)
        after = "" if days is None else f" after {days:.1f} days"
        say(f"  {each.outcome}{after}: {neutral_terminal(f'{each.ref.key} {each.title}')}")
