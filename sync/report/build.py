"""Makes the one value that every view shows. Pure: nothing is read, time is passed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from connectors.model import IssueRef, KnownIssue
from mappings.model import Increment, Workspace
from sync.audit import Evidence, Finding
from sync.changed.model import PARTS, Difference
from sync.flow.model import FlowIssue
from sync.forecast.model import Ageing, Forecast
from sync.learning import Round
from sync.predictability import Predictability
from sync.report.data import (
    VERSION,
    AuditLine,
    BurnUp,
    CapabilityLine,
    ChangeLine,
    ChangePart,
    GoalLine,
    Issue,
    IterationLine,
    OverrideLine,
    PredictabilityLine,
    QuestionLine,
    ReportData,
    SourceLine,
    UnplannedLine,
)
from sync.report.flows import burn_up, day_of
from sync.report.teams import TeamInputs, team_lines
from sync.report.words import change_words, outlook_of, state_words
from sync.rollup_model import CapabilityRollup, CountedIssue, GoalRollup, IncrementRollup, Rollup
from sync.unplanned import AdHoc, AdHocFigures

MOST_KEYS: Final = 8
MOST_UNPLANNED: Final = 200
MOST_EVIDENCE: Final = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportInputs:
    """What the report is made from: what the store knows, and what was computed from it once."""

    instance: str
    workspace: Workspace
    increment: Increment
    rollup: Rollup
    known: Mapping[IssueRef, KnownIssue]
    flow: Mapping[IssueRef, FlowIssue]
    """Of all issues of all teams' sources, old ones included."""
    owners: Mapping[IssueRef, str]
    """Whose work each issue is (a team's name)."""
    forecasts: Mapping[str, Forecast]
    """By subject; empty where there are none."""
    no_forecast: str
    """Why a subject has none."""
    track_records: Mapping[str, str] = field(default_factory=dict)
    """Subject -> how often earlier statements came true."""
    ageing: Sequence[Ageing]
    ad_hoc: AdHocFigures
    differences: Sequence[Difference]
    changed_since: datetime | None
    sources: Sequence[SourceLine]
    overrides: Sequence[OverrideLine]
    learning: Sequence[Round] = ()
    audit: Sequence[Finding] = ()
    predictability: Sequence[Predictability] = ()
    read_at: datetime | None
    silent_since: datetime | None = None
    """Since when nothing was read, where that is too long."""
    now: datetime

    @property
    def zone(self) -> tzinfo:
        return ZoneInfo(self.increment.timezone)


def build(inputs: ReportInputs) -> ReportData:
    """The report of one increment. LookupError when the roll-up does not hold it."""
    rollup = next((each for each in inputs.rollup.increments if each.id == inputs.increment.id), None)
    if rollup is None:
        raise LookupError(f"there is no increment {inputs.increment.id!r}")
    goals = tuple(_goal(goal, inputs) for goal in rollup.goals)
    return ReportData(
        version=VERSION,
        instance=inputs.instance,
        increment=rollup.id,
        start=rollup.start,
        end=rollup.end,
        phase=rollup.phase,
        timezone=inputs.increment.timezone,
        today=day_of(inputs.now, inputs.zone),
        read_at=inputs.read_at,
        headline=_headline(rollup, goals),
        summary=_summary(goals),
        committed_done=rollup.committed_done,
        committed_total=rollup.committed_total,
        stretch_done=rollup.stretch_done,
        stretch_total=rollup.stretch_total,
        goals=goals,
        teams=team_lines(_team_inputs(inputs, rollup)),
        changed_since=inputs.changed_since,
        changes=tuple(_change(each) for each in inputs.differences if each.entries),
        unplanned=tuple(
            _unplanned(item) for item in [each for each in inputs.ad_hoc.items if each.waits][:MOST_UNPLANNED]
        ),
        unplanned_open=sum(item.waits for item in inputs.ad_hoc.items),
        unplanned_share=inputs.ad_hoc.share.share,
        sources=tuple(inputs.sources),
        overrides=tuple(inputs.overrides),
        quality=_quality(inputs, rollup),
        audit=tuple(_audit(each) for each in inputs.audit),
        predictability=tuple(_predictability(each) for each in inputs.predictability),
    )


