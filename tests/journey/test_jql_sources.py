"""Issues that enter or leave a ``jql`` source without a change of their own, by sprints that start and close."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.support.journey_world import MAPPING, MODEL, JourneyWorld, jira_seed

MakeWorld = Callable[..., JourneyWorld]
OURS = {"model", "capability:model", "increment:2026-q4"}
DAY = timedelta(hours=25)


def seed(**sprints: list[int]) -> dict[str, Any]:
    """Issues DS-11, DS-12... in sprints by name; ``Next`` has not started."""
    by_number = {number: name for name, numbers in sprints.items() for number in numbers}
    site = jira_seed(max(by_number) - 10)
    site["sprints"] = [{"name": name, "state": "future" if name == "Next" else "active"} for name in sprints]
    for issue in site["projects"]["DS"]["issues"]:
        number = int(issue["key"].partition("-")[2])
        if number in by_number:
            issue["sprint"] = by_number[number]
    return site


@pytest.fixture
def in_sprint(make_world: MakeWorld) -> Callable[..., JourneyWorld]:
    def make(**sprints: list[int]) -> JourneyWorld:
        narrowed = MAPPING.replace("{project: DS}", "{project: DS, jql: sprint in openSprints()}")
        world = make_world(mapping=narrowed, jira=seed(**sprints))
        assert world.run().code == 0
        world.run()
        return world

    return make


def turn(world: JourneyWorld, sprint: str, state: str) -> None:
    """Starts or closes a sprint. Its issues are not touched by that."""
    sprints = world.jira.sprints
    for number, each in list(sprints.items()):
        if each.name == sprint:
            sprints[number] = each.model_copy(update={"state": state})
    world.jira.revision += 1


def test_one_incomplete_list_removes_nothing(in_sprint: Callable[..., JourneyWorld]) -> None:
    world = in_sprint(Early=[11], Now=[12, 13])
    before = world.snapshot()
    turn(world, "Early", "closed")
    assert world.run(after=DAY).code == 0
    assert world.labels("DS-11") == OURS
    turn(world, "Early", "active")
    for after in (timedelta(minutes=10), DAY, DAY):
        assert world.run(after=after).code == 0
    assert world.snapshot() == before


def test_issue_missing_from_two_lists_in_a_row_has_left(in_sprint: Callable[..., JourneyWorld]) -> None:
    world = in_sprint(Early=[11], Now=[12, 13])
    turn(world, "Early", "closed")
    world.run(after=DAY)
    result = world.run()
    assert "left its source: jira:DS-11" in result.err
    assert world.labels("DS-11") == {"model"}
    assert world.labels("DS-12") == OURS
    world.run()
    world.run()
    assert world.writes() == []
    lists = [entry for entry in world.requests if "/search" in entry.path]
    assert len(lists) == 1, "no list is asked for that is not due"


@pytest.mark.parametrize("count", [2, 25])
def test_issues_of_a_sprint_that_starts_are_read_and_labelled(
    in_sprint: Callable[..., JourneyWorld], count: int
) -> None:
    numbers = list(range(31, 31 + count))
    world = in_sprint(Now=[11, 12, 13], Next=numbers)
    assert world.labels("DS-31") == {"model"}
    turn(world, "Next", "active")
    assert world.run(after=DAY).code == 0
    assert all(world.labels(f"DS-{number}") == OURS for number in numbers)
    assert f"0 of {3 + count} issues done" in world.comments(MODEL)[0]
    world.run()
    world.run()
    assert world.writes() == []


def test_unreadable_new_member_waits_for_the_next_run(
    in_sprint: Callable[..., JourneyWorld],
) -> None:
    world = in_sprint(Now=[11, 12, 13], Next=[31])
    turn(world, "Next", "active")
    number = world.jira.issue("DS-31").id
    world.fault("status", tracker="jira", method="GET", path=f"*/issue/{number}", times=None, status=503)
    assert world.run(after=DAY).code == 1
    assert world.labels("DS-31") == {"model"}
    world.box.faults.clear()
    assert world.run().code == 0
    assert world.labels("DS-31") == OURS


def test_new_member_deleted_meanwhile_is_left_out(in_sprint: Callable[..., JourneyWorld]) -> None:
    world = in_sprint(Now=[11, 12, 13], Next=[31])
    turn(world, "Next", "active")
    number = world.jira.issue("DS-31").id
    world.fault("status", tracker="jira", method="GET", path=f"*/issue/{number}", times=None, status=404)
    assert world.run(after=DAY).code == 0
    assert world.labels("DS-31") == {"model"}
    assert "0 of 3 issues done" in world.comments(MODEL)[0]
