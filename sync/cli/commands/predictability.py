"""``predictability``: what increments promised and what came of it, from the store alone."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from connectors.model import IssueRef, KnownIssue
from mappings.model import Increment
from sync.cli.render import table
from sync.config.escape import escape_terminal
from sync.insights.predictability import Predictability, assess_predictability
from sync.insights.unplanned import AdHocShare, ad_hoc_share
from sync.model.attribution import PlanFacts
from sync.model.rollup import Rollup
from sync.pipeline.offline import plan_from_store, plan_offline
from sync.pull.current_sources import load_current_issues
from sync.pull.recorded import load_recorded_state
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation, pluralize, print_json, print_line
from sync.runtime.session import pulled_context


def show_predictability(invocation: Invocation, increment: str | None) -> int:
    """Every increment that has started, oldest first, or the one that was asked for."""
    with pulled_context(invocation, require_all_files=False) as job:
        found = list_predictability(job, increment)
        if invocation.as_json:
            print_json({"version": 1, "increments": [_json(each) for each in found]})
            return 0
        for each in found:
            _say(each)
        _say_teams(found)
        return 0


def list_predictability(context: RunContext, increment: str | None = None) -> list[Predictability]:
    """Of the increments that have started. LookupError for one that is not in the plans."""
    known = {each.id: each for each in context.workspace.increments}
    if increment is not None and increment not in known:
        raise LookupError(f"there is no increment {increment!r}; the plans have {', '.join(known) or 'none'}")
    wanted = [known[increment]] if increment else list(known.values())
    begun = [each for each in wanted if each.phase(context.now()) != "not-started"]
    issues = load_current_issues(context.store, context.workspace)
    rollup = plan_from_store(context)[0].rollup
    return [
        increment_predictability(context, each, rollup, issues)
        for each in sorted(begun, key=lambda each: each.start)
    ]


def increment_predictability(
    context: RunContext, increment: Increment, rollup: Rollup, issues: dict[IssueRef, KnownIssue]
) -> Predictability:
    """Of one increment, from the roll-up of today and the issues that the store knows."""
    ended = min(context.now(), increment.ends_at)
    then = plan_offline(replace(context, now=lambda: ended), issues, load_recorded_state(context)).rollup
    teams = [each.team for each in context.workspace.teams]

    def share(*names: str) -> AdHocShare:
        return ad_hoc_share(then, issues, names, since=increment.starts_at, until=ended)

    return assess_predictability(
        increment,
        next(each for each in rollup.increments if each.id == increment.id),
        committed_plan(context.store.plan_history(), increment),
        {each.continues: each.id for each in rollup.capabilities if each.continues},
        share(*teams),
        {team: share(team) for team in teams},
    )


def committed_plan(history: list[PlanFacts], increment: Increment) -> PlanFacts | None:
    """The plans at the increment's start; else as they were first noted, if that was before its end."""
    named = [
        each for each in history if increment.id in each.body["increments"] and each.at < increment.ends_at
    ]
    at_start = [each for each in named if each.at <= increment.starts_at]
    return at_start[-1] if at_start else next(iter(named), None)


def _json(found: Predictability) -> dict[str, Any]:
    figures = {name: getattr(found, name) for name in ("planned", "actual", "share", "so_far", "not_entered")}
    ad_hoc = {team.team: team.ad_hoc.share for team in found.teams}
    return {**asdict(found), **figures, "ad_hoc_share": found.ad_hoc.share, "ad_hoc_share_by_team": ad_hoc}


def _say(found: Predictability) -> None:
    print_line(f"{found.increment}  {found.start} to {found.end}  {found.phase}")
    print_line(f"Predictability{' so far' if found.so_far else ''}: {_share_words(found)}")
    (done, total), (more_done, more) = found.count("committed"), found.count("stretch")
    print_line(f"Committed goals done: {done} of {total}, stretch: {more_done} of {more}")
    print_line(f"Ad-hoc work: {_percent(found.ad_hoc)} of {found.ad_hoc.closed} finished issues")
    since = f"plan as noted on {found.committed_on}" if found.committed_on else "plan as it is now"
    print_line(f"What was promised: {since}")
    print_line()
    rows = [
        (
            goal.title,
            goal.commitment,
            goal.state,
            f"{goal.planned:g}",
            "-" if goal.actual is None else f"{goal.actual:g}",
            goal.basis,
        )
        for goal in found.goals
    ]
    for line in table(("goal", "commitment", "state", "planned", "actual", "because"), rows):
        print_line(line)
    for each in found.carried:
        verb = "open" if found.so_far else "carried over"
        into = f" into {each.into}" if each.into else ""
        often = f", {each.times} times by now" if each.times > 1 else ""
        print_line(
            escape_terminal(f"{verb}: {each.title}, {pluralize(each.remaining, 'issue')}{into}{often}")
        )
    print_line()


def _share_words(found: Predictability) -> str:
    if not found.planned:
        return "nothing was promised"
    values = f"actual {found.actual:g} of planned {found.planned:g}"
    missing = ", ".join(found.not_entered)
    waiting = f"; `actual_value` in the plan is not entered for {missing}" if missing else ""
    return (
        f"{found.share:.0%} ({values}{waiting})"
        if found.share is not None
        else f"not known ({values}{waiting})"
    )


def _percent(share: AdHocShare) -> str:
    return "-" if share.share is None else f"{share.share:.0%}"


def _say_teams(found: list[Predictability]) -> None:
    rows = [
        (
            team.team,
            each.increment,
            f"{team.committed_done} of {team.committed_total}",
            f"{team.stretch_done} of {team.stretch_total}",
            str(team.carried),
            _percent(team.ad_hoc),
        )
        for each in found
        for team in each.teams
    ]
    header = ("team", "increment", "committed capabilities", "stretch", "issues left open", "ad hoc")
    for line in table(header, sorted(rows)):
        print_line(line)
