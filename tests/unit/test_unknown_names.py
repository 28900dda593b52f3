"""Warnings about names that no issue ever had, and about resolutions that the program does not know."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.model import FieldSelection, IssueChange, KnownIssue
from mappings.checks.silence import silence_hint
from mappings.checks.unknown_names import NamesOfThePast
from mappings.problems import Problem
from sync.store import open_store
from tests.support.findings_world import MAPPING, NOW, RULES, call, from_issues, store, write
from tests.support.match_world import at, known, ref
from tests.support.match_world import closed as closed_issue

FED = (
    known("DS-1", labels={"features"}, status="In Review ", type="Spike", components=("Scoring",)),
    known("acme/churn#1", labels={"model"}),
)


def unknown_names(
    root: Path, text: str, *issues: KnownIssue, past: NamesOfThePast = NamesOfThePast(), **more: str
) -> list[Problem]:
    found = from_issues(write(root, science=text, **more), *FED, *issues, past=past)
    return [each for each in found if each.check in ("unmatched-name", "unknown-resolution")]


@pytest.mark.parametrize(
    ("states", "message"),
    [
        (
            "doing: ['In Reviw']",
            'no issue ever had the status "In Reviw"; did you mean "In Review"?',
        ),
        ("doing: {types: [Spikes]}", 'no issue ever had the type "Spikes"; did you mean "Spike"?'),
        ("blocked: {labels: [waiting]}", 'no issue ever had the label "waiting"; correct or remove it.'),
        ("done: ['In\\u200bReview']", r'no issue ever had the status "In\u200bReview"; did you mean'),
    ],
)
def test_a_name_in_states_that_nothing_ever_had(tmp_path: Path, states: str, message: str) -> None:
    states = states.replace("'", '"')
    (problem,) = unknown_names(tmp_path, MAPPING + f"states: {{{states}}}\n")

    assert problem.check == "unmatched-name"
    assert problem.message.startswith(message)
    assert (problem.origin.line, problem.origin.file) == (8, "mappings/science.yaml")


@pytest.mark.parametrize(
    "states", ["doing: [IN REVIEW]", "done: {types: [spike]}", "todo: {labels: [features]}"]
)
def test_a_name_in_states_that_something_has(tmp_path: Path, states: str) -> None:
    assert unknown_names(tmp_path, MAPPING + f"states: {{{states}}}\n") == []


def test_a_name_that_something_had_in_the_past(tmp_path: Path) -> None:
    def change(**values: Any) -> IssueChange:
        return IssueChange(ref=ref("DS-1"), id="1", at=at(11, 1), **values)

    past = NamesOfThePast(
        changes=(
            change(kind="status", before="Peer review", after="In Review "),
            change(kind="label", before="waiting"),
        ),
        statuses=("Waiting for sales",),
    )
    text = MAPPING + "states: {doing: [Peer Review, waiting for sales], blocked: {labels: [waiting]}}\n"

    assert unknown_names(tmp_path, text, past=past) == []
    assert len(unknown_names(tmp_path, text)) == 3


def test_vanished_issues_had_their_names(tmp_path: Path) -> None:
    gone = KnownIssue(
        issue=known("DS-9", status="Limbo").issue,
        sources=frozenset({"jira:DS"}),
        first_seen=at(10, 1),
        vanished=at(11, 2),
    )
    assert unknown_names(tmp_path, MAPPING + "states: {doing: [Limbo]}\n", gone) == []


def test_nothing_is_said_while_a_source_was_not_read(tmp_path: Path) -> None:
    root = write(tmp_path, science=MAPPING + "states: {doing: [Reviw]}\n")

    assert "unmatched-name" not in {each.check for each in from_issues(root, FED[0])}
    past = NamesOfThePast(sources=frozenset({"jira:DS", "github:acme/churn"}))
    assert "unmatched-name" in {each.check for each in from_issues(root, FED[0], past=past)}


def test_names_of_the_defaults_have_to_fit_one_team_only(tmp_path: Path) -> None:
    two = "team: two\nsources:\n  - jira: {project: OPS}\n" + RULES
    issue_of_two = known("OPS-1", labels={"features"}, status="Limbo")
    (tmp_path / "defaults.yaml").write_text("states: {doing: [Limbo, Nowhere]}\n")

    problems = unknown_names(tmp_path, MAPPING, issue_of_two, two=two)

    assert [(each.origin.file, '"Nowhere"' in each.message) for each in problems] == [("defaults.yaml", True)]


def test_names_of_the_defaults_can_be_silenced_there(tmp_path: Path) -> None:
    (tmp_path / "defaults.yaml").write_text("states: {doing: [Nowhere]}\n")
    (problem,) = unknown_names(tmp_path, MAPPING)
    assert silence_hint(problem) == "silence: [unmatched-name] in the same file"

    (tmp_path / "defaults.yaml").write_text("states: {doing: [Nowhere]}\nsilence: [unmatched-name]\n")
    assert unknown_names(tmp_path, MAPPING) == []


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("labels: [features, featurs]", 'the label "featurs"; did you mean "features"?'),
        (
            "labels: [features], components: {none: [Scorring]}",
            'the component "Scorring"; did you mean "Scoring"?',
        ),
        ("labels: [features], type: [Spike, Spyke]", 'the type "Spyke"; did you mean "Spike"?'),
        (
            "labels: [features], status: [in review, In Reviev]",
            'the status "In Reviev"; did you mean "In Review"?',
        ),
    ],
)
def test_a_name_beside_others_in_a_rule_that_is_mistyped(tmp_path: Path, when: str, message: str) -> None:
    text = MAPPING.replace("labels: [features]", when)
    if "features, " not in when:
        text = text.replace("labels: [features], ", "")
    (problem,) = unknown_names(tmp_path, text)

    assert problem.message == f"no issue ever had {message}"
    assert problem.origin.line == 6


@pytest.mark.parametrize(
    "when",
    [
        "labels: [features, somewhere]",
        "labels: [features], fix_version: {none: ['1.10']}",
        "labels: [features, 'featur*']",
        "labels: [features, FEATURES]",
    ],
)
def test_other_names_of_rules_may_come_later(tmp_path: Path, when: str) -> None:
    released = known("DS-3", labels={"features"}, fix_versions=("1.11",))
    assert unknown_names(tmp_path, MAPPING.replace("labels: [features]", when), released) == []


def test_resolutions_that_nobody_knows_are_named_with_their_counts(tmp_path: Path) -> None:
    issues = [closed_issue(f"DS-{n}", resolution="Needs more info ") for n in (11, 12)]
    issues += [
        closed_issue("DS-13", resolution="Not Our Bug"),
        closed_issue("acme/churn#9", resolution="transferred"),
    ]
    issues += [
        closed_issue("DS-14", resolution="Fixed"),
        closed_issue("DS-15", resolution="Won't Do"),
        closed_issue("DS-16"),
    ]
    issues += [closed_issue("acme/churn#8", resolution="completed"), known("DS-17", resolution="Hold")]

    found = unknown_names(tmp_path, MAPPING, *issues)

    assert [each.message for each in found] == [
        f'the resolution "{name}" ({count}) is unknown and counts as done; add it to `done_resolutions` or '
        "`dropped_resolutions`."
        for name, count in (
            ("Needs more info", "2 closed issues"),
            ("Not Our Bug", "1 closed issue"),
            ("transferred", "1 closed issue"),
        )
    ]
    assert {each.check for each in found} == {"unknown-resolution"}


@pytest.mark.parametrize(
    "declared",
    [
        "done_resolutions: [needs more info]",
        "dropped_resolutions: [Needs  more info]",
        "states: {dropped: [closed]}",
    ],
)
def test_declared_resolutions_are_known(tmp_path: Path, declared: str) -> None:
    assert (
        unknown_names(tmp_path, f"{MAPPING}{declared}\n", closed_issue("DS-11", resolution="Needs more info"))
        == []
    )


def test_a_declared_resolution_that_nothing_ever_had(tmp_path: Path) -> None:
    text = MAPPING + "dropped_resolutions: [On Hold]\ndone_resolutions: [Live]\n"
    found = unknown_names(
        tmp_path, text, closed_issue("DS-11", resolution="Hold"), closed_issue("DS-12", resolution="live")
    )

    assert [each.message for each in found if each.check == "unmatched-name"] == [
        'no issue ever had the resolution "On Hold"; did you mean "Hold"?'
    ]


def test_check_reads_the_names_of_the_past_from_the_store(tmp_path: Path) -> None:
    mapping = MAPPING + "states: {doing: [Peer review, Listed, Nowhere]}\n"
    root = write(tmp_path, science=mapping)
    change = IssueChange(
        ref=ref("DS-1"), id="1", at=at(11, 1), kind="status", before="Peer Review", after="In Review"
    )
    with closing(open_store(f"sqlite:///{store(root, *FED)}", now=lambda: NOW)) as opened:
        opened.save_issue_changes([FED[0].issue], [change], FieldSelection())
        opened.save_statuses("jira", {"7": ("Listed", "doing")})

    code, out, _ = call(root, "mappings", "check")

    assert code == 0
    (line,) = (line for line in out.splitlines() if "no issue ever had" in line)
    assert line.startswith("mappings/science.yaml:8:39: warning: states.doing[2]: ")
    assert line.endswith('the status "Nowhere"; correct or remove it. [unmatched-name]')
