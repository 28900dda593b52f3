"""What is left of a capability: its open issues by team, its own past, the time there is, and what to know of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

import numpy as np

from connectors.model import IssueRef
from mappings.model import Increment
from sync.forecast.completion_date import completion_probabilities
from sync.forecast.fallbacks import empty_reason
from sync.forecast.horizon import ForecastHorizon, forecast_horizon
from sync.forecast.joint_model import CANDIDATE_PRIOR, TeamShare, close_probabilities, team_share
from sync.forecast.team_model import TeamModel
from sync.forecast.throughput_history import QUARTER_DAYS, Floats, HistoryAsOf, ThroughputHistory, epoch_days
from sync.model.flow import IssueFlow
from sync.model.rollup import CapabilityRollup, CountedIssue

_STALLED_DAYS: Final = 28


@dataclass(frozen=True, kw_only=True, slots=True)
class ForecastInputs:
    """All that forecasts of one moment are made of."""

    at: datetime
    """Aware, UTC. Nothing that happened later is used."""
    flow: Mapping[IssueRef, IssueFlow]
    team_models: Mapping[str, TeamModel]


@dataclass(frozen=True, kw_only=True, eq=False)
class RemainingWork:
    """What is left of a capability."""

    capability: CapabilityRollup
    horizon: ForecastHorizon
    shares: tuple[TeamShare, ...]
    """One for each team with issues in it."""
    weights: Floats
    """Weights of the candidates of ``group.py``, of all teams by their open issues; zero when nothing is open."""
    reason: str | None
    """Why nothing can be said."""
    notes: tuple[str, ...]
    remaining: int
    """Open issues."""

    def close_probabilities(self, days: float) -> Floats:
        """As of ``group.chances_of``."""
        return (
            self._horizon_probabilities
            if days == self.horizon.days
            else close_probabilities(self.shares, days)
        )

    @cached_property
    def completion(self) -> Floats:
        """As of ``finish.reach_of``."""
        return completion_probabilities(self.shares)

    @cached_property
    def _horizon_probabilities(self) -> Floats:
        return close_probabilities(self.shares, self.horizon.days)


def remaining_work_of(
    capability: CapabilityRollup, increment: Increment, inputs: ForecastInputs
) -> RemainingWork:
    """Of a capability that is not cancelled."""
    horizon = forecast_horizon(increment, inputs.at, capability.target)
    pasts = _histories_by_team(capability, inputs)
    remaining = {team: len(past.open_ages) for team, past in pasts.items()}
    known = {team: inputs.team_models[team] for team in pasts if team in inputs.team_models}
    thin = [
        known[team].insufficient_data
        if team in known
        else f"{team} has no history, at least 4 weeks are needed"
        for team in pasts
        if remaining[team]
    ]
    return RemainingWork(
        capability=capability,
        horizon=horizon,
        shares=tuple(
            team_share(pasts[team], each.pace, horizon.days_until_start) for team, each in known.items()
        ),
        weights=_normalized_sum(
            [each.candidate_weights * remaining[team] for team, each in known.items() if remaining[team]]
        ),
        reason=_reason(capability, horizon, [each for each in thin if each]),
        notes=(
            *horizon.notes,
            *(note for team, each in known.items() if remaining[team] for note in each.notes),
            *_capability_notes(capability, pasts, epoch_days(inputs.at)),
        ),
        remaining=sum(remaining.values()),
    )


def _normalized_sum(weights: Sequence[Floats]) -> Floats:
    if not weights:
        return np.zeros(len(CANDIDATE_PRIOR))
    total = np.sum(weights, axis=0)
    mean: Floats = total / total.sum()
    return mean


def _histories_by_team(capability: CapabilityRollup, inputs: ForecastInputs) -> dict[str, HistoryAsOf]:
    """The past of the capability's issues, dropped ones included, by team."""
    lives: dict[str, list[tuple[datetime, datetime | None]]] = {}
    for issue in capability.issues:
        way = inputs.flow.get(issue.ref)
        created = way.created if way else inputs.at
        lives.setdefault(issue.team, []).append((created, _closed_at(issue, way, inputs.at)))
    return {
        team: ThroughputHistory.from_times(each).as_of(epoch_days(inputs.at))
        for team, each in sorted(lives.items())
    }


def _closed_at(issue: CountedIssue, flow: IssueFlow | None, at: datetime) -> datetime | None:
    """When an issue left the open work. That it is open or not says the roll-up, as everywhere else."""
    if issue.state.state in ("todo", "doing"):
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
    return f"thin history: {'; '.join(dict.fromkeys(insufficient))}" if insufficient else None


def _capability_notes(
    capability: CapabilityRollup, histories: Mapping[str, HistoryAsOf], day: float
) -> Iterable[str]:
    at_work = [team for team, past in histories.items() if len(past.open_ages)]
    if len(at_work) > 1:
        yield f"several teams work on it ({', '.join(at_work)}): each at its own pace, with shared luck"
    closes = [float(past.closed[np.isfinite(past.closed)].max(initial=0.0)) for past in histories.values()]
    last = max(closes, default=0.0)
    if at_work and last and day - last >= _STALLED_DAYS:
        yield f"nothing of it was closed for {int(day - last)} days"
    added = sum(int(np.count_nonzero(past.created > day - QUARTER_DAYS)) for past in histories.values())
    if at_work and added:
        issues = "1 issue was" if added == 1 else f"{added} issues were"
        yield f"{issues} added in the last 13 weeks; issues to come are not in the figures"
    if capability.uncertain:
        yield f"not read, figures of before: {', '.join(capability.uncertain)}"
