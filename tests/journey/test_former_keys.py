"""Issues, projects and repositories that got another key stay who they were: for rules, hierarchy and anchors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sync.cli.commands.mappings_test import run_cases
from tests.support.journey_world import MAPPING, TOKENS, JourneyWorld, jira_seed, plain_trackers

MakeWorld = Callable[..., JourneyWorld]
BY_PARENT = MAPPING.replace("labels: [model]", "parent: DS-100").replace(
    "  - jira: {project: DS}\n", "  - jira: {project: DS}\n  - jira: {project: OPS}\n"
)
TASKS = ("DS-151", "DS-152", "DS-153")
CENSUS = timedelta(hours=25)


def families() -> dict[str, Any]:
    """DS-100 > DS-140 > three tasks."""
    seed = jira_seed(0)
    family = [("DS-100", None), ("DS-140", "DS-100"), *((key, "DS-140") for key in TASKS)]
    seed["projects"]["DS"]["issues"] += [
        {
            "key": key,
            "summary": "Work",
            "type": "Task" if key in TASKS else "Epic",
            "created": "20d ago",
            "status": "To Do",
            **({"parent": parent} if parent else {}),
        }
        for key, parent in family
    ]
    return seed


@pytest.fixture
def world(make_world: MakeWorld) -> JourneyWorld:
    made = make_world(jira=families(), mapping=BY_PARENT)
    for _ in range(2):
        assert made.run().code == 0
    return made


def scope(world: JourneyWorld) -> int:
    """Return the number of issues of the capability ``model``."""
    (model, _) = world.status()["increments"][0]["goals"][0]["capabilities"]
    return sum(model["counts"][state] for state in ("todo", "doing", "done"))


def test_children_of_an_epic_that_moved_keep_their_ancestors(world: JourneyWorld) -> None:
    assert scope(world) == 3
    moved = world.jira.move("DS-140", "OPS", "ada")
    result = world.run()
    assert result.code == 0, result.err
    assert world.writes() == []
    assert scope(world) == 3, "the epic does not count beside its children"
    explained = world.explain(TASKS[0]).out
    assert f"below {moved}, DS-140, DS-100" in explained


def test_a_rule_that_names_a_former_key_matches_and_is_told_the_new_one(world: JourneyWorld) -> None:
    moved = world.jira.move("DS-100", "OPS", "ada")
    world.jira.edit("DS-140", "ada", summary="Touched, so that its parent is read again")
    result = world.run()
    assert result.code == 0, result.err
    assert world.writes() == []
    assert scope(world) == 3
    named = f'The rule "model" of science (mappings/science.yaml:7:5) names jira:DS-100, which is {moved} now'
    assert result.err.count(named) == 1


def test_a_rule_with_the_new_key_matches_children_that_were_not_read_again(world: JourneyWorld) -> None:
    moved = world.jira.move("DS-100", "OPS", "ada")
    world.edit("mappings/science.yaml", "parent: DS-100", f"parent: {moved}")
    assert world.run().code == 0
    assert world.writes() == []
    assert scope(world) == 3


@pytest.mark.parametrize("kind", ["jira-cloud", "jira-dc"])
def test_a_new_store_finds_out_what_a_key_in_a_rule_is_called_now(make_world: MakeWorld, kind: str) -> None:
    world = make_world(
        jira=families() | {"kind": kind},
        mapping=BY_PARENT,
        trackers=lambda box: plain_trackers(box).replace("jira-cloud", kind),
        environment={**TOKENS, "JIRA_PAT": "jira-token"} if kind == "jira-dc" else TOKENS,
    )
    world.jira.move("DS-100", "OPS", "ada")
    assert world.run().code == 0
    assert scope(world) == 3
    world.run()
    assert not [line for line in world.reads("jira") if "/issue/DS-100" in line], "it is known from then on"


def test_an_anchor_in_a_source_that_moved_costs_no_request_and_keeps_its_comment(
    world: JourneyWorld,
) -> None:
    new = world.jira.move("DS-2", "OPS", "ada")
    world.close(TASKS[0])
    assert world.run().code == 0
    assert not [line for line in world.reads("jira") if "/issue/DS-2" in line]
    (body,) = world.comments(new)
    assert "1 of 3 issues done" in body
    assert world.labels(new) == {"state:in-progress"}
    text = world.status_text().out
    assert "Churn model" in text
    assert new in world.explain("DS-2").out


def test_an_override_stays_with_an_issue_that_moved(world: JourneyWorld) -> None:
    world.unlabel(TASKS[0], "capability:model")
    world.run()
    new = world.jira.move(TASKS[0], "OPS", "ada")
    world.run()
    assert "capability:model" not in world.labels(new)
    assert scope(world) == 2
    world.clear(issue=TASKS[0])
    world.run()
    assert "capability:model" in world.labels(new)


def test_a_test_case_may_name_either_key(world: JourneyWorld) -> None:
    moved = world.jira.move("DS-100", "OPS", "ada")
    world.run()
    for rule, case in (("DS-100", moved), (moved, "DS-100")):
        mapping = BY_PARENT.replace("parent: DS-100", f"parent: {rule}")
        cases = f"tests:\n  - {{name: kin, issue: {{key: DS-7, parent: {case}}}, assign: model}}\n"
        world.write("mappings/science.yaml", mapping + cases)
        assert run_cases(world.invocation()) == 0


def test_a_plan_with_the_former_name_of_a_repository_keeps_its_anchor(make_world: MakeWorld) -> None:
    made = make_world(mapping=MAPPING.replace("labels: [features]}", "labels: [features], repo: acme/churn}"))
    assert made.run().code == 0
    made.github.rename_repo("acme/churn", "acme/new")
    made.edit("mappings/science.yaml", "github: {repo: acme/churn}", "github: {repo: acme/new}")
    made.close("acme/new#11")
    result = made.run()
    assert result.code == 0, result.err
    assert "A plan names the anchor github:acme/churn#1, which is acme/new#1 now" in result.err
    assert not [line for line in made.reads("github") if "/acme/churn" in line]
    (body,) = made.comments("acme/new#1")
    assert "1 of 3 issues done" in body
    assert made.labels("acme/new#12") >= {"capability:features"}, "a rule may name the former repository"
