"""``forecast`` and ``forecast backtest`` over a store: tables, JSON, and forecasts of earlier days."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.model import Issue
from sync.cli import main as cli
from sync.cli.commands.backtest import backtest
from sync.cli.commands.forecast import forecast, probability_text
from sync.cli.commands.report import report
from sync.model.forecast import Forecast
from sync.runtime.invocation import Invocation
from tests.support.match_world import issue
from tests.support.offline_world import NOW, CommandResult, OfflineWorld, days_ago, done


def issue_history(days: int) -> Iterator[Issue]:
    """Yield an issue every three days for ``days`` days, each done after 18, every second one a feature."""
    for number, ago in enumerate(range(days, 0, -3)):
        labels = frozenset({"features"}) if number % 2 else frozenset()
        facts = {"created": days_ago(ago), "labels": labels}
        yield done(f"DS-{number}", ago - 18, **facts) if ago > 18 else issue(f"DS-{number}", **facts)


@pytest.fixture
def world(tmp_path: Path) -> OfflineWorld:
    return OfflineWorld(
        tmp_path, *issue_history(400), issue("DS-900", created=days_ago(200), labels={"features"})
    )


def run_forecast(
    world: OfflineWorld, *, increment: str | None = None, at: str | None = None, as_json: bool = False
) -> CommandResult:
    def command(invocation: Invocation) -> int:
        return forecast(invocation, increment, at)

    return world.call(command, as_json=as_json)


def test_the_table_shows_intervals_and_probabilities(world: OfflineWorld) -> None:
    result = run_forecast(world)
    assert (result.code, result.err) == (0, "")
    rows = {line.strip().split("  ")[0]: line for line in result.out.splitlines()}
    assert "n/a" in rows["Keep subscribers"]
    assert "about" in rows["Churn features"] or "or more" in rows["Churn features"]
    assert "team science, all its work" in result.out
    assert "Churn model: n/a, it has no issues yet" in result.out
    assert "DS-900  science  200 days  100%        old" in result.out


def test_json_has_all_numbers(world: OfflineWorld) -> None:
    document = run_forecast(world, as_json=True).json
    forecasts = {each["subject"]: each for each in document["increments"]["2026-q4"]}
    features = forecasts["capability:features"]
    assert features["remaining"] == 4
    assert 0.05 <= features["probability"] <= 0.95
    assert [each["quantile"] for each in features["counts"]][4] == 0.5
    assert features["until"].startswith("2027-01-01")
    assert forecasts["goal:retention"]["reason"] == "model: it has no issues yet"
    assert forecasts["team:science"]["probability"] is None
    assert document["ageing"][0] == {
        "ref": "jira:DS-900",
        "team": "science",
        "age_days": 200.0,
        "percentile": 100.0,
        "band": "old",
    }


def test_the_same_store_gives_the_same_bits(world: OfflineWorld) -> None:
    assert run_forecast(world, as_json=True).out == run_forecast(world, as_json=True).out


def test_a_forecast_of_a_past_day_ignores_later_events(world: OfflineWorld) -> None:
    then, now = (
        run_forecast(world, at="2026-05-01", as_json=True).json,
        run_forecast(world, as_json=True).json,
    )
    assert then["at"].startswith("2026-05-02")
    open_issues = [each["increments"]["2026-q4"][-1]["remaining"] for each in (then, now)]
    assert open_issues == [6, 7]  # DS-900 was not there yet
    assert "jira:DS-900" not in {each["ref"] for each in then["ageing"]}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"at": "2027-03-01"}, "2027-03-01 has not come yet"),
        ({"at": "soon"}, "'soon' is neither a day"),
        ({"at": "0001-01-01"}, "'0001-01-01' is neither a day"),
        ({"at": "0001-01-01T00:00+01:00"}, "'0001-01-01T00:00+01:00' is neither a day"),
        ({"at": "9999-12-31T23:59-08:00"}, "'9999-12-31T23:59-08:00' is neither a day"),
        ({"increment": "2026-q9"}, "there is no open increment '2026-q9'; the plans have 2026-q4"),
    ],
)
def test_invalid_arguments_are_reported(
    world: OfflineWorld, arguments: dict[str, str], sentence: str
) -> None:
    result = run_forecast(world, **arguments)
    assert result.code == 1
    assert sentence in result.err


def test_a_team_without_enough_history_gets_no_forecast(tmp_path: Path) -> None:
    result = run_forecast(OfflineWorld(tmp_path, *issue_history(20)))
    assert "n/a, not enough history: science has 2 weeks of history" in result.out
    assert "has finished enough issues" in result.out or "older" in result.out


def test_an_empty_store_is_reported(tmp_path: Path) -> None:
    assert "nothing has been read yet" in run_forecast(OfflineWorld(tmp_path)).err


def test_a_team_backtests_its_own_history(world: OfflineWorld) -> None:
    def command(invocation: Invocation) -> int:
        return backtest(invocation, [], 1)

    result = world.call(command, as_json=True)
    assert result.code == 0
    assert list(result.json["each"]) == ["science"]
    assert result.json["each"]["science"]["groups"]["cases"] > 10


def test_without_numpy_the_message_says_what_to_install(
    world: OfflineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.forecast.prerequisites.find_spec", lambda name: None)
    assert "pip install 'increment-sync[forecast]'" in run_forecast(world).err


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (0.05, "5% or less"),
        (0.074, "5% or less"),
        (0.08, "about 10%"),
        (0.52, "about 50%"),
        (0.95, "95% or more"),
    ],
)
def test_probabilities_are_shown_in_steps_of_five(probability: float, words: str) -> None:
    result = Forecast(subject="goal:a", at=NOW, until=NOW, remaining=3, probability=probability)
    assert probability_text(result) == words


def test_help_of_forecast_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.invoke(lambda: cli.app(["forecast", "--help"], standalone_mode=False)) == 0
    assert "backtest" in capsys.readouterr().out


def test_forecast_and_report_name_the_same_open_work(tmp_path: Path) -> None:
    old = {"created": days_ago(300)}
    world = OfflineWorld(
        tmp_path,
        *issue_history(400),
        issue("DS-140", labels={"features"}, **old),
        issue("DS-141", parent="DS-140", labels={"features"}, **old),
        issue("DS-900", **old),
        issue("DS-901", created=days_ago(40)),
    )
    named = {each["ref"] for each in run_forecast(world, as_json=True).json["ageing"]}
    (team,) = world.call(lambda i: report(i, None, None, "json", None)).json["teams"]
    reported = {f"jira:{each['issue']['key']}" for each in team["aging_wip"]}
    assert named == reported
    assert {"jira:DS-141", "jira:DS-901"} <= named, "a counted child, and ad-hoc work"
    assert not {"jira:DS-140", "jira:DS-900"} & named, "a parent of counted children, and a backlog"


def test_issues_from_the_future_are_no_past_and_are_named(tmp_path: Path) -> None:
    later = (issue("DS-990", created=days_ago(-9)), done("DS-991", -5, created=days_ago(60)))
    as_today = (issue("DS-991", created=days_ago(60)),)
    results = []
    for name, more in (("with", later), ("without", as_today)):
        world = OfflineWorld(tmp_path / name, *issue_history(400), *more)
        results.append(world.call(lambda i: backtest(i, [], 1)))
    assert results[0].out == results[1].out
    assert "1 issue created in the future: left out (DS-990)" in results[0].err
    assert "1 issue closed in the future: counted as open (DS-991)" in results[0].err
