"""Each cross-file check reports its error, and nothing on a valid workspace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.jql_syntax import BadJql, without_order
from connectors.registry import spec_of
from mappings.labels import DEFAULT_PREFIXES, LabelScheme
from mappings.load import check_workspace
from mappings.problems import Problem

TRACKERS = {"jira": spec_of("jira-cloud"), "old-jira": spec_of("jira-dc"), "github": spec_of("github")}

PLAN = """\
increment: q4
start: 2026-10-01
end: 2026-12-31
timezone: Europe/Berlin
goals:
  - id: goal
    title: A goal
    anchor: jira:DS-100
    capabilities:
      - id: features
        title: Features
        team: science
        anchor: acme/churn#12
      - id: model
        title: Model
        team: science
        iterations: [v1, v2]
        target: 2026-12-11
        previously: [old-model]
        continues: features
"""
MAPPING = """\
team: science
sources:
  - jira: {project: DS}
  - github: {repo: acme/churn}
states:
  doing: [Review]
answers: {confirmed: yes-it-is}
rules:
  - id: a
    when: {labels: {any: [features, "area/*"]}}
    assign: features
  - id: b
    when: {title: '(?i)churn'}
    assign: model
    iteration: v2
"""
OTHER = """\
increment: q3
start: 2026-07-01
end: 2026-09-30
goals: []
"""


def check(root: Path, *, plan: str = PLAN, mapping: str = MAPPING, other: str = OTHER) -> tuple[Problem, ...]:
    for name, text in {"plans/q3": other, "plans/q4": plan, "mappings/science": mapping}.items():
        path = root / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    _, problems = check_workspace(root, trackers=TRACKERS, timezone="UTC", labels=LabelScheme())
    return problems


def brief(problem: Problem) -> tuple[str, str, str]:
    return (problem.check, problem.severity, f"{problem.origin.line}:{problem.origin.column}")


def test_a_right_workspace_has_no_findings(tmp_path: Path) -> None:
    assert check(tmp_path) == ()


@pytest.mark.parametrize(
    ("before", "after", "found", "message"),
    [
        ("increment: q4", "increment: q3", ("duplicate-increment", "error", "1:12"), "plans/q3.yaml:1:12"),
        ("increment: q4", "increment: Q 4", ("unusable-id", "error", "1:12"), "lower-case"),
        ("id: goal", "id: Goal", ("unusable-id", "error", "6:9"), "lower-case"),
        ("id: features", f"id: {'x' * 40}", ("unusable-id", "error", "10:13"), "51 characters"),
        ("id: model", "id: features", ("duplicate-capability", "error", "14:13"), "plans/q4.yaml:10:13"),
        ("[v1, v2]", "[v1, v2, V1]", ("duplicate-iteration", "error", "17:30"), "rename or remove"),
        ("end: 2026-12-31", "end: 2026-09-01", ("end-before-start", "error", "3:6"), "2026-10-01"),
        ("2026-12-11", "2027-01-01", ("target-outside-increment", "error", "18:17"), "2026-12-31"),
        ("Europe/Berlin", "Europe/Berlinn", ("unknown-timezone", "error", "4:11"), "IANA"),
        ("jira:DS-100", "DS-100", ("bad-anchor", "error", "8:13"), "jira:DS-100 or old-jira:DS-100"),
        ("jira:DS-100", "jira:acme/x#1", ("bad-anchor", "error", "8:13"), "jira:DS-100"),
        ("jira:DS-100", "jria:DS-100", ("bad-anchor", "error", "8:13"), 'did you mean "jira"'),
        ("jira:DS-100", "one hundred", ("bad-anchor", "error", "8:13"), "not an issue key"),
        ("jira:DS-100", "github:Acme/churn#12", ("anchor-used-twice", "error", "13:17"), "q4.yaml:8:13"),
        ("continues: features", "continues: feature", ("bad-continues", "error", "20:20"), '"features"'),
        ("continues: features", "continues: model", ("bad-continues", "error", "20:20"), "circular"),
        ("[old-model]", "[features]", ("previously-clashes", "error", "19:22"), "in use"),
        ("[old-model]", "[x, x]", ("previously-clashes", "error", "19:25"), "former id"),
    ],
)
def test_mistakes_in_a_plan(
    tmp_path: Path, before: str, after: str, found: tuple[str, str, str], message: str
) -> None:
    assert before in PLAN
    problems = [
        each for each in check(tmp_path, plan=PLAN.replace(before, after, 1)) if each.check == found[0]
    ]

    assert [brief(each) for each in problems] == [found]
    assert message in problems[0].message


@pytest.mark.parametrize(
    ("before", "after", "found", "message"),
    [
        ("assign: model", "assign: modle", ("unknown-capability", "error", "14:13"), 'did you mean "model"?'),
        (
            "assign: model",
            "assign: old-model",
            ("unknown-capability", "error", "14:13"),
            'renamed to "model"',
        ),
        (
            "answers:",
            "done_resolutions: [live]\ndropped_resolutions: [Live ]\nanswers:",
            ("state-named-twice", "error", "7:20"),
            "under `done_resolutions` and `dropped_resolutions`",
        ),
        ("iteration: v2", "iteration: v22", ("unknown-iteration", "error", "15:16"), 'did you mean "v2"?'),
        ("id: b", "id: A", ("duplicate-rule", "error", "12:9"), "mappings/science.yaml:9:9"),
        ("- jira:", "- jirra:", ("unknown-tracker", "error", "3:5"), 'did you mean "jira"?'),
        ("{title: '(?i)churn'}", "{tracker: githb}", ("unknown-tracker", "error", "13:21"), '"github"'),
        ("{project: DS}", "{repo: a/b, project: DS}", ("source-shape", "error", "3:12"), "for GitHub"),
        ("{project: DS}", "{project: ds}", ("source-shape", "error", "3:21"), "upper-case"),
        ("{project: DS}", "{board: 12}", ("shape", "error", "3:12"), "known keys: jql, project"),
        (
            "{project: DS}",
            "{project: DS, jql: a = b Order  by c}",
            ("source-shape", "error", "3:30"),
            "ORDER BY",
        ),
        ("{repo: acme/churn}", "{repo: churn}", ("source-shape", "error", "4:20"), "owner/name"),
        ("{repo: acme/churn}", "{}", ("source-shape", "error", "4:5"), "needs a repository"),
        ("  - github", "    github", ("source-shape", "error", "3:5"), "exactly one tracker"),
        (
            "- github: {repo: acme/churn}",
            "- jira: {project: DS}",
            ("duplicate-source", "error", "4:5"),
            "3:5",
        ),
        ("(?i)churn", "(?=churn)", ("pattern-invalid", "error", "13:19"), "neither look-around"),
        ("(?i)churn", r"\bgrün\b", ("pattern-ascii", "warning", "13:19"), "ASCII"),
        ('"area/*"', '"Capability:x"', ("own-label", "error", "10:37"), "label of the team"),
        ('"area/*"', "flag:released", ("own-label", "error", "10:37"), "label of the team"),
        ("[Review]", "{labels: [Unplanned]}", ("own-label", "error", "6:20"), "label of the team"),
        ("yes-it-is", "state:done", ("own-label", "error", "7:22"), "label of the team"),
        ("[Review]", "[Review]\n  done: [review]", ("state-named-twice", "error", "7:3"), "`doing`"),
    ],
)
def test_mistakes_in_a_mapping(
    tmp_path: Path, before: str, after: str, found: tuple[str, str, str], message: str
) -> None:
    assert before in MAPPING
    problems = [
        each for each in check(tmp_path, mapping=MAPPING.replace(before, after, 1)) if each.check == found[0]
    ]

    assert [brief(each) for each in problems] == [found]
    assert message in problems[0].message


def test_two_files_cannot_define_one_goal_or_team(tmp_path: Path) -> None:
    check(tmp_path)
    (tmp_path / "mappings" / "z.yaml").write_text(MAPPING)
    problems = check(tmp_path, other=OTHER.replace("[]", "[{id: goal, title: Another}]"))

    assert {brief(each) for each in problems} == {
        ("duplicate-goal", "error", "6:9"),
        ("duplicate-team", "error", "1:7"),
        ("empty-goal", "warning", "4:9"),
    }


def test_only_one_capability_takes_over_from_an_old_one(tmp_path: Path) -> None:
    second = "      - {id: third, title: T, team: science, continues: features}\n"

    (problem,) = check(tmp_path, plan=PLAN + second)

    assert (problem.check, problem.origin.line) == ("bad-continues", 21)
    assert "already continued at plans/q4.yaml:20:20" in problem.message


def test_rules_with_the_same_conditions_warn_and_contradictions_are_errors(tmp_path: Path) -> None:
    same = "  - {id: c, when: {title: '(?i)churn'}, assign: model}\n"
    against = "  - {id: d, when: {title: '(?i)churn'}, assign: features}\n"

    problems = check(tmp_path, mapping=MAPPING + same + against)

    assert [brief(each) for each in problems] == [
        ("identical-rules", "warning", "16:13"),
        ("identical-rules", "error", "17:13"),
    ]


def test_a_star_for_labels_is_allowed(tmp_path: Path) -> None:
    none = "  - {id: c, when: {labels: {none: ['*']}}, assign: model}\n"

    assert check(tmp_path, mapping=MAPPING + none) == ()


def test_label_prefixes_of_the_settings_count(tmp_path: Path) -> None:
    check(tmp_path, mapping=MAPPING.replace("features, ", '"cap/x", '))
    own = LabelScheme(prefixes={**DEFAULT_PREFIXES, "capability": "cap/"})

    _, problems = check_workspace(tmp_path, trackers=TRACKERS, timezone="UTC", labels=own)

    assert "own-label" in {each.check for each in problems}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cel: titel == 'a'", 'unknown name "titel"; did you mean "title"?'),
        ("title: '(a{0,100}b{0,100}){9}(c{0,500}d{0,500}){2}'", "repeats too much"),
        ("labels: []", '"labels" is an empty list'),
        ("labels: {}", "name at least one value"),
        ("labels:", '"labels" is empty'),
        ("labels: {any: [a], some: [b]}", 'unknown key "some"'),
        ("created: {after: yesterday}", "write it as 2026-10-01"),
        ("created: {after: 2026-10-02, before: 2026-10-02}", "nothing can match"),
        ("labels: {any: , none: [x]}", '"any" is empty'),
        ("created: {since: 2026-10-01}", 'unknown key "since"'),
        ("fix version: a", 'did you mean "fix_version"?'),
        ("title: [a]", "should be a single text"),
        ("field: x", "should hold keys with values"),
    ],
)
def test_conditions_of_a_wrong_shape_say_what_to_write(tmp_path: Path, line: str, message: str) -> None:
    problems = check(tmp_path, mapping=MAPPING + f"  - id: c\n    when:\n      {line}\n    assign: model\n")

    assert any(message in each.message and each.origin.line == 18 for each in problems), problems


def test_an_empty_when_is_refused(tmp_path: Path) -> None:
    (problem,) = check(tmp_path, mapping=MAPPING + "  - {id: c, when: {}, assign: model}\n")

    assert "would match every issue" in problem.message


GOOD_JQL = [
    "labels = a",
    'project = DS AND (labels in (a, "b c") OR NOT status = Done)',
    "sprint in openSprints() AND assignee = currentUser()",
    "status WAS IN (Open, 'In Review') BEFORE \"2026/01/01\" AND status CHANGED FROM a TO b BY mona",
    "status changed during (startOfDay(-1), endOfDay()) AND a is not EMPTY",
    "a not in (b) && !(c ~ d) || e !~ f",
    "cf [ 10020 ] = 1 and cf[10021] > -2w",
    'issue.property["a b"].c = 1',
    "parent = DS-1 OR fixVersion = 1.10",
    r"summary ~ don\'t",
]
BAD_JQL = [
    "labels = a) OR (project = OPS",
    "(labels = a",
    "labels = 'a",
    "labels = a AND",
    "AND labels = a",
    "labels = a OR OR b = c",
    "labels =",
    "= a",
    "labels in ()",
    "labels in (a,)",
    "labels = a b",
    "(labels = a) (b = c)",
    "labels = a -- only mine",
    "labels = \u201carea features\u201d",
    "labels == a",
    "(labels = a ORDER BY key)",
    "not",
]


@pytest.mark.parametrize("jql", GOOD_JQL)
def test_jql_that_jira_can_read_passes(tmp_path: Path, jql: str) -> None:
    mapping = MAPPING.replace("{project: DS}", f"{{project: DS, jql: {json.dumps(jql)}}}")
    assert [each for each in check(tmp_path, mapping=mapping) if each.check == "source-shape"] == []
    assert without_order(jql) == jql


@pytest.mark.parametrize("jql", BAD_JQL)
def test_check_and_searches_refuse_the_same_jql(tmp_path: Path, jql: str) -> None:
    mapping = MAPPING.replace("{project: DS}", f"{{project: DS, jql: {json.dumps(jql)}}}")

    with pytest.raises(BadJql) as refused:
        without_order(jql)
    (problem,) = (each for each in check(tmp_path, mapping=mapping) if each.severity == "error")

    assert brief(problem) == ("source-shape", "error", "3:30")
    assert str(refused.value) in problem.message


def test_a_blank_jql_is_no_jql(tmp_path: Path) -> None:
    (problem,) = check(tmp_path, mapping=MAPPING.replace("{project: DS}", "{project: DS, jql: '  '}"))
    assert "is blank" in problem.message


@pytest.mark.parametrize(
    ("jql", "shown"), [("labels = \u201ca\u201d", "\u201c \u201d"), ("labels = c#", "#")]
)
def test_characters_that_jira_reserves_are_doubtful(tmp_path: Path, jql: str, shown: str) -> None:
    (problem,) = check(tmp_path, mapping=MAPPING.replace("{project: DS}", f"{{project: DS, jql: '{jql}'}}"))
    assert brief(problem) == ("doubtful-source", "warning", "3:30")
    assert f"refuse {shown} outside" in problem.message
