"""Decisions of people are proved by the tracker's history, whatever the store or an answer says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import Unavailable
from connectors.model import FieldSelection, HistoryRequest, IssueRef, SourceHistory
from tests.support.writing_world import FEATURES, INCREMENT, ME, MODEL, WritingWorld, notes

PLACES = ["DS", "acme/churn"]
Story = Callable[[WritingWorld, dict[str, str]], None]


@pytest.fixture
def world(tmp_path: Path) -> WritingWorld:
    return WritingWorld(tmp_path)


def an_issue(world: WritingWorld, place: str, *labels: str) -> str:
    tracker = world.github if "/" in place else world.jira
    return tracker.add_issue(place, "Work", labels=labels).key


def label(world: WritingWorld, key: str, *names: str) -> None:
    for name in names:
        world.tracker_of(key).label(key, name)


def unlabel(world: WritingWorld, key: str, *names: str) -> None:
    for name in names:
        world.tracker_of(key).unlabel(key, name)


def lie(world: WritingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let changes of labels be answered with success, without effect."""
    for tracker in world.trackers.values():
        monkeypatch.setattr(tracker, "change_labels", lambda *_: None)


def no_histories(requests: Sequence[HistoryRequest], _: FieldSelection) -> Iterator[SourceHistory]:
    """Answer as a tracker on which no histories come with a pull."""
    for each in requests:
        yield SourceHistory(source=each.source, changes=(), complete=frozenset())


# ---- an older backup of the store


def _pin(world: WritingWorld, keys: dict[str, str]) -> None:
    label(world, keys["pinned"], MODEL)
    world.run()


def _unpin(world: WritingWorld, keys: dict[str, str]) -> None:
    unlabel(world, keys["pinned"], MODEL)
    world.run()


def _relabel(world: WritingWorld, keys: dict[str, str]) -> None:
    label(world, keys["new"], "features")
    label(world, keys["swapped"], "model")
    unlabel(world, keys["swapped"], "features")
    world.run()


def _swap_back(world: WritingWorld, keys: dict[str, str]) -> None:
    label(world, keys["swapped"], "features")
    unlabel(world, keys["swapped"], "model")
    world.run()


def _veto_new(world: WritingWorld, keys: dict[str, str]) -> None:
    unlabel(world, keys["new"], FEATURES)


def _close_all(world: WritingWorld, keys: dict[str, str]) -> None:
    for key in keys.values():
        world.tracker_of(key).close(key)
    world.run()
    world.run()


def _veto_and_put_again(world: WritingWorld, keys: dict[str, str]) -> None:
    unlabel(world, keys["swapped"], FEATURES)
    world.run()
    label(world, keys["swapped"], FEATURES)
    world.run()


def _leave(world: WritingWorld, keys: dict[str, str]) -> None:
    unlabel(world, keys["swapped"], "features")
    world.run()


STORIES: dict[str, tuple[list[Story], list[Story]]] = {
    "a pin that is taken away later": ([_pin, _relabel], [_unpin, _close_all]),
    "a label of ours that is removed after the backup is back": ([_relabel], [_veto_new, _close_all]),
    "a label that we removed and that is wanted again": ([_relabel], [_swap_back, _close_all]),
    "a label of ours that is no longer wanted": ([_relabel], [_leave, _close_all]),
    "a label that a person removed and put again": ([_veto_and_put_again], [_leave, _close_all]),
    "work that went on": ([_relabel, _close_all], []),
}


def _play(root: Path, place: str, story: str, *, restored: bool) -> tuple[Any, set[tuple[str, str, str]]]:
    world = WritingWorld(root)
    keys = {name: an_issue(world, place, "features") for name in ("pinned", "swapped")}
    keys["new"] = an_issue(world, place)
    world.run()
    backup = world.backup()
    lost, then = STORIES[story]
    for act in lost:
        act(world, keys)
    if restored:
        world.restore(backup)
    for act in then:
        act(world, keys)
    for _ in range(2):
        outcome = world.run()
        assert outcome.exit_code == 0, notes(outcome)
    assert not len(outcome.changes)
    labels = {key: world.labels(key) for key in (*keys.values(), "DS-1", "acme/churn#1")}
    return labels, world.overrides()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("story", STORIES)
