"""Ages, rates and groups: what the calculations of a forecast come to in cases that one can think through."""

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


def part(ages: list[float], *, team: TeamPace = CALM, closes: int = 0, expected: float = 0.0) -> TeamShare:
    return TeamShare(pace=team, ages=np.array(ages), closed=closes, expected_closed=expected)


# ---- what was known


def test_nothing_that_happened_later_is_known() -> None:
    lives = [(0.0, 5.0), (1.0, 30.0), (2.0, None), (40.0, 41.0)]
    known = throughput_history(lives).as_of(ZERO + 20)
    assert known.created.tolist() == [ZERO, ZERO + 1, ZERO + 2]
    assert known.closed.tolist() == [ZERO + 5, np.inf, np.inf]


def test_weeks_end_now_and_not_at_the_last_close() -> None:
    known = history_as_of([(0.0, 1.0), (0.0, 20.0), (0.0, 22.0), (3.0, None)], 35.0)
    assert known.weekly_counts(known.closed, 52).tolist() == [0, 1, 1, 0, 1]


# ---- ages


def test_hazards_are_closes_by_the_days_that_issues_spent_in_a_band() -> None:
    lives = [(float(day), float(day) + 10.0) for day in range(400)]
    hazards = estimate_hazard_rates(history_as_of(lives, 420.0))
    mean = 1 / 10
    assert hazards.rates[2] == pytest.approx((400 + 2) / (400 * 3 + 2 / mean), rel=1e-6)  # 7 to 14 days
    assert hazards.rates[0] == pytest.approx(
        2 / (400 * 3 + 2 / mean), rel=1e-6
    )  # nobody is closed that young


def test_closes_two_years_ago_and_before_say_nothing_about_hazards() -> None:
    old = [(float(day), float(day) + 1.0) for day in range(100)]
    new = [(1000.0 + day, None) for day in range(20)]
    assert estimate_hazard_rates(history_as_of([*old, *new], 1100.0)).rates.max() < 0.01


def test_what_is_expected_of_an_age_adds_up() -> None:
    hazards = HazardRates.from_rates(np.linspace(0.2, 0.01, 10))
    ages = np.array([0.0, 5.0, 100.0, 2000.0])
    there = hazards.cumulative_hazard(ages, ages + 40)
    assert there + hazards.cumulative_hazard(ages + 40, ages + 90) == pytest.approx(
        hazards.cumulative_hazard(ages, ages + 90)
    )
    assert there[0] == pytest.approx(
        hazards.rates[:5] @ [3, 4, 7, 14, 12], rel=1e-9
    )  # 40 days through the youngest bands


def test_expected_closes_of_the_past_are_those_that_the_hazards_were_made_of() -> None:
    known = history_as_of(steady(400), 400.0)
    assert expected_closed_count(known, estimate_hazard_rates(known), 700.0) == pytest.approx(
        known.closed_within(700.0), rel=0.1
    )


# ---- how many a team closes


def law_of(known: HistoryAsOf, days: float = 42.0) -> CountDistribution:
    return throughput_distribution(known, estimate_hazard_rates(known), days)


def test_a_steady_team_goes_on_as_before() -> None:
    law = law_of(history_as_of(steady(600, every=1.0), 600.0))
    low, middle, high = law.quantiles(np.array([0.075, 0.5, 0.925]))
    assert 35 <= middle <= 50
    assert low < 42 < high


def test_a_stall_since_the_last_close_is_seen() -> None:
    lives = steady(600, every=1.0)
    assert law_of(history_as_of(lives, 656.0)).mean < 0.5 * law_of(history_as_of(lives, 600.0)).mean


def test_a_bulk_close_does_not_carry_on() -> None:
    lives = steady(600, every=1.0)
    bulk = [(float(day), 590.0) for day in range(500)]
    usual, after = (
        law_of(history_as_of(lives, 600.0)).mean,
        law_of(history_as_of([*lives, *bulk], 600.0)).mean,
    )
    assert after < 2.5 * usual
    assert cap_bulk_closes(np.array([500.0, 3.0, 0.0, 4.0])) == (pytest.approx([16.0, 3.0, 0.0, 4.0]), 1)


def test_quantiles_are_the_smallest_counts_that_are_sure_enough() -> None:
    law = CountDistribution(mean=7.3, variance=40.0)
    asked = np.array([0.025, 0.5, 0.85, 0.999])
    counts = law.quantiles(asked)
    assert np.all(law.cdf(counts) >= asked)
    assert np.all(law.cdf(counts - 1) < asked)


def test_a_count_law_has_the_mean_and_the_variance_that_it_says() -> None:
    law = CountDistribution(mean=7.3, variance=40.0)
    counts = np.arange(0, 400)
    chances = np.diff(np.append(0.0, law.cdf(counts)))
    assert chances @ counts == pytest.approx(7.3)
    assert chances @ (counts - 7.3) ** 2 == pytest.approx(40.0)


def test_a_team_without_a_close_gets_a_law_all_the_same() -> None:
    law = law_of(history_as_of([(0.0, None), (1.0, None)], 30.0))
    assert law.quantiles(np.array([0.5])).tolist() == [0]


