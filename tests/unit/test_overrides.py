"""Overrides: suspected by the comparison, checked by a direct read, recorded once."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.errors import Gone, Unavailable
from sync.model.labels import SuspectedOverride, SuspicionKind
from sync.pipeline.confirm_overrides import OverrideCheck, check_suspected_overrides, record_overrides
from sync.pull.recorded import load_recorded_state
from sync.pull.state_recorder import StateRecorder
from sync.runtime.context import RunContext
from tests.support.writing_world import FEATURES, INCREMENT, ME, MODEL, WritingWorld, notes


@pytest.fixture
def world(tmp_path: Path) -> WritingWorld:
    return WritingWorld(tmp_path)


def checked(
    world: WritingWorld, *suspicions: tuple[str, SuspicionKind, str], history: bool = False, **more: int
) -> OverrideCheck:
    def work(run_context: RunContext) -> OverrideCheck:
        return check_suspected_overrides(
            run_context,
            [
                SuspectedOverride(
                    ref=world.tracker_of(key)._issue_at(key).issue.ref,
                    kind=kind,
                    label=label,
                    needs_history=history,
                )
                for key, kind, label in suspicions
            ],
            **more,
        )

    found: OverrideCheck = world.with_context(work)
    return found


def verdicts(found: OverrideCheck) -> list[str]:
    return [finding.verdict for finding in found.findings]


def unlabelled(world: WritingWorld, label: str, *, added: str = ME, removed: str = "dana") -> str:
    """Return an issue to which one account added a label that another one removed."""
    key = world.jira.add_issue("DS", "Work").key
    world.jira.label(key, label, by=added)
    world.jira.unlabel(key, label, by=removed)
    return key


def an_issue(world: WritingWorld, *labels: str, by: str = "dana") -> str:
    return world.jira.add_issue("DS", "Work", labels=labels, by=by).key


@pytest.mark.parametrize("kind", ["veto", "pin-lifted", "ignored-lifted", "gone"])
def test_what_should_be_gone_and_is_there_was_a_stale_list(world: WritingWorld, kind: SuspicionKind) -> None:
    assert verdicts(checked(world, (an_issue(world, FEATURES), kind, FEATURES))) == []
    assert verdicts(checked(world, (unlabelled(world, FEATURES), kind, FEATURES))) == [kind]


@pytest.mark.parametrize("kind", ["pin", "origin", "veto-lifted"])
def test_what_should_be_there_and_is_gone_was_a_stale_list(world: WritingWorld, kind: SuspicionKind) -> None:
    assert verdicts(checked(world, (an_issue(world), kind, FEATURES))) == []


@pytest.mark.parametrize(
    ("by", "kind", "verdict"),
    [(ME, "pin", "ours"), ("dana", "pin", "pin"), (ME, "origin", "ours"), ("dana", "origin", "ignored")],
)
def test_the_history_says_whose_label_it_is(
    world: WritingWorld, by: str, kind: SuspicionKind, verdict: str
) -> None:
    key = an_issue(world, "Capability:Features", by=by)
    assert verdicts(checked(world, (key, kind, FEATURES), history=True)) == [verdict]


def test_a_restored_store_reads_the_history_before_it_takes_our_label_for_a_pin(
    world: WritingWorld,
) -> None:
    """The restored store does not know the label, although it knows the issue from its first day."""
    ours, theirs = an_issue(world, FEATURES, by=ME), an_issue(world, FEATURES)
    found = checked(world, (ours, "pin", FEATURES), (theirs, "pin", FEATURES))
    assert verdicts(found) == ["ours", "pin"]
    assert [suspicion.ref.key for suspicion in found.confirmed] == [theirs], (
        "ours is no new decision of people"
    )
    world.jira.forget_label_authors(theirs)
    assert verdicts(checked(world, (theirs, "pin", FEATURES))) == ["pin"]


def test_a_backup_that_is_put_back_makes_no_pins(world: WritingWorld) -> None:
    keys = [world.jira.add_issue("DS", "Work").key for _ in range(3)]
    world.run()
    backup = {file: file.read_bytes() for file in world.root.glob("state.db*")}
    for key in keys:
        world.jira.label(key, "features")
    world.run()
    world.lose_store()
    for file, content in backup.items():
        file.write_bytes(content)
    world.jira.unlabel(keys[0], "features")
    outcome = world.run()
    assert outcome.exit_code == 0, notes(outcome)
    assert world.overrides() == set()
    assert world.labels(keys[0]) == set()
    assert world.labels(keys[1]) == {"features", FEATURES, INCREMENT}


@pytest.mark.parametrize("kind", ["pin", "origin"])
def test_without_history_a_label_is_left(world: WritingWorld, kind: SuspicionKind) -> None:
    key = an_issue(world, FEATURES)
    world.jira.forget_label_authors(key)
    assert verdicts(checked(world, (key, kind, FEATURES), history=True)) == ["ignored"]


def test_several_suspicions_of_an_issue_cost_one_read(world: WritingWorld) -> None:
    key = unlabelled(world, FEATURES)
    world.jira.label(key, MODEL)
    found = checked(world, (key, "veto", FEATURES), (key, "pin", MODEL))
    assert verdicts(found) == ["veto", "pin"]
    assert world.jira.direct_reads == [key]


def test_reading_stops_when_the_guard_will_refuse_anyway(world: WritingWorld) -> None:
    keys = [unlabelled(world, FEATURES) for _ in range(10)]
    checked(world, *((key, "veto", FEATURES) for key in keys), stop_after=3)  # type: ignore[misc]
    assert len(world.jira.direct_reads) == 4


def test_an_issue_that_cannot_be_read_stays_as_it_is(world: WritingWorld) -> None:
    key = world.jira.add_issue("DS", "Work", labels=["features"]).key
    world.run()
    world.jira.unlabel(key, FEATURES)
    world.jira.unreadable[key] = Unavailable("jira does not answer")
    outcome = world.run()
    assert outcome.exit_code == 1
    assert f"not checked, left alone: jira:{key}: jira does not answer" in notes(outcome)
    assert world.overrides() == set()
    assert FEATURES not in world.labels(key)
    world.jira.unreadable.clear()
    assert world.run().exit_code == 0
    assert world.overrides() == {(key, "veto", FEATURES)}


def test_a_missing_issue_is_no_override(world: WritingWorld) -> None:
    key = world.jira.add_issue("DS", "Work", labels=["features"]).key
    world.run()
    world.jira.unlabel(key, FEATURES)
    world.jira.unreadable[key] = Gone("jira: 404")
    outcome = world.run()
    assert outcome.exit_code == 0
    assert world.overrides() == set()


def test_a_recorder_saves_nothing_before_save_is_called(world: WritingWorld) -> None:
    key = unlabelled(world, FEATURES)
    found = checked(world, (key, "veto", FEATURES))

    def work(run_context: RunContext) -> None:
        recorder = StateRecorder(run_context, load_recorded_state(run_context))
        record_overrides(found.findings, recorder)
        ref = found.findings[0].suspicion.ref
        assert recorder.recorded.overrides.vetoes[ref] == {FEATURES}
        assert run_context.store.overrides() == []
        recorder.save()
        assert [row.kind for row in run_context.store.overrides()] == ["veto"]

    world.with_context(work)


def test_declining_to_restore_labels_changes_nothing(world: WritingWorld) -> None:
    """``reconcile --restore-labels`` plans first and asks then."""
    keys = [world.jira.add_issue("DS", "Work", labels=["features"]).key for _ in range(4)]
    world.run()
    for key in keys:
        world.jira.unlabel(key, FEATURES)
    proposed = world.run(writes=False, keeps=True, restore_labels=True)
    assert proposed.changes.added == 4
    assert world.run().exit_code == 4


def test_on_jira_another_spelling_is_the_label_of_the_person_who_put_it(world: WritingWorld) -> None:
    key = world.jira.add_issue("DS", "Work", labels=["model"]).key
    world.run()
    world.jira.label(key, "Capability:Model")
    world.jira.unlabel(key, MODEL)
    world.run()
    assert MODEL not in world.pushed(key)
    world.jira.unlabel(key, "model")
    world.run()
    assert "Capability:Model" in world.labels(key)
    assert world.overrides() == {(key, "pin", MODEL)}
