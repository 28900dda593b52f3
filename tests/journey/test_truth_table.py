"""Every row of the decision table (desired, pushed, live), with the store and after the store was lost."""

from pathlib import Path

import pytest

from tests.support.writing_world import FEATURES, INCREMENT, MAPPING, ME, MODEL, WritingWorld, notes


@pytest.fixture
def world(tmp_path: Path) -> WritingWorld:
    return WritingWorld(tmp_path)


@pytest.fixture(params=["DS", "acme/churn"])
def place(request: pytest.FixtureRequest) -> str:
    """Run each test on Jira and on GitHub, which write labels differently."""
    return str(request.param)


def an_issue(world: WritingWorld, place: str, *labels: str) -> str:
    tracker = world.github if "/" in place else world.jira
    return tracker.add_issue(place, "Sessionise events", labels=labels).key


def ours(world: WritingWorld, key: str) -> set[str]:
    return {label for label in world.labels(key) if ":" in label}


def is_quiet(world: WritingWorld) -> bool:
    before = world.snapshot()
    outcome = world.run()
    return len(outcome.changes) == 0 and world.snapshot() == before


# ---- D: add; D P L: nothing


def test_what_is_desired_is_added_and_then_stays(world: WritingWorld, place: str) -> None:
    key = an_issue(world, place, "features")
    world.run()
    assert ours(world, key) == {FEATURES, INCREMENT}
    assert world.pushed(key) == {FEATURES, INCREMENT}
    assert is_quiet(world)


# ---- D P: a person removed it


def test_a_removed_capability_is_a_veto_that_takes_the_issue_out_of_every_number(
    world: WritingWorld, place: str
) -> None:
    key = an_issue(world, place, "features", "model")
    world.run()
    world.tracker_of(key).unlabel(key, FEATURES)
    outcome = world.run()
    assert world.overrides() == {(key, "veto", FEATURES)}
    assert ours(world, key) == set()  # no other rule is tried, and increment: follows
    rollup = outcome.planning.rollup
    assert [c.counts.scope for c in rollup.capabilities] == [0, 0]
    assert [(u.ref.key, u.reason) for u in rollup.unplanned] == [(key, "veto")]
    assert is_quiet(world)


def test_a_removed_increment_stops_that_label_only(world: WritingWorld, place: str) -> None:
    key = an_issue(world, place, "features")
    world.run()
    world.tracker_of(key).unlabel(key, INCREMENT)
    outcome = world.run()
    assert ours(world, key) == {FEATURES}
    assert [c.counts.scope for c in outcome.planning.rollup.capabilities] == [1, 0]
    assert is_quiet(world)


def test_a_veto_is_lifted_by_putting_the_label_back(world: WritingWorld, place: str) -> None:
    key = an_issue(world, place, "features")
    world.run()
    world.tracker_of(key).unlabel(key, FEATURES)
    world.run()
    world.tracker_of(key).label(key, FEATURES)
    outcome = world.run()
    assert ours(world, key) == {FEATURES, INCREMENT}
    assert [c.counts.scope for c in outcome.planning.rollup.capabilities] == [1, 0]
    assert world.overrides() == {(key, "pin", FEATURES)}
    assert is_quiet(world)


def test_a_veto_of_another_label_is_lifted_the_same_way(world: WritingWorld, place: str) -> None:
    key = an_issue(world, place, "features")
    world.run()
    world.tracker_of(key).unlabel(key, INCREMENT)
    world.run()
    world.tracker_of(key).label(key, INCREMENT)
    world.run()
    assert world.overrides() == set()
    assert is_quiet(world)


# ---- D L: not ours


def test_a_label_that_a_person_put_where_we_want_it_is_never_ours(world: WritingWorld, place: str) -> None:
    key = an_issue(world, place, "features", FEATURES)
    world.run()
    assert world.pushed(key) == {INCREMENT}
    world.tracker_of(key).unlabel(key, "features")
    world.run()
    assert FEATURES in world.labels(key)
    assert world.overrides() == {(key, "pin", FEATURES)}


# ---- P L: remove


def test_a_pushed_label_that_is_no_longer_desired_is_removed(world: WritingWorld, place: str) -> None:
    key = an_issue(world, place, "features")
    world.run()
    world.tracker_of(key).unlabel(key, "features")
    world.run()
    assert ours(world, key) == set()
    assert world.pushed(key) == set()
    assert world.overrides() == set()
    assert is_quiet(world)


def test_a_swap_adds_before_it_removes(world: WritingWorld, place: str) -> None:
    key = an_issue(world, place, "features")
    world.run()
    world.tracker_of(key).unlabel(key, "features")
    world.tracker_of(key).label(key, "model")
    world.run()
    assert ours(world, key) == {MODEL, INCREMENT}
    swap = [row for row in world.journal() if row.run_id == "run-002" and row.ref.key == key]
    assert [(row.op, row.payload["label"]) for row in swap if row.op != "create-label"] == [
        ("add-label", MODEL),
        ("remove-label", FEATURES),
    ]


