"""Conditions of ``when``: compared values, wildcards, case, and combinations."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.model import FieldSelection, Issue
from mappings.rules.ancestry import Ancestry
from mappings.rules.conditions import compile_conditions, field_selection_for
from mappings.rules.patterns import PatternInvalid, compile_pattern
from mappings.rules.rule_index import RuleIndex
from mappings.rules.subject import RuleSubject
from mappings.rules.team_rules import TeamRules
from tests.support.match_world import at, issue, known, rule, team


def holds(when: dict[str, Any], one: Issue, ancestors: tuple[str, ...] = ()) -> bool:
    subject = RuleSubject(issue=one, labels=tuple(sorted(one.labels)), ancestors=ancestors)
    return all(condition.holds(subject) for condition in compile_conditions(when))


FULL = issue(
    "DS-7",
    type="Experiment",
    labels=["Area/Features-EU", "quick"],
    components=("Scoring", "Data"),
    fix_versions=("1.10",),
    sprint="Blue 12",
    status="In Review",
    author="mona",
    reporter="dana",
    assignees=("hubot", "octo"),
    fields={"Model": ("churn", "uplift")},
    title="Retrain the churn model",
    body="see\nthe notes",
)
ON_GITHUB = issue("acme/churn#7", milestone="Q4 release")


@pytest.mark.parametrize(
    ("key", "matching", "other", "one"),
    [
        ("tracker", "JIRA", "github", FULL),
        ("project", "ds", "DSX", FULL),
        ("repo", "acme/*", "other/*", ON_GITHUB),
        ("type", "experiment", "Task", FULL),
        ("labels", "area/features-*", "area/model-*", FULL),
        ("components", "data", "dat", FULL),
        ("milestone", "q4*", "Q4", ON_GITHUB),
        ("fix_version", "1.1?", "1.1", FULL),
        ("sprint", "blue ??", "blue ?", FULL),
        ("status", "in review", "review", FULL),
        ("author", "MONA", "mon", FULL),
        ("reporter", "DANA", "mona", FULL),
        ("assignee", "octo", "nobody", FULL),
    ],
)
def test_each_key_compares_its_own_values_without_regard_to_case(
    key: str, matching: str, other: str, one: Issue
) -> None:
    assert holds({key: {"any": (matching,)}}, one)
    assert not holds({key: {"any": (other,)}}, one)
    assert holds({key: {"none": (other,)}}, one)
    assert not holds({key: {"none": (matching,)}}, one)


def test_any_all_and_none_have_to_hold_together() -> None:
    one = issue(labels=["a", "b", "c1"])

    assert holds({"labels": {"any": ("x", "a"), "all": ("b", "c*"), "none": ("d",)}}, one)
    assert not holds({"labels": {"any": ("a",), "all": ("b", "x")}}, one)
    assert not holds({"labels": {"any": ("a",), "none": ("c?",)}}, one)


def test_none_of_a_star_means_that_there_is_nothing() -> None:
    assert holds({"labels": {"none": ("*",)}, "milestone": {"none": ("*",)}}, issue())
    assert not holds({"labels": {"none": ("*",)}}, issue(labels=["a"]))


def test_brackets_and_dots_in_names_are_themselves() -> None:
    assert holds({"labels": {"any": ("[a].b*",)}}, issue(labels=["[a].b1"]))
    assert not holds({"labels": {"any": ("[a].b*",)}}, issue(labels=["axb1"]))


def test_letters_outside_ascii_fold_too() -> None:
    assert holds({"labels": {"any": ("straße", "GRÖSSE*")}}, issue(labels=["STRASSE"]))
    assert holds({"labels": {"any": ("GRÖ?E*",)}}, issue(labels=["größe-1".replace("ß", "s")]))


def test_repo_says_nothing_about_jira_issues() -> None:
    assert not holds({"repo": {"any": ("*",)}}, FULL)


def test_custom_fields_are_found_by_name() -> None:
    assert holds({"field": {"Model": {"any": ("CHURN",)}, "model": {"all": ("churn", "up*")}}}, FULL)
    assert not holds({"field": {"Other": {"any": ("*",)}}}, FULL)


def test_parent_means_any_ancestor_with_or_without_the_tracker() -> None:
    ancestors = ("DS-5", "DS-140")

    assert holds({"parent": {"any": ("DS-140",)}}, FULL, ancestors)
    assert holds({"parent": {"any": ("jira:ds-5",)}}, FULL, ancestors)
    assert not holds({"parent": {"any": ("DS-7",)}}, FULL, ancestors)


def test_ancestors_are_walked_through_known_issues_and_circles_end() -> None:
    family = Ancestry(
        [
            known("DS-1", parent="DS-2"),
            known("DS-2", parent="DS-3"),
            known("DS-3", parent="DS-1"),
            known("DS-4"),
        ]
    )

    assert family.ancestors_of(issue("DS-1", parent="DS-2")) == ("DS-2", "DS-3")
    assert family.ancestors_of(issue("DS-9", parent="DS-8")) == ("DS-8",)
    assert family.ancestors_of(issue("DS-4", parent="DS-4")) == ()


def test_a_span_begins_with_its_first_moment_and_ends_before_its_last() -> None:
    when = {"created": {"after": at(10, 1), "before": at(10, 2)}}

    assert holds(when, issue(created=at(10, 1)))
    assert not holds(when, issue(created=at(10, 2)))
    assert not holds(when, issue(created=at(9, 30)))
    assert holds({"updated": {"before": at(11, 2)}}, issue(updated=at(11, 1)))


def test_patterns_are_searched_anywhere_and_mind_case_unless_set() -> None:
    assert holds({"title": r"(?i)\bCHURN model\b"}, FULL)
    assert not holds({"title": "CHURN"}, FULL)
    assert holds({"body": r"the\snotes$"}, FULL)
    assert not holds({"body": "^the"}, FULL)


def test_a_broken_character_in_a_text_does_not_stop_the_matcher() -> None:
    broken = issue(title="bad \ud800 churn", labels=["a\ud800"])

    assert holds({"title": "churn$", "labels": {"any": ("a?",)}}, broken)


@pytest.mark.parametrize("pattern", ["(a", r"(?=a)", r"(a)\1", "a{100000}", "x" * 501])
def test_what_is_no_re2_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(PatternInvalid):
        compile_pattern(pattern)


def test_a_pattern_that_explodes_elsewhere_is_linear_here() -> None:
    assert not holds({"title": "^(a+)+$"}, issue(title="a" * 50_000 + "b"))
    assert not holds({"labels": {"any": ("*a" * 100 + "b",)}}, issue(labels=["a" * 255]))


def test_names_with_and_without_wildcards_can_stand_in_one_list() -> None:
    mixed = TeamRules(team("science", rule("r", "x", {"labels": {"any": ("features", "area/*")}})))

    for label, taken in {"features": True, "area/eu": True, "area/*": True, "other": False}.items():
        subject = RuleSubject(issue=issue(labels=[label]), labels=(label,))
        assert bool(RuleIndex([mixed.rules]).first(subject)) == taken


def test_many_patterns_are_tried_at_once_and_one_by_one_when_that_is_too_much() -> None:
    rules = [rule(f"r{n}", "x", {"title": f"word{n}$"}) for n in range(5)]
    subject = RuleSubject(issue=issue(title="a word3"), labels=())

    class Exhausted:
        """What a set of patterns answers when its memory does not suffice."""

        def Match(self, text: bytes) -> list[int]:  # noqa: N802 - the library's name
            return []

    compiled = TeamRules(team("science", *rules)).rules
    together, alone = RuleIndex([compiled]), RuleIndex([compiled])
    alone._patterns["title"]._set = Exhausted()

    for index in (together, alone):
        assert [found.id for found in index.first(subject).values()] == ["r3"]
        assert index._patterns["title"].positions("a word3") == [3]


def test_a_pull_brings_along_only_what_rules_ask_for() -> None:
    plain = team("plain", rule("r", "x", {"title": "a"}))
    asking = team("asking", rule("r", "x", {"body": "a", "field": {"Model": {"any": ("m",)}}}))

    assert field_selection_for([plain]) == FieldSelection()
    assert field_selection_for([plain, asking]) == FieldSelection(body=True, fields=("Model",))


def test_empty_texts_are_no_values() -> None:
    subject = RuleSubject(issue=issue(type="", status="", assignees=("", "ada")), labels=())
    assert subject.values("type") == subject.values("status") == ()
    assert subject.values("assignee") == ("ada",)
