"""Repositories that are renamed and issues that are transferred: what is ours stays known as ours under new keys."""

from __future__ import annotations

import pytest

from tests.journey_world import World

OLD, NEW, ANCHOR = "acme/churn", "acme/new", "acme/new#1"
LABELLED = [f"{NEW}#{number}" for number in (11, 12, 13)]


@pytest.fixture
def renamed(world: World) -> World:
    """A repository with labels and a comment of ours that has another name since."""
    assert world.run().code == 0
    world.github.rename_repo(OLD, NEW)
    world.edit("mappings/science.yaml", OLD, NEW)
    world.edit("plans/2026-q4.yaml", f"github:{OLD}#1", f"github:{ANCHOR}")
    told = world.run()
    assert (told.code, world.writes()) == (0, []), told.err
    return world


def test_a_label_gone_everywhere_is_noticed_in_a_renamed_repository(renamed: World) -> None:
    for key in LABELLED:
        renamed.unlabel(key, "capability:features")
    told = renamed.run()
    assert told.code == 4
    assert f"capability:features is gone from all 3 issues of github:{NEW}" in told.err
    assert renamed.writes() == []


def test_a_capability_renamed_after_its_repository_leaves_no_pins(renamed: World) -> None:
    renamed.edit("plans/2026-q4.yaml", "id: features,", "id: feats, previously: [features],")
    renamed.edit("mappings/science.yaml", "assign: features", "assign: feats")
    for _ in range(2):
        told = renamed.run()
        assert told.code == 0, told.err
    for key in LABELLED:
        assert {"capability:feats", "capability:features"} & renamed.labels(key) == {"capability:feats"}
    assert renamed.writes() == []
    renamed.unlabel(LABELLED[0], "features")
    assert renamed.run().code == 0
    assert "capability:feats" not in renamed.labels(LABELLED[0])


def test_the_comment_on_an_anchor_that_the_plan_gave_up_is_removed(renamed: World) -> None:
    renamed.edit("plans/2026-q4.yaml", f', anchor: "github:{ANCHOR}"', "")
    told = renamed.run()
    assert told.code == 0, told.err
    assert renamed.comments(ANCHOR) == []


@pytest.fixture
def transferred(world: World) -> World:
    """The anchor with our comment is in another repository since."""
    assert world.run().code == 0
    assert world.github.transfer(OLD, 1, "acme/attic") == 1
    return world


def test_the_comment_of_a_transferred_anchor_is_found_and_kept_up_to_date(transferred: World) -> None:
    transferred.close(f"{OLD}#11")
    told = transferred.run()
    assert "deleted by a person" not in told.out + told.err
    (body,) = transferred.comments("acme/attic#1")
    assert "1 of 3 issues done" in body


def test_a_comment_that_a_person_deleted_from_a_transferred_anchor_stays_deleted(transferred: World) -> None:
    transferred.delete_comment("acme/attic#1")
    transferred.close(f"{OLD}#11")
    told = transferred.run()
    assert "deleted by a person" in told.out + told.err
    assert transferred.comments("acme/attic#1") == []


def test_the_comment_of_a_transferred_anchor_that_the_plan_gave_up_is_removed(transferred: World) -> None:
    transferred.edit("plans/2026-q4.yaml", f', anchor: "github:{OLD}#1"', "")
    transferred.run()
    assert transferred.comments("acme/attic#1") == []
