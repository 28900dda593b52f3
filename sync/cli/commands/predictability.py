"""``predictability``: what increments promised and what came of it, from the store alone."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from connectors.model import IssueRef, KnownIssue
from mappings.model import Increment
from sync.cli.render import table
from sync.config.escape import neutral_terminal
from sync.insights.predictability import Predictability, predictability
from sync.insights.unplanned import Share, share_of
from sync.model.attribution import PlanFacts
from sync.model.rollup import Rollup
from sync.pipeline.offline import outlook, think_offline
from sync.pull.current_sources import known_today
from sync.pull.recorded import remember
from sync.runtime.context import Job
from sync.runtime.invocation import Ways, counted, say, say_json
from sync.runtime.session import with_snapshot


def show_predictability(ways: Ways, increment: str | None) -> int:
    """Every increment that has started, oldest first, or the one that was asked for."""
    with with_snapshot(ways, waits_for_all=False) as job:
        found = predictabilities(job, increment)
        if ways.as_json:
            say_json({"version": 1, "increments": [_json(each) for each in found]})
            return 0
        for each in found:
            _say(each)
        _say_teams(found)
        return 0


def predictabilities(job: Job, increment: str | None = None) -> list[Predictability]:
    """Of the increments that have started. LookupError for one that is not in the plans."""
    known = {each.id: each for each in job.workspace.increments}
    if increment is not None and increment not in known:
        raise LookupError(f"there is no increment {increment!r}; the plans have {', '.join(known) or 'none'}")
    wanted = [known[increment]] if increment else list(known.values())
    begun = [each for each in wanted if each.phase(job.now()) != "not-started"]
    issues = known_today(job.store, job.workspace)
    rollup = outlook(job)[0].rollup
    return [
        predictability_of(job, each, rollup, issues) for each in sorted(begun, key=lambda each: each.start)
    ]


def predictability_of(
    job: Job, increment: Increment, rollup: Rollup, issues: dict[IssueRef, KnownIssue]
) -> Predictability:
    """Of one increment, from the roll-up of today and the issues that the store knows."""
    ended = min(job.now(), increment.ends_at)
    then = think_offline(replace(job, now=lambda: ended), issues, remember(job)).rollup
    teams = [each.team for each in job.workspace.teams]

    def share(*names: str) -> Share:
        return share_of(then, issues, names, since=increment.starts_at, until=ended)

    return predictability(
        increment,
        next(each for each in rollup.increments if each.id == increment.id),
        promised_in(job.store.plan_history(), increment),
        {each.continues: each.id for each in rollup.capabilities if each.continues},
        share(*teams),
        {team: share(team) for team in teams},
    )


def promised_in(history: list[PlanFacts], increment: Increment) -> PlanFacts | None:
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
    say(f"{found.increment}  {found.start} to {found.end}  {found.phase}")
    say(f"Predictability{' so far' if found.so_far else ''}: {_share_words(found)}")
    (done, total), (more_done, more) = found.count("committed"), found.count("stretch")
    say(f"Committed goals done: {done} of {total}, stretch: {more_done} of {more}")
    say(f"Ad-hoc work: {_percent(found.ad_hoc)} of {found.ad_hoc.closed} finished issues")
    since = f"plan as noted on {found.committed_on}" if found.committed_on else "plan as it is now"
    say(f"What was promised: {since}")
    say()
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
        say(line)
    for each in found.carried:
        verb = "open" if found.so_far else "carried over"
        into = f" into {each.into}" if each.into else ""
        often = f", {each.times} times by now" if each.times > 1 else ""
        say(neutral_terminal(f"{verb}: {each.title}, {counted(each.remaining, 'issue')}{into}{often}"))
    say()


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


def _percent(share: Share) -> str:
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
        say(line)
