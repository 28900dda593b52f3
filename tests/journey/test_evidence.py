"""Evidence required by a plan, as displayed on the trackers."""

from __future__ import annotations

from tests.support.journey_world import GOAL, MODEL, JourneyWorld


def test_done_work_without_evidence_is_shown_as_not_proven(world: JourneyWorld) -> None:
    """The label stays ``state:done``: whether it is proven is a fact of its own."""
    requests = 'anchor: "jira:DS-2", evidence: {file: metrics/m.json, metric: auc, at_least: 0.8}}'
    world.edit("plans/2026-q4.yaml", 'anchor: "jira:DS-2"}', requests)
    for key in ("DS-11", "DS-12", "DS-13"):
        world.close(key)
    assert world.run().code == 0
    assert "state:done" in world.labels(MODEL)
    (comment,) = world.comments(MODEL)
    assert "*Done, not proven: 3 of 3 issues done*" in comment
    assert "Not proven: metrics/m.json does not exist" in comment.replace("\\", "")
    assert "Done, not proven" in world.comments(GOAL)[0]
    world.write("metrics/m.json", '{"auc": 0.81}')
    assert world.run().code == 0
    assert "not proven" not in world.comments(MODEL)[0].lower()
    assert "state:done" in world.labels(MODEL)
    assert world.run().code == 0
    assert world.writes() == []
