"""Ancestors by current and former keys, and renamed projects and repositories."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connectors.model import IssueRef, KnownIssue
from mappings.rules.ancestry import Ancestry
from sync.model.anchors import issues_by_place
from sync.rollup.membership import IssueHierarchy
from sync.store.issues import FormerKeys, add_former_key
from tests.support.match_world import (
    Q4,
    assigned_capabilities,
    capability,
    increment,
    known,
    match,
    rule,
    team,
    workspace,
)


def moved(key: str, *former: str, **facts: Any) -> KnownIssue:
    """Return an issue with the keys that it had before; its id stays the first one."""
    made = known(key, **facts)
    ref = IssueRef(tracker=made.issue.ref.tracker, id=former[0], key=key)
    return replace(made, issue=replace(made.issue, ref=ref), former_keys=former)


def below(*issues: KnownIssue) -> tuple[str, ...]:
    """Return the ancestors of the first issue."""
    return Ancestry(issues).names_of(issues[0].issue)


def test_a_former_key_leads_to_the_moved_issue_and_on() -> None:
    task = known("DS-151", parent="DS-140")
    assert below(task, moved("OPS-1", "DS-140", parent="DS-100"), known("DS-100")) == (
        "OPS-1",
        "DS-140",
        "DS-100",
    )
    assert below(task, moved("NEW-9", "DS-140", "OPS-1")) == ("NEW-9", "DS-140", "OPS-1")


def test_a_key_that_another_issue_has_now_is_its_own() -> None:
    task = known("acme/churn#9", parent="acme/churn#4")
    renamed = moved("acme/new#4", "acme/churn#4", parent="acme/new#1")
    assert below(task, renamed, known("acme/churn#4", parent="acme/churn#2")) == (
        "acme/churn#4",
        "acme/churn#2",
    )


def test_a_cycle_over_former_keys_ends() -> None:
    assert below(known("DS-1", parent="DS-2"), moved("OPS-2", "DS-2", parent="DS-1")) == ("OPS-2", "DS-2")
    assert below(moved("OPS-1", "DS-1", parent="DS-1")) == ()


def test_a_renamed_project_is_found_where_some_of_its_issues_were_read_again() -> None:
    read_again = [moved(f"DATA-{number}", f"DS-{number}", parent="DATA-100") for number in (11, 12)]
    epic = known("DS-100")
    assert below(*read_again, epic) == ("DS-100", "DATA-100")
    assert below(known("DATA-13", parent="DATA-140"), *read_again, known("DS-140", parent="DS-100")) == (
        "DS-140",
        "DATA-140",
        "DS-100",
        "DATA-100",
    )


def test_issues_that_move_one_by_one_rename_no_project() -> None:
    singles = [moved("OPS-11", "DS-11", parent="OPS-57"), moved("OPS-2", "DS-12")]
    assert below(*singles, known("DS-57", parent="DS-100")) == ("OPS-57",)
    assert below(moved("OPS-1", "DS-1", parent="OPS-57"), known("DS-57")) == ("OPS-57",)


def test_rules_name_renamed_projects_and_repositories_by_either_name() -> None:
    rules = (
        rule("p", "by-project", {"project": {"any": ("DS",)}}),
        rule("r", "by-repo", {"repo": {"any": ("acme/churn",)}}),
    )
    world = workspace(
        increment("q4", Q4, capability("by-project"), capability("by-repo")),
        teams=(team("science", *rules, sources=("DATA", "OPS", "acme/new")),),
    )
    issues = [moved(f"DATA-{number}", f"DS-{number}") for number in (1, 2)]
    issues += [moved(f"acme/new#{number}", f"acme/churn#{number}") for number in (1, 2)]
    left = moved("OPS-7", "DS-3")

    assert assigned_capabilities(match(world, *issues, left)) == {
        "DATA-1": "by-project",
        "DATA-2": "by-project",
        "acme/new#1": "by-repo",
        "acme/new#2": "by-repo",
    }


def test_a_former_key_in_a_rule_is_named_with_the_new_one() -> None:
    world = workspace(
        increment("q4", Q4, capability("kin")),
        teams=(team("science", rule("kin", "kin", {"parent": {"any": ("jira:DS-140",)}})),),
    )
    matched = match(world, known("DS-151", parent="OPS-1"), moved("OPS-1", "DS-140"))
    assert assigned_capabilities(matched) == {"DS-151": "kin"}
    (warning,) = matched.warnings
    assert 'The rule "kin" of science' in warning
    assert warning.endswith("names jira:DS-140, which is OPS-1 now; write the new key.")


def test_a_parent_does_not_count_beside_its_children_whatever_it_was_called() -> None:
    renamed = [moved(f"DATA-{number}", f"DS-{number}", parent="DATA-100") for number in (11, 12)]
    children = (*renamed, known("DATA-13", parent="DATA-100"), known("DS-14", parent="DS-140"))
    issues = {each.issue.ref: each for each in (*children, known("DS-100"), moved("OPS-1", "DS-140"))}
    hierarchy = IssueHierarchy(issues)
    found = {ref.key: {parent.key for parent in hierarchy.ancestors(ref)} for ref in issues}
    assert found == {
        "DATA-11": {"DS-100"},
        "DATA-12": {"DS-100"},
        "DATA-13": {"DS-100"},
        "DS-14": {"OPS-1"},
        "DS-100": set(),
        "OPS-1": set(),
    }


def test_an_issue_that_was_transferred_under_another_id_takes_its_former_key_along() -> None:
    """GitHub gives a transferred issue another id; the old one is in no source any more."""
    task = known("acme/churn#9", parent="acme/churn#4")
    old = known("acme/churn#4", parent="acme/churn#2", sources=set())
    new = moved("acme/attic#1", "acme/churn#4", parent="acme/attic#7")
    for issues in ((task, old, new), (task, new, old)):
        assert below(*issues) == ("acme/attic#1", "acme/churn#4", "acme/attic#7")
        assert issues_by_place(issues)["github", "acme/churn#4"] is new


def test_a_key_that_runs_and_history_both_tell_is_one_former_key() -> None:
    found: FormerKeys = {}
    for key in ("DS-1", "", "OPS-2", "DS-1"):
        add_former_key(found, "jira", "10001", key)
    assert found == {("jira", "10001"): ("DS-1", "OPS-2")}
