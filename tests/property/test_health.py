"""Hysteresis of the displayed health over any sequence of days and runs."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sync.forecast.health.evaluate import next_displayed_health
from sync.model.health import DisplayedHealth, health_of

VALUES = st.sampled_from(["on-track", "at-risk", "off-track", None])
RUNS = st.lists(st.tuples(st.integers(0, 2), VALUES), max_size=12)
FIRST = date(2026, 11, 1)


def shown(runs: list[tuple[int, str | None]]) -> list[tuple[date, str | None, str | None]]:
    """Return (day, health that the run found, health that is displayed after it)."""
    displayed, day, found = DisplayedHealth(), FIRST, []
    for later, health in runs:
        day += timedelta(days=later)
        displayed = next_displayed_health(displayed, health, day)
        found.append((day, health, displayed.shown))
    return found


@given(RUNS)
def test_a_displayed_change_was_found_on_two_days_without_a_gap(
    runs: list[tuple[int, str | None]],
) -> None:
    days = shown(runs)
    before: str | None = None
    for number, (day, _, health) in enumerate(days):
        if health != before:
            same = []
            for earlier in reversed(days[: number + 1]):
                if earlier[1] != health:
                    break
                same.append(earlier[0])
            assert min(same) < day
        before = health


@given(RUNS, VALUES)
def test_health_found_on_three_days_is_displayed(
    runs: list[tuple[int, str | None]], health: str | None
) -> None:
    assert shown([*runs, (1, health), (1, health), (1, health)])[-1][2] == health


@given(RUNS)
def test_within_one_day_nothing_changes(runs: list[tuple[int, str | None]]) -> None:
    assert {health for _, _, health in shown([(0, health) for _, health in runs])} <= {None}


@given(st.floats(0, 1))
def test_health_follows_the_thresholds(probability: float) -> None:
    limits = {"on-track": (0.7, 1.1), "at-risk": (0.3, 0.7), "off-track": (0.0, 0.3)}
    low, high = limits[health_of(probability)]
    assert low <= probability < high
