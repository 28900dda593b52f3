"""The model of random worlds notices what a program must not do; it shares no code with the program's decisions."""

from __future__ import annotations

import ast
from pathlib import Path

from sync.simulation.user_actions import VisibleIssue
from sync.simulation.worlds import model as world_model
from sync.simulation.worlds.model import Act, Actor, RecordedOverride, WorldModel

ISSUE, ANCHOR, GOAL = ("jira", "DS-11"), ("jira", "DS-2"), ("jira", "DS-1")
LABEL = "capability:features"


def issues(*labels: str, anchor: str = "state:planned") -> dict[tuple[str, str], VisibleIssue]:
    labels_of = {
        ISSUE: {"features", *labels},
        ANCHOR: {anchor},
        GOAL: {"state:planned"},
        ("jira", "DS-3"): set(),
    }
    return {key: VisibleIssue(labels=frozenset(each), comments=()) for key, each in labels_of.items()}


def model(*acts: tuple[Actor, bool]) -> WorldModel:
    """Return a model after these acts on the label of the issue."""
    made = WorldModel(
        anchors={"goal": GOAL, "features": ANCHOR, "model": ("jira", "DS-3")}, states={ISSUE: "todo"}
    )
    for by, added in acts:
        assert not [*made.record([act(by, added)])]
    return made


def act(by: Actor, added: bool) -> Act:
    return Act(issue=ISSUE, label=LABEL, by=by, added=added)


def test_a_label_that_comes_back_after_a_person_removed_it_is_a_lost_decision() -> None:
    world = model(("program", True), ("person", False))
    world.begin_run(issues())
    assert [each.invariant for each in world.record([act("program", True)])] == ["lost decision"]


def test_a_removal_that_the_rules_would_have_made_is_no_decision() -> None:
    world = model(("program", True), ("person", False))
    world.states.pop(ISSUE)
    world.begin_run(issues())
    assert not [*world.record([act("program", True)])]


def test_a_removed_label_of_a_person_is_a_lost_decision() -> None:
    assert [each.invariant for each in model(("person", True)).record([act("program", False)])] == [
        "lost decision"
    ]


def test_overrides_need_an_act_of_a_person() -> None:
    veto = RecordedOverride(issue=ISSUE, kind="veto", label=LABEL)
    assert not [*model(("program", True), ("person", False)).check_overrides([veto])]
    for acts in ((), (("program", True), ("program", False)), (("program", True), ("repository", False))):
        assert [each.invariant for each in model(*acts).check_overrides([veto])] == ["invented decision"]
    pin = RecordedOverride(issue=ISSUE, kind="pin", label=LABEL)
    assert not [*model(("person", True)).check_overrides([pin])]
    assert [*model(("program", True)).check_overrides([pin])]


def test_labels_are_compared_with_rules_and_people() -> None:
    world = model(("program", True))
    world.owner[ISSUE, "increment:now"] = world.owner[ANCHOR, "state:planned"] = "program"
    wrong = [each.text for each in world.check_labels(issues(LABEL, "increment:now", "capability:model"))]
    assert not [text for text in wrong if "DS-11" in text or "DS-2" in text]
    missing = [each.text for each in world.check_labels(issues("increment:now", anchor="state:done"))]
    assert [text for text in missing if f"{LABEL} is missing on jira:DS-11" in text]
    assert [text for text in missing if "state:planned is missing on jira:DS-2" in text]


def test_comments_are_counted() -> None:
    world = model()
    assert not [*world.check_comments(dict.fromkeys(world.anchors.values(), 1))]
    world.deleted_comments.add(GOAL)
    assert len([*world.check_comments(dict.fromkeys(world.anchors.values(), 1))]) == 1


def test_the_model_imports_nothing_that_decides() -> None:
    imported = {
        name
        for node in ast.walk(ast.parse(Path(world_model.__file__).read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for name in [node.module or ""]
    }
    assert not [
        name for name in imported if name.startswith("sync.") and not name.startswith("sync.simulation.")
    ]
