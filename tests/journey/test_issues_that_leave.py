"""Issues that left all sources lose our labels and their assignment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.support.journey_world import FEATURES, MAPPING, MODEL, JourneyWorld

MakeWorld = Callable[..., JourneyWorld]


@pytest.fixture
def settled(world: JourneyWorld) -> JourneyWorld:
    assert world.run().code == 0
    world.run()
    return world


@pytest.mark.parametrize("key", ["DS-11", "acme/churn#11"])
def test_issue_that_leaves_all_sources_loses_labels_and_assignment(settled: JourneyWorld, key: str) -> None:
    if key == "DS-11":
        anchor, moved = MODEL, settled.jira.move(key, "OPS", "ada")
    else:
        anchor, moved = FEATURES, f"acme/attic#{settled.github.transfer('acme/churn', 11, 'acme/attic')}"
    result = settled.run(after=timedelta(hours=25))
    assert result.code == 0, result.err
    assert f"left its source: {'github' if '#' in key else 'jira'}:{key}" in result.err
    settled.run(after=timedelta(hours=25))
    assert not {name for name in settled.labels(moved) if ":" in name}
    assert "0 of 2 issues done" in settled.comments(anchor)[0]
    settled.run()
    settled.run()
    assert len(settled.requests) == 2
    assert settled.writes() == []


def test_issue_that_no_longer_matches_a_jql_loses_our_labels(make_world: MakeWorld) -> None:
    narrowed = MAPPING.replace("{project: DS}", "{project: DS, jql: status != Done}")
    world = make_world(mapping=narrowed)
    world.run()
    world.run()
    world.close("DS-11")
    world.run(after=timedelta(hours=25))
    assert world.labels("DS-11") == {"model"}
    world.run()
    world.run()
    assert len(world.requests) == 2
    assert world.writes() == []


def test_unreadable_orphan_keeps_its_labels_until_it_is_readable(settled: JourneyWorld) -> None:
    key = settled.jira.move("DS-11", "OPS", "ada")
    settled.fault("status", tracker="jira", method="GET", path="*/issue/*", nth=2, times=None, status=503)
    settled.run(after=timedelta(hours=25))
    assert "capability:model" in settled.labels(key)
    settled.box.faults.clear()
    assert settled.run().code == 0
    assert settled.labels(key) == {"model"}


def test_person_can_pin_an_orphan_again(settled: JourneyWorld) -> None:
    key = settled.jira.move("DS-11", "OPS", "ada")
    settled.run(after=timedelta(hours=25))
    settled.label(key, "capability:model")
    for _ in range(3):
        assert settled.run(after=timedelta(hours=25)).code == 0
        assert settled.writes() == []
    assert "capability:model" in settled.labels(key)
