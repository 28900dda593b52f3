"""Exceptions of the decision table of labels: what people said, former names, and what one run does not know."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connectors.model import IssueRef
from mappings.labels import LabelScheme, TeamLabels
from sync.diff.label_diff import diff_labels
from sync.diff.label_inputs import LabelDiffInputs
from sync.model.changes import LabelChange, Reason
from sync.model.labels import DesiredLabels, LabelDiff, RecordedOverrides
from tests.support.match_world import issue

REF = issue("DS-1").ref
SCHEME = LabelScheme(
    former_prefixes={"capability": ("cap:",)}, teams={"ops": TeamLabels(prefixes={"capability": "ops:"})}
)
RENAMED = {"capability:old": "capability:a"}


def labels(*names: str) -> dict[str, Reason]:
    return {name: Reason(text=f"{name} is wanted") for name in names}


def one(
    desired: str = "", pushed: str = "", live: str = "", *, overrides: Any = None, **more: Any
) -> LabelDiffInputs:
    """The inputs of an issue; labels are separated by blanks."""
    wished = {
        name: more.pop(name)
        for name in ("is_anchor", "no_pure_removal", "may_write", "fully_read", "team")
        if name in more
    }
    unproven = {REF: frozenset(more.pop("unproven", "").split())}
    named = {kind: {REF: frozenset(text.split())} for kind, text in (overrides or {}).items()}
    return LabelDiffInputs(
        desired={REF: DesiredLabels(ref=REF, container="DS", labels=labels(*desired.split()), **wished)},
        live={REF: issue("DS-1", labels={*live.split(), "of-people"})},
        pushed={REF: frozenset(pushed.split())},
        overrides=RecordedOverrides(**named),
        scheme=SCHEME,
        capability_ids=frozenset({"a", "b", "old"}),
        unproven=unproven,
        **more,
    )


def diff(*state: str, **more: Any) -> LabelDiff:
    return diff_labels(one(*state, **more))


def change(*state: str, **more: Any) -> LabelChange:
    found = diff(*state, **more)
    assert not found.suspicions
    [only] = found.changes
    return only


def suspected(*state: str, **more: Any) -> list[tuple[str, str, bool]]:
    found = diff(*state, **more)
    assert not (found.suspicions and found.changes), "nothing is written before the suspicion is checked"
    return [(each.kind, each.label, each.needs_history) for each in found.suspicions]


# ---- what people said


def test_an_override_ends_when_people_undo_it() -> None:
    """A pin ends without its label, and a veto with it."""
    assert suspected(overrides={"pins": "capability:a"}) == [("pin-lifted", "capability:a", False)]
    assert suspected(live="capability:a", overrides={"pins": "capability:a"}) == []
    assert suspected(live="capability:a", overrides={"vetoes": "capability:a"}) == [
        ("pin", "capability:a", False)
    ]
    assert suspected(live="increment:q4", overrides={"vetoes": "increment:q4"}) == [
        ("veto-lifted", "increment:q4", False)
    ]
    assert suspected(pushed="increment:q4", live="increment:q4", overrides={"vetoes": "increment:q4"}) == [
        ("veto-lifted", "increment:q4", False)
    ]
    assert suspected(overrides={"vetoes": "capability:a"}) == []


def test_a_label_left_alone_is_forgotten_when_it_goes() -> None:
    assert suspected(overrides={"ignored": "capability:b"}) == [("ignored-lifted", "capability:b", False)]
    found = diff(live="capability:b", overrides={"ignored": "capability:b"})
    assert (found.changes, found.suspicions) == ((), ())
    assert [each.text for each in found.notices] == ["has capability:b of unknown origin; left alone"]


def test_a_label_from_before_this_store_is_judged_by_its_history() -> None:
    assert suspected(live="capability:a", unproven="capability:a") == [("pin", "capability:a", True)]
    assert suspected(live="increment:q4", unproven="increment:q4") == [("origin", "increment:q4", True)]
    assert suspected(live="increment:q4") == [("origin", "increment:q4", True)]


def test_a_removed_label_is_no_veto_while_its_meaning_is_still_there() -> None:
    """With the prefix of another team, or as a pin."""
    assert suspected("capability:a", "capability:a", "ops:a") == [("gone", "capability:a", False)]
    assert suspected("capability:a", "capability:a", "ops:b") == [
        ("veto", "capability:a", False),
        ("pin", "ops:b", False),
    ]
    pinned = {"pins": "capability:a"}
    assert suspected("capability:a", "capability:a", overrides=pinned) == [
        ("pin-lifted", "capability:a", False)
    ]


def test_a_label_with_another_teams_prefix_means_the_same_and_is_enough() -> None:
    assert diff("capability:a", "", "ops:a").changes == ()
    assert set(change("capability:a", "", "cap:a").add) == {"capability:a"}


def test_a_vetoed_label_of_ours_that_is_still_there_is_not_put_again() -> None:
    vetoed = {"vetoes": "capability:a"}
    assert diff("capability:a increment:q4", "increment:q4", "increment:q4", overrides=vetoed).changes == ()


def test_only_a_missing_removal_of_a_capability_explains_the_increment_that_goes() -> None:
    pushed = "increment:q4"
    vetoed = change("", pushed, pushed, overrides={"vetoes": "capability:a"})
    assert vetoed.remove["increment:q4"].text == "a person removed the issue from its capability"
    other = change("", pushed, pushed, overrides={"vetoes": "unplanned"})
    assert other.remove["increment:q4"].text == "no rule asks for it now"
    assert other.pure_removals == ("increment:q4",)
    state = change("", "state:done", "state:done", overrides={"vetoes": "capability:a"})
    assert state.remove["state:done"].text == "no rule asks for it now"
    assert state.pure_removals == ("state:done",)


def test_a_pin_explains_only_labels_of_capability_and_increment() -> None:
    pinned = {"pins": "capability:b"}
    live = "capability:b capability:a increment:q3 unplanned"
    found = change("", "capability:a increment:q3 unplanned", live, overrides=pinned)
    assert {label: reason.text for label, reason in found.remove.items()} == {
        "capability:a": "a person pinned the issue to another capability",
        "increment:q3": "a person pinned the issue to another capability",
        "unplanned": "no rule asks for it now",
    }


# ---- labels that undo put back


def test_of_a_family_with_one_label_an_issue_nothing_moves_after_an_undo() -> None:
    undone = {"reverted": "capability:a"}
    assert diff("capability:b", "", "", overrides=undone).changes == ()
    assert diff("", "capability:b", "capability:b", overrides=undone).changes == ()
    assert set(change("capability:b increment:q4", overrides=undone).add) == {"increment:q4"}


def test_an_undone_flag_holds_only_itself() -> None:
    undone = {"reverted": "flag:blocked"}
    found = change("flag:scope-growth flag:blocked", overrides=undone, is_anchor=True)
    assert set(found.add) == {"flag:scope-growth"}


# ---- anchors


@pytest.mark.parametrize("family", ["state", "health", "flag"])
def test_a_persons_label_on_an_anchor_replaces_ours_of_its_family(family: str) -> None:
    theirs, ours = f"{family}:x", f"{family}:y"
    judged = {"ignored": theirs, "put_by_people": theirs}
    found = change(f"{ours} capability:a", ours, f"{theirs} {ours}", is_anchor=True, overrides=judged)
    assert set(found.add) == {"capability:a"}
    assert found.remove[ours].text == "a person put another label of this family on the anchor"
    assert found.pure_removals == (), "a person's label takes its place"
    beside = change(ours, "", theirs, overrides=judged)
    assert set(beside.add) == {ours}, "an ordinary issue gets it beside theirs"


def test_a_label_of_unknown_origin_on_an_anchor_counts_once_the_history_knows_no_better() -> None:
    more: dict[str, Any] = {"is_anchor": True, "unproven": "state:done"}
    assert suspected("state:planned", "", "state:done", **more) == [("origin", "state:done", True)]
    judged = diff("state:planned", "", "state:done", overrides={"ignored": "state:done"}, **more)
    assert (judged.changes, judged.suspicions) == ((), ())


def test_a_capability_label_on_an_anchor_is_no_pin() -> None:
    assert suspected("", "", "capability:a", is_anchor=True) == [("origin", "capability:a", True)]
    judged = {"ignored": "capability:a", "put_by_people": "capability:a"}
    found = diff("", "", "capability:a", is_anchor=True, overrides=judged)
    assert (found.suspicions, [each.text for each in found.notices]) == (
        (),
        ["has capability:a, put by a person; left alone"],
    )


def test_a_persons_label_that_has_become_a_capability_is_judged_again() -> None:
    judged = {"ignored": "capability:a capability:moon", "put_by_people": "capability:a capability:moon"}
    assert suspected("", "", "capability:a", overrides=judged | {"ignored": "capability:a"}) == [
        ("pin", "capability:a", False)
    ]
    found = diff("", "", "capability:moon", overrides=judged | {"ignored": "capability:moon"})
    assert [each.text for each in found.notices] == ["has capability:moon, put by a person; left alone"]


# ---- former names


def test_a_persons_label_with_a_former_name_goes_when_the_new_one_comes() -> None:
    found = change("capability:a", "", "capability:old", renames=RENAMED)
    assert (set(found.add), set(found.remove)) == ({"capability:a"}, {"capability:old"})
    assert found.remove["capability:old"].text == "renamed to capability:a"
    assert found.renames == {"capability:old": "capability:a"}


def test_a_former_name_of_unknown_origin_stays() -> None:
    found = diff("capability:a", "", "capability:old", renames=RENAMED, overrides={"ignored": "capability:a"})
    assert [set(each.remove) for each in found.changes] == [set()]
    assert [set(each.add) for each in found.changes] == [{"capability:a"}]


def test_a_former_name_whose_new_one_is_not_wanted_is_a_pin() -> None:
    assert suspected("", "", "capability:old", renames=RENAMED) == [("pin", "capability:old", False)]


def test_a_former_name_beside_the_new_one_is_no_rename() -> None:
    found = change("capability:a", "capability:a cap:a", "capability:a cap:a")
    assert (set(found.add), set(found.remove), found.renames) == (set(), {"cap:a"}, {})


def test_a_label_that_two_issues_want_renamed_differently_is_not_renamed_in_place() -> None:
    """A rename in place changes all issues of the repository."""

    def wanted(repository: str, number: int, label: str) -> tuple[IssueRef, DesiredLabels]:
        ref = IssueRef(tracker="github", id=f"{repository}{number}", key=f"{repository}#{number}")
        return ref, DesiredLabels(ref=ref, container=repository, labels=labels(label))

    desired = dict(
        [
            wanted("acme/churn", 1, "capability:a"),
            wanted("acme/churn", 2, "ops:a"),
            wanted("acme/other", 1, "ops:a"),
            wanted("acme/other", 2, "ops:a"),
        ]
    )
    inputs = replace(
        one(),
        desired=desired,
        live={ref: replace(issue("DS-1", labels={"cap:a"}), ref=ref) for ref in desired},
        pushed=dict.fromkeys(desired, frozenset({"cap:a"})),
    )
    found = {each.ref.key: each for each in diff_labels(inputs).changes}
    assert {key: dict(each.renames) for key, each in found.items()} == {
        "acme/churn#1": {},
        "acme/churn#2": {},
        "acme/other#1": {"cap:a": "ops:a"},
        "acme/other#2": {"cap:a": "ops:a"},
    }
    assert {key: (*each.add, *each.remove) for key, each in found.items()} == {
        "acme/churn#1": ("capability:a", "cap:a"),
        "acme/churn#2": ("ops:a", "cap:a"),
        "acme/other#1": ("ops:a", "cap:a"),
        "acme/other#2": ("ops:a", "cap:a"),
    }


# ---- what one run does not know or may not do


def test_an_issue_that_was_not_fully_read_is_not_compared() -> None:
    found = diff("capability:a", "capability:b", "capability:b", fully_read=False)
    assert (found.changes, found.suspicions, found.notices) == ((), (), ())


def test_without_permission_overrides_are_seen_and_nothing_is_written() -> None:
    assert diff("capability:a", "capability:b", "capability:b", may_write=False).changes == ()
    assert suspected("capability:a", "capability:a", may_write=False) == [("veto", "capability:a", False)]


def test_before_a_label_is_put_by_a_new_store_the_history_is_read() -> None:
    lost: dict[str, Any] = {"unrecovered": frozenset({REF})}
    assert suspected("capability:a", **lost) == [("before-store", "capability:a", True)]
    assert suspected("capability:a", "capability:a", **lost) == [
        ("before-store", "capability:a", True),
        ("veto", "capability:a", False),
    ]
    assert suspected("capability:a", "capability:a", "capability:a", **lost) == []
    assert suspected("capability:a", may_write=False, **lost) == []


def test_while_a_source_is_not_read_labels_are_only_replaced() -> None:
    unsure: dict[str, Any] = {"no_pure_removal": True}
    assert diff("", "capability:a", "capability:a", **unsure).changes == ()
    found = change("capability:b", "capability:a increment:q4", "capability:a increment:q4", **unsure)
    assert (set(found.add), set(found.remove), found.pure_removals) == (
        {"capability:b"},
        {"capability:a"},
        (),
    )


def test_labels_of_a_finished_increment_stay_beside_anything_but_a_new_capability() -> None:
    done: dict[str, Any] = {"finished_increment_labels": frozenset({"increment:q3"})}
    old = "capability:old increment:q3 unplanned"
    assert set(change("", old, old, **done).remove) == {"unplanned"}
    assert set(change("increment:q4", old, old, **done).remove) == {"unplanned"}
    unfinished = change("", "capability:old increment:q2", "capability:old increment:q2", **done)
    assert set(unfinished.remove) == {"capability:old", "increment:q2"}


def test_a_change_says_where_it_belongs_and_what_was_there() -> None:
    found = change("capability:b ops:a", "capability:a unplanned", "Capability:A unplanned", team="ops")
    assert (found.container, found.team) == ("DS", "ops")
    assert found.before == ("Capability:A", "unplanned")
    assert (list(found.add), list(found.remove)) == (
        ["capability:b", "ops:a"],
        ["Capability:A", "unplanned"],
    )
    assert found.add["ops:a"].text == "ops:a is wanted"