def test_an_older_backup_of_the_store_changes_no_label_and_no_decision(
    tmp_path: Path, place: str, story: str
) -> None:
    expected = _play(tmp_path / "undisturbed", place, story, restored=False)
    assert _play(tmp_path / "restored", place, story, restored=True) == expected


@pytest.mark.parametrize("place", PLACES)
def test_a_cleared_veto_is_not_found_again_in_the_history(world: WritingWorld, place: str) -> None:
    """The veto was recorded after a backup was put back, from writes that the store does not know."""
    key = an_issue(world, place)
    world.run()
    backup = world.backup()
    label(world, key, "features")
    world.run()
    world.restore(backup)
    unlabel(world, key, FEATURES)
    world.run()
    [veto] = world.override_rows()
    assert (veto.kind, veto.label) == ("veto", FEATURES)
    world.clear_overrides()
    world.tracker_of(key).edit(key, title="Renamed")
    world.run()
    assert FEATURES in world.labels(key)
    assert world.overrides() == set()


@pytest.mark.parametrize("place", PLACES)
def test_labels_stay_ours_when_the_account_changes(world: WritingWorld, place: str) -> None:
    key = an_issue(world, place, "features")
    world.run()
    world.jira.me = world.github.me = "increment-sync[bot]"
    world.tracker_of(key).edit(key, title="Renamed")
    world.run()
    assert world.pushed(key) == {FEATURES, INCREMENT}
    unlabel(world, key, "features")
    world.run()
    assert not world.labels(key)
    assert world.overrides() == set()


# ---- what the history proves


@pytest.mark.parametrize("place", PLACES)
def test_a_veto_names_when_and_who(world: WritingWorld, place: str) -> None:
    key = an_issue(world, place, "features")
    world.run()
    at = world.now
    unlabel(world, key, FEATURES)
    outcome = world.run()
    [veto] = world.override_rows()
    assert veto.since == at
    assert veto.note == "from the tracker's history: a person removed the label (account dana)"
    assert "according to the tracker's history" in notes(outcome)


