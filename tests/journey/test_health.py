"""Health on anchors: when it comes, changes, stays away, and that all readers see the same figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sync.cli.commands.report import report
from sync.forecast import prerequisites as libraries
from tests.support.health_world import health, proven_world
from tests.support.journey_world import FEATURES, GOAL, JourneyWorld

MakeWorld = Callable[..., JourneyWorld]
DAY = timedelta(days=1)


def features(world: JourneyWorld) -> Any:
    (goal,) = world.status()["increments"][0]["goals"]
    return goal["capabilities"][0]


def more_work(world: JourneyWorld, count: int) -> list[str]:
    numbers = [
        world.github.add_issue("acme/churn", "More", labels=["features"], by="ada") for _ in range(count)
    ]
    return [f"acme/churn#{number}" for number in numbers]


def hurry(world: JourneyWorld, day: str) -> None:
    world.edit("plans/2026-q4.yaml", "team: science, ", f"team: science, target: {day}, ")


def test_a_label_comes_when_runs_of_two_days_agree(make_world: MakeWorld) -> None:
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


def test_it_turns_only_when_a_second_day_says_so_too(make_world: MakeWorld) -> None:
    world = proven_world(make_world)
    world.run()
    world.run(after=DAY)
    late = more_work(world, 14)
    hurry(world, "2026-12-01")
    world.run(after=DAY)
    for key in late:
        world.close(key)
    world.run(after=DAY)
    late = more_work(world, 14)
    world.run(after=DAY)
    assert health(world) == {"health:on-track"}
    world.run(after=DAY)
    (word,) = health(world)
    assert word != "health:on-track"
    assert f"{word[7:].replace('-', ' ').capitalize()} since 2026-" in world.comments(FEATURES)[0]
    assert health(world, GOAL) == {word}


def test_fourteen_days_of_small_changes_do_not_flap(make_world: MakeWorld) -> None:
    world = proven_world(make_world)
    words, edits, added = [], [], ["acme/churn#11"]
    for day in range(14):
        if day % 4 == 1:
            added += more_work(world, 1)
        if day % 4 == 3:
            world.close(added.pop())
        world.run(after=DAY)
        words.append(tuple(health(world)))
        edits.append(sum("comments" in line for line in world.writes("github")))
    turns = sum(a != b for a, b in pairwise(words))
    assert turns <= 2
    assert max(edits) == 1


def test_a_persons_word_stands_and_ours_is_withheld(make_world: MakeWorld) -> None:
    world = proven_world(make_world)
    world.label(FEATURES, "health:off-track")
    world.run()
    world.run(after=DAY)
    assert health(world) == {"health:off-track"}
    assert features(world)["health"] == "on-track"


def test_a_word_that_a_person_took_off_does_not_come_back(make_world: MakeWorld) -> None:
    world = proven_world(make_world)
    world.run()
    world.run(after=DAY)
    world.unlabel(FEATURES, "health:on-track")
    world.run(after=DAY)
    world.run(after=DAY)
    assert health(world) == set()


def test_a_thin_team_has_no_word_and_status_says_why(make_world: MakeWorld) -> None:
    world = proven_world(make_world, past=0)
    world.run()
    world.run(after=DAY)
    assert health(world) == set()
    told = features(world)
    assert told["health"] is None
    assert told["expected"]["why_no_health"].startswith("not enough history: science has closed 0 issues")
    assert "Chance" not in world.comments(FEATURES)[0]


def test_done_work_has_no_word(make_world: MakeWorld) -> None:
    world = proven_world(make_world)
    world.run()
    world.run(after=DAY)
    world.close("acme/churn#11")
    world.run(after=DAY)
    assert health(world) == health(world, GOAL) == set()
    assert "state:done" in world.labels(FEATURES)


def test_an_unread_source_leaves_the_word_as_it_is(make_world: MakeWorld) -> None:
    world = proven_world(make_world)
    world.run()
    world.run(after=DAY)
    world.fault("status", status=500, tracker="github", path="*/issues", times=None)
    hurry(world, "2026-11-24")  # one day for one issue: figures that were read would say so
    world.run(after=DAY)
    world.run(after=DAY)
    assert health(world) == health(world, GOAL) == {"health:on-track"}
    world.box.faults.clear()
    world.run(after=timedelta(minutes=5))
    assert health(world) == {"health:on-track"}


def test_a_past_that_is_too_short_to_prove_words_gives_ranges(make_world: MakeWorld) -> None:
    world = proven_world(make_world, 3, past=250)
    world.run()
    world.run(after=DAY)
    assert health(world) == set()
    told = features(world)["expected"]
    assert "too short to backtest forecasts" in told["why_no_health"]
    assert told["likely"] is not None
    assert "Done by 2026-12-31: " in world.comments(FEATURES)[0]


def test_comment_status_report_and_forecast_say_the_same(make_world: MakeWorld, tmp_path: Path) -> None:
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


def test_statements_are_held_against_what_happened(make_world: MakeWorld) -> None:
    world = proven_world(make_world)
    hurry(world, "2026-11-24")
    world.run()
    world.close("acme/churn#11")
    (opened,) = more_work(world, 1)
    world.run(after=5 * DAY)
    told = features(world)["expected"]
    assert (opened and told["track_record"] is None) or "came true" in told["track_record"]
    with world.opened_store() as store:
        first = next(each for each in store.statements() if each.subject == "capability:features")
    assert (first.closed, first.known, first.came_true) == (1, 1, True)


def test_without_the_libraries_a_run_says_so_once(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = proven_world(make_world)
    monkeypatch.setattr(libraries, "find_spec", lambda _name: None)
    first, second = world.run(), world.run(after=DAY)
    assert (first.code, second.code) == (0, 0)
    assert "forecasts need numpy and scipy" in first.err
    assert "numpy" not in second.err
    assert "numpy" in features(world)["expected"]["why_no_health"]
    assert health(world) == set()
