"""Sources that the mappings no longer name: their issues are released unless a successor is unreadable."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.errors import Unavailable
from tests.support.writing_world import FEATURES, INCREMENT, WritingWorld

CHURN = "  - github: {repo: acme/churn}"
BOTH = f"{CHURN}\n  - github: {{repo: acme/plan}}"


@pytest.fixture
def world(tmp_path: Path) -> WritingWorld:
    return WritingWorld(tmp_path)


def with_plan_repo(world: WritingWorld) -> None:
    world.edit("mappings/science.yaml", CHURN, BOTH)


def without_plan_repo(world: WritingWorld) -> None:
    world.edit("mappings/science.yaml", BOTH, CHURN)


@pytest.mark.parametrize("full", [False, True])
def test_issues_of_a_removed_source_lose_our_labels(world: WritingWorld, full: bool) -> None:
    keys = [world.github.add_issue("acme/plan", f"Work {n}", labels=["features"]).key for n in range(2)]
    with_plan_repo(world)
    world.run()
    assert world.labels(keys[0]) == {"features", FEATURES, INCREMENT}
    without_plan_repo(world)
    assert world.run(full=full).exit_code == 0
    assert [world.labels(key) for key in keys] == [{"features"}, {"features"}]
    assert world.run().changes.changes == ()
    with_plan_repo(world)
    world.run()
    assert world.labels(keys[0]) == {"features", FEATURES, INCREMENT}


def test_pull_requests_lose_their_labels_when_switched_off(world: WritingWorld) -> None:
    key = world.github.add_issue("acme/churn", "Change", labels=["features"], is_pull_request=True).key
    world.edit("mappings/science.yaml", "{repo: acme/churn}", "{repo: acme/churn, pull_requests: true}")
    world.run()
    assert FEATURES in world.labels(key)
    world.edit("mappings/science.yaml", ", pull_requests: true", "")
    world.run()
    assert world.labels(key) == {"features"}


def test_anchor_of_a_removed_source_is_read_directly(world: WritingWorld) -> None:
    anchor = world.github.add_issue("acme/plan", "Anchor").key
    with_plan_repo(world)
    world.edit("plans/q4.yaml", "anchor: github:acme/churn#1", f"anchor: github:{anchor}")
    world.github.add_issue("acme/churn", "Work", labels=["features"])
    world.run()
    without_plan_repo(world)
    world.github.label(anchor, "flag:released")
    assert world.run().planning.rollup.capability("features").released


@pytest.mark.parametrize("rule", ["labels: {any: [features]}", "labels: {any: [other]}"])
def test_issues_of_an_unreadable_changed_source_keep_their_labels(world: WritingWorld, rule: str) -> None:
    key = world.github.add_issue("acme/churn", "Work", labels=["features"]).key
    world.run()
    before = world.snapshot()
    world.edit("mappings/science.yaml", "{repo: acme/churn}", "{repo: acme/churn, pull_requests: true}")
    world.edit("mappings/science.yaml", "labels: {any: [features]}", rule)
    world.github.failing["acme/churn"] = Unavailable("503")
    assert world.run().exit_code == 1
    assert world.snapshot()["acme/churn#1"] == before["acme/churn#1"]
    assert world.labels(key) == {"features", FEATURES, INCREMENT}


def test_removed_source_does_not_count_as_read_while_its_successor_fails(world: WritingWorld) -> None:
    key = world.github.add_issue("acme/churn", "Work", labels=["features"]).key
    world.run()
    world.edit("mappings/science.yaml", "{repo: acme/churn}", "{repo: acme/churn, pull_requests: true}")
    world.run()
    world.edit(
        "mappings/science.yaml",
        "labels: {any: [features]}}\n    assign: features",
        "labels: {any: [features]}}\n    assign: model",
    )
    world.github.failing["acme/churn"] = Unavailable("503")
    world.run()
    assert world.labels(key) == {"features", FEATURES, INCREMENT}
