"""Writing of labels: how they are made, renamed in place, refused, and remembered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from connectors.errors import Rejected, WriteRedirected
from connectors.model import IssueRef
from mappings.problems import InvalidWorkspace
from sync.apply.executor import Executor
from sync.apply.labels import record_label_rename
from sync.model.changes import ChangeSet, LabelChange, Reason
from sync.model.run import ApplyResult
from sync.runtime.context import RunContext
from sync.runtime.run_lock import LEASE_DURATION
from tests.support.writing_world import FEATURES, INCREMENT, MODEL, WritingWorld

WHY = Reason(text="a reason", rule="a-rule")
NEW = "capability:event-features"


@pytest.fixture
def world(tmp_path: Path) -> WritingWorld:
    return WritingWorld(tmp_path)


def apply(world: WritingWorld, *changes: LabelChange) -> ApplyResult:
    def work(run_context: RunContext) -> ApplyResult:
        run_context.store.acquire_lease(run_context.run_id, "a test", LEASE_DURATION)
        applied = Executor(run_context).apply(ChangeSet(labels=changes))
        run_context.store.release_lease(run_context.run_id)
        return applied

    done: ApplyResult = world.with_context(work)
    return done


def ref_of(world: WritingWorld, key: str) -> IssueRef:
    return world.tracker_of(key)._issue_at(key).issue.ref


def renaming(world: WritingWorld, key: str, old: str = FEATURES, new: str = NEW) -> LabelChange:
    container = key.partition("#")[0] if "#" in key else key.partition("-")[0]
    return LabelChange(
        ref=ref_of(world, key),
        container=container,
        add={new: WHY},
        remove={old: WHY},
        before=(old,),
        renames={old: new},
    )


def stored(world: WritingWorld, key: str) -> set[str]:
    """Managed labels that the store knows on the issue."""
    store = world.store()
    try:
        ref = ref_of(world, key)
        known = store.known_issue(ref.tracker, ref.id)
        return {label for label in known.issue.labels if ":" in label} if known else set()
    finally:
        store.close()


def operations(world: WritingWorld, since: int = 0) -> list[tuple[str, str, str | None]]:
    return [(row.op, row.ref.key, row.outcome) for row in world.journal()[since:]]


# ---- renames in place


def test_a_rename_in_place_is_recorded_for_the_issues_that_carried_the_label_and_for_no_others(
    world: WritingWorld,
) -> None:
    world.edit(
        "mappings/science.yaml", "{repo: acme/churn}", "{repo: acme/churn}\n  - github: {repo: acme/plan}"
    )
    carries = world.github.add_issue("acme/churn", "Work", labels=["features"]).key
    spelled = world.github.add_issue("acme/churn", "More", labels=["features"]).key
    other = world.github.add_issue("acme/churn", "Train", labels=["model"]).key
    elsewhere = world.github.add_issue("acme/plan", "Work", labels=["features"]).key
    on_jira = world.jira.add_issue("DS", "Work", labels=["features"]).key
    world.run()
    assert apply(world, renaming(world, carries)).done == 1
    for key in (carries, spelled):
        assert world.labels(key) == {"features", NEW, INCREMENT}
        assert world.pushed(key) == stored(world, key) == {NEW, INCREMENT}
    assert world.pushed(other) == stored(world, other) == {MODEL, INCREMENT}
    for key in (elsewhere, on_jira):
        assert world.labels(key) == {"features", FEATURES, INCREMENT}
        assert world.pushed(key) == stored(world, key) == {FEATURES, INCREMENT}


def test_a_rename_in_place_changes_no_repository_of_that_name_on_another_server(world: WritingWorld) -> None:
    key = world.github.add_issue("acme/churn", "Work", labels=["features"]).key
    world.run()
    elsewhere = replace(ref_of(world, key), tracker="enterprise")

    def write(run_context: RunContext) -> dict[str, set[str]]:
        store, now = run_context.store, run_context.now()
        store.record_pushed_labels(elsewhere, added=[FEATURES], removed=[], run_id=run_context.run_id, at=now)
        record_label_rename(run_context, "github", "Acme/Churn", FEATURES, NEW)
        return {ref.tracker: set(labels) for ref, labels in store.pushed_labels().items() if "#2" in ref.key}

    assert world.with_context(write) == {"github": {NEW, INCREMENT}, "enterprise": {FEATURES}}


def test_a_rename_in_place_is_asked_for_once_in_a_repository_and_again_in_the_next(
    world: WritingWorld,
) -> None:
    keys = [world.github.add_issue("acme/churn", "Work", labels=[FEATURES]).key for _ in range(2)]
    keys += [world.github.add_issue("acme/plan", "Work", labels=[FEATURES]).key]
    assert apply(world, *(renaming(world, key) for key in keys)).done == 3
    assert operations(world) == [
        ("rename-label", keys[0], "done"),
        ("rename-label", keys[2], "done"),
    ]
    [row, _] = world.journal()
    assert row.payload == {"label": FEATURES, "new": NEW, "container": "acme/churn"}
    assert (row.why, row.rule, row.before) == (f"renamed to {NEW}", "a-rule", {"labels": [FEATURES]})
    assert all(world.labels(key) == {NEW} for key in keys)


def test_where_a_rename_in_place_is_impossible_labels_are_swapped(world: WritingWorld) -> None:
    key = world.github.add_issue("acme/churn", "Work", labels=[FEATURES]).key
    world.github.add_issue("acme/churn", "Has the new one", labels=[NEW])
    assert apply(world, renaming(world, key)).done == 1
    assert operations(world) == [
        ("rename-label", key, "not-sent"),
        ("create-label", key, "done"),
        ("add-label", key, "done"),
        ("remove-label", key, "done"),
    ]
    assert world.journal()[0].detail == "the new label already exists, or the old one does not"
    assert world.labels(key) == world.pushed(key) == {NEW}


def test_jira_has_no_labels_to_rename(world: WritingWorld) -> None:
    key = world.jira.add_issue("DS", "Work", labels=["Capability:Features"]).key
    swap = renaming(world, key, old="Capability:Features")
    assert apply(world, swap).done == 1
    assert operations(world) == [("add-label", key, "done"), ("remove-label", key, "done")]
    assert world.labels(key) == world.pushed(key) == {NEW}


def test_a_renamed_label_needs_not_be_made_again(world: WritingWorld) -> None:
    key = world.github.add_issue("acme/churn", "Work", labels=[FEATURES]).key
    apply(world, renaming(world, key))
    other = world.github.add_issue("acme/churn", "Work")
    apply(world, LabelChange(ref=other, container="acme/churn", add={NEW: WHY}))
    assert operations(world, since=1) == [("add-label", other.key, "done")]


def test_a_rename_does_not_bring_back_an_issue_that_vanished(world: WritingWorld) -> None:
    gone = world.github.add_issue("acme/churn", "Work", labels=["features"])
    key = world.github.add_issue("acme/churn", "Work", labels=["features"]).key
    world.run()

    def hide(run_context: RunContext) -> None:
        run_context.store.mark_vanished(gone, run_context.now())

    world.with_context(hide)
    apply(world, renaming(world, key))

    def vanished(run_context: RunContext) -> bool:
        known = run_context.store.known_issue("github", gone.id)
        return known is not None and known.vanished is not None

    assert world.with_context(vanished)


# ---- labels that are made


def test_a_label_is_made_in_its_colour_and_says_who_manages_it(world: WritingWorld) -> None:
    ref = world.github.add_issue("acme/churn", "Work")
    apply(world, LabelChange(ref=ref, container="acme/churn", add={FEATURES: WHY}, before=("state:done",)))
    assert world.github.made_labels == [
        ("acme/churn", FEATURES, "1d76db", "Managed by increment-sync (acme)")
    ]
    assert world.journal()[0].before == {"labels": ["state:done"]}


def test_a_label_is_made_again_after_a_quarter_because_people_may_have_deleted_it(
    world: WritingWorld,
) -> None:
    def label_one(container: str) -> None:
        ref = world.github.add_issue(container, "Work")
        apply(world, LabelChange(ref=ref, container=container, add={FEATURES: WHY}))

    label_one("acme/churn")
    world.pass_time(days=89)
    label_one("acme/churn")
    assert [each[0] for each in world.github.made_labels] == ["acme/churn"]
    label_one("acme/plan")
    world.pass_time(days=2)
    label_one("acme/churn")
    assert [each[0] for each in world.github.made_labels] == ["acme/churn", "acme/plan", "acme/churn"]


def test_jira_labels_are_not_made(world: WritingWorld) -> None:
    apply(world, LabelChange(ref=world.jira.add_issue("DS", "Work"), container="DS", add={FEATURES: WHY}))
    assert world.jira.made_labels == []


# ---- refusals


def test_of_two_refused_labels_the_first_one_is_named(world: WritingWorld) -> None:
    ref = world.github.add_issue("acme/churn", "Work")

    def refuse(_: IssueRef, add: list[str], __: list[str]) -> None:
        raise Rejected(f"no {' '.join(add)}")

    world.github.change_labels = refuse  # type: ignore[method-assign, assignment]
    change = LabelChange(ref=ref, container="acme/churn", add={FEATURES: WHY, INCREMENT: WHY})
    [(_, why)] = apply(world, change).failed
    assert why == f"no {FEATURES}"
    assert world.pushed(ref.key) == set()


def test_a_refused_swap_on_jira_is_not_done_in_part(world: WritingWorld) -> None:
    """Jira takes all of it in one request, or nothing."""
    key = world.jira.add_issue("DS", "Work", labels=[MODEL]).key
    world.jira.refusing_writes["remove"] = Rejected("the field is not on the screen")
    change = LabelChange(
        ref=ref_of(world, key), container="DS", add={FEATURES: WHY, INCREMENT: WHY}, remove={MODEL: WHY}
    )
    assert len(apply(world, change).failed) == 1
    assert world.labels(key) == {MODEL}
    assert world.pushed(key) == set()


def test_a_moved_issue_is_not_asked_for_each_label_again(world: WritingWorld) -> None:
    ref = world.github.add_issue("acme/churn", "Work")
    asked: list[list[str]] = []

    def redirect(_: IssueRef, add: list[str], __: list[str]) -> None:
        asked.append(add)
        raise WriteRedirected("the issue has moved")

    world.github.change_labels = redirect  # type: ignore[method-assign, assignment]
    apply(world, LabelChange(ref=ref, container="acme/churn", add={FEATURES: WHY, INCREMENT: WHY}))
    assert asked == [[FEATURES, INCREMENT]]


@pytest.mark.parametrize(
    ("issues", "written"),
    [(1, "1 label, capability:features, was"), (2, "2 labels such as capability:features were")],
)
def test_a_changed_prefix_names_what_was_written_with_the_former_one(
    world: WritingWorld, issues: int, written: str
) -> None:
    for _ in range(issues):
        world.jira.add_issue("DS", "Work", labels=["features"])
    world.run()
    world.edit("increment-sync.yaml", "push:", "labels: {capability: {prefix: 'cap:'}}\npush:")
    with pytest.raises(
        InvalidWorkspace, match=f"{written} written with the prefix 'capability:', which is 'cap:' now"
    ):
        world.run()


def test_a_renamed_capability_without_a_comment_keeps_its_baseline(world: WritingWorld) -> None:
    def baselines(context: RunContext) -> dict[str, set[str]]:
        return {name: {ref.key for ref in each.refs} for name, each in context.store.baselines().items()}

    key = world.jira.add_issue("DS", "Work", labels=["model"]).key
    world.run()
    assert world.with_context(baselines)["model"] == {key}
    world.edit("plans/q4.yaml", "id: model\n", "id: forest\n        previously: [model]\n")
    world.edit("mappings/science.yaml", "assign: model", "assign: forest")
    world.jira.add_issue("DS", "Later", labels=["model"])
    world.run()
    after = world.with_context(baselines)
    assert (after["forest"], "model" in after) == ({key}, False)
