"""``previously`` of a prefix: labels move on open and closed issues, and overrides follow."""

from pathlib import Path

import pytest

from tests.support.journey_world import FEATURES, JourneyWorld

MOVED = "push: {enabled: true}\nlabels: {capability: {prefix: 'cap:', previously: ['capability:']}}"
LOST = "push: {enabled: true}\nlabels: {capability: {prefix: 'cap:'}}"
SET = "increment-sync.yaml"
Q4 = "increment:2026-q4"


@pytest.fixture
def world(tmp_path: Path) -> JourneyWorld:
    return JourneyWorld(tmp_path)


def change(world: JourneyWorld, to: str = MOVED) -> None:
    world.edit(SET, "push: {enabled: true}", to)


def quiet(world: JourneyWorld) -> bool:
    return world.run().code == 0 and world.writes() == []


def test_labels_move_on_open_and_closed_issues_and_the_guard_counts_nothing(world: JourneyWorld) -> None:
    with world:
        world.run()
        world.close("acme/churn#11")
        world.close("DS-11")
        world.run()
        change(world)
        result = world.run(max_removals=0)
        assert result.code == 0, result.err
        renames = [line for line in world.writes("github") if "PATCH" in line and "/labels/" in line]
        assert len(renames) == 1
        assert not [line for line in world.writes("github") if "/issues/" in line and "/labels" in line]
        for key in ("DS-11", "DS-12"):
            assert world.labels(key) == {"model", "cap:model", Q4}
        for key in ("acme/churn#11", "acme/churn#12"):
            assert world.labels(key) == {"features", "cap:features", Q4}
        assert quiet(world)


def test_where_the_new_label_exists_already_issues_are_swapped_one_by_one(world: JourneyWorld) -> None:
    with world:
        world.run()
        world.label("acme/churn#1", "cap:features")
        world.unlabel("acme/churn#1", "cap:features")
        change(world)
        assert world.run().code == 0
        assert world.labels("acme/churn#11") == {"features", "cap:features", Q4}
        assert world.labels("acme/churn#12") == {"features", "cap:features", Q4}
        assert quiet(world)


def test_pins_and_vetoes_follow(world: JourneyWorld) -> None:
    with world:
        world.run()
        for key, pinned in (("DS-11", "capability:features"), ("acme/churn#11", "capability:model")):
            world.label(key, pinned)
        world.unlabel("DS-12", "capability:model")
        world.unlabel("acme/churn#12", "capability:features")
        world.run()
        change(world)
        assert world.run().code == 0
        assert world.labels("DS-11") == {"model", "cap:features", Q4}
        assert world.labels("acme/churn#11") == {"features", "cap:model", Q4}
        assert world.labels("DS-12") == {"model"}
        assert world.labels("acme/churn#12") == {"features"}
        assert sorted((row["ref"], row["kind"], row["label"]) for row in world.overrides()["overrides"]) == [
            ("github:acme/churn#11", "pin", "cap:model"),
            ("github:acme/churn#12", "veto", "cap:features"),
            ("jira:DS-11", "pin", "cap:features"),
            ("jira:DS-12", "veto", "cap:model"),
        ]
        assert quiet(world)


def test_a_label_that_a_person_put_where_we_wanted_it_moves_too(world: JourneyWorld) -> None:
    with world:
        world.label("DS-11", "capability:model")
        world.run()
        change(world)
        world.run()
        assert world.labels("DS-11") == {"model", "cap:model", Q4}
        assert world.overrides()["overrides"] == []
        assert quiet(world)


def test_states_and_flags_of_anchors_move(world: JourneyWorld) -> None:
    with world:
        world.run()
        world.label("DS-2", "flag:released")
        change(
            world,
            "push: {enabled: true}\nlabels: {state: {prefix: is., previously: ['state:']}, "
            "flag: {prefix: 'mark:', previously: 'flag:'}}",
        )
        assert world.run(max_removals=0).code == 0
        assert world.labels(FEATURES) == {"is.planned"}
        assert world.labels("DS-2") == {"is.planned", "flag:released"}
        (model,) = [
            each
            for each in world.status()["increments"][0]["goals"][0]["capabilities"]
            if each["id"] == "model"
        ]
        assert model["released"]
        assert quiet(world)


def test_without_previously_nothing_is_requested_and_nothing_written(world: JourneyWorld) -> None:
    with world:
        world.run()
        before = world.snapshot()
        change(world, LOST)
        result = world.run()
        assert result.code == 3
        assert world.requests == ()
        assert "increment-sync.yaml:6:23" in result.err
        assert "previously: ['capability:']" in result.err
        assert world.snapshot() == before
        world.edit(SET, "prefix: 'cap:'", "prefix: 'cap:', previously: ['capability:']")
        assert world.run().code == 0
        world.edit(SET, ", previously: ['capability:']", "")
        assert quiet(world), "everything has moved, so nobody needs to remember"


def test_two_prefixes_that_change_places_are_refused(world: JourneyWorld) -> None:
    with world:
        world.run()
        change(
            world,
            "push: {enabled: true}\nlabels: {capability: {prefix: 'state:'}, state: {prefix: 'capability:'}}",
        )
        result = world.run()
        assert result.code == 3
        assert "labels.capability" in result.err
        assert "labels.state" in result.err
        assert world.requests == ()


def test_a_saved_change_set_from_before_is_refused(world: JourneyWorld, tmp_path: Path) -> None:
    with world:
        world.run()
        world.label("DS-13", "features")
        world.preview(tmp_path / "changes.json")
        change(world)
        assert world.apply(tmp_path / "changes.json").code == 5