# ---- P only: forget


def test_what_is_gone_and_not_wanted_is_forgotten(world: WritingWorld, place: str) -> None:
    key = an_issue(world, place, "features")
    world.run()
    for label in ("features", FEATURES, INCREMENT):
        world.tracker_of(key).unlabel(key, label)
    world.run()
    assert world.pushed(key) == set()
    assert world.overrides() == set()
    world.tracker_of(key).label(key, "features")
    world.run()
    assert ours(world, key) == {FEATURES, INCREMENT}


def test_a_stale_list_forgets_no_pushed_label(world: WritingWorld, place: str) -> None:
    """Otherwise our own label, once the list shows it again, would count as a pin."""
    key = an_issue(world, place, "features")
    tracker = world.tracker_of(key)
    tracker.freeze_list(key)
    world.run()
    world.edit("mappings/science.yaml", "any: [features]", "any: [no-such-label]")
    world.run()
    tracker.stale.clear()
    tracker.edit(key, title="Sessionise all events")
    world.run()
    assert world.overrides() == set()
    assert ours(world, key) == set()


# ---- L only


def test_a_persons_capability_is_a_pin(world: WritingWorld, place: str) -> None:
    key = an_issue(world, place, "features")
    world.run()
    world.tracker_of(key).label(key, MODEL)
    outcome = world.run()
    assert world.overrides() == {(key, "pin", MODEL)}
    assert ours(world, key) == {MODEL, INCREMENT}
    assert [c.counts.scope for c in outcome.planning.rollup.capabilities] == [0, 1]
    assert is_quiet(world)


def test_a_pin_brings_an_issue_in_that_no_rule_takes(world: WritingWorld, place: str) -> None:
    key = an_issue(world, place)
    world.run()
    world.tracker_of(key).label(key, MODEL)
    world.run()
    assert ours(world, key) == {MODEL, INCREMENT}


def test_a_pin_taken_away_gives_the_issue_back_to_the_rules(world: WritingWorld, place: str) -> None:
    key = an_issue(world, place, "features")
    world.run()
    world.tracker_of(key).label(key, MODEL)
    world.run()
    world.tracker_of(key).unlabel(key, MODEL)
    world.run()
    assert world.overrides() == set()
    assert ours(world, key) == {FEATURES, INCREMENT}
    assert is_quiet(world)


def test_two_pins_leave_the_decision_to_the_rules_and_stay(world: WritingWorld, place: str) -> None:
    world.edit(
        "plans/q4.yaml",
        "      - id: model\n",
        "      - {id: gate, title: Gate, team: science}\n      - id: model\n",
    )
    key = an_issue(world, place, "features")
    world.run()
    world.tracker_of(key).label(key, MODEL)
    world.tracker_of(key).label(key, "capability:gate")
    outcome = world.run()
    assert ours(world, key) == {FEATURES, MODEL, "capability:gate", INCREMENT}
    assert outcome.planning.rollup.capability("features").counts.scope == 1  # type: ignore[union-attr]
    assert "pinned to several capabilities (gate, model)" in notes(outcome)
    assert is_quiet(world)


def test_an_unknown_id_pins_nothing_and_is_reported_in_every_run(world: WritingWorld, place: str) -> None:
    key = an_issue(world, place, "features")
    world.run()
    world.tracker_of(key).label(key, "capability:moon")
    for _ in range(2):
        outcome = world.run()
        assert ours(world, key) == {FEATURES, INCREMENT, "capability:moon"}
        assert f"{key} has capability:moon, put by a person" in notes(outcome)
    assert world.overrides() == {(key, "left", "capability:moon")}


@pytest.mark.parametrize("anchor", ["DS-1", "acme/churn#1"])
@pytest.mark.parametrize("family", ["state:", "health:", "flag:"])
def test_on_an_anchor_a_persons_label_stands_alone_in_its_family(
    world: WritingWorld, anchor: str, family: str
) -> None:
    an_issue(world, "DS", "features")
    world.run()
    assert "state:planned" in world.labels(anchor)
    world.tracker_of(anchor).label(anchor, f"{family}mine")
    outcome = world.run()
    stored = {f"{family}mine"} if family == "state:" else {f"{family}mine", "state:planned"}
    assert ours(world, anchor) == stored
    assert {c.state for c in outcome.planning.rollup.goals} == {"planned"}
    assert is_quiet(world)
    world.tracker_of(anchor).unlabel(anchor, f"{family}mine")
    world.run()
    assert ours(world, anchor) == {"state:planned"}


