"""``forecast backtest``: how well our forecasts would have done, beside the usual methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sync.cli.render import table
from sync.config.escape import neutral_terminal
from sync.forecast.csv_histories import read_histories
from sync.forecast.load_history import load_flow, team_of
from sync.forecast.optional_deps import check_libraries
from sync.forecast.team_histories import team_histories
from sync.model.forecast import PastIssue
from sync.pipeline.offline import think_offline
from sync.pull.current_sources import known_today
from sync.pull.recorded import remember
from sync.runtime.invocation import Ways, complain, say, say_json
from sync.runtime.session import progress_of, with_snapshot

if TYPE_CHECKING:
    from sync.forecast.backtest import Backtest
    from sync.forecast.scores import Brier, CountScores, GroupScores

_RIVALS = (
    ("line", "straight line"),
    ("weekly_bootstrap", "weekly bootstrap"),
    ("never", 'always "no"'),
    ("base_rate", "base rate"),
    ("base_rate_in_hindsight", "base rate, in hindsight"),
)


def backtest(ways: Ways, paths: Sequence[Path], seed: int) -> int:
    """0. Reads the files, or without any the store; sends nothing."""
    check_libraries()
    histories = read_histories(paths) if paths else _own(ways)
    from sync.forecast.backtest import backtest_of

    with progress_of(ways) as progress:
        found = backtest_of(histories, seed, progress.step)
    for name, why in found.unscored.items():
        complain(f"not scored: {neutral_terminal(name)}: {why}")
    if ways.as_json:
        say_json(as_json(found, seed))
    else:
        say("\n".join(as_text(found)))
    return 0


def _own(ways: Ways) -> Mapping[str, list[PastIssue]]:
    """The history of each team in the store."""
    with with_snapshot(ways) as job:
        known = known_today(job.store, job.workspace)
        thought = think_offline(job, known, remember(job))
        flow = load_flow(job.store, job.workspace, thought.matched, known=known)
        return team_histories(thought.matched, known, flow, team_of(known, job.workspace, thought.matched))


def as_json(found: Backtest, seed: int) -> dict[str, Any]:
    """The table of all series together and of each alone, with shares from 0 to 1."""
    return {
        "version": 1,
        "seed": seed,
        "most_groups_per_series": found.most_groups,
        "together": asdict(found.together),
        "each": {name: asdict(scores) for name, scores in found.each.items()},
        "unscored": dict(found.unscored),
    }


def as_text(found: Backtest) -> list[str]:
    """The table in lines."""
    counts, groups = found.together.counts, found.together.groups
    if counts is None:
        return ["Nothing to score: forecasts need 26 weeks of history in which work was open and closed."]
    lines = _count_lines(counts)
    if groups is not None:
        lines += ["", *_group_lines(groups, found.most_groups)]
    return [*lines, "", *_each_lines(found)]


def _count_lines(counts: CountScores) -> list[str]:
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
        for key, name in _RIVALS
    ]
    ours = ("ours", f"{brier.pooled:.4f}", "", f"{brier.averaged:.4f}", "")
    return [
        f"{question} It was so in {brier.rate:.1%} of the cases",
        *table(
            ("Brier score (less is better)", "of all cases", "ours to it", "of series", "ours to it"),
            [ours, *rows],
        ),
    ]


def _each_lines(found: Backtest) -> list[str]:
    rows = []
    for name, scores in found.each.items():
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


def _level(scores: CountScores | GroupScores, level: float) -> str:
    return next(f"{each.average:.1%}" for each in scores.coverage if each.level == level)
