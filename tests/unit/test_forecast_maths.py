"""Ages, rates and groups: what the calculations of a forecast come to in cases that one can think through."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from sync.forecast.calibration import Experience
from sync.forecast.hazard import Hazards, expected_closes, hazards_of
from sync.forecast.joint_model import (
    CANDIDATES,
    PRIOR,
    Part,
    Team,
    chance_of_all,
    chances_of,
    count_chances,
    joint,
    part_of,
    quantiles_of,
    team_of,
)
from sync.forecast.throughput_history import Past
from sync.forecast.throughput_model import CountLaw, count_law, without_bulk
from tests.support.forecast_world import ZERO, history, past, steady

CALM = Team(hazards=Hazards.of_rates(np.full(10, 0.02)), tempo=0.0)


def part(ages: list[float], *, team: Team = CALM, closes: int = 0, expected: float = 0.0) -> Part:
    return Part(team=team, ages=np.array(ages), closes=closes, expected=expected)


# ---- what was known


def test_nothing_that_happened_later_is_known() -> None:
    lives = [(0.0, 5.0), (1.0, 30.0), (2.0, None), (40.0, 41.0)]
    known = history(lives).until(ZERO + 20)
    assert known.created.tolist() == [ZERO, ZERO + 1, ZERO + 2]
    assert known.closed.tolist() == [ZERO + 5, np.inf, np.inf]


def test_weeks_end_now_and_not_at_the_last_close() -> None:
    known = past([(0.0, 1.0), (0.0, 20.0), (0.0, 22.0), (3.0, None)], 35.0)
    assert known.weekly(known.closed, 52).tolist() == [0, 1, 1, 0, 1]


# ---- ages


def test_hazards_are_closes_by_the_days_that_issues_spent_in_a_band() -> None:
    lives = [(float(day), float(day) + 10.0) for day in range(400)]
    hazards = hazards_of(past(lives, 420.0))
    mean = 1 / 10
    assert hazards.rates[2] == pytest.approx((400 + 2) / (400 * 3 + 2 / mean), rel=1e-6)  # 7 to 14 days
    assert hazards.rates[0] == pytest.approx(
        2 / (400 * 3 + 2 / mean), rel=1e-6
    )  # nobody is closed that young


def test_closes_two_years_ago_and_before_say_nothing_about_hazards() -> None:
    old = [(float(day), float(day) + 1.0) for day in range(100)]
    new = [(1000.0 + day, None) for day in range(20)]
    assert hazards_of(past([*old, *new], 1100.0)).rates.max() < 0.01


def test_what_is_expected_of_an_age_adds_up() -> None:
    hazards = Hazards.of_rates(np.linspace(0.2, 0.01, 10))
    ages = np.array([0.0, 5.0, 100.0, 2000.0])
    there = hazards.between(ages, ages + 40)
    assert there + hazards.between(ages + 40, ages + 90) == pytest.approx(hazards.between(ages, ages + 90))
    assert there[0] == pytest.approx(
        hazards.rates[:5] @ [3, 4, 7, 14, 12], rel=1e-9
    )  # 40 days through the youngest bands


def test_expected_closes_of_the_past_are_those_that_the_hazards_were_made_of() -> None:
    known = past(steady(400), 400.0)
    assert expected_closes(known, hazards_of(known), 700.0) == pytest.approx(
        known.closes_within(700.0), rel=0.1
    )


# ---- how many a team closes


def law_of(known: Past, days: float = 42.0) -> CountLaw:
    return count_law(known, hazards_of(known), days)


def test_a_steady_team_goes_on_as_before() -> None:
    law = law_of(past(steady(600, every=1.0), 600.0))
    low, middle, high = law.quantiles(np.array([0.075, 0.5, 0.925]))
    assert 35 <= middle <= 50
    assert low < 42 < high


def test_a_stall_since_the_last_close_is_seen() -> None:
    lives = steady(600, every=1.0)
    assert law_of(past(lives, 656.0)).mean < 0.5 * law_of(past(lives, 600.0)).mean


def test_a_bulk_close_does_not_carry_on() -> None:
    lives = steady(600, every=1.0)
    bulk = [(float(day), 590.0) for day in range(500)]
    usual, after = law_of(past(lives, 600.0)).mean, law_of(past([*lives, *bulk], 600.0)).mean
    assert after < 2.5 * usual
    assert without_bulk(np.array([500.0, 3.0, 0.0, 4.0])) == (pytest.approx([16.0, 3.0, 0.0, 4.0]), 1)


def test_quantiles_are_the_smallest_counts_that_are_sure_enough() -> None:
    law = CountLaw(mean=7.3, variance=40.0)
    asked = np.array([0.025, 0.5, 0.85, 0.999])
    counts = law.quantiles(asked)
    assert np.all(law.at_most(counts) >= asked)
    assert np.all(law.at_most(counts - 1) < asked)


def test_a_count_law_has_the_mean_and_the_variance_that_it_says() -> None:
    law = CountLaw(mean=7.3, variance=40.0)
    counts = np.arange(0, 400)
    chances = np.diff(np.append(0.0, law.at_most(counts)))
    assert chances @ counts == pytest.approx(7.3)
    assert chances @ (counts - 7.3) ** 2 == pytest.approx(40.0)


def test_a_team_without_a_close_gets_a_law_all_the_same() -> None:
    law = law_of(past([(0.0, None), (1.0, None)], 30.0))
    assert law.quantiles(np.array([0.5])).tolist() == [0]


# ---- groups


def test_counts_are_what_counting_by_hand_gives() -> None:
    chances = chances_of([part([1.0, 10.0, 60.0], closes=2, expected=1.0)], 30.0)
    by_hand = np.zeros((len(CANDIDATES), 4))
    for outcome in product([0, 1], repeat=3):
        by_hand[:, sum(outcome)] += np.prod(np.where(outcome, chances, 1 - chances), axis=2).mean(axis=1)
    assert count_chances(chances) == pytest.approx(by_hand)
    assert chance_of_all(chances) == pytest.approx(by_hand[:, 3])


def test_nothing_left_is_certain() -> None:
    chances = chances_of([part([])], 30.0)
    assert count_chances(chances).tolist() == [[1.0]] * len(CANDIDATES)
    assert chance_of_all(chances).tolist() == [1.0] * len(CANDIDATES)


def test_more_time_more_closes_and_a_faster_team_make_it_likelier() -> None:
    def chance(days: float, closes: int, tempo: float) -> float:
        team = Team(hazards=CALM.hazards, tempo=tempo)
        chances = chances_of([part([5.0, 20.0], team=team, closes=closes, expected=2.0)], days)
        return float(PRIOR @ chance_of_all(chances))

    usual = chance(30.0, 2, 0.0)
    assert usual < chance(60.0, 2, 0.0)
    assert usual < chance(30.0, 5, 0.0)
    assert usual < chance(30.0, 2, 0.5)


def test_each_team_on_a_capability_works_at_its_own_pace_and_shares_its_luck() -> None:
    slow = Team(hazards=Hazards.of_rates(np.full(10, 0.001)), tempo=0.0)
    both = chances_of([part([5.0]), part([5.0], team=slow)], 30.0)
    quick, slow_one = chance_of_all(both[..., [0]]), chance_of_all(both[..., [1]])
    assert np.all(quick > 3 * slow_one)
    assert np.all(quick * slow_one < chance_of_all(both))
    assert np.all(chance_of_all(both) < slow_one)


def test_groups_taken_together_lie_between_independence_and_the_worst() -> None:
    groups = [chances_of([part([age, age + 9.0], closes=3, expected=2.0)], 60.0) for age in (3.0, 90.0)]
    each = [chance_of_all(group) for group in groups]
    assert np.all(each[0] * each[1] < chance_of_all(joint(groups)))
    assert np.all(chance_of_all(joint(groups)) <= np.minimum(*each))


def test_a_groups_own_past_is_counted() -> None:
    lives = steady(600, every=1.0)
    team = team_of(past(lives, 600.0), hazards_of(past(lives, 600.0)))
    found = part_of(past([(500.0, 520.0), (500.0, 590.0), (500.0, 560.0), (550.0, None)], 600.0), team)
    assert (found.closes, found.ages.tolist()) == (3, [50.0])
    assert found.expected > 0


def test_a_team_at_its_usual_pace_has_no_tempo() -> None:
    known = past(steady(600, every=1.0), 600.0)
    assert team_of(known, hazards_of(known)).tempo == pytest.approx(0.0, abs=0.15)


def test_quantiles_of_counts_are_the_smallest_that_are_sure_enough() -> None:
    assert quantiles_of(np.array([0.2, 0.3, 0.5]), (0.1, 0.2, 0.21, 0.5, 0.99, 1.0)) == [0, 0, 1, 1, 2, 2]


# ---- what a team's own past teaches


def test_a_candidate_earns_weight_by_what_it_said_of_the_past() -> None:
    logs = np.log([[0.2, 0.9]] * 40)
    prior = np.array([0.8, 0.2])
    taught = Experience(known=np.arange(40.0), logs=logs)
    assert taught.beliefs(40.0, prior)[1] > 0.95
    assert taught.beliefs(10.0, prior)[1] < taught.beliefs(20.0, prior)[1]


def test_nothing_is_learnt_from_what_was_not_known_yet_or_is_long_ago() -> None:
    taught = Experience(known=np.array([100.0]), logs=np.log([[0.01, 0.99]]))
    prior = np.array([0.8, 0.2])
    assert taught.beliefs(99.0, prior).tolist() == [0.8, 0.2]
    assert taught.beliefs(100.0, prior)[1] > 0.2
    assert taught.beliefs(100.0 + 729, prior).tolist() == [0.8, 0.2]


def test_one_case_that_nobody_could_foresee_does_not_decide() -> None:
    taught = Experience(known=np.array([1.0]), logs=np.array([[-500.0, 0.0]]))
    assert taught.beliefs(2.0, np.array([0.9, 0.1]))[0] > 0.4
