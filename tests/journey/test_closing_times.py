"""Issues that were closed long ago stay closed then, whatever touched them since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.journey_world import JourneyWorld, jira_seed, plain_trackers

MakeWorld = Callable[..., JourneyWorld]
DONE_LONG_AGO = [
    {"at": "310d ago", "by": "ada", "field": "status", "from": "To Do", "to": "In Progress"},
    {"at": "300d ago", "by": "ada", "field": "status", "from": "In Progress", "to": "Done"},
]


def site(kind: str, issues: int = 4, **facts: Any) -> dict[str, Any]:
    """A site without resolutions: issues done 300 days ago, which a mass edit touched yesterday, beside open ones."""
    seed = jira_seed(3, kind=kind)
    seed["projects"]["DS"]["issues"] += [
        {
            "key": f"DS-{number}",
            "summary": "Try something",
            "labels": ["model"],
            "status": "Done",
            "created": "320d ago",
            "updated": "1d ago",
            "status_changed": "300d ago",
            "history": DONE_LONG_AGO,
            **facts,
        }
        for number in range(51, 51 + issues)
    ]
    return seed


def world_of(make_world: MakeWorld, kind: str, **facts: Any) -> JourneyWorld:
    if kind == "jira-cloud":
        return make_world(jira=site(kind, **facts))
    return make_world(
        jira=site(kind, **facts),
        trackers=lambda box: plain_trackers(box).replace("jira-cloud", "jira-dc"),
        environment={"JIRA_PAT": "jira-token", "GH_TOKEN": "github-token"},
    )


def counts(world: JourneyWorld) -> tuple[int, int]:
    """Return (done, scope) of the capability ``model``."""
    (model, _) = world.status()["increments"][0]["goals"][0]["capabilities"]
    found = model["counts"]
    return found["done"], found["done"] + found["todo"] + found["doing"]


@pytest.mark.parametrize("kind", ["jira-cloud", "jira-dc"])
def test_a_mass_edit_of_old_work_without_resolutions_finishes_nothing_in_this_increment(
    make_world: MakeWorld, kind: str
) -> None:
    world = world_of(make_world, kind)
    first = world.run()
    assert first.code == 0, first.err
    assert counts(world) == (0, 3)
    assert world.labels("DS-51") == {"model"}
    for number in range(51, 55):
        world.label(f"DS-{number}", "touched-again")
    world.run()
    assert counts(world) == (0, 3)
    assert world.labels("DS-51") == {"model", "touched-again"}
    explained = world.explain("DS-51")
    assert "finished before the increment" in explained.out


def test_work_that_was_created_as_done_was_finished_then(make_world: MakeWorld) -> None:
    world = world_of(make_world, "jira-dc", history=[])
    assert world.run().code == 0
    assert counts(world) == (0, 3)
    assert "finished before the increment" in world.explain("DS-51").out


def test_work_that_runs_saw_closing_counts_without_a_resolution(make_world: MakeWorld) -> None:
    world = world_of(make_world, "jira-dc")
    world.run()
    world.jira.set_status("DS-11", "Done", "ada", resolution=None)
    world.run()
    assert counts(world) == (1, 3)


@pytest.mark.parametrize("kind", ["jira-cloud", "jira-dc"])
def test_a_resolution_date_older_than_a_reopening_is_not_the_closing(
    make_world: MakeWorld, kind: str
) -> None:
    again = [
        *DONE_LONG_AGO,
        {"at": "20d ago", "by": "ada", "field": "status", "from": "Done", "to": "In Progress"},
        {"at": "2d ago", "by": "ada", "field": "status", "from": "In Progress", "to": "Done"},
    ]
    world = world_of(make_world, kind, history=again, resolution="Fixed", resolved="300d ago")
    assert world.run().code == 0
    assert len([line for line in world.reads("jira") if line.endswith("/status -> 200")]) == 1
    assert counts(world) == (4, 7)
    world.label("DS-51", "touched-again")
    assert world.run().code == 0
    assert not [line for line in world.reads("jira") if "/status " in line], "statuses are asked for once"
