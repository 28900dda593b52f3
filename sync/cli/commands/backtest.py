"""``forecast backtest``: how well our forecasts would have done, beside the usual methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sync.cli.render import table
from sync.config.escape import escape_terminal
from sync.forecast.csv_histories import read_histories
from sync.forecast.load_history import load_issue_flows, owning_teams, team_issue_histories
from sync.forecast.prerequisites import require_forecast_dependencies
from sync.model.forecast import PastIssue
from sync.pipeline.offline import plan_offline
from sync.pull.current_sources import load_current_issues
from sync.pull.recorded import load_recorded_state
from sync.runtime.invocation import Invocation, print_error, print_json, print_line
from sync.runtime.progress import open_progress
from sync.runtime.session import pulled_context

if TYPE_CHECKING:
    from sync.forecast.backtest import BacktestResult
    from sync.forecast.scores import Brier, GroupScores, ThroughputScores

_BASELINES = (
    ("line", "straight line"),
    ("weekly_bootstrap", "weekly bootstrap"),
    ("never", 'always "no"'),
    ("base_rate", "base rate"),
    ("base_rate_in_hindsight", "base rate, in hindsight"),
)


def backtest(invocation: Invocation, paths: Sequence[Path], seed: int) -> int:
    """0. Reads the files, or without any the store; sends nothing."""
    require_forecast_dependencies()
    histories = read_histories(paths) if paths else _stored_histories(invocation)
    from sync.forecast.backtest import run_backtest

    with open_progress(invocation) as progress:
        found = run_backtest(histories, seed, progress.step)
    for name, why in found.unscored.items():
        print_error(f"not scored: {escape_terminal(name)}: {why}")
    if invocation.as_json:
        print_json(backtest_document(found, seed))
    else:
        print_line("\n".join(backtest_lines(found)))
    return 0


def _stored_histories(invocation: Invocation) -> Mapping[str, list[PastIssue]]:
    """The history of each team in the store."""
    with pulled_context(invocation) as job:
        known = load_current_issues(job.store, job.workspace)
        thought = plan_offline(job, known, load_recorded_state(job))
        flow = load_issue_flows(job.store, job.workspace, thought.matched, known=known)
        return team_issue_histories(
            thought.matched, known, flow, owning_teams(known, job.workspace, thought.matched)
        )


def backtest_document(found: BacktestResult, seed: int) -> dict[str, Any]:
    """The table of all series together and of each alone, with shares from 0 to 1."""
    return {
        "version": 1,
        "seed": seed,
        "most_groups_per_series": found.max_groups,
        "together": asdict(found.combined),
        "each": {name: asdict(scores) for name, scores in found.by_series.items()},
        "unscored": dict(found.unscored),
    }


def backtest_lines(found: BacktestResult) -> list[str]:
    """The table in lines."""
    counts, groups = found.combined.counts, found.combined.groups
    if counts is None:
        return ["Nothing to score: forecasts need 26 weeks of history in which work was open and closed."]
    lines = _count_lines(counts)
    if groups is not None:
        lines += ["", *_group_lines(groups, found.max_groups)]
    return [*lines, "", *_each_lines(found)]


def _count_lines(counts: ThroughputScores) -> list[str]:
    rows = [
        (f"{each.level:.0%}", f"{each.average:.1%}", f"{each.least:.1%}", f"{each.rival or 0:.1%}")
        for each in counts.coverage
    ]
    return [
        f"How many issues will the team close by the end? {counts.cases} forecasts",
        *table(("interval", "held the truth", "in the worst series", "weekly bootstrap's held"), rows),
        (
            f"Pinball loss in weeks of work: {counts.loss:.3f}, weekly bootstrap {counts.rival_loss:.3f} "
            f"({counts.against_rival:+.1%})"
        ),
    ]


def _group_lines(groups: GroupScores, most: int) -> list[str]:
    kinds = ", ".join(f"{count} by {kind}" for kind, count in groups.kinds.items())
    rows = [(f"{each.level:.0%}", f"{each.average:.1%}", f"{each.least:.1%}") for each in groups.coverage]
    sure = groups.on_track
    return [
        (
            f"Groups of 5 to 20 issues, as capabilities are: {groups.cases} forecasts "
            f"({kinds}; at most {most} for each series, taken evenly)"
        ),
        *table(("interval", "held the truth", "in the worst series"), rows),
        "",
        *_brier_lines("Will all that is open be done?", groups.all_done),
        "",
        *_brier_lines("Will half of it be done?", groups.half_done),
        "",
        f'Calibration error of "all done": {groups.calibration_error:.3f}',
        f"Called on track (70 % and more): {sure.cases} times, {sure.happened} of them were done",
    ]


def _brier_lines(question: str, brier: Brier) -> list[str]:
    rows = [
        (
            name,
            f"{brier.rivals[key]:.4f}",
            f"{brier.against[key]:+.1%}",
            f"{brier.rivals_averaged[key]:.4f}",
            f"{brier.against_averaged[key]:+.1%}",
        )
        for key, name in _BASELINES
    ]
    ours = ("ours", f"{brier.pooled:.4f}", "", f"{brier.averaged:.4f}", "")
    return [
        f"{question} It was so in {brier.rate:.1%} of the cases",
        *table(
            ("Brier score (less is better)", "of all cases", "ours to it", "of series", "ours to it"),
            [ours, *rows],
        ),
    ]


def _each_lines(found: BacktestResult) -> list[str]:
    rows = []
    for name, scores in found.by_series.items():
        if scores.counts is None:
            continue
        within = _level(scores.groups, 0.85) if scores.groups else ""
        rows.append(
            (
                name,
                str(scores.counts.cases),
                _level(scores.counts, 0.85),
                f"{scores.counts.against_rival:+.1%}",
                str(scores.groups.cases) if scores.groups else "0",
                within,
            )
        )
    header = ("series", "forecasts", "85 % held", "loss to bootstrap", "groups", "85 % held in groups")
    return table(header, rows)


def _level(scores: ThroughputScores | GroupScores, level: float) -> str:
    return next(f"{each.average:.1%}" for each in scores.coverage if each.level == level)