def test_a_person_who_exchanges_our_state_for_another_is_not_taken_for_a_veto(world: WritingWorld) -> None:
    an_issue(world, "DS", "features")
    world.run()
    world.jira.unlabel("DS-1", "state:planned")
    world.jira.label("DS-1", "state:done")
    world.run()
    assert ours(world, "DS-1") == {"state:done"}
    assert world.overrides() == {("DS-1", "left", "state:done")}


def test_released_is_read_and_never_written(world: WritingWorld) -> None:
    an_issue(world, "DS", "features")
    world.run()
    world.github.label("acme/churn#1", "Flag:Released")
    outcome = world.run()
    assert outcome.planning.rollup.capability("features").released  # type: ignore[union-attr]
    assert {"Flag:Released", "state:planned"} <= world.labels("acme/churn#1")
    assert "released" in world.comments("DS-1")[0].body
    world.github.unlabel("acme/churn#1", "Flag:Released")
    outcome = world.run()
    assert not outcome.planning.rollup.capability("features").released  # type: ignore[union-attr]
    assert world.overrides() == set()


def test_an_anchor_that_cannot_be_read_does_not_take_a_release_back(world: WritingWorld) -> None:
    from connectors.errors import Unavailable

    world.edit("mappings/science.yaml", "  - github: {repo: acme/churn}\n", "")
    an_issue(world, "DS", "features")
    world.github.label("acme/churn#1", "flag:released")
    world.run()
    before = world.comments("DS-1")[0].body
    world.github.unreadable["acme/churn#1"] = Unavailable("github does not answer")
    outcome = world.run()
    assert outcome.exit_code == 1
    assert world.comments("DS-1")[0].body == before


# ---- suspicions are checked


def test_what_a_stale_list_says_is_checked_by_one_direct_read_and_not_believed(
    world: WritingWorld, place: str
) -> None:
    key = an_issue(world, place, "features")
    tracker = world.tracker_of(key)
    tracker.freeze_list(key)
    world.run()
    tracker.direct_reads.clear()
    world.run(full=True)
    assert tracker.direct_reads == [key]
    assert world.overrides() == set()
    assert ours(world, key) == {FEATURES, INCREMENT}


def test_a_list_stale_for_many_issues_does_not_stop_the_run(world: WritingWorld) -> None:
    keys = [an_issue(world, "DS", "features") for _ in range(15)]
    for key in keys:
        world.jira.freeze_list(key)
    world.run()
    outcome = world.run(full=True)
    assert outcome.exit_code == 0
    assert world.overrides() == set()


def test_more_overrides_than_the_limit_are_recorded_nowhere(world: WritingWorld) -> None:
    keys = [an_issue(world, "DS", "features") for _ in range(20)]
    world.run()
    for key in keys[:11]:
        world.jira.label(key, MODEL)
    before = world.snapshot()
    outcome = world.run()
    assert outcome.exit_code == 4
    assert [r.rule for r in outcome.refusals] == ["overrides"]
    assert "the limit is 10" in outcome.refusals[0].text
    assert world.overrides() == set()
    assert world.snapshot() == before
    assert world.run(accept_overrides=True).exit_code == 0
    assert len(world.overrides()) == 11


def test_ten_overrides_are_people(world: WritingWorld) -> None:
    keys = [an_issue(world, "DS", "features") for _ in range(20)]
    world.run()
    for key in keys[:10]:
        world.jira.unlabel(key, FEATURES)
    assert world.run().exit_code == 0
    assert {kind for _, kind, _ in world.overrides()} == {"veto"}
    assert len(world.overrides()) == 10


def test_a_label_that_is_gone_everywhere_was_deleted_by_somebody(world: WritingWorld) -> None:
    keys = [an_issue(world, "acme/churn", "features") for _ in range(4)]
    an_issue(world, "DS", "features")  # labels of another place say nothing about this one
    world.run()
    for key in keys:
        world.github.unlabel(key, FEATURES)
    outcome = world.run()
    assert outcome.exit_code == 4
    assert [r.rule for r in outcome.refusals] == ["label-gone"]
    assert world.overrides() == set()
    world.run(restore_labels=True)
    assert all(FEATURES in world.labels(key) for key in keys)
    assert world.overrides() == set()


def test_a_preview_finds_the_same_and_records_nothing(world: WritingWorld, place: str) -> None:
    key = an_issue(world, place, "features")
    world.run()
    world.tracker_of(key).label(key, MODEL)
    previewed = world.preview()
    assert world.overrides() == set()
    assert FEATURES in world.labels(key)
    assert world.run().changes == previewed.changes


# ---- the store is lost


