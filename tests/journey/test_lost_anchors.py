"""Deleted anchors: reported as unread, without any write attempt."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.writing_world import WritingWorld

ANCHOR = "acme/churn#1"


@pytest.fixture
def world(tmp_path: Path) -> WritingWorld:
    return WritingWorld(tmp_path)


def test_an_anchor_that_was_deleted_is_unread_and_nothing_is_written_on_it(world: WritingWorld) -> None:
    work = world.github.add_issue("acme/churn", "Work", labels=["features"]).key
    world.run()
    world.github.delete_issue(ANCHOR)
    world.pass_time(hours=25)
    world.run()
    world.github.edit(work, category="doing")
    for _ in range(2):
        outcome = world.run()
        assert [str(anchor) for anchor in outcome.pulled.unread_anchors] == [f"github:{ANCHOR}"]
        assert outcome.applied is not None and not outcome.applied.failed
    assert world.labels("DS-1") == {"state:in-progress"}
    assert world.run().changes.changes == ()