def _headline(rollup: IncrementRollup, goals: Sequence[GoalLine]) -> str:
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


def _summary(goals: Sequence[GoalLine]) -> str:
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


def _goal(goal: GoalRollup, inputs: ReportInputs) -> GoalLine:
    changed = next((each for each in inputs.differences if each.subject == goal.subject), None)
    outlook = outlook_of(
        inputs.forecasts.get(goal.subject),
        goal.counts.done,
        _no_forecast(goal.state, inputs),
        inputs.track_records.get(goal.subject),
    )
    return GoalLine(
        id=goal.id,
        title=goal.title,
        commitment=goal.commitment,
        state=goal.state,
        health=goal.health,
        released=goal.released,
        required_done=goal.required_done,
        required_total=goal.required_total,
        done=goal.counts.done,
        scope=goal.counts.scope,
        outlook=outlook,
        capabilities=tuple(_capability(each, inputs) for each in goal.capabilities),
        burn_up=_burn_up(goal, outlook.likely, outlook.middle, inputs),
        changed=change_words(changed),
        warnings=goal.warnings,
    )


def _no_forecast(state: str, inputs: ReportInputs) -> str:
    if state in ("done", "cancelled", "missed"):
        return state_words(state)
    return "no work mapped yet" if state == "empty" else inputs.no_forecast


def _burn_up(
    goal: GoalRollup, likely: tuple[int, int] | None, middle: int | None, inputs: ReportInputs
) -> BurnUp | None:
    counted = [issue for each in goal.capabilities if not each.cancelled for issue in each.issues]
    ways = [_as_counted(issue, inputs) for issue in counted]
    if not ways:
        return None
    baselines = [each.scope.baseline for each in goal.capabilities if not each.cancelled]
    known_baselines = [each for each in baselines if each is not None]
    since = [each.scope.baseline_at for each in goal.capabilities if each.scope.baseline_at]
    today = day_of(inputs.now, inputs.zone)
    first = min(inputs.increment.start, today)
    fan = (likely[0], middle, likely[1]) if likely and middle is not None else None
    return burn_up(
        ways,
        first,
        min(today, inputs.increment.end),
        inputs.increment.end,
        inputs.zone,
        baseline=sum(known_baselines) if known_baselines else None,
        baseline_at=day_of(max(since), inputs.zone) if since else None,
        fan=fan,
    )


def _as_counted(issue: CountedIssue, inputs: ReportInputs) -> FlowIssue:
    """Its way, ending as it counts: a drawing must end in the figures beside it, whatever a history leaves out."""
    way = inputs.flow.get(issue.ref)
    if way is None:
        way = FlowIssue(
            ref=issue.ref,
            created=inputs.known[issue.ref].issue.created,
            started=None,
            finished=None,
            dropped=None,
            reopened=(),
            blocked=(),
            moves=(),
            complete=False,
        )
    ended = min(issue.vanished or issue.closed or inputs.now, inputs.now)
    if not issue.in_scope:
        return replace(way, finished=None, dropped=way.dropped or ended)
    if issue.state.state == "done":
        return replace(way, finished=way.finished or ended, dropped=None)
    return replace(way, finished=None, dropped=None)


def _capability(capability: CapabilityRollup, inputs: ReportInputs) -> CapabilityLine:
    counts, scope = capability.counts, capability.scope
    blocked = [issue for issue in capability.issues if issue.state.blocked and issue.state.state != "done"]
    return CapabilityLine(
        id=capability.id,
        title=capability.title,
        team=capability.team,
        teams=capability.teams,
        state=capability.state,
        health=capability.health,
        released=capability.released,
        required=capability.required,
        target=capability.target,
        done=counts.done,
        scope=counts.scope,
        doing=counts.doing,
        dropped=counts.dropped,
        baseline=scope.baseline,
        added=len(scope.added),
        removed=len(scope.dropped) + len(scope.moved_out) + len(scope.vanished) + len(scope.split),
        blocked=capability.blocked,
        blocked_issues=tuple(
            Issue(ref=str(each.ref), key=each.ref.key, title=each.title, url=each.url) for each in blocked
        ),
        proof=capability.proof.why if capability.proof else None,
        not_proven=capability.not_proven,
        outlook=outlook_of(
            inputs.forecasts.get(capability.subject),
            counts.done,
            _no_forecast(capability.state, inputs),
            inputs.track_records.get(capability.subject),
        ),
        iterations=tuple(
            _iteration(each, inputs.known) for each in inputs.learning if each.capability == capability.id
        ),
        warnings=capability.warnings,
        uncertain=capability.uncertain,
    )