@pytest.mark.parametrize("place", PLACES)
def test_a_write_that_had_no_effect_is_no_veto_and_is_made_again(
    world: WritingWorld, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    key = an_issue(world, place, "features")
    with monkeypatch.context() as lying:
        lie(world, lying)
        world.run()
    assert world.run().exit_code == 0
    assert world.overrides() == set()
    assert {FEATURES, INCREMENT} <= world.labels(key)
    assert not len(world.run().changes)


@pytest.mark.parametrize("place", PLACES)
def test_a_removal_that_had_no_effect_is_no_pin_and_is_made_again(
    world: WritingWorld, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    key = an_issue(world, place, "features")
    world.run()
    unlabel(world, key, "features")
    with monkeypatch.context() as lying:
        lie(world, lying)
        world.run()
    assert world.run().exit_code == 0
    assert world.overrides() == set()
    assert not world.labels(key)


def test_a_removal_that_the_history_does_not_show_yet_waits(world: WritingWorld) -> None:
    key = an_issue(world, "DS", "features")
    world.run()
    history = dict(world.jira._issue_at(key).label_histories)
    world.pass_time(minutes=55)
    unlabel(world, key, FEATURES)
    world.pass_time(minutes=-55)
    world.jira._issue_at(key).label_histories.update(history)
    outcome = world.run()
    assert outcome.exit_code == 0
    assert FEATURES not in world.labels(key)
    assert "left for the next run: 1 issue on jira" in notes(outcome)
    assert world.overrides() == set()


def test_a_history_that_cannot_be_asked_now_leaves_the_issue_alone(
    world: WritingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = an_issue(world, "DS", "features")
    world.run()
    unlabel(world, key, FEATURES)

    def fail(*_: object) -> None:
        raise Unavailable("jira does not answer")

    monkeypatch.setattr(world.jira, "label_histories", fail)
    monkeypatch.setattr(world.jira, "histories", no_histories)
    outcome = world.run()
    assert outcome.exit_code == 1
    assert f"jira:{key}: its label history cannot be read" in notes(outcome)
    assert world.overrides() == set()
    assert FEATURES not in world.labels(key)


def test_a_veto_without_a_history_says_so(world: WritingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    key = an_issue(world, "DS", "features")
    world.run()
    unlabel(world, key, FEATURES)
    monkeypatch.setattr(world.jira, "label_histories", lambda _: {})
    outcome = world.run()
    [veto] = world.override_rows()
    assert veto.note == "the tracker's history does not say who removed the label"
    assert "the tracker's history does not say by whom" in notes(outcome)


# ---- what it costs


def test_histories_are_asked_about_suspicions_only_together_and_once(
    world: WritingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [an_issue(world, "DS", "features") for _ in range(5)]
    world.run()
    asked: list[list[str]] = []
    real = world.jira.label_histories

    def count(refs: list[IssueRef]) -> Any:
        asked.append([ref.key for ref in refs])
        return real(refs)

    monkeypatch.setattr(world.jira, "histories", no_histories)
    monkeypatch.setattr(world.jira, "label_histories", count)
    world.run()
    assert asked == []
    for key in keys[:3]:
        label(world, key, "capability:moon")
    unlabel(world, keys[3], FEATURES)
    world.run()
    assert asked == [keys[:4]]
    world.run()
    world.run()
    assert len(asked) == 1, "it is remembered"


def test_a_label_of_an_unknown_capability_pins_as_soon_as_the_plan_has_it(world: WritingWorld) -> None:
    key = an_issue(world, "DS", "features")
    world.run()
    label(world, key, "capability:moon")
    world.run()
    assert world.overrides() == {(key, "left", "capability:moon")}
    world.edit("plans/q4.yaml", "id: model", "id: moon")
    world.edit("mappings/science.yaml", "assign: model", "assign: moon")
    world.run()
    assert (key, "pin", "capability:moon") in world.overrides()
    assert FEATURES not in world.labels(key)


# ---- a label that is deleted as a whole


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("leaves_events", [True, False])
def test_a_deleted_label_is_named_listed_and_restored(
    world: WritingWorld, place: str, leaves_events: bool
) -> None:
    keys = [an_issue(world, place, "features") for _ in range(31)]
    vetoed = an_issue(world, place, "model")
    other = an_issue(world, place, "model")
    world.run()
    for key in keys:
        history = dict(world.tracker_of(key)._issue_at(key).label_histories)
        unlabel(world, key, FEATURES)
        if not leaves_events:
            world.tracker_of(key)._issue_at(key).label_histories.update(history)
    unlabel(world, vetoed, MODEL)
    world.tracker_of(keys[0]).direct_reads.clear()
    outcome = world.run()
    assert [refusal.rule for refusal in outcome.refusals] == ["label-gone"]
    [refusal] = outcome.refusals
    assert f"{FEATURES} is gone from all 31 issues" in refusal.text
    assert "--restore-labels" in refusal.text
    assert refusal.text.endswith(f"--accept-overrides, which leaves no issue with {FEATURES}")
    shown = notes(outcome)
    assert all(f"{key}: {FEATURES} is gone" in shown for key in keys)
    assert f"{vetoed}: {MODEL} was removed" in shown
    assert len(world.tracker_of(keys[0]).direct_reads) <= 3 + 1
    assert world.overrides() == set()
    assert world.run(restore_labels=True).exit_code == 0
    assert all(FEATURES in world.labels(key) for key in keys)
    assert world.overrides() == {(vetoed, "veto", MODEL)}
    assert MODEL in world.labels(other)


@pytest.mark.parametrize("leaves_events", [True, False])
def test_a_deleted_label_stays_away_if_that_is_accepted(world: WritingWorld, leaves_events: bool) -> None:
    keys = [an_issue(world, "acme/churn", "features") for _ in range(4)]
    world.run()
    for key in keys:
        history = dict(world.github._issue_at(key).label_histories)
        unlabel(world, key, FEATURES)
        if not leaves_events:
            world.github._issue_at(key).label_histories.update(history)
    assert world.run().exit_code == 4
    assert world.run(accept_overrides=True).exit_code == 0
    assert world.overrides() == {(key, "veto", FEATURES) for key in keys}
    assert world.run().exit_code == 0


def test_two_labels_that_are_deleted_are_two_sentences(world: WritingWorld) -> None:
    keys = [an_issue(world, "DS", "features") for _ in range(12)]
    world.run()
    for key in keys:
        unlabel(world, key, FEATURES, INCREMENT)
    outcome = world.run()
    assert [refusal.rule for refusal in outcome.refusals] == ["label-gone", "label-gone"]
    assert world.run(restore_labels=True).exit_code == 0
    assert all({FEATURES, INCREMENT} <= world.labels(key) for key in keys)
    assert world.overrides() == set()


def test_many_vetoes_that_would_empty_a_capability_say_so(world: WritingWorld) -> None:
    keys = [an_issue(world, "DS", "features") for _ in range(12)]
    keys += [an_issue(world, "acme/churn", "features") for _ in range(2)]
    world.run()
    for key in keys[1:]:
        unlabel(world, key, FEATURES)
    [refusal] = world.run().refusals
    assert refusal.rule == "overrides"
    assert "leaves no issue" not in refusal.text
    unlabel(world, keys[0], FEATURES)
    label(world, keys[0], "later")
    texts = [refusal.text for refusal in world.run().refusals]
    assert any(f"leaves no issue with {FEATURES}" in text for text in texts), texts


# ---- comments


def _same_comment_again(world: WritingWorld, anchor: str) -> str:
    [comment] = world.comments(anchor)
    again = world.tracker_of(anchor).comment_as(anchor, comment.body, by=ME, marker=comment.marker)
    return again.id


@pytest.mark.parametrize("anchor", ["DS-1", "acme/churn#1"])
@pytest.mark.parametrize("known", ["older", "younger"])
def test_reconcile_names_and_removes_the_younger_of_two_comments(
    world: WritingWorld, anchor: str, known: str
) -> None:
    an_issue(world, "DS", "features")
    world.run()
    [first] = world.comments(anchor)
    second = _same_comment_again(world, anchor)
    if known == "younger":
        world.replace_comment_id(first.id, second)
    assert not len(world.run().changes), "an ordinary run does not look for it"
    proposed = world.run(writes=False, full=True)
    [removal] = proposed.changes.removals
    assert (removal.comment_id, removal.duplicate_of) == (second, first.id)
    assert removal.describe().endswith(f"delete duplicate of the status comment of {removal.subject}")
    assert world.run(full=True).exit_code == 0
    assert [comment.id for comment in world.comments(anchor)] == [first.id]
    an_issue(world, "DS", "features")
    world.run()
    again = world.run(full=True)
    assert (again.exit_code, len(again.changes)) == (0, 0)
    assert [comment.id for comment in world.comments(anchor)] == [first.id]


@pytest.mark.parametrize("anchor", ["DS-1", "acme/churn#1"])
def test_another_comment_of_ours_continues_one_that_is_gone(world: WritingWorld, anchor: str) -> None:
    """A run that this store does not know deleted the comment and wrote another one."""
    key = an_issue(world, "DS", "features")
    world.run()
    [first] = world.comments(anchor)
    second = _same_comment_again(world, anchor)
    del world.tracker_of(anchor)._issue_at(anchor).comments[first.id]
    world.jira.close(key)
    assert world.run().exit_code == 0
    [comment] = world.comments(anchor)
    assert comment.id == second
    assert comment.body != first.body
