"""Properties of the forecasts of groups and teams for any history."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.forecast.hazard import HazardRates, estimate_hazard_rates
from sync.forecast.joint_model import (
    CANDIDATE_PRIOR,
    TeamPace,
    TeamShare,
    all_closed_probability,
    close_probabilities,
    closed_count_distribution,
    count_quantiles,
)
from sync.forecast.throughput_model import throughput_distribution
from sync.model.forecast import QUANTILES
from tests.support.forecast_world import history_as_of

RATES = st.lists(st.floats(1e-6, 0.5), min_size=10, max_size=10)
AGES = st.lists(st.floats(0, 3000), max_size=25)
TIMES = st.lists(st.tuples(st.floats(0, 600), st.none() | st.floats(0, 600)), min_size=1, max_size=60)


@given(
    rates=RATES,
    ages=AGES,
    closed=st.integers(0, 40),
    expected=st.floats(0, 40),
    log_pace=st.floats(-2, 2),
    days=st.floats(0, 400),
)
@settings(max_examples=60)
def test_counts_of_a_group_are_a_distribution_that_more_time_moves_up(
    rates: list[float], ages: list[float], closed: int, expected: float, log_pace: float, days: float
) -> None:
    pace = TeamPace(hazards=HazardRates.from_rates(np.array(rates)), log_pace=log_pace)
    shares = [TeamShare(pace=pace, ages=np.array(ages), closed=closed, expected_closed=expected)]
    now, later = (
        CANDIDATE_PRIOR @ closed_count_distribution(close_probabilities(shares, each))
        for each in (days, days + 30)
    )
    assert now.sum() == pytest.approx(1)
    assert now.min() >= -1e-12
    assert np.all(np.cumsum(later) <= np.cumsum(now) + 1e-9)
    assert count_quantiles(now, QUANTILES) == sorted(count_quantiles(now, QUANTILES))
    assert CANDIDATE_PRIOR @ all_closed_probability(close_probabilities(shares, days)) == pytest.approx(
        now[-1], abs=1e-9
    )
    assert np.array_equal(now, CANDIDATE_PRIOR @ closed_count_distribution(close_probabilities(shares, days)))


@given(times=TIMES, days=st.floats(0.5, 400))
@settings(max_examples=60)
def test_counts_of_a_team_are_a_distribution_for_any_history(
    times: list[tuple[float, float | None]], days: float
) -> None:
    known = history_as_of([(a, None if b is None else max(a, b)) for a, b in times], 600.0)
    distribution = throughput_distribution(known, estimate_hazard_rates(known), days)
    counts = distribution.quantiles(np.array(QUANTILES))
    assert np.all(np.diff(counts) >= 0)
    assert np.all(counts >= 0)
    assert distribution.variance > distribution.mean > 0
    assert np.array_equal(
        counts,
        throughput_distribution(known, estimate_hazard_rates(known), days).quantiles(np.array(QUANTILES)),
    )
