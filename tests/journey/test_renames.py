"""``previously`` in a plan: labels, pins, vetoes, baseline and comment follow a capability to its new id."""

from pathlib import Path

import pytest

from tests.support.writing_world import FEATURES, INCREMENT, MODEL, WritingWorld, notes

NEW = "capability:event-features"


@pytest.fixture
def world(tmp_path: Path) -> WritingWorld:
    return WritingWorld(tmp_path)


def rename(world: WritingWorld) -> None:
    world.edit("plans/q4.yaml", "id: features\n", "id: event-features\n        previously: [features]\n")
    world.edit("mappings/science.yaml", "assign: features", "assign: event-features")


@pytest.mark.parametrize("place", ["DS", "acme/churn"])
def test_labels_comment_and_baseline_follow_and_the_guard_counts_nothing(
    world: WritingWorld, place: str
) -> None:
    tracker = world.github if "/" in place else world.jira
    keys = [tracker.add_issue(place, "Work", labels=["features"]).key for _ in range(30)]
    world.run()
    baseline = world.run().recorded.baselines["features"].refs
    (comment,) = world.comments("acme/churn#1")
    rename(world)
    outcome = world.run(max_removals=0)
    assert outcome.exit_code == 0, notes(outcome)
    for key in keys:
        assert world.labels(key) == {"features", NEW, INCREMENT}
        assert world.pushed(key) == {NEW, INCREMENT}
    world.pass_time(days=1)
    world.jira.add_issue("DS", "One more", labels=["features"])
    outcome = world.run()
    assert outcome.recorded.baselines["event-features"].refs == baseline
    (after,) = world.comments("acme/churn#1")
    assert after.id == comment.id
    assert "subject=capability:event-features" in after.body
    assert len(world.run().changes) == 0


def test_on_github_one_rename_does_for_all_issues(world: WritingWorld) -> None:
    keys = [world.github.add_issue("acme/churn", "Work", labels=["features"]).key for _ in range(5)]
    world.run()
    rename(world)
    world.run()
    ops = [(row.op, row.outcome) for row in world.journal() if row.run_id == "run-002"]
    assert ops.count(("rename-label", "done")) == 1
    assert not [op for op, _ in ops if op in ("add-label", "remove-label")]
    assert all(world.labels(key) == {"features", NEW, INCREMENT} for key in keys)


def test_where_the_new_label_exists_already_issues_are_swapped_one_by_one(world: WritingWorld) -> None:
    key = world.github.add_issue("acme/churn", "Work", labels=["features"]).key
    world.github.add_issue("acme/churn", "Something else", labels=[NEW.upper()])
    world.run()
    rename(world)
    world.run()
    assert world.labels(key) == {"features", NEW, INCREMENT}


@pytest.mark.parametrize("place", ["DS", "acme/churn"])
def test_a_pin_follows(world: WritingWorld, place: str) -> None:
    tracker = world.github if "/" in place else world.jira
    key = tracker.add_issue(place, "Work", labels=["model"]).key
    world.run()
    tracker.label(key, FEATURES)
    world.run()
    rename(world)
    world.run()
    assert world.labels(key) == {"model", NEW, INCREMENT}
    assert world.overrides() == {(key, "pin", NEW)}
    assert len(world.run().changes) == 0
    tracker.unlabel(key, NEW)
    world.run()
    assert world.overrides() == set()
    assert world.labels(key) == {"model", MODEL, INCREMENT}


@pytest.mark.parametrize("place", ["DS", "acme/churn"])
def test_a_veto_follows(world: WritingWorld, place: str) -> None:
    tracker = world.github if "/" in place else world.jira
    key = tracker.add_issue(place, "Work", labels=["features"]).key
    world.run()
    tracker.unlabel(key, FEATURES)
    world.run()
    rename(world)
    world.run()
    assert world.labels(key) == {"features"}
    assert world.overrides() == {(key, "veto", NEW)}
    assert len(world.run().changes) == 0


def test_a_preview_of_a_rename_renames_nothing(world: WritingWorld) -> None:
    key = world.github.add_issue("acme/churn", "Work", labels=["features"]).key
    world.run()
    rename(world)
    world.preview()
    assert world.labels(key) == {"features", FEATURES, INCREMENT}


def test_a_preview_of_an_abandoned_rename_leaves_overrides_comment_and_baseline(
    world: WritingWorld,
) -> None:
    key = world.github.add_issue("acme/churn", "Work", labels=["features"]).key
    world.run()
    world.github.unlabel(key, FEATURES)
    world.run()
    (comment,) = world.comments("acme/churn#1")
    rename(world)
    world.preview()
    assert world.overrides() == {(key, "veto", FEATURES)}
    world.edit("plans/q4.yaml", "id: event-features\n        previously: [features]\n", "id: features\n")
    world.edit("mappings/science.yaml", "assign: event-features", "assign: features")
    outcome = world.run()
    assert FEATURES not in world.labels(key)
    assert "features" in outcome.recorded.baselines
    assert [each.id for each in world.comments("acme/churn#1")] == [comment.id]


def test_a_refused_run_renames_nothing_for_good(world: WritingWorld) -> None:
    keys = [world.github.add_issue("acme/churn", "Work", labels=["features"]).key for _ in range(3)]
    world.run()
    world.github.unlabel(keys[0], FEATURES)
    world.run()
    rename(world)
    world.edit("mappings/science.yaml", "assign: model", "assign: event-features")
    for key in keys:
        world.github.unlabel(key, "features")
    assert world.run(max_removals=0).exit_code == 4
    assert world.overrides() == {(keys[0], "veto", FEATURES)}


@pytest.mark.parametrize("place", ["DS", "acme/churn"])
def test_a_label_taken_off_just_before_the_rename_is_a_veto_of_the_new_name(
    world: WritingWorld, place: str
) -> None:
    tracker = world.github if "/" in place else world.jira
    key = tracker.add_issue(place, "Work", labels=["features"]).key
    world.run()
    tracker.unlabel(key, FEATURES)
    rename(world)
    world.run()
    assert world.labels(key) == {"features"}
    assert world.overrides() == {(key, "veto", NEW)}
    assert len(world.run().changes) == 0


def test_a_label_deleted_everywhere_just_before_the_rename_stops_the_run(world: WritingWorld) -> None:
    keys = [world.github.add_issue("acme/churn", "Work", labels=["features"]).key for _ in range(5)]
    world.run()
    for key in keys:
        world.github.unlabel(key, FEATURES)
    rename(world)
    assert [each.rule for each in world.run().refusals] == ["label-gone"]
    assert world.overrides() == set()
