"""An anchor is the issue, not its key: it stays the anchor when Jira gives it another key."""

from pathlib import Path

import pytest

from connectors.errors import Unavailable
from sync.mapping_tools.explain import Explanation, explain_stored
from sync.runtime.context import RunContext
from tests.support.writing_world import WritingWorld

GOAL = "DS-1"


@pytest.fixture
def world(tmp_path: Path) -> WritingWorld:
    made = WritingWorld(tmp_path)
    made.edit(
        "mappings/science.yaml",
        "  - github: {repo: acme/churn}",
        "  - github: {repo: acme/churn}\n  - jira: {project: OPS}",
    )
    made.jira.label(GOAL, "model")
    made.jira.add_issue("DS", "Train", labels=["model"])
    made.run()
    return made


def moved(world: WritingWorld) -> str:
    key = world.jira.move(GOAL, "OPS").key
    world.pass_time(hours=25)
    return key


def test_an_anchor_that_moved_is_not_counted_as_an_issue(world: WritingWorld) -> None:
    key = moved(world)

    outcome = world.run()

    assert {each.ref.key for each in outcome.planning.matched.assignments} == {"DS-2"}
    assert world.labels(key) == {"model", "state:planned"}


def test_explain_knows_an_anchor_that_moved(world: WritingWorld) -> None:
    key = moved(world)
    world.run()

    def ask(run_context: RunContext) -> Explanation:
        item = run_context.store.known_issue("jira", key)
        assert item
        return explain_stored(run_context, item)

    explained = world.with_context(ask)
    assert explained.trace.outcome is None
    assert [each.subject for each in explained.subjects] == ["goal:retention"]


def test_a_failed_read_of_an_anchor_that_moved_changes_nothing(world: WritingWorld) -> None:
    world.jira.label(GOAL, "flag:released")
    key = moved(world)
    assert _released(world)

    world.jira.unreadable[GOAL] = Unavailable("503")

    assert _released(world)
    assert world.labels(key) == {"model", "state:planned", "flag:released"}
    assert world.overrides() == set()


def test_an_anchor_that_left_all_sources_keeps_its_labels_while_it_cannot_be_read(
    world: WritingWorld,
) -> None:
    world.edit("mappings/science.yaml", "\n  - jira: {project: OPS}", "")
    key = moved(world)
    world.run()
    before = world.labels(key)
    world.jira.unreadable[GOAL] = Unavailable("503")

    world.run()

    assert world.labels(key) == before == {"model", "state:planned"}


def _released(world: WritingWorld) -> bool:
    outcome = world.run()
    assert {each.ref.key for each in outcome.planning.matched.assignments} == {"DS-2"}
    goal = outcome.planning.rollup.goal("retention")
    assert goal is not None
    return goal.released
