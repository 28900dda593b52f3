"""Renamed repositories and transferred issues: labels and comments stay known as ours under new keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.support.journey_world import MODEL, JourneyWorld

OLD, NEW, ANCHOR = "acme/churn", "acme/new", "acme/new#1"
LABELLED = [f"{NEW}#{number}" for number in (11, 12, 13)]


@pytest.fixture
def renamed(world: JourneyWorld) -> JourneyWorld:
    """Rename a repository that has labels and a comment of ours."""
    assert world.run().code == 0
    world.github.rename_repo(OLD, NEW)
    world.edit("mappings/science.yaml", OLD, NEW)
    world.edit("plans/2026-q4.yaml", f"github:{OLD}#1", f"github:{ANCHOR}")
    result = world.run()
    assert (result.code, world.writes()) == (0, []), result.err
    return world


def test_a_label_gone_everywhere_is_noticed_in_a_renamed_repository(renamed: JourneyWorld) -> None:
    for key in LABELLED:
        renamed.unlabel(key, "capability:features")
    result = renamed.run()
    assert result.code == 4
    assert f"capability:features is gone from all 3 issues of github:{NEW}" in result.err
    assert renamed.writes() == []


def test_a_capability_renamed_after_its_repository_leaves_no_pins(renamed: JourneyWorld) -> None:
    renamed.edit("plans/2026-q4.yaml", "id: features,", "id: feats, previously: [features],")
    renamed.edit("mappings/science.yaml", "assign: features", "assign: feats")
    for _ in range(2):
        result = renamed.run()
        assert result.code == 0, result.err
    for key in LABELLED:
        assert {"capability:feats", "capability:features"} & renamed.labels(key) == {"capability:feats"}
    assert renamed.writes() == []
    renamed.unlabel(LABELLED[0], "features")
    assert renamed.run().code == 0
    assert "capability:feats" not in renamed.labels(LABELLED[0])


def test_the_comment_on_an_anchor_that_the_plan_gave_up_is_removed(renamed: JourneyWorld) -> None:
    renamed.edit("plans/2026-q4.yaml", f', anchor: "github:{ANCHOR}"', "")
    result = renamed.run()
    assert result.code == 0, result.err
    assert renamed.comments(ANCHOR) == []


@pytest.fixture
def transferred(world: JourneyWorld) -> JourneyWorld:
    """Transfer the anchor with our comment to another repository."""
    assert world.run().code == 0
    assert world.github.transfer(OLD, 1, "acme/attic") == 1
    return world


def test_the_comment_of_a_transferred_anchor_is_found_and_kept_up_to_date(transferred: JourneyWorld) -> None:
    transferred.close(f"{OLD}#11")
    result = transferred.run()
    assert "deleted by a person" not in result.out + result.err
    (body,) = transferred.comments("acme/attic#1")
    assert "1 of 3 issues done" in body


def test_a_comment_that_a_person_deleted_from_a_transferred_anchor_stays_deleted(
    transferred: JourneyWorld,
) -> None:
    transferred.delete_comment("acme/attic#1")
    transferred.close(f"{OLD}#11")
    result = transferred.run()
    assert "deleted by a person" in result.out + result.err
    assert transferred.comments("acme/attic#1") == []


def test_the_comment_of_a_transferred_anchor_that_the_plan_gave_up_is_removed(
    transferred: JourneyWorld,
) -> None:
    transferred.edit("plans/2026-q4.yaml", f', anchor: "github:{OLD}#1"', "")
    transferred.run()
    assert transferred.comments("acme/attic#1") == []


# ---- moved or gone without any list that tells it, as between reading and writing


MODEL_RULE = "labels: [model]}, assign: model"
FEATURES_RULE = "labels: [features]}, assign: features"


@pytest.fixture
def settled(make_world: Callable[..., JourneyWorld]) -> JourneyWorld:
    """Write everything, then read it once more, so that no list returns an unchanged issue again."""
    world = make_world(jira=2, github=2)
    for _ in range(2):
        assert world.run().code == 0
    return world


def test_a_transferred_anchor_is_written_on_at_its_new_place(settled: JourneyWorld) -> None:
    settled.github.transfer(OLD, 1, "acme/attic")
    settled.close(f"{OLD}#11")
    result = settled.run()
    assert result.code == 0, result.out
    assert f"github:{OLD}#1 is now acme/attic#1; the next run continues there" in result.out
    assert settled.run().code == 0
    assert settled.labels("acme/attic#1") == {"state:in-progress"}
    (body,) = settled.comments("acme/attic#1")
    assert "1 of 2 issues done" in body
    assert settled.run().code == 0
    assert settled.writes() == []


def test_a_transferred_issue_is_left_to_its_new_repository(settled: JourneyWorld) -> None:
    settled.github.transfer(OLD, 11, "acme/attic")
    settled.edit(
        "mappings/science.yaml", FEATURES_RULE, FEATURES_RULE.replace("assign: features", "assign: model")
    )
    result = settled.run()
    assert result.code == 0, result.out
    assert f"github:{OLD}#11 is now acme/attic#1" in result.out
    assert settled.run().code == 0
    (model, _) = settled.status()["increments"][0]["goals"][0]["capabilities"]
    assert model["counts"]["todo"] == 3, "it is in no source any more"
    assert settled.labels("acme/attic#1") == set()
    assert settled.github.repo("acme/attic").labels == []
    assert settled.run().code == 0
    assert settled.writes() == []


def test_an_issue_that_is_deleted_before_it_is_written_on_is_not_tried_again(settled: JourneyWorld) -> None:
    settled.edit("mappings/science.yaml", FEATURES_RULE, "labels: [features]}, assign: other")
    settled.edit("mappings/science.yaml", MODEL_RULE, "labels: [model]}, assign: features")
    settled.edit("mappings/science.yaml", "assign: other", "assign: model")
    settled.github.delete_issue(OLD, 11)
    settled.jira.delete("DS-11")
    result = settled.run()
    assert result.code == 0, result.out
    for name in (f"github:{OLD}#11", "jira:DS-11"):
        assert f"{name} no longer exists or is not visible to this account" in result.out
    assert "0 of 2 issues done" in settled.comments(MODEL)[0], "it counts as it was for some days"
    assert settled.run().code == 0
    assert settled.writes() == []


def test_a_repository_made_private_takes_nothing_away_and_comes_back(settled: JourneyWorld) -> None:
    settled.close(f"{OLD}#11")
    settled.github.revoke_access(OLD, "sync-robot")
    before = settled.snapshot()
    for _ in range(2):
        result = settled.run()
        assert result.code == 1
        assert f"not read: github:{OLD}: " in result.err
        assert settled.snapshot() == before
    settled.github.grant_access(OLD, "sync-robot")
    assert settled.run().code == 0
    assert settled.labels(f"{OLD}#1") == {"state:in-progress"}
    assert len(settled.comments(f"{OLD}#1")) == 1
    assert settled.run().code == 0
    assert settled.writes() == []


def test_explain_finds_moved_issues_by_the_keys_they_had(settled: JourneyWorld) -> None:
    settled.jira.move("DS-11", "OPS", "ada")
    settled.github.transfer(OLD, 1, "acme/attic")
    settled.run(after=timedelta(hours=25))
    for old, new in {"DS-11": "OPS-1", f"{OLD}#1": "acme/attic#1"}.items():
        result = settled.explain(old)
        assert result.code == 0, result.err
        assert new in result.out
    assert "capability:features" in settled.explain(f"{OLD}#1").out
