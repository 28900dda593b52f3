"""Undo: the trackers are as before the run, later work of people stays, and no run writes the same again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.journey.test_crashes import Killed, kill_run
from tests.support.journey_world import FEATURES, GOAL, MAPPING, MODEL, JourneyWorld

MakeWorld = Callable[..., JourneyWorld]


@pytest.fixture
def world(make_world: MakeWorld) -> JourneyWorld:
    return make_world(jira=3, github=1)


def ran(world: JourneyWorld) -> str:
    """Run once and return the id of the run."""
    result = world.run()
    assert result.code == 0, result.err
    return world.last_run()


def test_after_undoing_a_first_run_the_trackers_are_as_before_and_stay_so(world: JourneyWorld) -> None:
    before = world.snapshot()
    run_id = ran(world)
    result = world.undo(run_id, limit=100)
    assert result.code == 0, result.err + result.out
    assert world.snapshot() == before
    assert f"until: increment-sync overrides clear --run {run_id}" in result.out
    for _ in range(2):
        assert world.run().code == 0
        assert world.writes() == []
    assert world.reconcile(yes=True).code == 0
    assert world.snapshot() == before


def test_the_roll_up_counts_issues_with_reverted_labels_by_the_rules(world: JourneyWorld) -> None:
    """A veto takes an issue out of its capability.

    A reverted label does not, because nobody decided about the issue.
    """
    run_id = ran(world)
    before = counted(world)
    world.undo(run_id, limit=100)
    world.run()
    assert counted(world) == before


def counted(world: JourneyWorld) -> Any:
    """Return the counts of the roll-up without forecasts, which carry dates."""
    capabilities = world.status()["increments"][0]["goals"][0]["capabilities"]
    return [{key: value for key, value in each.items() if key != "expected"} for each in capabilities]


def move_on(world: JourneyWorld) -> None:
    world.edit("mappings/science.yaml", "labels: [features]", "labels: [chores]")
    world.close("DS-11")


def test_a_later_run_is_reverted_to_the_result_of_the_first_one(world: JourneyWorld) -> None:
    ran(world)
    move_on(world)
    before = world.snapshot()
    run_id = ran(world)
    assert world.snapshot() != before
    result = world.undo(run_id)
    assert result.code == 0, result.err
    assert world.snapshot() == before
    assert world.run().code == 0
    assert world.writes() == []


def test_a_reverted_state_and_the_next_one_are_not_both_on_the_anchor(world: JourneyWorld) -> None:
    ran(world)
    world.jira.set_status("DS-11", "In Progress", "ada")
    run_id = ran(world)
    assert world.undo(run_id).code == 0
    assert world.labels(MODEL) == {"state:planned"}
    for key in ("DS-11", "DS-12", "DS-13"):
        world.close(key)
    world.run()
    assert world.labels(MODEL) == {"state:planned"}


def test_an_undo_can_be_undone_and_runs_go_on_from_there(world: JourneyWorld) -> None:
    run_id = ran(world)
    move_on(world)
    second = ran(world)
    done = world.snapshot()
    assert world.undo(second).code == 0
    again = world.undo(world.last_run())
    assert again.code == 0, again.err
    assert world.snapshot() == done
    assert world.overrides()["overrides"] == []
    assert world.run().code == 0
    assert world.writes() == []
    assert world.snapshot() == done
    assert run_id != second


def test_a_second_undo_of_a_run_changes_nothing(world: JourneyWorld) -> None:
    run_id = ran(world)
    world.undo(run_id, limit=100)
    result = world.undo(run_id, limit=100)
    assert result.code == 0
    assert "nothing to revert" in result.out
    assert world.writes() == []


# ---- people


def test_a_label_that_a_person_took_off_and_put_again_stays(world: JourneyWorld) -> None:
    run_id = ran(world)
    for key in ("DS-11", "acme/churn#11"):
        label = "capability:model" if key == "DS-11" else "capability:features"
        world.unlabel(key, label)
        world.label(key, label)
    result = world.undo(run_id, limit=100)
    assert result.code == 1
    assert "left: jira:DS-11: a person has since removed and put back capability:model" in result.err
    assert "capability:model" in world.labels("DS-11")
    assert "capability:features" in world.labels("acme/churn#11")
    assert "capability:model" not in world.labels("DS-12")


def test_a_label_that_a_person_put_beside_ours_leaves_both(world: JourneyWorld) -> None:
    run_id = ran(world)
    world.label("DS-11", "capability:features")
    result = world.undo(run_id, limit=100)
    assert "left: jira:DS-11: a person has since changed it" in result.err
    assert {"capability:model", "capability:features"} <= world.labels("DS-11")


def test_words_around_our_comment_stay_and_a_comment_with_changed_words_of_ours_stays_whole(
    world: JourneyWorld,
) -> None:
    run_id = ran(world)
    world.edit_comment(FEATURES, lambda text: f"{text}\nThanks, Ada")
    world.edit_comment(MODEL, lambda text: text.replace("0 of 3", "2 of 3"))
    result = world.undo(run_id, limit=100)
    assert result.code == 1
    assert world.comments(FEATURES) == ["Thanks, Ada"]
    assert "2 of 3" in world.comments(MODEL)[0]
    assert "has since been changed by a person" in result.err
    assert world.comments(GOAL) == []


def test_an_edited_comment_goes_back_with_the_words_around_it(world: JourneyWorld) -> None:
    ran(world)
    first = world.comments(FEATURES)[0]
    world.close("acme/churn#11")
    run_id = ran(world)
    world.edit_comment(FEATURES, lambda text: f"{text}\nThanks, Ada")
    assert world.undo(run_id).code == 0
    assert world.comments(FEATURES) == [f"{first}\nThanks, Ada"]


def test_what_a_later_run_changed_is_left_and_the_run_is_named(world: JourneyWorld) -> None:
    ran(world)
    world.jira.set_status("DS-11", "In Progress", "ada")
    middle = ran(world)
    for key in ("DS-11", "DS-12", "DS-13"):
        world.close(key)
    last = ran(world)
    result = world.undo(middle)
    assert result.code == 1
    assert f"run {last} has since changed" in result.err
    assert f"has since been edited by run {last}; undo that run first" in result.err
    assert world.labels(MODEL) == {"state:done"}


def test_an_issue_that_a_person_touches_while_the_question_waits_is_read_again(
    world: JourneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = ran(world)

    def answer(_: str = "") -> str:
        world.label("DS-11", "capability:features")
        return "y"

    monkeypatch.setattr("builtins.input", answer)
    result = world.undo(run_id, answer="y", limit=100)
    assert result.code == 1
    assert {"capability:model", "capability:features"} <= world.labels("DS-11")
    assert "capability:model" not in world.labels("DS-12")


# ---- comments that are posted anew, other names and prefixes


def test_a_deleted_comment_is_posted_again_with_post_again(world: JourneyWorld) -> None:
    ran(world)
    text = world.comments(FEATURES)
    world.edit("plans/2026-q4.yaml", 'anchor: "github:acme/churn#1"}', "previously: []}")
    run_id = ran(world)
    assert world.comments(FEATURES) == []
    result = world.undo(run_id)
    assert result.code == 1
    assert (
        "can only be posted again, which mails all watchers; if this is intended, add --post-again"
        in result.err
    )
    assert world.comments(FEATURES) == []
    assert world.undo(run_id, post_again=True).code == 0
    assert world.comments(FEATURES) == text
    for _ in range(2):
        assert world.run().code == 0
        assert world.writes() == []
    assert world.undo(run_id, post_again=True).code == 0
    assert len(world.comments(FEATURES)) == 1, "it is there"


def test_what_a_run_put_goes_by_the_name_that_it_has_since(world: JourneyWorld) -> None:
    before = world.snapshot()
    first = ran(world)
    world.edit("plans/2026-q4.yaml", "{id: model,", "{id: churn-model, previously: [model],")
    world.edit("plans/2026-q4.yaml", "{id: features,", "{id: churn-features, previously: [features],")
    world.edit("mappings/science.yaml", "assign: model", "assign: churn-model")
    world.edit("mappings/science.yaml", "assign: features", "assign: churn-features")
    second = ran(world)
    assert {"capability:churn-model"} <= world.labels("DS-11")
    result = world.undo(second)
    assert result.code == 1
    assert "was renamed to capability:churn-features because of the plan; change the plan" in result.err
    assert {"capability:churn-model"} <= world.labels("DS-11")
    assert world.undo(first, limit=100).code in (0, 1)
    labels = {key: face[0] for tracker in before.values() for key, face in tracker.items()}
    assert {key: sorted(world.labels(key)) for key in labels} == labels
    for _ in range(2):
        assert world.run().code == 0
        assert {key: sorted(world.labels(key)) for key in labels} == labels


def test_labels_with_a_team_prefix_are_reverted_and_stay_away_with_the_next_prefix(
    world: JourneyWorld,
) -> None:
    before = world.snapshot()
    own = MAPPING + "labels: {capability: {prefix: 'sci:'}, state: {prefix: 'sci.'}}\n"
    world.write("mappings/science.yaml", own)
    run_id = ran(world)
    assert "sci:model" in world.labels("DS-11") and "sci.planned" in world.labels(MODEL)
    assert world.undo(run_id, limit=100).code == 0
    assert world.snapshot() == before
    world.write("mappings/science.yaml", own.replace("'sci:'", "'s:', previously: ['sci:']"))
    for _ in range(2):
        assert world.run().code == 0
        assert world.snapshot() == before


# ---- asking, and the guard


@pytest.mark.parametrize(("answer", "written"), [("n", False), ("", False), ("y", True)])
def test_on_a_terminal_it_asks(world: JourneyWorld, answer: str, written: bool) -> None:
    run_id = ran(world)
    observed = world.snapshot()
    result = world.undo(run_id, answer=answer, limit=100)
    assert "Revert?" in result.out
    assert (world.snapshot() != observed) is written
    assert bool(world.overrides()["overrides"]) is written


@pytest.mark.parametrize("how", [{"yes": False}, {"dry_run": True}])
def test_without_a_yes_it_only_shows(world: JourneyWorld, how: dict[str, bool]) -> None:
    run_id = ran(world)
    result = world.undo(run_id, limit=100, **how)
    assert result.code == 0
    assert "jira:DS-11 -capability:model -increment:2026-q4" in result.out
    assert world.writes() == []
    assert world.overrides()["overrides"] == []


def test_the_guard_refuses_and_names_the_way_past_it(world: JourneyWorld) -> None:
    run_id = ran(world)
    result = world.undo(run_id)
    assert result.code == 4
    assert "--max-removals 14" in result.err
    assert world.writes() == []
    assert world.overrides()["overrides"] == []
    assert world.undo(run_id, limit=14).code == 0


def test_with_push_switched_off_nothing_is_written(world: JourneyWorld) -> None:
    run_id = ran(world)
    world.edit("increment-sync.yaml", "push: {enabled: true}", "push: {enabled: false}")
    result = world.undo(run_id, limit=100)
    assert result.code == 3
    assert "push is switched off" in result.out
    assert world.writes() == []


def test_one_issue_alone_and_a_run_that_does_not_exist(world: JourneyWorld) -> None:
    run_id = ran(world)
    assert world.undo(run_id, issues=("DS-12",)).code == 0
    assert world.labels("DS-12") == {"model"}
    assert "capability:model" in world.labels("DS-11")
    result = world.undo(run_id, issues=("DS-99",))
    assert result.code == 1
    assert f"run {run_id} wrote nothing on DS-99" in result.err
    result = world.undo("20200101-000000-none")
    assert result.code == 1
    assert "there is no run 20200101-000000-none" in result.err


# ---- dying on the way


UNDO_WRITES = 11
"""On two issues and three anchors: three Jira issues in one request each, GitHub label by label, three comments."""


@pytest.mark.parametrize(("at", "after"), [(1, False), (2, True), (5, True), (9, False)])
def test_an_undo_may_crash_at_any_write_and_be_repeated(make_world: MakeWorld, at: int, after: bool) -> None:
    """Before the first write, after Jira changed labels, between two labels of a GitHub issue, before a comment."""
    world = make_world(jira=1, github=1)
    before = world.snapshot()
    run_id = ran(world)
    with kill_run(at, after=after), pytest.raises(Killed):
        world.undo(run_id, limit=100)
    assert world.run().code == 0, "a crontab between the two"
    result = world.undo(run_id, limit=100)
    assert result.code == 0, result.err
    assert world.snapshot() == before
    world.run()
    assert world.writes() == []


def test_lost_responses_lead_to_the_same_result(make_world: MakeWorld) -> None:
    """Lost responses for labels and comments, on both trackers, in one undo."""
    world = make_world(jira=1, github=1)
    before = world.snapshot()
    run_id = ran(world)
    for path in ("*/issue/*", "*/issues/*/labels/*", "*/comment/*", "*/comments/*"):
        world.fault("reset_after", method="PUT", path=path, times=2)
        world.fault("reset_after", method="DELETE", path=path, times=2)
    world.undo(run_id, limit=100)
    world.box.faults.clear()
    world.run()
    assert world.undo(run_id, limit=100).code == 0
    assert world.snapshot() == before


# ---- letting go, and looking back


def test_once_cleared_the_next_run_brings_it_back(world: JourneyWorld) -> None:
    run_id = ran(world)
    done = world.snapshot()
    world.undo(run_id, limit=100)
    reverted = world.overrides()["overrides"]
    assert {(row["kind"], row["run_id"]) for row in reverted} == {("held", run_id), ("comment", run_id)}
    assert "Reverted until cleared: 14 overrides (increment-sync overrides)" in world.status_text().out
    assert world.status()["held"] == 14
    assert world.clear(run=run_id, answer="n").code == 0
    assert world.overrides()["overrides"] == reverted
    result = world.clear(run=run_id, answer="y")
    assert "14 overrides cleared" in result.out
    assert world.overrides()["overrides"] == []
    assert "Held back" not in world.status_text().out
    assert world.run().code == 0
    assert world.snapshot() == done


def test_one_label_or_one_issue_can_be_cleared_alone(world: JourneyWorld) -> None:
    run_id = ran(world)
    world.undo(run_id, limit=100)
    undo_id = world.last_run()
    world.clear(issue="DS-11")
    world.clear(label="goal:retention")
    world.run()
    assert world.labels("DS-11") == {"model", "capability:model", "increment:2026-q4"}
    assert len(world.comments(GOAL)) == 1
    assert world.labels("DS-12") == {"model"}
    assert "there is no such override" in world.clear(issue="DS-11").out
    assert "cleared" in world.clear(run=undo_id).out, "the undo may be named as well"
    assert world.overrides()["overrides"] == []


def test_a_veto_can_be_cleared_and_a_pin_is_a_label_on_the_issue(world: JourneyWorld) -> None:
    ran(world)
    world.unlabel("DS-11", "capability:model")
    world.label("DS-12", "capability:features")
    world.run()
    assert "1 override cleared" in world.clear(label="capability:model").out
    result = world.clear(issue="DS-12")
    assert "take the label off the issue to end it" in result.err
    world.run()
    assert "capability:model" in world.labels("DS-11")


def test_the_history_says_who_when_what_which_rule_and_why(world: JourneyWorld) -> None:
    first = ran(world)
    move_on(world)
    second = ran(world)
    world.undo(second)
    undo_id = world.last_run()
    result = world.history(first).out
    assert "jira:DS-11 +capability:model (no label of ours before) done" in result
    assert "rule model of team" in result
    assert "rule model: " not in result
    assert "(as sync-robot)" in result
    assert " by " in result.splitlines()[1]
    result = world.history(undo_id).out
    assert f"undo of {second}, whose reason was:" in result
    assert "edit status comment of capability:model" in result
    assert "+*Planned" in result or "+*planned" in result
    listed = world.history().out
    assert f"undo {second}" in listed
    document = world.history(undo_id, as_json=True).json
    assert document["run"]["options"] == {"run": second}
    assert {"before", "payload", "rule", "why", "account", "outcome"} <= document["journal"][0].keys()
    assert all(first not in line for line in world.history(since=second).out.splitlines())
