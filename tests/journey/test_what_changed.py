"""Changes since a run: split into parts by cause, which add up to the numbers of ``status``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sync.cli.commands.status_history import status_at, status_since
from tests.support.journey_world import JourneyWorld

MakeWorld = Callable[..., JourneyWorld]


def changed(world: JourneyWorld, since: str, until: str | None = None) -> dict[str, Any]:
    """Return subject -> difference, after checking that the parts add up."""
    invocation = world.invocation(as_json=True)
    result = world._call(lambda: status_since(invocation, None, since, until), timedelta(minutes=5))
    assert result.code == 0, result.err
    found = {each["subject"]: each for each in result.json["differences"]}
    for each in found.values():
        entries = [entry for part in each["parts"].values() for entry in part]
        assert each["done_before"] + sum(entry["done"] for entry in entries) == each["done_after"]
        assert each["scope_before"] + sum(entry["scope"] for entry in entries) == each["scope_after"]
    return found


def keys(difference: dict[str, Any]) -> dict[str, list[str]]:
    """Return part -> keys, without empty parts."""
    parts = difference["parts"].items()
    return {part: [entry["ref"].partition(":")[2] for entry in entries] for part, entries in parts if entries}


def last_run(world: JourneyWorld) -> str:
    with world.opened_store() as store:
        return store.recent_runs(1)[0].id


def test_every_kind_of_change_has_its_own_part(make_world: MakeWorld) -> None:
    world = make_world(jira=7, github=1)
    assert world.run().code == 0
    before = last_run(world)
    world.clock.advance(timedelta(days=1))
    world.close("DS-11")
    world.jira.set_status("DS-12", "Done", "ada", "Won't Do")
    world.jira.edit("DS-13", "ada", labels=["features", "capability:model", "increment:2026-q4"])
    world.unlabel("DS-14", "capability:model")
    world.jira.edit("DS-15", "ada", labels=["model", "increment:2026-q4", "capability:features"])
    new = world.jira.add_issue("DS", "A new one", labels=["model"])
    assert world.run().code == 0
    found = changed(world, before)
    model, features = found["capability:model"], found["capability:features"]
    assert keys(model) == {
        "delivered": ["DS-11"],
        "added": [new],
        "dropped": ["DS-12", "DS-13"],
        "remapped": ["DS-14", "DS-15"],
    }
    assert keys(features) == {"added": ["DS-13"], "remapped": ["DS-15"]}
    why = {entry["ref"]: entry["why"] for part in model["parts"].values() for entry in part}
    assert why["jira:DS-13"] == "the issue was edited: now counts for features"
    assert why["jira:DS-14"] == "a person removed our label"
    assert why["jira:DS-15"] == "a person pinned it to features"
    assert keys(found["goal:retention"]) == {
        "delivered": ["DS-11"],
        "added": [new],
        "dropped": ["DS-12"],
        "remapped": ["DS-14"],
    }


def test_a_rule_edit_is_not_a_change_of_the_issues(make_world: MakeWorld) -> None:
    world = make_world()
    assert world.run().code == 0
    before = last_run(world)
    world.edit(
        "mappings/science.yaml",
        "when: {labels: [features]}, assign: features",
        "when: {labels: [features]}, assign: model",
    )
    not_kept = changed(world, before)
    assert world.run().code == 0
    kept = changed(world, before)
    for found in (not_kept, kept):
        assert len(found["capability:features"]["parts"]["remapped"]) == 3
        assert keys(found["goal:retention"]) == {}
        assert found["capability:model"]["scope_after"] == 6
    world.close("acme/churn#11")
    assert world.run().code == 0
    assert keys(changed(world, before)["goal:retention"]) == {"delivered": ["acme/churn#11"]}


def test_an_edit_right_after_our_own_write_is_an_edit_also_when_rules_changed(world: JourneyWorld) -> None:
    world.run()
    before = last_run(world)
    world.clock.advance(timedelta(minutes=1))
    world.github.close("acme/churn", 11, "not_planned", "ada")
    world.close("DS-11")
    world.edit("plans/2026-q4.yaml", "title: Keep subscribers", "title: Keep them")
    world.run()
    found = changed(world, before)
    assert keys(found["capability:features"]) == {"dropped": ["acme/churn#11"]}
    assert keys(found["capability:model"]) == {"delivered": ["DS-11"]}


def test_an_apply_in_between_does_not_hide_that_rules_were_edited(world: JourneyWorld) -> None:
    """The last edit of the issues is then our own label write."""
    other = "- {id: features, when: {labels: [features]}, assign: features}"
    world.edit("mappings/science.yaml", f"  {other}\n", "")
    world.run()
    before = last_run(world)
    with (world.root / "mappings/science.yaml").open("a") as mapping:
        mapping.write(f"  {other}\n")
    world.preview(world.root / "changes.json")
    assert world.apply(world.root / "changes.json").code == 0
    world.run()
    assert len(changed(world, before)["capability:features"]["parts"]["remapped"]) == 3


def test_a_removed_override_is_reported_as_such(world: JourneyWorld) -> None:
    world.run()
    world.unlabel("DS-11", "capability:model")
    world.run()
    vetoed = last_run(world)
    world.clock.advance(timedelta(days=1))
    world.label("DS-11", "capability:model")
    world.run()
    (entry,) = changed(world, vetoed)["capability:model"]["parts"]["remapped"]
    assert (entry["ref"], entry["scope"], entry["why"]) == ("jira:DS-11", 1, "a person added our label again")


def test_a_capability_moved_to_another_goal_moves_its_issues(world: JourneyWorld) -> None:
    world.run()
    before = last_run(world)
    goal = "  - {id: second, title: Second, capabilities: [{id: model, title: Churn model, team: science}]}\n"
    model = '      - {id: model, title: Churn model, team: science, anchor: "jira:DS-2"}\n'
    world.edit("plans/2026-q4.yaml", model, "")
    with (world.root / "plans/2026-q4.yaml").open("a") as plan:
        plan.write(goal)
    world.run()
    found = changed(world, before)
    assert len(found["goal:retention"]["parts"]["remapped"]) == 3
    assert len(found["goal:second"]["parts"]["remapped"]) == 3
    assert keys(found["capability:model"]) == {}


def test_a_renamed_capability_keeps_its_history(world: JourneyWorld) -> None:
    world.run()
    before = last_run(world)
    world.close("DS-11")
    world.edit("plans/2026-q4.yaml", "{id: model, ", "{id: scoring, previously: [model], ")
    world.edit("mappings/science.yaml", "assign: model", "assign: scoring")
    world.run()
    found = changed(world, before)
    assert keys(found["capability:scoring"]) == {"delivered": ["DS-11"]}
    assert "capability:model" not in found


def test_a_cancelled_capability_leaves_the_goal_with_a_reason(world: JourneyWorld) -> None:
    world.run()
    before = last_run(world)
    world.edit("plans/2026-q4.yaml", "{id: model, ", "{id: model, cancelled: true, ")
    world.run()
    dropped = changed(world, before)["goal:retention"]["parts"]["dropped"]
    assert [entry["why"] for entry in dropped] == ["capability model was cancelled"] * 3


def test_an_issue_that_was_deleted_is_vanished_after_a_week(world: JourneyWorld) -> None:
    world.run()
    before = last_run(world)
    world.jira.delete("DS-11")
    world.run(after=timedelta(days=2))
    world.run(after=timedelta(days=8))
    assert keys(changed(world, before)["capability:model"]) == {"vanished": ["DS-11"]}


def test_an_earlier_roll_up_can_be_queried(world: JourneyWorld) -> None:
    world.run()
    before = last_run(world)
    world.clock.advance(timedelta(days=1))
    world.close("DS-11")
    world.run()

    def at(moment: str) -> Any:
        return world._call(lambda: status_at(world.invocation(as_json=True), None, moment))

    assert at(before).json["figures"]["capability:model"]["counts"]["done"] == 0
    assert at("2026-11-20").json["figures"]["capability:model"]["counts"]["done"] == 0
    assert at("2026-11-21").json["figures"]["capability:model"]["counts"]["done"] == 1
    result = at("2026-11-19")
    assert result.code == 1
    assert "the first one was recorded at 2026-11-20 09:30 UTC" in result.err
    assert "neither a day" in at("yesterday").err


def test_before_the_first_run_the_message_says_that_nothing_is_recorded(world: JourneyWorld) -> None:
    invocation = world.invocation()
    assert (
        "nothing has been read yet"
        in world._call(lambda: status_since(invocation, None, "2026-11-01", None)).err
    )
    world.run()
    world.close("DS-11")
    world.run()
    result = world._call(lambda: status_since(invocation, None, "2026-11-01", None))
    assert result.code == 0
    assert "nothing is known of the time before 2026-11-20 10:00 UTC" in result.err
    assert "0 of 3       1 of 3      +1" in result.out
    early = world._call(lambda: status_since(invocation, None, "2026-11-01", "2026-11-02"))
    assert (early.code, early.out) == (1, "")
    assert "nothing is recorded before" in early.err


def test_runs_without_changes_add_no_records(world: JourneyWorld) -> None:
    world.run()
    with world.opened_store() as store:
        kept = store.current_count_records(), store.plan_history()
    for _ in range(3):
        assert world.run().code == 0
    with world.opened_store() as store:
        assert (store.current_count_records(), store.plan_history()) == kept
