"""``forecast backtest``: accuracy of past forecasts, beside usual methods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.escape import escape_terminal
from sync.cli.output import Output, pick, pluralize, table
from sync.cli.store_view import StoreView
from sync.forecast.csv_histories import PastIssues, future_note, read_histories
from sync.forecast.load_history import team_issue_histories
from sync.forecast.prerequisites import require_forecast_dependencies
from sync.runtime.invocation import Invocation
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
    """Score forecasts from the histories in CSV files, or from the store when there are no paths."""
    require_forecast_dependencies()
    read = read_histories(paths, invocation.now()) if paths else _stored_histories(invocation)
    from sync.forecast.backtest import run_backtest

    with open_progress(invocation) as progress:
        result = run_backtest(read.issues, seed, progress.step)
    output = Output(invocation)
    output.notes(map(escape_terminal, read.notes))
    output.notes(f"not scored: {escape_terminal(name)}: {why}" for name, why in result.unscored.items())
    output.show(lambda: _document(result, seed), lambda: _lines(result))
    return 0


def _stored_histories(invocation: Invocation) -> PastIssues:
    """Return the history of each team in the store."""
    with pulled_context(invocation) as context:
        view, now = StoreView(context), context.now()
        issues = team_issue_histories(view.planning.matched, view.known, view.flows, view.owners, now)
        flows = view.flows.items()
        unborn = sorted(ref.key for ref, each in flows if each.created > now)
        later = sorted(ref.key for ref, each in flows if each.closed and each.created <= now < each.closed)
        notes = (
            *future_note("issue", unborn, "created in the future: left out"),
            *future_note("issue", later, "closed in the future: counted as open"),
        )
        return PastIssues(issues=issues, notes=notes)


def _document(result: BacktestResult, seed: int) -> dict[str, Any]:
    """Return the scores of all series together and of each alone, with shares from 0 to 1."""
    names = {"most_groups_per_series": "max_groups", "together": "combined", "each": "by_series"}
    return {"seed": seed, **pick(result, "unscored", **names)}


def _lines(result: BacktestResult) -> Iterator[str]:
    counts, groups = result.combined.counts, result.combined.groups
    if counts is None:
        yield "Nothing to score: forecasts need 26 weeks of history in which work was open and closed."
        return
    yield from _count_lines(counts)
    if groups is not None:
        yield ""
        yield from _group_lines(groups, result.max_groups)
    yield ""
    yield from _series_table(result)


def _count_lines(counts: ThroughputScores) -> list[str]:
    rows = [
        (f"{each.level:.0%}", f"{each.average:.1%}", f"{each.least:.1%}", f"{each.rival or 0:.1%}")
        for each in counts.coverage
    ]
    return [
        f"How many issues will the team close by the end? {pluralize(counts.cases, 'forecast')}",
        *table(("interval", "contained the result", "in the worst series", "weekly bootstrap"), rows),
        (
            f"Pinball loss in weeks of work: {counts.loss:.3f}, weekly bootstrap {counts.rival_loss:.3f} "
            f"({counts.against_rival:+.1%})"
        ),
    ]


def _group_lines(groups: GroupScores, max_groups: int) -> list[str]:
    kinds = ", ".join(f"{count} by {kind}" for kind, count in groups.kinds.items())
    rows = [(f"{each.level:.0%}", f"{each.average:.1%}", f"{each.least:.1%}") for each in groups.coverage]
    on_track = groups.on_track
    times = pluralize(on_track.cases, "time")
    return [
        (
            f"Groups of 5 to 20 issues, as capabilities are: {groups.cases} forecasts "
            f"({kinds}; at most {max_groups} for each series, spread evenly)"
        ),
        *table(("interval", "contained the result", "in the worst series"), rows),
        "",
        *_brier_lines("Will all that is open be done?", groups.all_done),
        "",
        *_brier_lines("Will half of it be done?", groups.half_done),
        "",
        f'Calibration error of "all done": {groups.calibration_error:.3f}',
        f"Forecast as on track (70% and more): {times}, {on_track.happened} of them were done",
    ]


def _brier_lines(question: str, brier: Brier) -> list[str]:
    rows = [
        (
            name,
            *(f"{brier.rivals[key]:.4f}", f"{brier.against[key]:+.1%}"),
            *(f"{brier.rivals_averaged[key]:.4f}", f"{brier.against_averaged[key]:+.1%}"),
        )
        for key, name in _BASELINES
    ]
    ours = ("ours", f"{brier.pooled:.4f}", "", f"{brier.averaged:.4f}", "")
    header = ("Brier score (less is better)", "all cases", "ours against it", "series", "ours against it")
    return [f"{question} It happened in {brier.rate:.1%} of the cases", *table(header, [ours, *rows])]


def _series_table(result: BacktestResult) -> list[str]:
    rows = []
    for name, scores in result.by_series.items():
        counts, groups = scores.counts, scores.groups
        if counts is not None:
            loss = f"{counts.against_rival:+.1%}"
            grouped = (groups.cases, _coverage(groups)) if groups else (0, "")
            rows.append((name, counts.cases, _coverage(counts), loss, *grouped))
    header = ("series", "forecasts", "in 85% interval", "loss against bootstrap")
    return table((*header, "groups", "groups in 85% interval"), rows)


def _coverage(scores: ThroughputScores | GroupScores) -> str:
    """Return how often the result was inside the 85% interval."""
    return next(f"{each.average:.1%}" for each in scores.coverage if each.level == 0.85)
