"""Issues that an increment did not finish count as unfinished there, whatever happens to them later."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sync.model.run import RunResult
from tests.support.writing_world import WritingWorld

GOAL = "DS-1"
GRACE, CLOSED = datetime(2027, 1, 4, tzinfo=UTC), datetime(2027, 1, 7, tzinfo=UTC)
NEXT_PLAN = """\
increment: 2027-q1
start: 2027-01-01
end: 2027-03-31
goals:
  - id: retention-again
    title: Keep subscribers
    capabilities:
      - {id: features-again, title: Churn feature set, team: science, continues: features}
      - {id: model-again, title: Churn model, team: science, continues: model}
"""


@pytest.fixture
def half_done(tmp_path: Path) -> WritingWorld:
    """Give each capability one issue that is done and one that is not."""
    world = WritingWorld(tmp_path)
    for label in ("features", "model"):
        done = world.jira.add_issue("DS", "Was finished", labels=[label])
        world.jira.add_issue("DS", "Was not", labels=[label])
        world.jira.close(done.key)
    world.run()
    world.now = GRACE
    world.run()
    assert "state:in-progress" in world.labels(GOAL)
    return world


def figures(outcome: RunResult, capability: str) -> tuple[str, int, int]:
    found = outcome.planning.rollup.capability(capability)
    assert found is not None
    return found.state, found.counts.done, found.counts.scope


@pytest.mark.parametrize("continued", [False, True])
def test_the_last_write_tells_what_was_not_finished(half_done: WritingWorld, continued: bool) -> None:
    world = half_done
    if continued:
        world.write("plans/q1.yaml", NEXT_PLAN)
    world.now = CLOSED

    last = world.run()

    assert figures(last, "features") == figures(last, "model") == ("in-progress", 1, 2)
    assert "state:missed" in world.labels(GOAL)
    assert "Missed: 0 of 2 required capabilities done, 2 of 4 issues done" in world.comments(GOAL)[0].body
    increment = last.planning.rollup.increments[0]
    assert (increment.committed_done, increment.committed_total) == (0, 1)


def test_the_labels_of_what_was_not_finished_follow_the_successor(half_done: WritingWorld) -> None:
    world = half_done
    world.write("plans/q1.yaml", NEXT_PLAN)
    world.now = CLOSED

    last = world.run()

    assert figures(last, "features-again") == ("planned", 0, 1)
    assert world.labels("DS-3") == {"features", "capability:features-again", "increment:2027-q1"}
    assert world.labels("DS-2") == {"features", "capability:features", "increment:2026-q4"}


def test_what_is_finished_after_the_close_was_not_finished_in_time(half_done: WritingWorld) -> None:
    world = half_done
    world.now = CLOSED
    for key in ("DS-3", "DS-5"):
        world.jira.close(key)

    last = world.run()

    assert figures(last, "features") == ("in-progress", 1, 2)
    assert "state:missed" in world.labels(GOAL)


def test_work_that_came_after_the_close_does_not_count(half_done: WritingWorld) -> None:
    world = half_done
    world.now = CLOSED
    world.jira.add_issue("DS", "Came too late", labels=["features"])

    assert figures(world.run(), "features") == ("in-progress", 1, 2)


def test_what_a_person_took_out_was_not_left_open(half_done: WritingWorld) -> None:
    world = half_done
    world.jira.unlabel("DS-3", "capability:features")
    world.run()
    world.now = CLOSED

    last = world.run()

    assert figures(last, "features") == ("done", 1, 1)
    assert figures(last, "model") == ("in-progress", 1, 2)


def test_a_pin_counts_where_the_person_put_it(half_done: WritingWorld) -> None:
    world = half_done
    pinned = world.jira.add_issue("DS", "By hand")
    world.jira.label(pinned.key, "capability:features")
    world.run()
    world.now = CLOSED

    assert figures(world.run(), "features") == ("in-progress", 1, 3)


PLATFORM = """\
team: platform
sources:
  - jira: {project: OPS}
rules:
  - id: by-model
    when: {labels: {any: [model]}}
    assign: model
"""


def test_an_increment_is_finished_for_the_teams_that_are_written_for(tmp_path: Path) -> None:
    world = WritingWorld(tmp_path)
    world.edit("plans/q4.yaml", "Churn model\n        team: science", "Churn model\n        team: platform")
    world.write("mappings/platform.yaml", PLATFORM)
    trained = world.jira.add_issue("OPS", "Train", labels=["model"])
    built = world.jira.add_issue("DS", "Build", labels=["features"])
    world.jira.close(built.key)
    world.edit("increment-sync.yaml", "push: {enabled: true}", "push: {enabled: true, teams: [science]}")
    world.now = GRACE
    world.run()
    world.jira.close(trained.key)
    world.now = CLOSED

    last = world.run()

    assert last.applied is not None
    (note,) = last.applied.closed_increments
    assert "2026-q4 is closed and had its last write, except for platform" in note
    world.jira.unlabel(built.key, "features")
    outcome = world.run()
    assert outcome.recorded.finished_increments == {"2026-q4"}
    assert outcome.applied is not None
    assert outcome.applied.closed_increments == []
    assert world.labels(built.key) == {"capability:features", "increment:2026-q4"}
    assert world.labels(GOAL) == set()

    world.edit("increment-sync.yaml", ", teams: [science]", "")
    world.run()

    assert world.labels(GOAL) == {"state:missed"}, "a team that is switched on later gets its last write"
    assert world.labels(trained.key) == {"model", "capability:model", "increment:2026-q4"}
    assert world.run().recorded.finished_increments == {"2026-q4"}
