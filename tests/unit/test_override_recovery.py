"""A store that is younger than the labels: what people removed before is found in the histories of the trackers."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.errors import Unavailable
from sync.pipeline import override_recovery
from tests.support.writing_world import FEATURES, INCREMENT, ME, MODEL, WritingWorld, notes


@pytest.fixture
def world(tmp_path: Path) -> WritingWorld:
    return WritingWorld(tmp_path)


def work(world: WritingWorld, *labels: str, place: str = "DS") -> str:
    tracker = world.github if "/" in place else world.jira
    return tracker.add_issue(place, "Work", labels=labels).key


def written_before(world: WritingWorld) -> tuple[str, str]:
    """Two issues that had our labels; a person removed one of them, and then the store was lost."""
    vetoed, kept = work(world, "features"), work(world, "features")
    world.run()
    world.jira.unlabel(vetoed, FEATURES)
    world.lose_store()
    return vetoed, kept


def test_a_removal_from_before_the_store_is_a_veto(world: WritingWorld) -> None:
    vetoed, kept = written_before(world)
    removed_on = world.now
    outcome = world.run()
    assert outcome.exit_code == 0, notes(outcome)
    assert world.overrides() == {(vetoed, "veto", FEATURES)}
    [row] = world.override_rows()
    assert row.since == removed_on
    assert row.note == "from the tracker's history: a person removed the label (account dana)"
    assert "on 2026-11-02, according to the tracker's history" in notes(outcome)
    assert FEATURES not in world.labels(vetoed)
    assert world.labels(kept) == {"features", FEATURES, INCREMENT}
    world.jira.histories_read.clear()
    world.run()
    assert world.jira.histories_read == [], "each history is searched once"


def test_a_removed_label_of_another_capability_is_a_veto_too(world: WritingWorld) -> None:
    """Not the one that the rules ask for now, and of no use for a capability that no plan has."""
    key = work(world, "model")
    world.run()
    world.jira.label(key, "capability:moon", by=ME)
    world.jira.unlabel(key, "capability:moon")
    world.jira.unlabel(key, MODEL)
    world.jira.unlabel(key, "model")
    world.jira.label(key, "features")
    world.lose_store()
    world.run()
    assert world.overrides() == {(key, "veto", MODEL)}
    assert world.labels(key) == {"features", FEATURES, INCREMENT}


def test_what_we_removed_ourselves_or_others_put_is_no_veto(world: WritingWorld) -> None:
    ours, theirs, sign = work(world, "features"), work(world, "features"), work(world, "features")
    for key, put, removed in ((ours, ME, ME), (theirs, "dana", "dana"), (sign, ME, "")):
        world.jira.label(key, FEATURES, by=put)
        if removed:
            world.jira.unlabel(key, FEATURES, by=removed)
    world.pass_time(hours=1)
    assert world.run().exit_code == 0
    assert world.overrides() == set()
    assert all(FEATURES in world.labels(key) for key in (ours, theirs, sign))


def test_of_several_prefixes_the_last_event_counts(world: WritingWorld) -> None:
    """The label was removed with its former prefix and put again with the current one."""
    prefix = "labels: {capability: {prefix: 'capability:', previously: ['cap:']}}\n"
    world.edit("increment-sync.yaml", "push:", f"{prefix}push:")
    key, other = work(world, "features"), work(world, "features")
    world.jira.label(other, FEATURES, by=ME)
    world.jira.label(key, "cap:features", by=ME)
    world.jira.unlabel(key, "cap:features")
    world.pass_time(hours=1)
    world.jira.label(key, FEATURES, by=ME)
    world.jira.unlabel(key, FEATURES, by=ME)
    world.pass_time(hours=1)
    world.run()
    assert world.overrides() == set()
    assert FEATURES in world.labels(key)


@pytest.mark.parametrize("how", ["error", "missing"])
def test_an_issue_whose_history_cannot_be_read_gets_no_label(world: WritingWorld, how: str) -> None:
    vetoed, _ = written_before(world)
    if how == "error":
        world.jira.failing_histories = Unavailable("jira does not answer")
    else:
        world.jira.without_history.add(vetoed)
    outcome = world.run()
    assert outcome.exit_code == 1
    why = {
        "error": ": jira does not answer",
        "missing": "",
    }[how]
    unknown = "its label history cannot be read, so it is not known who changed its labels"
    assert f"jira:{vetoed}: {unknown}{why}" in notes(outcome)
    assert world.overrides() == set()
    assert FEATURES not in world.labels(vetoed)
    world.jira.failing_histories = None
    world.jira.without_history.clear()
    assert world.run().exit_code == 0
    assert world.overrides() == {(vetoed, "veto", FEATURES)}


def test_a_run_reads_a_limited_number_of_histories(
    world: WritingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [work(world, "features") for _ in range(5)]
    on_github = [work(world, "features", place="acme/churn") for _ in range(2)]
    world.run()
    for key in (*keys, *on_github):
        world.tracker_of(key).unlabel(key, FEATURES, by=ME)
    world.lose_store()
    monkeypatch.setattr(override_recovery, "MAX_HISTORIES_PER_RUN", 2)
    labeled: list[int] = []
    for _ in range(3):
        outcome = world.run()
        labeled.append(sum(FEATURES in world.labels(key) for key in keys))
        assert {ref.key for ref in outcome.postponed} == {
            key for key in keys if FEATURES not in world.labels(key)
        }
    assert labeled == [2, 4, 5]
    assert all(FEATURES in world.labels(key) for key in on_github), "each tracker has its own limit"


def test_a_tracker_without_a_sign_of_us_needs_no_histories(world: WritingWorld) -> None:
    """A person's labels are none. Only a few are looked at, and not again for a week."""
    waiting = work(world, "model")
    theirs = [work(world, "state:done") for _ in range(5)]
    world.pass_time(hours=1)
    assert world.run().exit_code == 0
    assert MODEL in world.labels(waiting)
    assert world.jira.histories_read == [*theirs[:3], *theirs], "and all of them to judge their labels"
    for days, old, new, sample in ((6, "model", "features", []), (2, "features", "model", theirs[:3])):
        world.pass_time(days=days)
        world.jira.unlabel(waiting, old)
        world.jira.label(waiting, new)
        world.jira.histories_read.clear()
        assert world.run().exit_code == 0
        assert f"capability:{new}" in world.labels(waiting)
        assert world.jira.histories_read == sample


