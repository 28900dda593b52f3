"""The step of a run between counting and deciding: what is expected, from the store alone and once for all readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from connectors.model import IssueRef, KnownIssue
from mappings.model import Increment
from sync.forecast.data_sufficiency import thin
from sync.forecast.fallbacks import plain_forecasts
from sync.forecast.health.backtest import Backtests
from sync.forecast.health.evaluate import Evidence, judge, open_teams
from sync.forecast.load_history import load_flow, team_of
from sync.forecast.optional_deps import NumbersMissing, check_libraries
from sync.forecast.team_histories import team_histories
from sync.forecast.work_item_age import ageing_of
from sync.model.flow import FlowIssue
from sync.model.forecast import Forecast, PastIssue
from sync.model.health import Statement
from sync.model.health_assessment import Foresight
from sync.model.planning import Counting
from sync.model.rollup import IncrementRollup
from sync.pull.recorded_health import standings_last
from sync.runtime.context import Job


def foresee(job: Job, counting: Counting, known: Mapping[IssueRef, KnownIssue]) -> Foresight:
    """Of all increments whose time is not over. Libraries that calculate are loaded only when some team with open work
    has history enough."""
    now, rollup = job.now(), counting.rollup
    plans = {each.id: each for each in job.workspace.increments}
    going_on = [each for each in rollup.increments if now < plans[each.id].ends_at and _has_goals(each)]
    earlier = job.store.statements()
    due = any(each.closed is None and each.until <= now for each in earlier)
    if not going_on and not due:
        return Foresight(rollup=rollup, expected={}, forecasts={}, standings={})
    flow = load_flow(job.store, job.workspace, counting.matched, known=known)
    told = _Telling(job, counting, known, flow, now)
    judged = Foresight(
        rollup=rollup,
        expected={},
        forecasts={},
        standings={},
        flow=flow,
        earlier=earlier,
        missing=told.missing,
    )
    evidence = told.evidence(going_on, earlier)
    for each in going_on:
        found = judge(each, plans[each.id], told.forecasts(each, plans[each.id]), evidence)
        judged = replace(
            judged,
            expected={**judged.expected, **found.expected},
            forecasts={**judged.forecasts, **found.forecasts},
            standings={**judged.standings, **found.standings},
        )
    return replace(judged, backtests=told.backtests.fresh)


def _has_goals(increment: IncrementRollup) -> bool:
    return any(goal.capabilities for goal in increment.goals)


class _Telling:
    """Makes forecasts with the libraries where something can be calculated, and without them otherwise."""

    def __init__(
        self,
        job: Job,
        counting: Counting,
        known: Mapping[IssueRef, KnownIssue],
        flow: Mapping[IssueRef, FlowIssue],
        now: datetime,
    ) -> None:
        self._job, self._flow, self._now = job, flow, now
        self._owners = team_of(known, job.workspace, counting.matched)
        self.histories = team_histories(counting.matched, known, flow, self._owners)
        names = {team.team for team in job.workspace.teams} | self.histories.keys()
        self.thin = {name: thin(name, self.histories.get(name, []), now) for name in names}
        self.backtests = Backtests(job.store.backtests(), now)
        self.missing = _missing()
        self._pasts: dict[str, Any] | None = None

    def evidence(self, increments: Sequence[IncrementRollup], earlier: Sequence[Statement]) -> Evidence:
        at_work = self._at_work(increments)
        old = ageing_of(self._flow, self._owners, self._open_now(), self._now)
        enough: dict[str, list[PastIssue]] = (
            {} if self.missing else {team: self.histories[team] for team in at_work if not self.thin[team]}
        )
        return Evidence(
            backtests=self.backtests.of(enough),
            standings=standings_last(self._job),
            earlier=earlier,
            old=frozenset(each.ref for each in old if each.band != "normal"),
        )

    def forecasts(self, rollup: IncrementRollup, increment: Increment) -> tuple[Forecast, ...]:
        if self.missing or all(self.thin[team] for team in self._at_work([rollup])):
            return plain_forecasts(rollup, increment, self._now, self._why)
        from sync.forecast.forecasts import forecasts_of
        from sync.forecast.remaining_work import Material
        from sync.forecast.team_model import team_past

        if self._pasts is None:
            self._pasts = {name: team_past(name, past, self._now) for name, past in self.histories.items()}
        return forecasts_of(rollup, increment, Material(at=self._now, flow=self._flow, teams=self._pasts))

    def _why(self, team: str) -> str:
        return self.missing or f"thin history: {self.thin[team]}"

    def _at_work(self, increments: Sequence[IncrementRollup]) -> set[str]:
        capabilities = (
            each for increment in increments for goal in increment.goals for each in goal.capabilities
        )
        return {
            team
            for each in capabilities
            if not each.cancelled and not each.finished
            for team in open_teams(each)
        }

    def _open_now(self) -> list[IssueRef]:
        return [ref for ref, way in self._flow.items() if way.closed is None]


def _missing() -> str | None:
    try:
        check_libraries()
    except NumbersMissing as missing:
        return str(missing)
    return None
