"""``reconcile``: manual changes are shown, and repaired after confirmation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.journey_world import FEATURES, GOAL, MODEL, JourneyWorld

MakeWorld = Callable[..., JourneyWorld]


@pytest.fixture
def settled(world: JourneyWorld) -> JourneyWorld:
    """Return a world after a complete run."""
    assert world.run().code == 0
    world.run()
    return world


def test_an_untouched_world_shows_no_drift(settled: JourneyWorld) -> None:
    result = settled.reconcile(yes=True)
    assert result.code == 0
    assert "nothing to change" in result.out
    assert "manual change" not in result.err
    assert settled.writes() == []


# ---- labels: people's decisions win


@pytest.mark.parametrize("key", ["DS-11", "acme/churn#11"])
def test_a_label_removed_manually_stays_away_and_its_increment_label_goes(
    settled: JourneyWorld, key: str
) -> None:
    capability = "capability:model" if key == "DS-11" else "capability:features"
    settled.unlabel(key, capability)
    result = settled.reconcile(yes=True)
    assert result.code == 0, result.err
    assert (
        f"manual change: {'jira' if key == 'DS-11' else 'github'}:{key}: {capability} was removed"
        in result.err
    )
    assert not settled.labels(key) & {capability, "increment:2026-q4"}
    assert settled.overrides()["overrides"][0]["kind"] == "veto"
    settled.run()
    assert settled.writes() == []


def test_restore_labels_restores_a_deleted_label_but_no_veto(
    settled: JourneyWorld,
) -> None:
    keys = ["acme/churn#11", "acme/churn#12", "acme/churn#13"]
    for key in keys:
        settled.unlabel(key, "capability:features")
    settled.unlabel("DS-11", "capability:model")
    result = settled.reconcile(yes=True, restore_labels=True)
    assert result.code == 0, result.err
    assert all("capability:features" in settled.labels(key) for key in keys)
    assert "capability:model" not in settled.labels("DS-11")
    assert [(each["kind"], each["label"]) for each in settled.overrides()["overrides"]] == [
        ("veto", "capability:model")
    ]


@pytest.mark.parametrize("key", ["DS-11", "acme/churn#11"])
def test_a_capability_label_put_manually_counts_and_replaces_ours(settled: JourneyWorld, key: str) -> None:
    ours, theirs = ("model", "features") if key == "DS-11" else ("features", "model")
    settled.label(key, f"capability:{theirs}")
    result = settled.reconcile(yes=True)
    assert result.code == 0, result.err
    assert f"capability:{theirs} was added" in result.err
    assert {f"capability:{theirs}"} == {name for name in settled.labels(key) if "capability" in name}
    assert f"capability:{ours}" not in settled.labels(key)
    (decision,) = settled.overrides()["overrides"]
    assert decision["kind"] == "pin"


def test_a_pin_that_is_taken_away_leaves_the_rules_to_decide(settled: JourneyWorld) -> None:
    settled.label("DS-11", "capability:features")
    settled.run()
    assert "capability:model" not in settled.labels("DS-11")
    settled.unlabel("DS-11", "capability:features")
    result = settled.reconcile(yes=True)
    assert "the pin of capability:features was withdrawn" in result.err
    assert "capability:model" in settled.labels("DS-11")
    assert settled.overrides()["overrides"] == []


# ---- status comments


@pytest.mark.parametrize("anchor", [MODEL, FEATURES])
def test_a_manually_edited_comment_is_shown_and_written_again(settled: JourneyWorld, anchor: str) -> None:
    before = settled.comments(anchor)
    settled.edit_comment(anchor, lambda text: text.replace("0 of 3 issues", "3 of 3 issues"))
    result = settled.reconcile(yes=True)
    assert result.code == 0, result.err
    assert f"{anchor}: the status comment of capability:" in result.err
    assert "was edited" in result.err
    assert settled.comments(anchor) == before
    settled.reconcile(yes=True)
    assert settled.writes() == []


def test_what_people_write_around_our_text_on_github_stays_and_is_no_drift(settled: JourneyWorld) -> None:
    settled.edit_comment(FEATURES, lambda text: f"Ada: see you on Friday\n{text}\nAda: with cake")
    assert "manual change" not in settled.reconcile(yes=True).err
    assert settled.writes() == []
    settled.close("acme/churn#11")
    settled.run()
    (comment,) = settled.comments(FEATURES)
    assert comment.startswith("Ada: see you on Friday\n") and comment.endswith("\nAda: with cake")
    assert "1 of 3 issues done" in comment


@pytest.mark.parametrize("anchor", [MODEL, FEATURES, GOAL])
def test_a_deleted_comment_is_shown_and_posted_again(settled: JourneyWorld, anchor: str) -> None:
    before = settled.comments(anchor)
    settled.delete_comment(anchor)
    settled.run()
    assert settled.comments(anchor) == [], "a run leaves it deleted"
    result = settled.reconcile(yes=True)
    assert result.code == 0, result.err
    assert "was deleted" in result.err
    assert settled.comments(anchor) == before
    settled.run()
    settled.close("DS-11" if anchor == MODEL else "acme/churn#11")
    settled.run()
    assert len(settled.comments(anchor)) == 1
    assert settled.comments(anchor) != before


def test_a_comment_that_a_person_deleted_is_not_posted_by_runs(settled: JourneyWorld) -> None:
    settled.delete_comment(MODEL)
    settled.close("DS-11")
    result = settled.run()
    assert result.code == 0
    assert "was deleted by a person (the tracker does not say who); left alone" in result.out
    settled.close("DS-12")
    assert "not posted again" in settled.run().err
    assert settled.comments(MODEL) == []


def test_a_comment_whose_markers_a_person_cut_out_is_theirs_and_gets_a_successor(
    settled: JourneyWorld,
) -> None:
    settled.edit_comment(FEATURES, lambda text: "My own words now")
    result = settled.reconcile(yes=True)
    assert "was taken over" in result.err
    theirs, ours = settled.comments(FEATURES)
    assert theirs == "My own words now"
    assert "0 of 3 issues done" in ours


# ---- issues that are gone


def test_deleted_and_moved_issues_are_shown_and_leave_their_capability(settled: JourneyWorld) -> None:
    settled.jira.delete("DS-11")
    settled.jira.move("DS-12", "OPS", "ada")
    settled.github.delete_issue("acme/churn", 11)
    settled.github.transfer("acme/churn", 12, "acme/attic", by="ada")
    result = settled.reconcile(yes=True)
    assert result.code == 0, result.err
    for key in ("jira:DS-11", "jira:DS-12", "github:acme/churn#11", "github:acme/churn#12"):
        assert f"left its source: {key}" in result.err
    settled.run()
    assert settled.writes() == []


# ---- asking


def test_without_a_terminal_and_without_yes_nothing_is_written(settled: JourneyWorld) -> None:
    settled.edit_comment(MODEL, lambda text: text + " (never mind)")
    settled.delete_comment(FEATURES)
    settled.unlabel("DS-11", "capability:model")
    before = settled.snapshot()
    result = settled.reconcile()
    assert "there is no terminal to ask at; add --yes to repair" in result.err
    assert "was edited" in result.err and "was deleted" in result.err
    assert settled.snapshot() == before
    assert settled.writes() == []


def test_a_person_who_says_no_keeps_the_world_as_it_is(settled: JourneyWorld) -> None:
    settled.delete_comment(FEATURES)
    before = settled.snapshot()
    result = settled.reconcile(answer="n")
    assert "Repair? 1 change on 1 issue: 0 labels to add, 0 to remove, 1 comment to create" in result.out
    assert settled.snapshot() == before


def test_a_person_who_says_yes_gets_the_repair(settled: JourneyWorld) -> None:
    settled.delete_comment(FEATURES)
    result = settled.reconcile(answer="y")
    assert result.code == 0, result.err
    assert len(settled.comments(FEATURES)) == 1


def test_drift_is_there_for_programs_too(settled: JourneyWorld) -> None:
    settled.edit_comment(MODEL, lambda text: text + " (never mind)")
    settled.jira.delete("DS-13")
    result = settled.reconcile(as_json=True, yes=True)
    assert result.json["by_hand"] == [
        {"issue": "jira:DS-2", "text": "the status comment of capability:model was edited"}
    ]
    assert result.json["gone"] == ["jira:DS-13"]
    assert result.json["applied"]["done"] >= 1
