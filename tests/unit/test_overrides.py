"""Overrides: suspected by the comparison, checked by a direct read, recorded once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.errors import Gone, Unavailable
from sync.model.labels import SuspectedOverride, SuspicionKind
from sync.pipeline.confirm_overrides import OverrideCheck, check_suspected_overrides, record_overrides
from sync.pipeline.label_evidence import CheckedOverride, OverrideVerdict
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


# ---- what is recorded


def recorded(world: WritingWorld, key: str, *verdicts: OverrideVerdict, at: datetime | None = None) -> None:
    """Record verdicts on FEATURES on an issue."""

    def work(run_context: RunContext) -> None:
        suspicion = SuspectedOverride(
            ref=world.tracker_of(key)._issue_at(key).issue.ref, kind="gone", label=FEATURES
        )
        recorder = StateRecorder(run_context, load_recorded_state(run_context))
        found = [CheckedOverride(suspicion=suspicion, verdict=each, decided_at=at) for each in verdicts]
        record_overrides(found, recorder)
        recorder.save()

    world.with_context(work)


@pytest.mark.parametrize(
    ("verdict", "kind", "verb"),
    [("veto", "veto", "removed"), ("pin", "pin", "put"), ("ignored", "left", "put")],
)
def test_a_confirmed_override_is_recorded_with_its_evidence(
    world: WritingWorld, verdict: OverrideVerdict, kind: str, verb: str
) -> None:
    key, then = an_issue(world), datetime(2026, 10, 5, tzinfo=UTC)
    recorded(world, key, verdict)
    [row] = world.override_rows()
    assert (row.ref.key, row.kind, row.label, row.since) == (key, kind, FEATURES, world.now)
    assert row.note == f"the tracker's history does not say who {verb} the label"
    other = an_issue(world)
    recorded(world, other, verdict, at=then)
    [row] = [row for row in world.override_rows() if row.ref.key == other]
    assert (row.since, row.note) == (then, f"from the tracker's history: a person {verb} the label")


def test_the_label_of_another_instance_is_left_to_it(world: WritingWorld) -> None:
    key = an_issue(world)
    recorded(world, key, "other-instance")
    [row] = world.override_rows()
    assert (row.ref.key, row.kind, row.label) == (key, "held", FEATURES)
    assert row.note == "put by another instance; left to it"


@pytest.mark.parametrize(
    ("first", "then"),
    [("pin", "pin-lifted"), ("veto", "veto-lifted"), ("ignored", "ignored-lifted")],
)
def test_an_override_that_was_lifted_is_forgotten(
    world: WritingWorld, first: OverrideVerdict, then: OverrideVerdict
) -> None:
    key, other = an_issue(world), an_issue(world)
    recorded(world, other, first)
    recorded(world, key, first)
    recorded(world, key, then)
    assert {row.ref.key for row in world.override_rows()} == {other}


def test_a_pin_replaces_a_veto(world: WritingWorld) -> None:
    key = an_issue(world)
    recorded(world, key, "veto")
    recorded(world, key, "pin")
    assert world.overrides() == {(key, "pin", FEATURES)}


@pytest.mark.parametrize("verdict", ["gone", "pin-lifted", "veto"])
def test_a_label_that_is_gone_is_ours_no_more(world: WritingWorld, verdict: OverrideVerdict) -> None:
    key = world.jira.add_issue("DS", "Work", labels=["features"]).key
    world.run()
    recorded(world, key, "pin", verdict)
    assert world.pushed(key) == {INCREMENT}


def test_a_label_that_the_history_attributes_to_us_is_ours(world: WritingWorld) -> None:
    key = an_issue(world)
    recorded(world, key, "ours")
    assert (world.pushed(key), world.overrides()) == ({FEATURES}, set())


# ---- in a run


def test_what_a_restored_store_forgot_beside_the_suspected_label_is_ours_too(world: WritingWorld) -> None:
    key = an_issue(world, FEATURES, INCREMENT, by=ME)
    world.jira.label(key, "state:done", by="dana")
    world.jira.label(key, "bug", by=ME)
    found = checked(world, (key, "pin", FEATURES))
    assert [(each.suspicion.label, each.verdict) for each in found.findings] == [
        (FEATURES, "ours"),
        (INCREMENT, "ours"),
    ]
    assert found.confirmed == []
    theirs = an_issue(world, INCREMENT, by=ME)
    world.jira.label(theirs, FEATURES, by="dana")
    assert verdicts(checked(world, (theirs, "pin", FEATURES))) == ["pin"]


def test_an_issue_that_was_transferred_is_another_one_now(world: WritingWorld) -> None:
    ref = world.github.add_issue("acme/churn", "Work", labels=[FEATURES])
    found_before = checked(world, (ref.key, "pin", FEATURES))
    assert verdicts(found_before) == ["pin"]
    suspicion = found_before.confirmed[0]
    new = world.github.transfer(ref.key, "acme/plan")

    def work(run_context: RunContext) -> tuple[OverrideCheck, bool, bool]:
        store = run_context.store
        found = check_suspected_overrides(run_context, [suspicion])
        old = store.known_issue("github", ref.id)
        return (
            found,
            old is not None and old.vanished is not None,
            store.known_issue("github", new.id) is not None,
        )

    found, vanished, is_known = world.with_context(work)
    assert (found.findings, found.vanished, found.fresh_issues) == ([], {ref}, {})
    assert (vanished, is_known) == (True, True)


def test_a_vanished_anchor_is_named_and_gets_nothing(world: WritingWorld) -> None:
    world.jira.add_issue("DS", "Work", labels=["features"])
    world.run()
    world.github.unlabel("acme/churn#1", "state:planned")
    world.github.unreadable["acme/churn#1"] = Gone("github: 404")
    outcome = world.run()
    assert "not checked, left alone: github:acme/churn#1: it no longer exists" in notes(outcome)
    assert outcome.exit_code == 1


def test_what_could_not_be_checked_is_asked_once_in_a_run(world: WritingWorld) -> None:
    """Another suspicion needs several rounds meanwhile."""
    broken, moved = (world.jira.add_issue("DS", "Work", labels=["features"]).key for _ in range(2))
    world.run()
    for key in (broken, moved):
        world.jira.unlabel(key, FEATURES)
    world.jira.unreadable[broken] = Unavailable("jira does not answer")
    world.jira.direct_reads.clear()
    outcome = world.run()
    assert world.jira.direct_reads.count(broken) == 1
    assert world.overrides() == {(moved, "veto", FEATURES)}
    assert [ref.key for ref in outcome.unchecked] == [broken]


def test_accepted_overrides_are_recorded_however_many_there_are(world: WritingWorld) -> None:
    keys = [world.jira.add_issue("DS", "Work", labels=["features"]).key for _ in range(12)]
    world.jira.add_issue("DS", "Keeps it", labels=["features"])
    world.run()
    for key in keys:
        world.jira.unlabel(key, FEATURES)
    outcome = world.run()
    assert {refusal.rule for refusal in outcome.refusals} == {"overrides"}
    assert world.overrides() == set()
    assert world.run(accept_overrides=True).exit_code == 0
    assert world.overrides() == {(key, "veto", FEATURES) for key in keys}


def test_only_labels_that_were_deleted_everywhere_are_restored(world: WritingWorld) -> None:
    """Three issues lost one label, of another one a single issue lost it."""
    gone = [world.jira.add_issue("DS", "Work", labels=["features"]).key for _ in range(3)]
    vetoed, kept = (world.jira.add_issue("DS", "Train", labels=["model"]).key for _ in range(2))
    world.run()
    for key in gone:
        world.jira.unlabel(key, FEATURES)
    world.jira.unlabel(vetoed, MODEL)
    assert world.run(restore_labels=True).exit_code == 0
    assert all(FEATURES in world.labels(key) for key in gone)
    assert MODEL not in world.labels(vetoed)
    assert MODEL in world.labels(kept)
    assert world.overrides() == {(vetoed, "veto", MODEL)}


def test_issues_that_were_not_read_do_not_hide_that_a_label_was_deleted(world: WritingWorld) -> None:
    """Labels of Jira belong to the whole site, and one of its projects does not answer."""
    world.edit("mappings/science.yaml", "{project: DS}", "{project: DS}\n  - jira: {project: OPS}")
    gone = [world.jira.add_issue("DS", "Work", labels=["features"]).key for _ in range(3)]
    world.jira.add_issue("OPS", "Work", labels=["features"])
    world.run()
    for key in gone:
        world.jira.unlabel(key, FEATURES)
    world.jira.failing["OPS"] = Unavailable("jira does not answer")
    outcome = world.run()
    assert [refusal.rule for refusal in outcome.refusals] == ["label-gone"]
    assert world.overrides() == set()


def test_an_override_that_was_lifted_counts_no_more_in_the_same_run(world: WritingWorld) -> None:
    recorded(world, an_issue(world), "pin")

    def work(run_context: RunContext) -> None:
        recorder = StateRecorder(run_context, load_recorded_state(run_context))
        [ref] = recorder.recorded.overrides.pins
        recorder.drop_override(ref, "pin", MODEL)
        assert recorder.recorded.overrides.pins == {ref: {FEATURES}}
        assert recorder.notices == []
        recorder.drop_override(ref, "pin", FEATURES)
        assert recorder.recorded.overrides.pins[ref] == frozenset()
        assert [each.text for each in recorder.notices] == [f"the pin of {FEATURES} was withdrawn"]
        assert [row.kind for row in run_context.store.overrides()] == ["pin"], "not saved yet"

    world.with_context(work)
