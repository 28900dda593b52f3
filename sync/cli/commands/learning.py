"""``learning``: iterations and experiments, their results, and how long an answer takes; from the store alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, get_args

from connectors.escape import escape_terminal
from sync.cli.output import Output, as_object, table
from sync.cli.store_view import OPEN_PHASES, StoreView, select_rollups
from sync.insights.experiments import ExperimentOutcome, IterationLearning, learning_by_iteration
from sync.runtime.invocation import Invocation
from sync.runtime.session import pulled_context

_OUTCOMES = get_args(ExperimentOutcome)


def show_learning(invocation: Invocation, increment: str | None) -> int:
    """Show iterations and experiments of one increment, by default of those that are not closed."""
    with pulled_context(invocation, require_all_files=False) as context:
        view = StoreView(context)
        chosen = select_rollups(view.rollup, increment, *OPEN_PHASES)
        found = learning_by_iteration(
            chosen, view.known, context.store.issue_changes(), context.workspace.teams
        )
        Output(invocation).show(
            lambda: {"rounds": [_document(each) for each in found]}, lambda: _lines(found)
        )
        return 0


def _document(each: IterationLearning) -> dict[str, Any]:
    return as_object(
        each,
        questions=[as_object(question, days=_days(question.duration)) for question in each.questions],
        outcomes={outcome: each.count(outcome) for outcome in _OUTCOMES},
        usual_days=_days(each.median_duration),
    )


def _days(duration: timedelta | None) -> float | None:
    return round(duration / timedelta(days=1), 2) if duration is not None else None


def _lines(found: Sequence[IterationLearning]) -> Iterator[str]:
    if not found:
        yield "No iterations and no experiments; `iterations:` in a plan and `experiment: true` in a rule name them."
        return
    header = ("capability", "iteration", "done", "questions", *_OUTCOMES, "answer takes")
    yield from table(header, map(_row, found))
    for each in found:
        if not each.questions:
            continue
        yield ""
        yield escape_terminal(f"{each.title}, {each.iteration or 'no iteration'}")
        for question in each.questions:
            days = _days(question.duration)
            after = "" if days is None else f" after {days:.1f} days"
            yield f"  {question.outcome}{after}: {escape_terminal(f'{question.ref.key} {question.title}')}"


def _row(each: IterationLearning) -> tuple[object, ...]:
    days = _days(each.median_duration)
    done = f"{each.done}/{each.scope}" if each.scope else "-"
    counts = [each.count(outcome) or None for outcome in _OUTCOMES]
    duration = None if days is None else f"{days:.1f} days"
    return each.title, each.iteration or "(none)", done, len(each.questions), *counts, duration
