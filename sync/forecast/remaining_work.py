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
from sync.forecast.completion_date import reach_of
from sync.forecast.fallbacks import why_empty
from sync.forecast.horizon import Horizon, horizon_of
from sync.forecast.joint_model import PRIOR, Part, chances_of, part_of
from sync.forecast.team_model import TeamPast
from sync.forecast.throughput_history import QUARTER, Floats, History, Past, day_of
from sync.model.flow import FlowIssue
from sync.model.rollup import CapabilityRollup, CountedIssue

_QUIET_DAYS: Final = 28


@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """All that forecasts of one moment are made of."""

    at: datetime
    """Aware, UTC. Nothing that happened later is used."""
    flow: Mapping[IssueRef, FlowIssue]
    teams: Mapping[str, TeamPast]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rest:
    """What is left of a capability."""

    capability: CapabilityRollup
    horizon: Horizon
    parts: tuple[Part, ...]
    """One for each team with issues in it."""
    beliefs: Floats
    """Weights of the candidates of ``group.py``, of all teams by their open issues; zero when nothing is open."""
    reason: str | None
    """Why nothing can be said."""
    notes: tuple[str, ...]
    remaining: int
    """Open issues."""

    def chances(self, days: float) -> Floats:
        """As of ``group.chances_of``."""
        return self._chances if days == self.horizon.days else chances_of(self.parts, days)

    @cached_property
    def reach(self) -> Floats:
        """As of ``finish.reach_of``."""
        return reach_of(self.parts)

    @cached_property
    def _chances(self) -> Floats:
        return chances_of(self.parts, self.horizon.days)


def rest_of(capability: CapabilityRollup, increment: Increment, material: Material) -> Rest:
    """Of a capability that is not cancelled."""
    horizon = horizon_of(increment, material.at, capability.target)
    pasts = _pasts(capability, material)
    remaining = {team: len(past.open_ages) for team, past in pasts.items()}
    known = {team: material.teams[team] for team in pasts if team in material.teams}
    thin = [
        known[team].thin if team in known else f"{team} has no history, at least 4 weeks are needed"
        for team in pasts
        if remaining[team]
    ]
    return Rest(
        capability=capability,
        horizon=horizon,
        parts=tuple(part_of(pasts[team], each.team, horizon.wait) for team, each in known.items()),
        beliefs=_mean([each.beliefs * remaining[team] for team, each in known.items() if remaining[team]]),
        reason=_reason(capability, horizon, [each for each in thin if each]),
        notes=(
            *horizon.notes,
            *(note for team, each in known.items() if remaining[team] for note in each.notes),
            *_capability_notes(capability, pasts, day_of(material.at)),
        ),
        remaining=sum(remaining.values()),
    )


def _mean(weights: Sequence[Floats]) -> Floats:
    if not weights:
        return np.zeros(len(PRIOR))
    total = np.sum(weights, axis=0)
    mean: Floats = total / total.sum()
    return mean


def _pasts(capability: CapabilityRollup, material: Material) -> dict[str, Past]:
    """The past of the capability's issues, dropped ones included, by team."""
    lives: dict[str, list[tuple[datetime, datetime | None]]] = {}
    for issue in capability.issues:
        way = material.flow.get(issue.ref)
        created = way.created if way else material.at
        lives.setdefault(issue.team, []).append((created, _left(issue, way, material.at)))
    return {team: History.of(each).until(day_of(material.at)) for team, each in sorted(lives.items())}


def _left(issue: CountedIssue, way: FlowIssue | None, at: datetime) -> datetime | None:
    """When an issue left the open work. That it is open or not says the roll-up, as everywhere else."""
    if issue.state.state in ("todo", "doing"):
        return None
    closed = (way.closed if way else None) or issue.closed or issue.vanished
    return closed or (way.created if way else at)


def _reason(capability: CapabilityRollup, horizon: Horizon, thin: Sequence[str]) -> str | None:
    if capability.state == "empty":
        return why_empty(capability)
    if horizon.over:
        return "the increment is over"
    return f"thin history: {'; '.join(dict.fromkeys(thin))}" if thin else None


def _capability_notes(capability: CapabilityRollup, pasts: Mapping[str, Past], day: float) -> Iterable[str]:
    at_work = [team for team, past in pasts.items() if len(past.open_ages)]
    if len(at_work) > 1:
        yield f"several teams work on it ({', '.join(at_work)}): each at its own pace, with shared luck"
    closes = [float(past.closed[np.isfinite(past.closed)].max(initial=0.0)) for past in pasts.values()]
    last = max(closes, default=0.0)
    if at_work and last and day - last >= _QUIET_DAYS:
        yield f"nothing of it was closed for {int(day - last)} days"
    added = sum(int(np.count_nonzero(past.created > day - QUARTER)) for past in pasts.values())
    if at_work and added:
        issues = "1 issue was" if added == 1 else f"{added} issues were"
        yield f"{issues} added in the last 13 weeks; issues to come are not in the figures"
    if capability.uncertain:
        yield f"not read, figures of before: {', '.join(capability.uncertain)}"
