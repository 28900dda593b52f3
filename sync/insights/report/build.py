"""Makes the one value that every view shows. Pure: nothing is read, time is passed in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sync.insights.report.flows import local_day
from sync.insights.report.goals import goal_row
from sync.insights.report.inputs import ReportInputs
from sync.insights.report.model import VERSION, GoalRow, ReportData
from sync.insights.report.rows import change_row, finding_row, predictability_row, unplanned_row
from sync.insights.report.teams import TeamInputs, team_rows
from sync.model.rollup import IncrementRollup

MAX_UNPLANNED: Final = 200


def build_report(inputs: ReportInputs) -> ReportData:
    """The report of one increment. LookupError when the roll-up does not hold it."""
    rollup = next((each for each in inputs.rollup.increments if each.id == inputs.increment.id), None)
    if rollup is None:
        raise LookupError(f"there is no increment {inputs.increment.id!r}")
    goals = tuple(goal_row(goal, inputs) for goal in rollup.goals)
    return ReportData(
        version=VERSION,
        instance=inputs.instance,
        increment=rollup.id,
        start=rollup.start,
        end=rollup.end,
        phase=rollup.phase,
        timezone=inputs.increment.timezone,
        today=local_day(inputs.now, inputs.zone),
        read_at=inputs.read_at,
        headline=_headline(rollup, goals),
        summary=_summary(goals),
        committed_done=rollup.committed_done,
        committed_total=rollup.committed_total,
        stretch_done=rollup.stretch_done,
        stretch_total=rollup.stretch_total,
        goals=goals,
        teams=team_rows(_team_inputs(inputs, rollup)),
        changed_since=inputs.changed_since,
        changes=tuple(change_row(each) for each in inputs.differences if each.entries),
        unplanned=tuple(
            unplanned_row(item)
            for item in [each for each in inputs.ad_hoc.items if each.is_waiting][:MAX_UNPLANNED]
        ),
        unplanned_open=sum(item.is_waiting for item in inputs.ad_hoc.items),
        unplanned_share=inputs.ad_hoc.share.share,
        sources=tuple(inputs.sources),
        overrides=tuple(inputs.overrides),
        quality=_quality(inputs, rollup),
        audit=tuple(finding_row(each) for each in inputs.audit),
        predictability=tuple(predictability_row(each) for each in inputs.predictability),
    )


def _headline(rollup: IncrementRollup, goals: Sequence[GoalRow]) -> str:
    """Done, and what asks for attention; no probability of the whole is made up from those of its parts."""
    told = f"{rollup.committed_done} of {rollup.committed_total} committed goals done"
    live = [
        goal for goal in goals if goal.commitment == "committed" and goal.state not in ("done", "cancelled")
    ]
    for word in ("off-track", "at-risk"):
        if count := sum(goal.health == word for goal in live):
            told += f", {count} {word.replace('-', ' ')}"
    blocked = sum(capability.blocked for goal in goals for capability in goal.capabilities)
    if blocked:
        told += f", {blocked} blocked " + ("capability" if blocked == 1 else "capabilities")
    return told


def _summary(goals: Sequence[GoalRow]) -> str:
    """About the committed goal that is least likely in time; empty when none is under way."""
    live = [
        goal for goal in goals if goal.commitment == "committed" and goal.state in ("planned", "in-progress")
    ]
    known = [goal for goal in live if goal.outlook.probability is not None]
    if not live:
        return ""
    if not known:
        return f"No chance can be given: {live[0].outlook.words}."
    worst = min(known, key=lambda goal: goal.outlook.probability or 0)
    silent = len(live) - len(known)
    more = f" Of {silent} more no chance can be given." if silent else ""
    which = "Chance of being done in time" if len(live) == 1 else f"Least likely in time: {worst.title}"
    return f"{which}: {worst.outlook.words}.{more}"


def _team_inputs(inputs: ReportInputs, rollup: IncrementRollup) -> TeamInputs:
    return TeamInputs(
        workspace=inputs.workspace,
        increment=inputs.increment,
        capabilities=tuple(each for goal in rollup.goals for each in goal.capabilities),
        conflicts=inputs.rollup.conflicts,
        known=inputs.known,
        flow=inputs.flow,
        owners=inputs.owners,
        forecasts=inputs.forecasts,
        no_forecast=inputs.no_forecast,
        track_records=inputs.track_records,
        ageing=inputs.ageing,
        ad_hoc=inputs.ad_hoc,
        zone=inputs.zone,
        now=inputs.now,
    )


def _quality(inputs: ReportInputs, rollup: IncrementRollup) -> tuple[str, ...]:
    """Sentences about the data itself, worst first, each once."""
    silent = inputs.silent_since
    told = (
        [f"nothing was read since {silent:%Y-%m-%d %H:%M} UTC; all figures are from then"] if silent else []
    )
    told += [
        f"{source.name} could not be read since {source.failing_since:%Y-%m-%d %H:%M} UTC; its figures are from before"
        for source in inputs.sources
        if source.failing_since
    ]
    issues = [issue for goal in rollup.goals for each in goal.capabilities for issue in each.issues]
    told += _issue_count_sentence(
        sum(not issue.state.known for issue in issues), "a status that nobody explained: counted as to do"
    )
    told += _issue_count_sentence(
        len(inputs.rollup.conflicts), "claims by rules of several teams: counted nowhere"
    )
    unread = sum(not inputs.flow[i.ref].complete for i in issues if i.ref in inputs.flow)
    told += _issue_count_sentence(unread, "a history that was not read: their times are those that runs saw")
    told += [warning for goal in rollup.goals for warning in goal.warnings]
    told += [warning for goal in rollup.goals for each in goal.capabilities for warning in each.warnings]
    return tuple(dict.fromkeys([*told, *inputs.rollup.warnings]))


def _issue_count_sentence(count: int, what: str) -> Iterable[str]:
    return [f"{count} {'issue has' if count == 1 else 'issues have'} {what}"] if count else []
