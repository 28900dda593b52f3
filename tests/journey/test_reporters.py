"""A team takes issues by who reported them: on Jira the reporter, on GitHub the author."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from sync.cli.commands.explain import explain
from sync.cli.commands.unplanned import unplanned
from tests.support.journey_world import JourneyWorld, github_seed, jira_seed, plain_trackers

MAPPING = """\
team: science
sources:
  - jira: {project: DS}
  - github: {repo: acme/churn}
rules:
  - {id: asked-by-ada, when: {reporter: ADA}, assign: model}
  - {id: asked-in-cel, when: {cel: 'reporter == "sync-robot"'}, assign: features}
"""


def reported(make_world: Callable[..., JourneyWorld]) -> JourneyWorld:
    jira, github = jira_seed(3, kind="jira-dc"), github_seed(2)
    first, second, third = jira["projects"]["DS"]["issues"][2:]
    first |= {"creator": "robot-1", "reporter": "ada"}
    second |= {"creator": "ada", "reporter": "robot-1"}
    third |= {"creator": "ada"}
    github["repos"]["acme/churn"]["issues"][1]["user"] = "ada"
    github["repos"]["acme/churn"]["issues"][2]["user"] = "sync-robot"
    return make_world(
        jira=jira,
        github=github,
        mapping=MAPPING,
        trackers=lambda box: plain_trackers(box).replace("jira-cloud", "jira-dc"),
        environment={"JIRA_PAT": "jira-token", "GH_TOKEN": "github-token"},
    )


def in_store(world: JourneyWorld, *statements: str) -> None:
    connection = sqlite3.connect(world.root / ".increment-sync" / "state.db")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def capability_labels(world: JourneyWorld) -> dict[str, list[str]]:
    keys = ("DS-11", "DS-12", "DS-13", "acme/churn#11", "acme/churn#12")
    return {
        key: [label for label in sorted(world.labels(key)) if label.startswith("capability:")] for key in keys
    }


def test_rules_take_issues_by_reporter(make_world: Callable[..., JourneyWorld]) -> None:
    world = reported(make_world)
    assert world.run().code == 0
    assert capability_labels(world) == {
        "DS-11": ["capability:model"],
        "DS-12": [],
        "DS-13": ["capability:model"],
        "acme/churn#11": ["capability:model"],
        "acme/churn#12": ["capability:features"],
    }
    assert "ok reporter any of ADA; it has ada" in world.explain("DS-11").out
    assert world.run().code == 0
    assert world.writes() == []


def test_unplanned_work_is_grouped_by_its_reporter(make_world: Callable[..., JourneyWorld]) -> None:
    world = reported(make_world)
    world.run()
    result = world._call(lambda: unplanned(world.invocation(as_json=True), None, None)).json
    (item,) = result["unplanned"]
    assert (item["issue"], item["requester"], item["author"]) == ("jira:DS-12", "robot-1", "ada")


def test_a_changed_reporter_is_shown_by_explain(make_world: Callable[..., JourneyWorld]) -> None:
    world = reported(make_world)
    world.run()
    in_store(world, "UPDATE issues SET payload = json_set(payload, '$.reporter', 'mona')")
    result = world._call(lambda: explain(world.invocation(), "DS-11", live=True))
    assert "reporter mona -> ada" in result.out


def test_issues_that_were_stored_without_a_reporter_are_read_again(
    make_world: Callable[..., JourneyWorld],
) -> None:
    world = reported(make_world)
    world.run()
    in_store(
        world,
        "UPDATE issues SET payload = json_remove(payload, '$.reporter')",
        "UPDATE sources SET definition_hash = 'of an earlier version'",
    )
    assert "it has nothing" in world.explain("DS-11").out
    assert world.run().code == 0
    assert "it has ada" in world.explain("DS-11").out
