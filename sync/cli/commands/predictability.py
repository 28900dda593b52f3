"""``predictability``: what increments promised and what they delivered, from the store alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from connectors.escape import escape_sentence, escape_terminal
from sync.cli.output import Output, as_object, pluralize, table
from sync.cli.store_view import StoreView, find_increment, increment_predictability, started_increments
from sync.insights.predictability import Predictability
from sync.insights.unplanned import AdHocShare
from sync.runtime.invocation import Invocation
from sync.runtime.session import pulled_context


def show_predictability(invocation: Invocation, increment: str | None) -> int:
    """Show one increment, by default all that have started, oldest first."""
    with pulled_context(invocation, require_all_files=False) as context:
        view = StoreView(context)
        if increment is not None:
            find_increment(context.workspace.increments, increment)
        found = [
            increment_predictability(view, each)
            for each in started_increments(view)
            if increment in (None, each.id)
        ]
        Output(invocation).show(
            lambda: {"increments": [_document(each) for each in found]}, lambda: _lines(found)
        )
        return 0


def _document(each: Predictability) -> dict[str, Any]:
    return as_object(
        each,
        *("planned", "actual", "share", "so_far", "not_entered"),
        ad_hoc_share=each.ad_hoc.share,
        ad_hoc_share_by_team={team.team: team.ad_hoc.share for team in each.teams},
    )


def _lines(found: Sequence[Predictability]) -> Iterator[str]:
    for each in found:
        yield from _increment_lines(each)
        yield ""
    yield from _team_table(found)


def _increment_lines(each: Predictability) -> Iterator[str]:
    (done, total), (stretch_done, stretch) = each.count("committed"), each.count("stretch")
    plan = f"plan as recorded on {each.committed_on}" if each.committed_on else "plan as it is now"
    yield f"{each.increment}  {each.start} to {each.end}  {each.phase}"
    yield f"Predictability{' so far' if each.so_far else ''}: {_value_text(each)}"
    yield f"Committed goals done: {done} of {total}, stretch: {stretch_done} of {stretch}"
    yield f"Ad-hoc work: {_percent(each.ad_hoc)} of {pluralize(each.ad_hoc.closed, 'finished issue')}"
    yield f"What was promised: {plan}"
    yield ""
    rows = [
        (goal.title, goal.commitment, goal.state, f"{goal.planned:g}", _number(goal.actual), goal.basis)
        for goal in each.goals
    ]
    yield from table(("goal", "commitment", "state", "planned", "actual", "because"), rows)
    for carried in each.carried:
        verb = "open" if each.so_far else "carried over"
        into = f" into {carried.into}" if carried.into else ""
        times = f", {carried.times} times by now" if carried.times > 1 else ""
        issues = pluralize(carried.remaining, "issue")
        yield escape_sentence(f"{verb}: {escape_terminal(carried.title)}, {issues}{into}{times}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def _value_text(each: Predictability) -> str:
    if not each.planned:
        return "nothing was promised"
    values = f"actual {each.actual:g} of planned {each.planned:g}"
    missing = ", ".join(each.not_entered)
    waiting = f"; `actual_value` in the plan is not entered for {missing}" if missing else ""
    share = "not known" if each.share is None else f"{each.share:.0%}"
    return f"{share} ({values}{waiting})"


def _percent(share: AdHocShare) -> str:
    return "-" if share.share is None else f"{share.share:.0%}"


def _team_table(found: Iterable[Predictability]) -> list[str]:
    rows = [
        (
            team.team,
            each.increment,
            f"{team.committed_done} of {team.committed_total}",
            f"{team.stretch_done} of {team.stretch_total}",
            team.carried,
            _percent(team.ad_hoc),
        )
        for each in found
        for team in each.teams
    ]
    header = ("team", "increment", "committed capabilities", "stretch", "issues left open", "ad hoc")
    return table(header, sorted(rows))
