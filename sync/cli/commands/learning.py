"""``learning``: what was asked and what was answered, from the store alone."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any, get_args

from sync.cli.render import table
from sync.config.escape import escape_terminal
from sync.insights.experiments import ExperimentOutcome, IterationLearning, learning_by_iteration
from sync.pipeline.offline import plan_offline
from sync.pull.current_sources import load_current_issues
from sync.pull.recorded import load_recorded_state
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation, print_json, print_line
from sync.runtime.session import pulled_context


def show_learning(invocation: Invocation, increment: str | None) -> int:
    """Iterations and experiments of the increments that are not closed, or of the one that was asked for."""
    with pulled_context(invocation, require_all_files=False) as job:
        found = learning_rounds(job, increment)
        if invocation.as_json:
            print_json({"version": 1, "rounds": [_json(each) for each in found]})
            return 0
        if not found:
            print_line(
                "No iterations and no experiments; `iterations:` in a plan and `experiment: true` in a rule name them."
            )
            return 0
        for line in table(
            ("capability", "iteration", "done", "asked", *get_args(ExperimentOutcome), "answer takes"),
            map(_row, found),
        ):
            print_line(line)
        for each in found:
            _say_questions(each)
        return 0


def learning_rounds(context: RunContext, increment: str | None) -> tuple[IterationLearning, ...]:
    """LookupError for an increment that is not in the plans."""
    known = load_current_issues(context.store, context.workspace)
    rollup = plan_offline(context, known, load_recorded_state(context)).rollup
    if increment is not None and increment not in {each.id for each in rollup.increments}:
        names = ", ".join(each.id for each in rollup.increments) or "none"
        raise LookupError(f"there is no increment {increment!r}; the plans have {names}")
    chosen = [
        each
        for each in rollup.increments
        if each.id == increment or (increment is None and each.phase != "closed")
    ]
    return learning_by_iteration(chosen, known, context.store.issue_changes(), context.workspace.teams)


def _json(found: IterationLearning) -> dict[str, Any]:
    questions = [
        {**asdict(each), "ref": str(each.ref), "days": _days(each.duration)} for each in found.questions
    ]
    outcomes = {outcome: found.count(outcome) for outcome in get_args(ExperimentOutcome)}
    usual = _days(found.median_duration)
    return {**asdict(found), "questions": questions, "outcomes": outcomes, "usual_days": usual}


def _days(time: timedelta | None) -> float | None:
    return round(time / timedelta(days=1), 2) if time is not None else None


def _row(found: IterationLearning) -> tuple[str, ...]:
    usual = _days(found.median_duration)
    return (
        found.title,
        found.iteration or "(none)",
        f"{found.done}/{found.scope}" if found.scope else "-",
        str(len(found.questions)),
        *(str(found.count(outcome) or "") for outcome in get_args(ExperimentOutcome)),
        "" if usual is None else f"{usual:.1f} days",
    )


def _say_questions(found: IterationLearning) -> None:
    if not found.questions:
        return
    print_line()
    print_line(escape_terminal(f"{found.title}, {found.iteration or 'no iteration'}"))
    for each in found.questions:
        days = _days(each.duration)
        after = "" if days is None else f" after {days:.1f} days"
        print_line(f"  {each.outcome}{after}: {escape_terminal(f'{each.ref.key} {each.title}')}")
