"""Which word is shown, over any row of days and runs."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sync.forecast.health.hysteresis import health_of, next_displayed_health
from sync.model.health import DisplayedHealth

WORDS = st.sampled_from(["on-track", "at-risk", "off-track", None])
RUNS = st.lists(st.tuples(st.integers(0, 2), WORDS), max_size=12)
FIRST = date(2026, 11, 1)


def shown(runs: list[tuple[int, str | None]]) -> list[tuple[date, str | None, str | None]]:
    """(day, what the run saw, what is shown after it)."""
    standing, day, found = DisplayedHealth(), FIRST, []
    for later, word in runs:
        day += timedelta(days=later)
        standing = next_displayed_health(standing, word, day)
        found.append((day, word, standing.shown))
    return found


@given(RUNS)
def test_a_change_was_seen_on_two_days_and_nothing_else_in_between(
    runs: list[tuple[int, str | None]],
) -> None:
    told = shown(runs)
    before: str | None = None
    for number, (day, _, word) in enumerate(told):
        if word != before:
            same = []
            for earlier in reversed(told[: number + 1]):
                if earlier[1] != word:
                    break
                same.append(earlier[0])
            assert min(same) < day
        before = word


@given(RUNS, WORDS)
def test_what_holds_on_three_days_is_shown(runs: list[tuple[int, str | None]], word: str | None) -> None:
    assert shown([*runs, (1, word), (1, word), (1, word)])[-1][2] == word


@given(RUNS)
def test_within_one_day_nothing_changes(runs: list[tuple[int, str | None]]) -> None:
    assert {word for _, _, word in shown([(0, word) for _, word in runs])} <= {None}


@given(st.floats(0, 1))
def test_words_follow_the_limits(probability: float) -> None:
    limits = {"on-track": (0.7, 1.1), "at-risk": (0.3, 0.7), "off-track": (0.0, 0.3)}
    low, high = limits[health_of(probability)]
    assert low <= probability < high
