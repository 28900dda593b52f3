"""Forecasts from moments of the past, held against what happened, under every candidate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sync.forecast.calibration import Experience
from sync.forecast.cutoffs import Origin, group_cases
from sync.forecast.hazard import hazards_of
from sync.forecast.joint_model import CANDIDATES, Team, chances_of, count_chances, part_of, team_of
from sync.forecast.series import Group, Series
from sync.forecast.throughput_history import Floats, History, Past
from sync.forecast.throughput_model import SPREADS, CountLaw, count_law


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CountOutcome:
    """What a team closed until an increment's end."""

    origin: Origin
    law: CountLaw
    closed: int
    logs: Floats
    """Log-likelihood of that, by factor in SPREADS."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GroupOutcome:
    """What became of a group's open issues."""

    origin: Origin
    group: Group
    past: Past
    counts: Floats
    """What was forecast: candidates x number of closes."""
    closed: int


def count_outcomes(history: History, origins: Sequence[Origin]) -> list[CountOutcome]:
    """One for each origin, in their order."""
    return [_count_outcome(history, origin) for origin in origins]


def _count_outcome(history: History, origin: Origin) -> CountOutcome:
    past = history.until(origin.now)
    law = count_law(past, hazards_of(past), origin.days)
    closed = _closed_in(history, origin)
    around = np.array([closed - 1, closed])
    chances = np.array([np.diff(law.spread_by(float(factor)).at_most(around))[0] for factor in SPREADS])
    return CountOutcome(origin=origin, law=law, closed=closed, logs=_logs(chances))


def group_outcomes(series: Series, origins: Sequence[Origin], most: int) -> Iterator[GroupOutcome]:
    """At most so many, in the order of their origins."""
    for origin, groups in group_cases(series, origins, most):
        past = series.history.until(origin.now)
        team = team_of(past, hazards_of(past))
        for group in groups:
            yield _group_outcome(group, team, origin)


def _group_outcome(group: Group, team: Team, origin: Origin) -> GroupOutcome:
    past = group.history.until(origin.now)
    counts = count_chances(chances_of([part_of(past, team)], origin.days))
    known = History(created=past.created, closed=group.history.closed[: len(past.created)])
    return GroupOutcome(
        origin=origin, group=group, past=past, counts=counts, closed=_closed_in(known, origin)
    )


def count_experience(outcomes: Sequence[CountOutcome]) -> Experience:
    """What the outcomes teach about SPREADS."""
    return Experience(
        known=np.array([each.origin.end for each in outcomes]),
        logs=np.array([each.logs for each in outcomes]).reshape(-1, len(SPREADS)),
    )


def group_experience(outcomes: Sequence[GroupOutcome]) -> Experience:
    """What the outcomes teach about CANDIDATES."""
    chances = np.array([each.counts[:, each.closed] for each in outcomes]).reshape(-1, len(CANDIDATES))
    return Experience(
        known=np.array([each.origin.end for each in outcomes]),
        logs=_logs(chances),
    )


def _logs(chances: Floats) -> Floats:
    logs: Floats = np.log(np.maximum(chances, 1e-12))
    return logs


def _closed_in(history: History, origin: Origin) -> int:
    return int(np.count_nonzero((history.closed > origin.now) & (history.closed <= origin.end)))
