"""Forecast models in cases with a known result: hazard rates, throughput, groups and calibration."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from sync.forecast.calibration import LikelihoodRecord
from sync.forecast.hazard import HazardRates, estimate_hazard_rates, expected_closed_count
from sync.forecast.joint_model import (
    CANDIDATE_PRIOR,
    CANDIDATES,
    TeamPace,
    TeamShare,
    all_closed_probability,
    close_probabilities,
    closed_count_distribution,
    combine_groups,
    count_quantiles,
    team_pace,
    team_share,
)
from sync.forecast.throughput_history import HistoryAsOf
from sync.forecast.throughput_model import CountDistribution, cap_bulk_closes, throughput_distribution
from tests.support.forecast_world import ZERO, history_as_of, steady, throughput_history

CALM = TeamPace(hazards=HazardRates.from_rates(np.full(10, 0.02)), log_pace=0.0)


def share(ages: list[float], *, pace: TeamPace = CALM, closed: int = 0, expected: float = 0.0) -> TeamShare:
    return TeamShare(pace=pace, ages=np.array(ages), closed=closed, expected_closed=expected)


# ---- histories


def test_a_history_as_of_a_day_has_no_later_events() -> None:
    times = [(0.0, 5.0), (1.0, 30.0), (2.0, None), (40.0, 41.0)]
    known = throughput_history(times).as_of(ZERO + 20)
    assert known.created.tolist() == [ZERO, ZERO + 1, ZERO + 2]
    assert known.closed.tolist() == [ZERO + 5, np.inf, np.inf]


def test_weeks_end_now_and_not_at_the_last_close() -> None:
    known = history_as_of([(0.0, 1.0), (0.0, 20.0), (0.0, 22.0), (3.0, None)], 35.0)
    assert known.weekly_counts(known.closed, 52).tolist() == [0, 1, 1, 0, 1]


# ---- hazard rates


def test_hazard_rates_are_closes_divided_by_exposure() -> None:
    times = [(float(day), float(day) + 10.0) for day in range(400)]
    hazards = estimate_hazard_rates(history_as_of(times, 420.0))
    mean = 1 / 10
    assert hazards.rates[2] == pytest.approx((400 + 2) / (400 * 3 + 2 / mean), rel=1e-6)  # 7 to 14 days
    assert hazards.rates[0] == pytest.approx(
        2 / (400 * 3 + 2 / mean), rel=1e-6
    )  # no issue is closed at this age


def test_closes_older_than_two_years_do_not_change_hazard_rates() -> None:
    old = [(float(day), float(day) + 1.0) for day in range(100)]
    new = [(1000.0 + day, None) for day in range(20)]
    assert estimate_hazard_rates(history_as_of([*old, *new], 1100.0)).rates.max() < 0.01


def test_cumulative_hazards_add_up() -> None:
    hazards = HazardRates.from_rates(np.linspace(0.2, 0.01, 10))
    ages = np.array([0.0, 5.0, 100.0, 2000.0])
    first = hazards.cumulative_hazard(ages, ages + 40)
    assert first + hazards.cumulative_hazard(ages + 40, ages + 90) == pytest.approx(
        hazards.cumulative_hazard(ages, ages + 90)
    )
    assert first[0] == pytest.approx(
        hazards.rates[:5] @ [3, 4, 7, 14, 12], rel=1e-9
    )  # 40 days through the youngest bands


def test_expected_closes_of_the_past_match_the_closes_behind_the_rates() -> None:
    known = history_as_of(steady(400), 400.0)
    assert expected_closed_count(known, estimate_hazard_rates(known), 700.0) == pytest.approx(
        known.closed_within(700.0), rel=0.1
    )


# ---- throughput


def throughput_of(known: HistoryAsOf, days: float = 42.0) -> CountDistribution:
    return throughput_distribution(known, estimate_hazard_rates(known), days)


def test_a_steady_team_continues_at_its_rate() -> None:
    distribution = throughput_of(history_as_of(steady(600, every=1.0), 600.0))
    low, middle, high = distribution.quantiles(np.array([0.075, 0.5, 0.925]))
    assert 35 <= middle <= 50
    assert low < 42 < high


def test_a_stall_since_the_last_close_lowers_the_mean() -> None:
    times = steady(600, every=1.0)
    assert (
        throughput_of(history_as_of(times, 656.0)).mean
        < 0.5 * throughput_of(history_as_of(times, 600.0)).mean
    )


def test_a_bulk_close_is_not_extrapolated() -> None:
    times = steady(600, every=1.0)
    bulk = [(float(day), 590.0) for day in range(500)]
    usual, after = (
        throughput_of(history_as_of(times, 600.0)).mean,
        throughput_of(history_as_of([*times, *bulk], 600.0)).mean,
    )
    assert after < 2.5 * usual
    assert cap_bulk_closes(np.array([500.0, 3.0, 0.0, 4.0])) == (pytest.approx([16.0, 3.0, 0.0, 4.0]), 1)


def test_quantiles_are_the_smallest_counts_with_enough_probability() -> None:
    distribution = CountDistribution(mean=7.3, variance=40.0)
    probabilities = np.array([0.025, 0.5, 0.85, 0.999])
    counts = distribution.quantiles(probabilities)
    assert np.all(distribution.cdf(counts) >= probabilities)
    assert np.all(distribution.cdf(counts - 1) < probabilities)


def test_a_count_distribution_has_its_mean_and_variance() -> None:
    distribution = CountDistribution(mean=7.3, variance=40.0)
    counts = np.arange(0, 400)
    probabilities = np.diff(np.append(0.0, distribution.cdf(counts)))
    assert probabilities @ counts == pytest.approx(7.3)
    assert probabilities @ (counts - 7.3) ** 2 == pytest.approx(40.0)


def test_a_team_without_a_close_gets_a_distribution() -> None:
    distribution = throughput_of(history_as_of([(0.0, None), (1.0, None)], 30.0))
    assert distribution.quantiles(np.array([0.5])).tolist() == [0]


# ---- groups


def test_counts_match_an_enumeration_of_all_outcomes() -> None:
    probabilities = close_probabilities([share([1.0, 10.0, 60.0], closed=2, expected=1.0)], 30.0)
    enumerated = np.zeros((len(CANDIDATES), 4))
    for outcome in product([0, 1], repeat=3):
        enumerated[:, sum(outcome)] += np.prod(
            np.where(outcome, probabilities, 1 - probabilities), axis=2
        ).mean(axis=1)
    assert closed_count_distribution(probabilities) == pytest.approx(enumerated)
    assert all_closed_probability(probabilities) == pytest.approx(enumerated[:, 3])


def test_a_group_without_open_issues_is_done() -> None:
    probabilities = close_probabilities([share([])], 30.0)
    assert closed_count_distribution(probabilities).tolist() == [[1.0]] * len(CANDIDATES)
    assert all_closed_probability(probabilities).tolist() == [1.0] * len(CANDIDATES)


def test_more_time_more_closes_and_a_faster_pace_raise_the_probability() -> None:
    def probability(days: float, closed: int, log_pace: float) -> float:
        pace = TeamPace(hazards=CALM.hazards, log_pace=log_pace)
        probabilities = close_probabilities(
            [share([5.0, 20.0], pace=pace, closed=closed, expected=2.0)], days
        )
        return float(CANDIDATE_PRIOR @ all_closed_probability(probabilities))

    usual = probability(30.0, 2, 0.0)
    assert usual < probability(60.0, 2, 0.0)
    assert usual < probability(30.0, 5, 0.0)
    assert usual < probability(30.0, 2, 0.5)


def test_each_team_of_a_group_has_its_own_pace_and_the_common_factor() -> None:
    slow = TeamPace(hazards=HazardRates.from_rates(np.full(10, 0.001)), log_pace=0.0)
    both = close_probabilities([share([5.0]), share([5.0], pace=slow)], 30.0)
    quick_done, slow_done = all_closed_probability(both[..., [0]]), all_closed_probability(both[..., [1]])
    assert np.all(quick_done > 3 * slow_done)
    assert np.all(quick_done * slow_done < all_closed_probability(both))
    assert np.all(all_closed_probability(both) < slow_done)


def test_combined_groups_lie_between_independence_and_the_worst() -> None:
    groups = [
        close_probabilities([share([age, age + 9.0], closed=3, expected=2.0)], 60.0) for age in (3.0, 90.0)
    ]
    each = [all_closed_probability(group) for group in groups]
    assert np.all(each[0] * each[1] < all_closed_probability(combine_groups(groups)))
    assert np.all(all_closed_probability(combine_groups(groups)) <= np.minimum(*each))


def test_a_share_counts_the_closes_of_the_group() -> None:
    times = steady(600, every=1.0)
    pace = team_pace(history_as_of(times, 600.0), estimate_hazard_rates(history_as_of(times, 600.0)))
    found = team_share(
        history_as_of([(500.0, 520.0), (500.0, 590.0), (500.0, 560.0), (550.0, None)], 600.0), pace
    )
    assert (found.closed, found.ages.tolist()) == (3, [50.0])
    assert found.expected_closed > 0


def test_a_team_at_its_usual_pace_has_a_log_pace_of_zero() -> None:
    known = history_as_of(steady(600, every=1.0), 600.0)
    assert team_pace(known, estimate_hazard_rates(known)).log_pace == pytest.approx(0.0, abs=0.15)


def test_count_quantiles_are_the_smallest_counts_with_enough_probability() -> None:
    assert count_quantiles(np.array([0.2, 0.3, 0.5]), (0.1, 0.2, 0.21, 0.5, 0.99, 1.0)) == [0, 0, 1, 1, 2, 2]


# ---- calibration


def test_a_candidate_is_weighted_by_its_likelihoods() -> None:
    logs = np.log([[0.2, 0.9]] * 40)
    prior = np.array([0.8, 0.2])
    record = LikelihoodRecord(known_on=np.arange(40.0), log_likelihoods=logs)
    assert record.posterior_weights(40.0, prior)[1] > 0.95
    assert record.posterior_weights(10.0, prior)[1] < record.posterior_weights(20.0, prior)[1]


def test_future_and_old_cases_do_not_change_the_weights() -> None:
    record = LikelihoodRecord(known_on=np.array([100.0]), log_likelihoods=np.log([[0.01, 0.99]]))
    prior = np.array([0.8, 0.2])
    assert record.posterior_weights(99.0, prior).tolist() == [0.8, 0.2]
    assert record.posterior_weights(100.0, prior)[1] > 0.2
    assert record.posterior_weights(100.0 + 729, prior).tolist() == [0.8, 0.2]


def test_a_single_unpredictable_case_does_not_decide() -> None:
    record = LikelihoodRecord(known_on=np.array([1.0]), log_likelihoods=np.array([[-500.0, 0.0]]))
    assert record.posterior_weights(2.0, np.array([0.9, 0.1]))[0] > 0.4
