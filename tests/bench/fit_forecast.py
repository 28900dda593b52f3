"""How the constants of ``sync/forecast/group.py`` were fitted. Prints; nothing here is a test.

``python -m tests.fit_forecast FOLDER [--leave-out]``: maximum likelihood of the number of closes of past groups, each
repository weighing the same; with ``--leave-out`` once without each repository, scored on that one. Takes minutes.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
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
NAMES = ("mean", "own", "tempo", "shape", "shape_size", "likeness")
START = np.array([0.7, 0.3, 1.0, -1.0, 0.2, 1.0])
_MIDPOINTS = (np.arange(QUADRATURE_POINTS) + 0.5) / QUADRATURE_POINTS


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A past group: what the hazards promised of each open issue, what else was known, and what came."""

    promised: Floats
    own: float
    tempo: float
    closed: int


def main() -> None:
    histories = read_histories([Path(sys.argv[1])])
    cases = {name: cases_of(build_series(name, issues)) for name, issues in histories.items()}
    fitted = fit([*cases.values()])
    tell("all", fitted)
    if "--leave-out" in sys.argv:
        inside, wrong = [], []
        for name, own in cases.items():
            others = fit([each for other, each in cases.items() if other != name], fitted)
            tell(f"without {name}", others)
            counts = [counts_of(others, case) for case in own]
            inside.append(
                np.mean([_inside(each, case.closed) for each, case in zip(counts, own, strict=True)])
            )
            wrong += [
                (each[-1] - (case.closed == len(each) - 1)) ** 2
                for each, case in zip(counts, own, strict=True)
            ]
        print(
            f"85 % interval {np.mean(inside):.3f}, worst {np.min(inside):.3f}; all done {np.mean(wrong):.4f}"
        )


def cases_of(series: BacktestSeries) -> list[Case]:
    """Evenly over its time."""
    found = []
    for outcome in group_outcomes(series, backtest_cutoffs(series), CASES):
        past = series.history.as_of(outcome.cutoff.now)
        team = team_pace(past, estimate_hazard_rates(past))
        part = team_share(outcome.history, team)
        found.append(
            Case(
                promised=team.hazards.cumulative_hazard(part.ages, part.ages + outcome.cutoff.days_ahead),
                own=float(np.log((1 + part.closed) / (1 + part.expected_closed))),
                tempo=team.log_pace,
                closed=outcome.closed,
            )
        )
    return found


def counts_of(constants: Floats, case: Case) -> Floats:
    """Probability of each number of closes, as ``group.count_chances`` has it for one candidate."""
    mean, own, tempo, shape, size, likeness = constants
    remaining = len(case.promised)
    gamma = np.exp(np.clip(shape + size * np.log(remaining / 5), -3, 4))
    luck = gammaincinv(gamma, _MIDPOINTS) / gamma * np.exp(mean + own * case.own + tempo * case.tempo)
    alike = np.exp(likeness)
    chances = -np.expm1(-alike * np.log1p(np.outer(luck, case.promised) / alike))
    counts = np.zeros((QUADRATURE_POINTS, remaining + 1))
    counts[:, 0] = 1.0
    for issue in range(remaining):
        moved = counts[:, : issue + 1] * chances[:, issue : issue + 1]
        counts[:, : issue + 1] -= moved
        counts[:, 1 : issue + 2] += moved
    return counts.mean(axis=0)


def fit(repositories: list[list[Case]], start: Floats = START) -> Floats:
    """The constants under which what came was likeliest, with a weak pull to zero."""

    def loss(constants: Floats) -> float:
        logs = [
            np.mean([np.log(max(counts_of(constants, case)[case.closed], 1e-6)) for case in cases])
            for cases in repositories
        ]
        return float(-np.mean(logs) + 0.001 * constants @ constants)

    found = minimize(loss, start, method="L-BFGS-B", options={"maxiter": 20, "eps": 1e-3})
    return np.asarray(found.x)


def _inside(counts: Floats, closed: int) -> float:
    """Share of the case that falls into the central 85 % interval, ties spread evenly."""
    below = np.append(0.0, np.cumsum(counts))
    low, high = below[closed], below[closed + 1]
    return float(max(0.0, min(high, 0.925) - max(low, 0.075)) / max(high - low, 1e-12))


def tell(name: str, constants: Floats) -> None:
    print(
        name, "  ".join(f"{key} {value:.3f}" for key, value in zip(NAMES, constants, strict=True)), flush=True
    )


if __name__ == "__main__":
    main()
