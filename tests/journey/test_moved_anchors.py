"""An anchor is the issue, not its key: it stays one when Jira gives it another key."""

from pathlib import Path

import pytest

from connectors.errors import Unavailable
from sync.mapping_tools.explain import Explained, explain_stored
from sync.runtime.context import Job
from tests.support.writing_world import World

GOAL = "DS-1"


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.edit(
        "mappings/science.yaml",
        "  - github: {repo: acme/churn}",
        "  - github: {repo: acme/churn}\n  - jira: {project: OPS}",
    )
    made.jira.label(GOAL, "model")
    made.jira.add_issue("DS", "Train", labels=["model"])
    made.run()
    return made


def moved(world: World) -> str:
    key = world.jira.move(GOAL, "OPS").key
    world.pass_time(hours=25)
    return key


def test_an_anchor_that_moved_is_not_counted_as_an_issue(world: World) -> None:
    key = moved(world)

    outcome = world.run()

    assert {each.ref.key for each in outcome.thought.matched.assignments} == {"DS-2"}
    assert world.labels(key) == {"model", "state:planned"}


def test_explain_knows_an_anchor_that_moved(world: World) -> None:
    key = moved(world)
    world.run()

    def ask(job: Job) -> Explained:
        item = job.store.known_issue("jira", key)
        assert item
        return explain_stored(job, item)

    explained = world.with_job(ask)
    assert explained.trace.outcome is None
    assert [each.subject for each in explained.standings] == ["goal:retention"]


def test_a_failed_read_of_an_anchor_that_moved_changes_nothing(world: World) -> None:
    world.jira.label(GOAL, "flag:released")
    key = moved(world)
    assert _released(world)

    world.jira.unreadable[GOAL] = Unavailable("503")

    assert _released(world)
    assert world.labels(key) == {"model", "state:planned", "flag:released"}
    assert world.overrides() == set()


def test_an_anchor_that_left_all_sources_keeps_its_labels_while_it_cannot_be_read(world: World) -> None:
    world.edit("mappings/science.yaml", "\n  - jira: {project: OPS}", "")
    key = moved(world)
    world.run()
    before = world.labels(key)
    world.jira.unreadable[GOAL] = Unavailable("503")

    world.run()

    assert world.labels(key) == before == {"model", "state:planned"}


def _released(world: World) -> bool:
    outcome = world.run()
    assert {each.ref.key for each in outcome.thought.matched.assignments} == {"DS-2"}
    goal = outcome.thought.rollup.goal("retention")
    assert goal is not None
    return goal.released