def test_without_store_our_labels_are_known_by_the_history_and_swapped(
    world: WritingWorld, place: str
) -> None:
    key = an_issue(world, place, "features")
    world.run()
    world.lose_store()
    world.tracker_of(key).unlabel(key, "features")
    world.tracker_of(key).label(key, "model")
    world.run()
    assert ours(world, key) == {MODEL, INCREMENT}
    assert world.overrides() == set()
    assert is_quiet(world)


def test_without_store_the_same_world_needs_nothing(world: WritingWorld, place: str) -> None:
    an_issue(world, place, "features")
    world.run()
    world.lose_store()
    before = world.snapshot()
    world.run()
    assert world.snapshot() == before
    assert world.overrides() == set()
    assert is_quiet(world)


def test_without_store_a_persons_capability_is_a_pin(world: WritingWorld, place: str) -> None:
    key = an_issue(world, place, "features")
    world.run()
    world.lose_store()
    world.tracker_of(key).label(key, MODEL, by="dana")
    world.run()
    assert world.overrides() == {(key, "pin", MODEL)}
    assert MODEL in world.labels(key)
    assert is_quiet(world)


def test_without_store_a_label_of_unknown_origin_is_left_and_reported(
    world: WritingWorld, place: str
) -> None:
    key = an_issue(world, place, "features")
    world.run()
    world.lose_store()
    world.tracker_of(key).label(key, MODEL)
    world.tracker_of(key).forget_label_authors(key)
    for _ in range(2):
        outcome = world.run()
        assert ours(world, key) == {FEATURES, MODEL, INCREMENT}
        assert f"{key} has {MODEL}" in notes(outcome)
        assert outcome.planning.rollup.capability("model").counts.scope == 0  # type: ignore[union-attr]
    assert world.overrides() == {(key, "left", MODEL)}
    world.tracker_of(key).unlabel(key, MODEL)
    world.run()
    assert world.overrides() == set()


def test_without_store_our_old_state_on_an_anchor_is_swapped(world: WritingWorld) -> None:
    key = an_issue(world, "DS", "features")
    world.run()
    world.lose_store()
    world.jira.close(key)
    world.run()
    assert ours(world, "DS-1") == {"state:in-progress"}
    assert ours(world, "acme/churn#1") == {"state:done"}
    assert is_quiet(world)


def test_without_store_many_of_our_labels_do_not_stop_the_run(world: WritingWorld) -> None:
    keys = [an_issue(world, "DS", "features") for _ in range(20)]
    world.run()
    world.lose_store()
    world.write("mappings/science.yaml", MAPPING.replace("assign: features", "assign: model"))
    outcome = world.run()
    assert outcome.exit_code == 0
    assert all(ours(world, key) == {MODEL, INCREMENT} for key in keys)


# ---- odds and ends of labels


def test_github_labels_are_the_same_in_any_case(world: WritingWorld) -> None:
    key = an_issue(world, "acme/churn", "features", "Capability:Features")
    world.run()
    assert ours(world, key) == {"Capability:Features", INCREMENT}
    assert world.pushed(key) == {INCREMENT}
    assert is_quiet(world)


def test_a_pin_in_capitals_is_a_pin(world: WritingWorld, place: str) -> None:
    key = an_issue(world, place, "features")
    world.run()
    world.tracker_of(key).label(key, "Capability:MODEL")
    world.run()
    assert world.overrides() == {(key, "pin", MODEL)}
    assert ours(world, key) == {"Capability:MODEL", INCREMENT}
    assert is_quiet(world)


def test_prefixes_come_from_the_settings(world: WritingWorld, place: str) -> None:
    world.edit(
        "increment-sync.yaml",
        "push:",
        "labels: {capability: {prefix: cap.}, increment: {prefix: inc.}, state: {prefix: is-}}\npush:",
    )
    key = an_issue(world, place, "features")
    world.run()
    assert world.labels(key) == {"features", "cap.features", "inc.2026-q4"}
    assert "is-planned" in world.labels("DS-1")
    world.tracker_of(key).label(key, "cap.model")
    world.run()
    assert world.labels(key) == {"features", "cap.model", "inc.2026-q4"}
    assert is_quiet(world)


def test_a_rejected_removal_leaves_the_new_label_ours(world: WritingWorld) -> None:
    """Otherwise the label that we just added would count as a person's in the next run."""
    from connectors.errors import Rejected

    key = an_issue(world, "acme/churn", "features")
    world.run()
    world.github.unlabel(key, "features")
    world.github.label(key, "model")
    world.github.refusing_writes["remove"] = Rejected("no removal today")
    assert world.run().exit_code == 1
    assert world.pushed(key) == {FEATURES, MODEL, INCREMENT}
    world.github.refusing_writes.clear()
    assert world.run().exit_code == 0
    assert ours(world, key) == {MODEL, INCREMENT}
    assert world.overrides() == set()


def test_our_account_is_read_from_the_tracker(world: WritingWorld) -> None:
    assert world.jira.whoami().id == ME
