"""``preview --out`` and ``apply``: exactly the reviewed change set, or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.journey_world import FEATURES, GOAL, MODEL, JourneyWorld

MakeWorld = Callable[..., JourneyWorld]
PREFIX = "push: {enabled: true}\nlabels: {capability: {prefix: 'cap:'}}"


@pytest.fixture
def reviewed(world: JourneyWorld, tmp_path: Path) -> Path:
    """Save the change set of the first run."""
    path = tmp_path / "changes.json"
    result = world.preview(path)
    assert result.code == 0, result.err
    assert world.writes() == []
    return path


def refused(world: JourneyWorld, path: Path, because: str) -> None:
    before = world.snapshot()
    result = world.apply(path)
    assert result.code == 5, result.err
    assert because in result.err
    assert world.snapshot() == before
    assert world.writes() == []


def test_a_preview_writes_nothing_and_says_when_there_is_something_to_do(world: JourneyWorld) -> None:
    before = world.snapshot()
    assert world.preview(detailed=True).code == 2
    assert world.snapshot() == before
    world.run()
    assert world.preview(detailed=True).code == 0


def test_apply_does_what_a_run_would_have_done(
    world: JourneyWorld, reviewed: Path, make_world: MakeWorld
) -> None:
    result = world.apply(reviewed)
    assert result.code == 0, result.err
    assert "12 changes written" in result.out
    other = make_world()
    other.run()
    assert world.snapshot() == other.snapshot()
    world.run()
    assert world.writes() == []


def test_apply_does_what_was_reviewed_and_not_what_would_be_right_by_now(
    world: JourneyWorld, reviewed: Path
) -> None:
    world.jira.set_status("DS-11", "In Progress", "ada")
    new = world.github.add_issue("acme/churn", "One more", by="ada", labels=["features"])
    assert world.apply(reviewed).code == 0
    assert world.labels(MODEL) == {"state:planned"}
    assert world.labels(f"acme/churn#{new}") == {"features"}
    world.run()
    assert world.labels(MODEL) == {"state:in-progress"}
    assert world.labels(f"acme/churn#{new}") == {"features", "capability:features", "increment:2026-q4"}


def test_other_activity_on_an_issue_does_not_make_it_stale(world: JourneyWorld, reviewed: Path) -> None:
    world.jira.edit("DS-11", "ada", summary="Try something else")
    world.jira.comment(MODEL, "What about tenure?", "ada")
    world.jira.label("DS-12", "urgent", "ada")
    world.github.retitle("acme/churn", 11, "Build something else", by="ada")
    world.github.comment("acme/churn", 1, "Nice", by="ada")
    result = world.apply(reviewed)
    assert result.code == 0, result.err
    assert world.labels("DS-12") == {"model", "urgent", "capability:model", "increment:2026-q4"}
    assert len(world.comments(MODEL)) == 2


@pytest.mark.parametrize("edit", ["push: {enabled: true, teams: []}", PREFIX])
def test_other_teams_or_prefixes_in_the_settings_refuse_it_whole(
    world: JourneyWorld, reviewed: Path, edit: str
) -> None:
    world.edit("increment-sync.yaml", "push: {enabled: true}", edit)
    refused(world, reviewed, "push.teams or the label prefixes changed")


@pytest.mark.parametrize("key", ["DS-11", "acme/churn#11", GOAL])
def test_a_label_of_ours_that_changed_refuses_it_whole(world: JourneyWorld, reviewed: Path, key: str) -> None:
    world.label(key, "capability:features" if key != GOAL else "state:done")
    refused(world, reviewed, f"our labels or comment on {'github' if '#' in key else 'jira'}:{key} changed")


def test_a_status_comment_that_changed_refuses_it_whole(world: JourneyWorld, tmp_path: Path) -> None:
    world.run()
    world.close("DS-11")
    path = tmp_path / "changes.json"
    world.preview(path)
    world.edit_comment(MODEL, lambda text: text + " (by Ada)")
    refused(world, path, "our labels or comment on jira:DS-2 changed")


def test_a_deleted_issue_refuses_it_whole(world: JourneyWorld, reviewed: Path) -> None:
    world.jira.delete("DS-11")
    before = world.snapshot()
    result = world.apply(reviewed)
    assert result.code == 5
    assert "DS-11" in result.err
    assert world.snapshot() == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("plans/2026-q4.yaml", "Keep subscribers", "Keep readers"),
        ("mappings/science.yaml", "labels: [model]", "labels: [models]"),
    ],
)
def test_an_edited_plan_or_mapping_refuses_it_whole(
    world: JourneyWorld, reviewed: Path, name: str, old: str, new: str
) -> None:
    world.edit(name, old, new)
    refused(world, reviewed, "plans or mappings changed since")


def test_what_another_run_pushed_refuses_it_whole(world: JourneyWorld, reviewed: Path) -> None:
    world.run()
    refused(world, reviewed, "another run wrote to these issues since")


def test_it_cannot_be_applied_twice(world: JourneyWorld, reviewed: Path) -> None:
    assert world.apply(reviewed).code == 0
    refused(world, reviewed, "another run wrote to these issues since")


def test_it_belongs_to_one_instance(world: JourneyWorld, reviewed: Path) -> None:
    document = json.loads(reviewed.read_text())
    reviewed.write_text(json.dumps({**document, "instance": "somebody-else"}))
    refused(world, reviewed, "made by the instance somebody-else")


def test_with_push_switched_off_it_is_not_applied(world: JourneyWorld, reviewed: Path) -> None:
    world.edit("increment-sync.yaml", "push: {enabled: true}", "push: {enabled: false}")
    result = world.apply(reviewed)
    assert result.code == 3
    assert "push is switched off" in result.err
    assert world.writes() == []


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": 2}', '{"version": 1, "labels": 3}', "\x00"])
def test_a_file_that_is_no_change_set_is_said_to_be_none(
    world: JourneyWorld, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "changes.json"
    path.write_text(text)
    result = world.apply(path)
    assert result.code == 1
    assert "preview --out" in result.err
    assert "bug" not in result.err
    assert world.requests == ()


def test_a_file_that_is_not_there_is_said_to_be_missing(world: JourneyWorld, tmp_path: Path) -> None:
    result = world.apply(tmp_path / "nothing.json")
    assert result.code == 1
    assert "nothing.json" in result.err


def test_lost_answers_while_applying_are_cleared_up_by_the_next_run(
    world: JourneyWorld, reviewed: Path
) -> None:
    world.fault("reset_after", method="POST", path="*/issues/1/comments")
    world.apply(reviewed)
    assert world.run().code == 0
    assert len(world.comments(FEATURES)) == 1
    world.run()
    assert world.writes() == []


def test_a_rename_is_applied_to_comment_and_labels_and_the_next_run_has_nothing_to_do(
    world: JourneyWorld, tmp_path: Path
) -> None:
    world.run()
    before = world.comments("acme/churn#1")
    world.edit("plans/2026-q4.yaml", "id: features", "id: feats, previously: [features]")
    world.edit("mappings/science.yaml", "assign: features", "assign: feats")
    path = tmp_path / "renamed.json"
    assert world.preview(path).code == 0
    result = world.apply(path)
    assert result.code == 0, result.err
    assert "capability:feats" in world.labels("acme/churn#11")
    result = world.run()
    assert result.code == 0, result.err
    assert world.writes() == []
    assert len(world.comments("acme/churn#1")) == len(before)