# ---- groups


def test_counts_are_what_counting_by_hand_gives() -> None:
    chances = close_probabilities([part([1.0, 10.0, 60.0], closes=2, expected=1.0)], 30.0)
    by_hand = np.zeros((len(CANDIDATES), 4))
    for outcome in product([0, 1], repeat=3):
        by_hand[:, sum(outcome)] += np.prod(np.where(outcome, chances, 1 - chances), axis=2).mean(axis=1)
    assert closed_count_distribution(chances) == pytest.approx(by_hand)
    assert all_closed_probability(chances) == pytest.approx(by_hand[:, 3])


def test_nothing_left_is_certain() -> None:
    chances = close_probabilities([part([])], 30.0)
    assert closed_count_distribution(chances).tolist() == [[1.0]] * len(CANDIDATES)
    assert all_closed_probability(chances).tolist() == [1.0] * len(CANDIDATES)


def test_more_time_more_closes_and_a_faster_team_make_it_likelier() -> None:
    def chance(days: float, closes: int, tempo: float) -> float:
        team = TeamPace(hazards=CALM.hazards, log_pace=tempo)
        chances = close_probabilities([part([5.0, 20.0], team=team, closes=closes, expected=2.0)], days)
        return float(CANDIDATE_PRIOR @ all_closed_probability(chances))

    usual = chance(30.0, 2, 0.0)
    assert usual < chance(60.0, 2, 0.0)
    assert usual < chance(30.0, 5, 0.0)
    assert usual < chance(30.0, 2, 0.5)


def test_each_team_on_a_capability_works_at_its_own_pace_and_shares_its_luck() -> None:
    slow = TeamPace(hazards=HazardRates.from_rates(np.full(10, 0.001)), log_pace=0.0)
    both = close_probabilities([part([5.0]), part([5.0], team=slow)], 30.0)
    quick, slow_one = all_closed_probability(both[..., [0]]), all_closed_probability(both[..., [1]])
    assert np.all(quick > 3 * slow_one)
    assert np.all(quick * slow_one < all_closed_probability(both))
    assert np.all(all_closed_probability(both) < slow_one)


def test_groups_taken_together_lie_between_independence_and_the_worst() -> None:
    groups = [
        close_probabilities([part([age, age + 9.0], closes=3, expected=2.0)], 60.0) for age in (3.0, 90.0)
    ]
    each = [all_closed_probability(group) for group in groups]
    assert np.all(each[0] * each[1] < all_closed_probability(combine_groups(groups)))
    assert np.all(all_closed_probability(combine_groups(groups)) <= np.minimum(*each))


def test_a_groups_own_past_is_counted() -> None:
    lives = steady(600, every=1.0)
    team = team_pace(history_as_of(lives, 600.0), estimate_hazard_rates(history_as_of(lives, 600.0)))
    found = team_share(
        history_as_of([(500.0, 520.0), (500.0, 590.0), (500.0, 560.0), (550.0, None)], 600.0), team
    )
    assert (found.closed, found.ages.tolist()) == (3, [50.0])
    assert found.expected_closed > 0


def test_a_team_at_its_usual_pace_has_no_tempo() -> None:
    known = history_as_of(steady(600, every=1.0), 600.0)
    assert team_pace(known, estimate_hazard_rates(known)).log_pace == pytest.approx(0.0, abs=0.15)


def test_quantiles_of_counts_are_the_smallest_that_are_sure_enough() -> None:
    assert count_quantiles(np.array([0.2, 0.3, 0.5]), (0.1, 0.2, 0.21, 0.5, 0.99, 1.0)) == [0, 0, 1, 1, 2, 2]


# ---- what a team's own past teaches


def test_a_candidate_earns_weight_by_what_it_said_of_the_past() -> None:
    logs = np.log([[0.2, 0.9]] * 40)
    prior = np.array([0.8, 0.2])
    taught = LikelihoodRecord(known_on=np.arange(40.0), log_likelihoods=logs)
    assert taught.posterior_weights(40.0, prior)[1] > 0.95
    assert taught.posterior_weights(10.0, prior)[1] < taught.posterior_weights(20.0, prior)[1]


def test_nothing_is_learnt_from_what_was_not_known_yet_or_is_long_ago() -> None:
    taught = LikelihoodRecord(known_on=np.array([100.0]), log_likelihoods=np.log([[0.01, 0.99]]))
    prior = np.array([0.8, 0.2])
    assert taught.posterior_weights(99.0, prior).tolist() == [0.8, 0.2]
    assert taught.posterior_weights(100.0, prior)[1] > 0.2
    assert taught.posterior_weights(100.0 + 729, prior).tolist() == [0.8, 0.2]


def test_one_case_that_nobody_could_foresee_does_not_decide() -> None:
    taught = LikelihoodRecord(known_on=np.array([1.0]), log_likelihoods=np.array([[-500.0, 0.0]]))
    assert taught.posterior_weights(2.0, np.array([0.9, 0.1]))[0] > 0.4
