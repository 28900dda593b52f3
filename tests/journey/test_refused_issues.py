"""Issues that reject writes: reported, skipped for a while, and the run continues with others."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.journey_world import JourneyWorld

QUARTER = timedelta(minutes=15)


@pytest.fixture
def world(tmp_path: Path) -> JourneyWorld:
    return JourneyWorld(tmp_path)


def lock(world: JourneyWorld, locked: bool = True) -> None:
    """Lock an issue for comments of our account, which may write everywhere else."""
    world.github.lock_issue("acme/churn", 1, locked)
    world.box.faults.clear()
    if locked:
        body = {"message": "Unable to create comment because issue is locked."}
        path = "*/churn/issues/1/comments"
        world.fault("status", status=403, method="POST", path=path, body=body, times=None)


def test_a_locked_issue_is_not_tried_in_every_run(world: JourneyWorld) -> None:
    with world:
        lock(world)
        result = world.run(after=QUARTER)
        assert result.code == 1
        assert "capability:model" in world.labels("DS-11"), "the rest goes on"
        world.run(after=QUARTER)  # its labels were written, so the issue changed since the refusal
        assert world.run(after=QUARTER).code == 1, "one refusal may be a hiccup"
        for _ in range(2):
            result = world.run(after=QUARTER)
            assert (result.code, world.writes("github")) == (0, [])
            assert "rejected 2 writes" in result.out
            assert "next attempt when it changes, or after" in result.out
        assert world.run(after=timedelta(minutes=30)).code == 1, "the hour is over"
        assert world.run(after=timedelta(minutes=90)).code == 0, "now it waits for two"
        assert world.writes("github") == []
        lock(world, locked=False)
        assert world.run(after=QUARTER).code == 0
        assert len(world.comments("acme/churn#1")) == 1
        assert "capability:features" in world.labels("acme/churn#11")
        world.run(after=QUARTER)
        assert world.writes() == []


def test_reconcile_tries_at_once(world: JourneyWorld) -> None:
    with world:
        lock(world)
        for _ in range(3):
            world.run(after=QUARTER)
        world.box.faults.clear()
        assert world.run(after=QUARTER).code == 0
        assert world.comments("acme/churn#1") == []
        assert world.reconcile(yes=True, after=QUARTER).code == 0
        assert len(world.comments("acme/churn#1")) == 1


def test_an_archived_repository_does_not_stop_others(world: JourneyWorld) -> None:
    with world:
        world.github.archive("acme/churn")
        result = world.run()
        assert result.code == 1
        assert "capability:model" in world.labels("DS-11")
        for _ in range(3):
            assert world.run(after=QUARTER).code == 1, "as long as it lasts"
            assert len(world.writes("github")) == 2, "one label, one comment"
        world.github.archive("acme/churn", archived=False)
        assert world.run(after=QUARTER).code == 0
        assert "capability:features" in world.labels("acme/churn#11")