def test_a_sign_of_us_is_remembered(world: WritingWorld) -> None:
    """Each older issue that lacks a label is looked at, as long as the store lives."""
    vetoed, kept = written_before(world)
    world.jira.label(vetoed, FEATURES)
    world.run()
    world.pass_time(days=20)
    world.jira.unlabel(kept, "features")
    world.jira.label(kept, "model")
    world.jira.histories_read.clear()
    world.run()
    assert world.jira.histories_read == [kept]
    assert MODEL in world.labels(kept)


def test_any_label_that_the_rules_ask_for_may_have_been_removed(world: WritingWorld) -> None:
    """Labels that neither the rules ask for nor a capability has are nobody's decision."""
    key, sign = work(world, "features"), work(world, "features")
    for label in (INCREMENT, "state:done"):
        world.jira.label(key, label, by=ME)
        world.jira.unlabel(key, label)
    world.jira.label(sign, FEATURES, by=ME)
    world.pass_time(hours=1)
    world.run()
    assert world.overrides() == {(key, "veto", INCREMENT)}
    assert world.labels(key) == {"features", FEATURES}


def test_a_tracker_that_shows_no_history_at_all_gets_no_label_on_old_issues(world: WritingWorld) -> None:
    work(world, FEATURES)
    old = work(world, "model")
    world.pass_time(hours=1)
    world.jira.failing_histories = Unavailable("jira does not answer")
    world.run()
    assert MODEL not in world.labels(old)
    new = work(world, "model")
    world.run()
    assert MODEL not in world.labels(old), "the person's label was judged and is no sign any more"
    assert MODEL in world.labels(new), "it is younger than the store"
    world.jira.failing_histories = None
    world.run()
    assert MODEL in world.labels(old)
