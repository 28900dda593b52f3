"""``forecast backtest`` over CSV files: problems in files, cutoffs and groups, scores and output."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sync.cli import main as cli
from sync.forecast.backtest import replay_series
from sync.forecast.calibration import backtest_cutoffs, groups_by_cutoff
from sync.forecast.csv_histories import InvalidHistoryFile, read_histories
from sync.forecast.scores import EventCase, GroupCase, SeriesReplay, ThroughputCase, scores_of
from sync.forecast.throughput_history import build_series
from tests.support.forecast_world import random_issues, write_csv

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SHARED = Path(__file__).parents[3] / "shared" / "data" / "issue-histories"


def backtest(*arguments: str) -> int:
    return cli.invoke(lambda: cli.app(["forecast", "backtest", *arguments], standalone_mode=False))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("histories")
    for seed in (1, 2):
        write_csv(found / f"{seed}.csv", f"acme/number-{seed}", random_issues(seed, days=400))
    return found


def group_case(all_done: float, closed: int, **fields: Any) -> GroupCase:
    case = {
        "kind": "label",
        "elapsed_share": 0.5,
        "remaining": 2,
        "pit": 0.5,
        "all_done": EventCase(probability=all_done, happened=closed >= 2, linear=False, bootstrap=0.0),
        "half_done": EventCase(probability=0.5, happened=closed >= 1, linear=True, bootstrap=1.0),
    }
    return GroupCase(**{**case, **fields})


def throughput_case(pit: float, *, loss: float = 1.0) -> ThroughputCase:
    return ThroughputCase(elapsed_share=0.5, pit=pit, baseline_pit=0.01, pinball_loss=loss, baseline_loss=2.0)


# ---- files


def test_all_invalid_lines_of_all_files_are_reported_together(tmp_path: Path) -> None:
    head = "repo,issue,created,closed,labels,milestone\n"
    good = "acme/a,1,2026-01-01T00:00Z,,,\n"
    (tmp_path / "a.csv").write_text(
        head
        + good
        + "acme/a,2,yesterday,,,\n"
        + "acme/a,3,2026-01-02T00:00Z,2026-01-01T00:00Z,,\n"
        + "acme/a,4,2026-01-01\n"
        + good
        + ",5,2026-01-01T00:00Z,,,\n"
        + "acme/a,6,0001-01-01T00:00+01:00,,,\n"
        + "acme/a,7,2026-01-01T00:00Z,9999-12-31T23:59-08:00,,\n"
    )
    (tmp_path / "b.csv").write_text("repo,issue\nacme/b,1\n")
    (tmp_path / "c.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidHistoryFile) as raised:
        read_histories([tmp_path, tmp_path / "none.csv"], NOW)
    a, b = tmp_path / "a.csv", tmp_path / "b.csv"
    assert raised.value.problems == (
        f'{a}:3: created is "yesterday", not a time like 2026-10-01T09:30Z',
        f"{a}:4: closed 2026-01-01T00:00Z is before created 2026-01-02T00:00Z",
        f"{a}:5: 3 cells, but the header has 6",
        f"{a}:6: 1 of acme/a is a duplicate",
        f"{a}:7: repo and issue must not be empty",
        f'{a}:8: created is "0001-01-01T00:00+01:00", not a time like 2026-10-01T09:30Z',
        f'{a}:9: closed is "9999-12-31T23:59-08:00", not a time like 2026-10-01T09:30Z',
        f"{b}:1: missing columns in the header: created, closed",
        f"{tmp_path / 'c.csv'}: not UTF-8; save it as CSV UTF-8",
        f"{tmp_path / 'none.csv'}: no such file or folder",
    )


def test_invalid_files_are_one_error_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert backtest(str(tmp_path)) == 1
    assert "no .csv file in this folder" in capsys.readouterr().err


def test_a_file_can_have_several_repositories_and_time_zones(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text(
        "\ufeffrepo,issue,created,closed\n"
        "b,1,2026-01-01T01:00+01:00,\n"
        "a,1,2026-01-01 00:00,2026-01-02T00:00Z\n",
        encoding="utf-8",
    )
    found = read_histories([path], NOW).issues
    assert list(found) == ["a", "b"]
    assert found["b"][0].created == found["a"][0].created


def test_the_past_ends_at_the_clock_and_rows_from_the_future_are_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (folder / "1.csv").read_text()
    (tmp_path / "with.csv").write_text(
        text
        + "acme/number-1,90001,2127-05-01T00:00Z,,,\nacme/number-1,90002,2025-09-01T00:00Z,2127-05-01T00:00Z,,\n"
    )
    (tmp_path / "without.csv").write_text(text + "acme/number-1,90002,2025-09-01T00:00Z,,,\n")
    lines = text.count("\n")
    assert backtest(str(tmp_path / "with.csv")) == 0
    shown, notes = capsys.readouterr()
    assert backtest(str(tmp_path / "without.csv")) == 0
    assert shown == capsys.readouterr().out
    assert f"1 row created in the future: left out ({tmp_path}/with.csv:{lines + 1})" in notes
    assert f"1 row closed in the future: counted as open ({tmp_path}/with.csv:{lines + 2})" in notes


# ---- cutoffs and groups


def test_a_replay_ignores_later_events() -> None:
    issues = random_issues(5)
    cut = issues[len(issues) // 2].created
    created = [each for each in issues if each.created <= cut]
    known = [
        each if each.closed is None or each.closed <= cut else type(each)(created=each.created, closed=None)
        for each in created
    ]
    whole, half = build_series("a", issues), build_series("a", known)
    now = half.first_day + 150
    assert now < half.known_until - 20
    assert whole.history.as_of(now).closed.tolist() == half.history.as_of(now).closed.tolist()


def test_groups_have_five_to_twenty_recent_issues_and_are_thinned_evenly() -> None:
    series = build_series("a", random_issues(3, days=700, weekly=8))
    cutoffs = backtest_cutoffs(series)
    everything = [
        (cutoff, group) for cutoff, groups in groups_by_cutoff(series, cutoffs, 10**6) for group in groups
    ]
    for cutoff, group in everything:
        known = group.history.created <= cutoff.now
        recent = known & (group.history.closed > cutoff.now - 91)
        assert 5 <= recent.sum() <= 20
        assert (known & (group.history.closed > cutoff.now)).any()
    thinned = [cutoff for cutoff, groups in groups_by_cutoff(series, cutoffs, 50) for _ in groups]
    assert len(thinned) == 50 < len(everything)
    assert (thinned[0], thinned[-1]) == (everything[0][0], everything[-1][0])


def test_pseudo_increments_begin_after_thirteen_weeks_and_have_ended() -> None:
    series = build_series("a", random_issues(3))
    cutoffs = backtest_cutoffs(series)
    assert cutoffs
    for cutoff in cutoffs:
        assert cutoff.end - 91 >= series.first_day + 91
        assert cutoff.end <= series.known_until
        assert cutoff.days_ahead == pytest.approx(91 * (1 - cutoff.elapsed_share))


# ---- scores


def test_coverage_is_averaged_over_series_and_the_worst_is_reported() -> None:
    covered, missed = [throughput_case(0.5)] * 3, [throughput_case(0.99), throughput_case(0.5)]
    scores = scores_of(
        [
            SeriesReplay(name="a", throughput_cases=tuple(covered), group_cases=()),
            SeriesReplay(name="b", throughput_cases=tuple(missed), group_cases=()),
        ]
    )
    assert scores.counts is not None
    at_85 = scores.counts.coverage[2]
    assert (at_85.level, at_85.average, at_85.least, at_85.rival) == (0.85, 0.75, 0.5, 0.0)
    assert scores.counts.against_rival == -0.5
    assert scores.groups is None


def test_probabilities_are_scored_beside_the_baselines() -> None:
    cases = (group_case(0.8, 2), group_case(0.2, 1), group_case(0.9, 2), group_case(0.1, 0))
    groups = scores_of(
        [SeriesReplay(name="a", throughput_cases=(throughput_case(0.5),), group_cases=cases)]
    ).groups
    assert groups is not None
    assert groups.all_done.rate == 0.5
    assert groups.all_done.pooled == pytest.approx((0.04 + 0.04 + 0.01 + 0.01) / 4)
    assert groups.all_done.rivals["never"] == 0.5
    assert groups.all_done.rivals["base_rate"] == 0.25
    assert groups.half_done.rate == 0.75
    assert groups.half_done.rivals["line"] == 0.25
    assert (groups.on_track.cases, groups.on_track.happened) == (2, 2)
    assert groups.calibration_error == pytest.approx((0.2 + 0.2 + 0.1 + 0.1) / 4)


def test_the_base_rate_of_a_series_comes_from_the_others() -> None:
    replays = [
        SeriesReplay(name=name, throughput_cases=(), group_cases=(group_case(0.5, closed),))
        for name, closed in (("a", 2), ("b", 0))
    ]
    groups = scores_of(replays).groups
    assert groups is not None
    assert groups.all_done.rivals["base_rate"] == 1.0
    assert groups.all_done.rivals["base_rate_in_hindsight"] == 0.25


def test_the_same_files_give_the_same_bits(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert backtest(str(folder), "--json") == 0
    first = capsys.readouterr().out
    assert backtest(str(folder), "--json") == 0
    assert capsys.readouterr().out == first
    assert backtest(str(folder / "2.csv"), "--json") == 0
    alone = json.loads(capsys.readouterr().out)
    assert alone["each"]["acme/number-2"] == json.loads(first)["each"]["acme/number-2"]


def test_the_table_is_readable(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert backtest(str(folder)) == 0
    output = capsys.readouterr().out
    assert "How many issues will the team close by the end?" in output
    assert 'always "no"' in output
    assert "acme/number-1" in output


def test_a_short_history_is_named_and_not_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_csv(tmp_path / "a.csv", "acme/young", random_issues(1, days=60))
    assert backtest(str(path)) == 0
    output = capsys.readouterr()
    assert "not scored: acme/young: no cutoff in 26 weeks" in output.err
    assert output.out.startswith("Nothing to score")


def test_intervals_are_calibrated_on_random_histories() -> None:
    replays = [
        replay_series(
            build_series(str(seed), random_issues(seed, days=700)),
            np.random.default_rng(seed),
            max_groups=200,
        )
        for seed in range(2)
    ]
    scores = scores_of(replays)
    assert scores.counts is not None
    assert scores.groups is not None
    assert scores.counts.coverage[2].average > 0.75
    assert 0.75 < scores.groups.coverage[2].average < 0.97


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real issue histories are not available")
def test_accuracy_on_real_histories_is_as_documented() -> None:
    histories = read_histories(
        [SHARED / f"{name}.csv" for name in ("qlog", "edhoc", "tls13-spec")], NOW
    ).issues
    replays = [
        replay_series(build_series(name, issues), np.random.default_rng(1), max_groups=150)
        for name, issues in histories.items()
    ]
    scores = scores_of(replays)
    assert scores.counts is not None
    assert scores.groups is not None
    assert 0.78 < scores.counts.coverage[2].average < 0.92
    assert scores.counts.against_rival < -0.1
    assert 0.78 < scores.groups.coverage[2].average < 0.92
    assert scores.groups.all_done.against["never"] < 0
    assert scores.groups.half_done.against_averaged["weekly_bootstrap"] < -0.12
