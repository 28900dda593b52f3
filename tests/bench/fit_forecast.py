"""Fit the constants of ``sync/forecast/joint_model.py``. Prints the result; this is not a test.

``python -m tests.bench.fit_forecast FOLDER [--leave-out]``: maximum likelihood of the number of closes of past groups,
each repository with the same weight; with ``--leave-out`` once without each repository, scored on that one. Takes
minutes.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaincinv

from sync.forecast.calibration import backtest_cutoffs, group_outcomes
from sync.forecast.csv_histories import read_histories
from sync.forecast.hazard import estimate_hazard_rates
from sync.forecast.joint_model import QUADRATURE_POINTS, team_pace, team_share
from sync.forecast.throughput_history import BacktestSeries, Floats, build_series

CASES = 150
NAMES = ("log_mean", "group_weight", "pace_weight", "log_shape", "log_shape_per_size", "log_issue_shape")
START = np.array([0.7, 0.3, 1.0, -1.0, 0.2, 1.0])
_MIDPOINTS = (np.arange(QUADRATURE_POINTS) + 0.5) / QUADRATURE_POINTS


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """Past group: cumulative hazard of each open issue, covariates and outcome."""

    hazard: Floats
    log_group_rate: float
    log_pace: float
    closed: int


def main() -> None:
    histories = read_histories([Path(sys.argv[1])], datetime.now(UTC)).issues
    cases = {name: cases_of(build_series(name, issues)) for name, issues in histories.items()}
    fitted = fit([*cases.values()])
    print_constants("all", fitted)
    if "--leave-out" in sys.argv:
        covered, errors = [], []
        for name, own_cases in cases.items():
            others = fit([each for other, each in cases.items() if other != name], fitted)
            print_constants(f"without {name}", others)
            counts = [counts_of(others, case) for case in own_cases]
            covered.append(
                np.mean(
                    [_covered_share(each, case.closed) for each, case in zip(counts, own_cases, strict=True)]
                )
            )
            errors += [
                (each[-1] - (case.closed == len(each) - 1)) ** 2
                for each, case in zip(counts, own_cases, strict=True)
            ]
        print(
            f"85% interval {np.mean(covered):.3f}, worst {np.min(covered):.3f}; all done {np.mean(errors):.4f}"
        )


def cases_of(series: BacktestSeries) -> list[Case]:
    """Return the groups of a series, spread evenly over its time."""
    found = []
    for outcome in group_outcomes(series, backtest_cutoffs(series), CASES):
        past = series.history.as_of(outcome.cutoff.now)
        pace = team_pace(past, estimate_hazard_rates(past))
        share = team_share(outcome.history, pace)
        found.append(
            Case(
                hazard=pace.hazards.cumulative_hazard(share.ages, share.ages + outcome.cutoff.days_ahead),
                log_group_rate=float(np.log((1 + share.closed) / (1 + share.expected_closed))),
                log_pace=pace.log_pace,
                closed=outcome.closed,
            )
        )
    return found


def counts_of(constants: Floats, case: Case) -> Floats:
    """Return the probability of each number of closes, as ``closed_count_distribution`` does for one candidate."""
    mean, group_weight, pace_weight, shape, size, issue_shape = constants
    remaining = len(case.hazard)
    gamma = np.exp(np.clip(shape + size * np.log(remaining / 5), -3, 4))
    location = np.exp(mean + group_weight * case.log_group_rate + pace_weight * case.log_pace)
    factor = gammaincinv(gamma, _MIDPOINTS) / gamma * location
    alpha = np.exp(issue_shape)
    probabilities = -np.expm1(-alpha * np.log1p(np.outer(factor, case.hazard) / alpha))
    counts = np.zeros((QUADRATURE_POINTS, remaining + 1))
    counts[:, 0] = 1.0
    for issue in range(remaining):
        moved = counts[:, : issue + 1] * probabilities[:, issue : issue + 1]
        counts[:, : issue + 1] -= moved
        counts[:, 1 : issue + 2] += moved
    return counts.mean(axis=0)


def fit(repositories: list[list[Case]], start: Floats = START) -> Floats:
    """Return the constants with the highest likelihood, with a weak penalty on their size."""

    def loss(constants: Floats) -> float:
        logs = [
            np.mean([np.log(max(counts_of(constants, case)[case.closed], 1e-6)) for case in cases])
            for cases in repositories
        ]
        return float(-np.mean(logs) + 0.001 * constants @ constants)

    found = minimize(loss, start, method="L-BFGS-B", options={"maxiter": 20, "eps": 1e-3})
    return np.asarray(found.x)


def _covered_share(counts: Floats, closed: int) -> float:
    """Return the share of the case inside the central 85% interval, with ties spread evenly."""
    below = np.append(0.0, np.cumsum(counts))
    low, high = below[closed], below[closed + 1]
    return float(max(0.0, min(high, 0.925) - max(low, 0.075)) / max(high - low, 1e-12))


def print_constants(name: str, constants: Floats) -> None:
    print(
        name, "  ".join(f"{key} {value:.3f}" for key, value in zip(NAMES, constants, strict=True)), flush=True
    )


if __name__ == "__main__":
    main()
