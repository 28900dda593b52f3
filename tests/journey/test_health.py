"""Health labels on anchors: when they appear, change and are withheld; all readers see the same numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sync.cli.commands.report import report
from sync.forecast import prerequisites
from tests.support.health_world import health, proven_world
from tests.support.journey_world import FEATURES, GOAL, JourneyWorld

MakeWorld = Callable[..., JourneyWorld]
DAY = timedelta(days=1)


def features(world: JourneyWorld) -> Any:
    (goal,) = world.status()["increments"][0]["goals"]
    return goal["capabilities"][0]


def add_issues(world: JourneyWorld, count: int) -> list[str]:
    numbers = [
        world.github.add_issue("acme/churn", "More", labels=["features"], by="ada") for _ in range(count)
    ]
    return [f"acme/churn#{number}" for number in numbers]


def set_target(world: JourneyWorld, day: str) -> None:
    world.edit("plans/2026-q4.yaml", "team: science, ", f"team: science, target: {day}, ")


def test_a_label_appears_when_runs_on_two_days_agree(make_world: MakeWorld) -> None:
    world = proven_world(make_world)
    world.run()
    world.run(after=timedelta(hours=2))
    assert health(world) == set()
    assert "two days" in features(world)["expected"]["why_no_health"]
    world.run(after=DAY)
    assert health(world) == health(world, GOAL) == {"health:on-track"}
    assert "Planned, on track" in world.comments(FEATURES)[0]
    world.run(after=timedelta(minutes=5))
    assert world.writes() == []


def test_a_label_changes_only_after_a_second_day(make_world: MakeWorld) -> None:
    world = proven_world(make_world)
    world.run()
    world.run(after=DAY)
    late = add_issues(world, 14)
    set_target(world, "2026-12-01")
    world.run(after=DAY)
    for key in late:
        world.close(key)
    world.run(after=DAY)
    late = add_issues(world, 14)
    world.run(after=DAY)
    assert health(world) == {"health:on-track"}
    world.run(after=DAY)
    (label,) = health(world)
    assert label != "health:on-track"
    assert f"{label[7:].replace('-', ' ').capitalize()} since 2026-" in world.comments(FEATURES)[0]
    assert health(world, GOAL) == {label}


def test_fourteen_days_of_small_changes_do_not_flap(make_world: MakeWorld) -> None:
    world = proven_world(make_world)
    labels, edits, added = [], [], ["acme/churn#11"]
    for day in range(14):
        if day % 4 == 1:
            added += add_issues(world, 1)
        if day % 4 == 3:
            world.close(added.pop())
        world.run(after=DAY)
        labels.append(tuple(health(world)))
        edits.append(sum("comments" in line for line in world.writes("github")))
    changes = sum(a != b for a, b in pairwise(labels))
    assert changes <= 2
    assert max(edits) == 1


def test_a_label_set_by_a_person_stays_and_ours_is_withheld(make_world: MakeWorld) -> None:
    world = proven_world(make_world)
    world.label(FEATURES, "health:off-track")
    world.run()
    world.run(after=DAY)
    assert health(world) == {"health:off-track"}
    assert features(world)["health"] == "on-track"


def test_a_label_removed_by_a_person_does_not_return(make_world: MakeWorld) -> None:
    world = proven_world(make_world)
    world.run()
    world.run(after=DAY)
    world.unlabel(FEATURES, "health:on-track")
    world.run(after=DAY)
    world.run(after=DAY)
    assert health(world) == set()


def test_a_team_without_history_has_no_health_and_status_says_why(make_world: MakeWorld) -> None:
    world = proven_world(make_world, past=0)
    world.run()
    world.run(after=DAY)
    assert health(world) == set()
    capability = features(world)
    assert capability["health"] is None
    assert capability["expected"]["why_no_health"].startswith(
        "not enough history: science has closed 0 issues"
    )
    assert "Chance" not in world.comments(FEATURES)[0]


def test_done_work_has_no_health(make_world: MakeWorld) -> None:
    world = proven_world(make_world)
    world.run()
    world.run(after=DAY)
    world.close("acme/churn#11")
    world.run(after=DAY)
    assert health(world) == health(world, GOAL) == set()
    assert "state:done" in world.labels(FEATURES)


def test_an_unread_source_keeps_the_health(make_world: MakeWorld) -> None:
    world = proven_world(make_world)
    world.run()
    world.run(after=DAY)
    world.fault("status", status=500, tracker="github", path="*/issues", times=None)
    set_target(world, "2026-11-24")  # one day for one issue: numbers of a read source would change the health
    world.run(after=DAY)
    world.run(after=DAY)
    assert health(world) == health(world, GOAL) == {"health:on-track"}
    world.box.faults.clear()
    world.run(after=timedelta(minutes=5))
    assert health(world) == {"health:on-track"}


def test_a_history_too_short_for_health_gives_intervals(make_world: MakeWorld) -> None:
    world = proven_world(make_world, 3, past=250)
    world.run()
    world.run(after=DAY)
    assert health(world) == set()
    expected = features(world)["expected"]
    assert "too short to backtest forecasts" in expected["why_no_health"]
    assert expected["likely"] is not None
    assert "Done by 2026-12-31: " in world.comments(FEATURES)[0]


def test_comment_status_report_and_forecast_agree(make_world: MakeWorld, tmp_path: Path) -> None:
    world = proven_world(make_world, 3)
    world.run()
    world.run(after=DAY)
    expected = features(world)["expected"]
    out = tmp_path / "report.json"
    assert report(world.invocation(), None, out, "json", None) == 0
    summary = json.loads(out.read_text())["goals"][0]["capabilities"][0]["forecast"]
    assert (summary["probability"], summary["interval_85"]) == (expected["probability"], expected["likely"])
    low, high = expected["likely"]
    assert f"by 2026-12-31: {expected['words']}" in world.comments(FEATURES)[0]
    assert f"{low} to {high} of 3" in world.comments(FEATURES)[0]
    assert summary["summary"] == expected["words"]


def test_statements_are_compared_with_outcomes(make_world: MakeWorld) -> None:
    world = proven_world(make_world)
    set_target(world, "2026-11-24")
    world.run()
    world.close("acme/churn#11")
    (opened,) = add_issues(world, 1)
    world.run(after=5 * DAY)
    expected = features(world)["expected"]
    assert (opened and expected["track_record"] is None) or "came true" in expected["track_record"]
    with world.opened_store() as store:
        first = next(each for each in store.statements() if each.subject == "capability:features")
    assert (first.closed, first.known, first.came_true) == (1, 1, True)


def test_without_the_libraries_a_notice_appears_once(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = proven_world(make_world)
    monkeypatch.setattr(prerequisites, "find_spec", lambda _name: None)
    first, second = world.run(), world.run(after=DAY)
    assert (first.code, second.code) == (0, 0)
    assert "forecasts need numpy and scipy" in first.err
    assert "numpy" not in second.err
    assert "numpy" in features(world)["expected"]["why_no_health"]
    assert health(world) == set()
