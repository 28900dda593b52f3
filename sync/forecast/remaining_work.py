"""Remaining work of a capability: its open issues by team, their past, the time left, and notes for the reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

import numpy as np

from connectors.model import IssueRef
from connectors.wording import pluralize
from mappings.model import Increment
from sync.forecast.fallbacks import empty_reason
from sync.forecast.horizon import ForecastHorizon, forecast_horizon
from sync.forecast.joint_model import (
    CANDIDATE_PRIOR,
    TeamShare,
    close_probabilities,
    completion_probabilities,
    team_share,
)
from sync.forecast.prerequisites import insufficient_data
from sync.forecast.team_model import TeamModel
from sync.forecast.throughput_history import QUARTER_DAYS, Floats, HistoryAsOf, ThroughputHistory, epoch_days
from sync.model.flow import IssueFlow
from sync.model.rollup import CapabilityRollup, CountedIssue

_STALLED_DAYS: Final = 28


@dataclass(frozen=True, kw_only=True, slots=True)
class ForecastInputs:
    """Inputs of all forecasts at one moment."""

    at: datetime
    """Aware, UTC. Nothing that happened later is used."""
    flow: Mapping[IssueRef, IssueFlow]
    team_models: Mapping[str, TeamModel]

    def insufficient_data(self, team: str) -> str | None:
        """Return the reason why a team's data do not suffice for a forecast, or None if they do."""
        model = self.team_models.get(team)
        return model.insufficient_data if model else insufficient_data(team, [], self.at)


@dataclass(frozen=True, kw_only=True, eq=False)
class RemainingWork:
    """Remaining work of one capability."""

    capability: CapabilityRollup
    horizon: ForecastHorizon
    shares: tuple[TeamShare, ...]
    """One for each team with issues in it."""
    weights: Floats
    """Weights of ``joint_model.CANDIDATES``, over all teams by their open issues; zeros when nothing is open."""
    reason: str | None
    """Why no forecast is possible; None if it is."""
    notes: tuple[str, ...]
    remaining: int
    """Open issues."""

    def close_probabilities(self, days: float) -> Floats:
        """Return ``joint_model.close_probabilities`` of the next ``days``."""
        if days == self.horizon.days:
            return self._horizon_probabilities
        return close_probabilities(self.shares, days)

    @cached_property
    def completion(self) -> Floats:
        """``joint_model.completion_probabilities`` of the capability."""
        return completion_probabilities(self.shares)

    @cached_property
    def _horizon_probabilities(self) -> Floats:
        return close_probabilities(self.shares, self.horizon.days)


def remaining_work_of(
    capability: CapabilityRollup, increment: Increment, inputs: ForecastInputs
) -> RemainingWork:
    """Collect the remaining work of a capability that is not cancelled."""
    horizon = forecast_horizon(increment, inputs.at, capability.target)
    histories = _histories_by_team(capability, inputs)
    remaining = {team: len(history.open_issue_ages) for team, history in histories.items()}
    models = {team: inputs.team_models[team] for team in histories if team in inputs.team_models}
    insufficient = [inputs.insufficient_data(team) for team in histories if remaining[team]]
    return RemainingWork(
        capability=capability,
        horizon=horizon,
        shares=tuple(
            team_share(histories[team], model.pace, horizon.days_until_start)
            for team, model in models.items()
        ),
        weights=_normalized_sum(
            [model.candidate_weights * remaining[team] for team, model in models.items() if remaining[team]]
        ),
        reason=_reason(capability, horizon, [each for each in insufficient if each]),
        notes=(
            *horizon.notes,
            *(note for team, model in models.items() if remaining[team] for note in model.notes),
            *_capability_notes(capability, histories, epoch_days(inputs.at)),
        ),
        remaining=sum(remaining.values()),
    )


def _normalized_sum(weights: Sequence[Floats]) -> Floats:
    if not weights:
        return np.zeros(len(CANDIDATE_PRIOR))
    total = np.sum(weights, axis=0)
    normalized: Floats = total / total.sum()
    return normalized


def _histories_by_team(capability: CapabilityRollup, inputs: ForecastInputs) -> dict[str, HistoryAsOf]:
    """Return the history of the capability's issues, dropped ones included, by team."""
    times: dict[str, list[tuple[datetime, datetime | None]]] = {}
    for issue in capability.issues:
        flow = inputs.flow.get(issue.ref)
        created = flow.created if flow else inputs.at
        times.setdefault(issue.team, []).append((created, _closed_at(issue, flow, inputs.at)))
    day = epoch_days(inputs.at)
    return {team: ThroughputHistory.from_times(each).as_of(day) for team, each in sorted(times.items())}


def _closed_at(issue: CountedIssue, flow: IssueFlow | None, at: datetime) -> datetime | None:
    """Return the closing time of an issue. Whether the issue is open is decided by the roll-up, as everywhere else."""
    if issue.is_open:
        return None
    closed = (flow.closed if flow else None) or issue.closed or issue.vanished
    return closed or (flow.created if flow else at)


def _reason(
    capability: CapabilityRollup, horizon: ForecastHorizon, insufficient: Sequence[str]
) -> str | None:
    if capability.state == "empty":
        return empty_reason(capability)
    if horizon.has_ended:
        return "the increment is over"
    return f"not enough history: {'; '.join(dict.fromkeys(insufficient))}" if insufficient else None


def _capability_notes(
    capability: CapabilityRollup, histories: Mapping[str, HistoryAsOf], day: float
) -> Iterable[str]:
    working = [team for team, history in histories.items() if len(history.open_issue_ages)]
    if len(working) > 1:
        yield f"several teams work on it ({', '.join(working)}): each at its own pace, with correlated results"
    closes = [
        float(history.closed[np.isfinite(history.closed)].max(initial=0.0)) for history in histories.values()
    ]
    last = max(closes, default=0.0)
    if working and last and day - last >= _STALLED_DAYS:
        yield f"none of its issues was closed in the last {pluralize(int(day - last), 'day')}"
    added = sum(int(np.count_nonzero(history.created > day - QUARTER_DAYS)) for history in histories.values())
    if working and added:
        issues = "1 issue was" if added == 1 else f"{added} issues were"
        yield f"{issues} added in the last 13 weeks; future issues are not included"
    if capability.uncertain:
        yield f"not read in this run, earlier numbers used: {', '.join(capability.uncertain)}"