def _iteration(found: Round, known: Mapping[IssueRef, KnownIssue]) -> IterationLine:
    return IterationLine(
        name=found.iteration,
        state=found.state,
        done=found.done,
        scope=found.scope,
        questions=tuple(
            QuestionLine(
                issue=Issue(
                    ref=str(each.ref),
                    key=each.ref.key,
                    title=each.title,
                    url=known[each.ref].issue.url if each.ref in known else "",
                ),
                outcome=each.outcome,
                days=_in_days(each.took),
            )
            for each in found.questions
        ),
        usual_days=_in_days(found.usual_time),
    )


def _in_days(duration: timedelta | None) -> float | None:
    return None if duration is None else round(duration / timedelta(days=1), 1)


def _change(difference: Difference) -> ChangeLine:
    return ChangeLine(
        subject=difference.subject,
        title=difference.title,
        done_before=difference.done_before,
        scope_before=difference.scope_before,
        done_after=difference.done_after,
        scope_after=difference.scope_after,
        parts=tuple(
            ChangePart(
                name=name, issues=len(entries), keys=tuple(entry.ref.key for entry in entries[:MOST_KEYS])
            )
            for name in PARTS
            if (entries := difference.part(name))
        ),
    )


def _unplanned(item: AdHoc) -> UnplannedLine:
    return UnplannedLine(
        issue=Issue(ref=str(item.ref), key=item.ref.key, title=item.title, url=item.url),
        teams=item.teams,
        requester=item.requester,
        state=item.state,
        days=round(item.age / timedelta(days=1), 1),
        reason=item.reason,
    )


def _audit(finding: Finding) -> AuditLine:
    return AuditLine(
        kind=finding.kind,
        subject=finding.subject,
        title=finding.title,
        text=finding.text,
        evidence=tuple(_evidence(each) for each in finding.evidence[:MOST_EVIDENCE]),
        left_out=max(0, len(finding.evidence) - MOST_EVIDENCE),
    )


def _evidence(fact: Evidence) -> str:
    when = f" ({fact.at:%Y-%m-%d})" if fact.at else ""
    return (f"{fact.ref.key} {fact.text}" if fact.ref else fact.text) + when


def _predictability(found: Predictability) -> PredictabilityLine:
    (done, total), (more_done, more) = found.count("committed"), found.count("stretch")
    return PredictabilityLine(
        increment=found.increment,
        so_far=found.so_far,
        committed_done=done,
        committed_total=total,
        stretch_done=more_done,
        stretch_total=more,
        share=found.share,
        carried=sum(each.remaining for each in found.carried),
        ad_hoc=found.ad_hoc.share,
    )


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
    told += _counted(
        sum(not issue.state.known for issue in issues), "a status that nobody explained: counted as to do"
    )
    told += _counted(len(inputs.rollup.conflicts), "claims by rules of several teams: counted nowhere")
    unread = sum(not inputs.flow[i.ref].complete for i in issues if i.ref in inputs.flow)
    told += _counted(unread, "a history that was not read: their times are those that runs saw")
    told += [warning for goal in rollup.goals for warning in goal.warnings]
    told += [warning for goal in rollup.goals for each in goal.capabilities for warning in each.warnings]
    return tuple(dict.fromkeys([*told, *inputs.rollup.warnings]))


def _counted(count: int, what: str) -> Iterable[str]:
    return [f"{count} {'issue has' if count == 1 else 'issues have'} {what}"] if count else []
