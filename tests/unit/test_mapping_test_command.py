"""``mappings test`` uses the matcher of ``run`` and reports mismatches with their reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.support.findings_world import HEAD, MAPPING, PLAN, call, write

EXAMPLE = Path(__file__).parents[2] / "examples" / "workspace"


def run(root: Path, *options: str) -> tuple[int, str]:
    code, out, err = call(root, "mappings", "test", *options)
    return code, out + err


def as_json(root: Path, *options: str) -> Any:
    return json.loads(call(root, "mappings", "test", "--json", *options)[1])


def cases(*lines: str) -> str:
    return "tests:\n" + "".join(f"  - {{{line}}}\n" for line in lines)


def outcomes(root: Path, *lines: str, mapping: str = MAPPING, **others: str) -> list[str]:
    """How each case ends."""
    write(root, science=mapping + cases(*lines), **others)
    return [each["outcome"] for each in as_json(root)["tests"]]


def differences(root: Path, line: str, mapping: str = MAPPING) -> dict[str, tuple[str, str]]:
    """What one case expected and what came out."""
    write(root, science=mapping + cases(line))
    (result,) = as_json(root)["tests"]
    assert result["outcome"] == "failed", result
    return {each["key"]: (each["expected"], each["got"]) for each in result["differences"]}


def test_the_shipped_example_passes() -> None:
    code, out = run(EXAMPLE)

    assert code == 0, out
    assert "4 passed, 0 failed, 0 invalid, 0 not run" in out


def test_what_init_writes_passes_and_tests_all_its_rules(tmp_path: Path) -> None:
    call(tmp_path, "init", str(tmp_path), "--team", "blue")

    code, out = run(tmp_path)

    assert code == 0, out
    assert "1 passed" in out
    assert "decided by these rules" not in out


@pytest.mark.parametrize(
    "case",
    [
        "issue: {key: DS-1, labels: [features]}, assign: features",
        "issue: {key: DS-1, labels: Features}, rule: features",
        "issue: {key: acme/churn#7, labels: [model]}, assign: model, iteration: v2, rule: model, state: todo",
        "issue: {key: 'jira:DS-1'}, unplanned: true",
        "issue: {key: DS-1, labels: [model], closed: 2026-11-02}, assign: model, state: done",
        "issue: {key: DS-1, labels: [model], closed: 2026-09-02}, ignored: true",
        'issue: {key: DS-1, labels: [model], resolution: "Won\'t do"}, assign: model, state: dropped',
        "issue: {key: DS-1, labels: [model], category: doing}, state: doing",
        "issue: {key: acme/churn#7, status: closed}, unplanned: true, state: done",
        "issue: {key: DS-7, status: Done}, unplanned: true, state: done",
        "issue: {key: DS-7, status: In progress}, unplanned: true, state: doing",
        "issue: {key: DS-1, created: 2026-09-01}, ignored: true",
        "issue: {key: DS-1}, pinned: model, assign: model, unplanned: false",
        "issue: {key: DS-1, labels: [model]}, vetoed: model, unplanned: true",
        "issue: {key: DS-1, labels: [model, 'capability:features']}, assign: model",
        "issue: {key: DS-1, labels: [model]}, now: 2027-03-01, unplanned: true",
        "issue: {key: DS-1, labels: [model]}, now: '2026-12-31T23:00:00Z', assign: model",
    ],
)
def test_what_can_be_expected(tmp_path: Path, case: str) -> None:
    assert outcomes(tmp_path, case) == ["passed"]


@pytest.mark.parametrize(
    ("when", "issue"),
    [
        ("title: '^Try'", "title: Try it"),
        ("body: secret", "body: 'the secret'"),
        ("type: Bug", "type: bug"),
        ("components: Scoring", "components: [Scoring]"),
        ("fix_version: '1.10'", "fix_version: 1.10"),
        ("sprint: Blue 12", "sprint: Blue 12"),
        ("parent: DS-100", "ancestors: [DS-140, DS-100]"),
        ("parent: DS-140", "parent: DS-140"),
        ("blocked_by: OPS-*", "blocked_by: [OPS-7]"),
        ("cel: 'blocked_by == [\"OPS-7\"]'", "blocked_by: OPS-7"),
        ("assignee: mona", "assignee: Mona"),
        ("author: mona", "author: mona"),
        ("reporter: mona", "reporter: Mona"),
        ("reporter: mona", "author: mona"),
        ("status: In review", "status: In Review"),
        ("created: {after: 2026-10-05}", "created: 2026-10-06"),
        ("updated: {before: 2026-11-01}", "updated: 2026-10-06"),
        ("field: {Team: red}", "fields: {Team: [blue, Red]}"),
    ],
)
def test_every_fact_of_an_issue_reaches_the_rules(tmp_path: Path, when: str, issue: str) -> None:
    mapping = HEAD + f"rules:\n  - {{id: it, when: {{{when}}}, assign: model}}\n"
    without = "issue: {key: DS-1, created: 2026-10-04, updated: 2026-11-10}, unplanned: true"

    assert outcomes(tmp_path, f"issue: {{key: DS-1, {issue}}}, rule: it", without, mapping=mapping) == [
        "passed",
        "passed",
    ]


def test_a_milestone_reaches_the_rules_of_github_issues(tmp_path: Path) -> None:
    mapping = HEAD + "rules:\n  - {id: it, when: {milestone: Q4*}, assign: model}\n"

    assert outcomes(
        tmp_path, "issue: {key: acme/churn#1, milestone: Q4 last}, rule: it", mapping=mapping
    ) == ["passed"]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("labels: [features]}, assign: model", {"assign": ("model", "features")}),
        ("labels: [model]}, rule: features", {"rule": ("features", "model")}),
        ("labels: [model]}, iteration: v1", {"iteration": ("v1", "v2")}),
        ("labels: [model]}, state: done", {"state": ("done", "todo")}),
        ("labels: [model]}, unplanned: true", {"unplanned": ("true", "false")}),
        (
            "title: x}, assign: model, state: doing",
            {"assign": ("model", "nothing"), "state": ("doing", "todo")},
        ),
        ("labels: [model]}, vetoed: [model], assign: model", {"assign": ("model", "nothing")}),
        ("labels: [model]}, ignored: true", {"ignored": ("true", "false")}),
    ],
)
def test_what_differs_is_reported(tmp_path: Path, case: str, expected: dict[str, tuple[str, str]]) -> None:
    assert differences(tmp_path, f"issue: {{key: DS-1, {case}") == expected


def test_a_failure_says_which_rule_won_and_which_condition_failed(tmp_path: Path) -> None:
    mapping = MAPPING + "  - {id: late, when: {type: Bug}, assign: features}\n"
    write(
        tmp_path,
        science=mapping
        + cases("name: a bug, issue: {key: DS-1, type: Bug, labels: [model]}, assign: features"),
    )

    code, out = run(tmp_path)

    assert code == 3
    assert out.splitlines()[:9] == [
        "FAILED  science/a bug  (mappings/science.yaml:10:5)",
        "    assign  expected features",
        "            got      model",
        '    The rule "model" of science matched it.',
        "    rules of science:",
        "      - features (mappings/science.yaml:6:5) -> features",
        "          labels: any of features; it has model",
        "      + model (mappings/science.yaml:7:5) -> model v2: wins",
        "      . late (mappings/science.yaml:8:5) -> features: matches, too, but model comes first",
    ]


def test_two_teams_that_claim_an_issue_are_named(tmp_path: Path) -> None:
    other = (
        "team: other\nsources:\n  - jira: {project: DS}\n"
        "rules:\n  - {id: all, when: {tracker: jira}, assign: features}\n"
    )
    write(
        tmp_path, other=other, science=MAPPING + cases("issue: {key: DS-1, labels: [model]}, assign: model")
    )

    (result,) = as_json(tmp_path)["tests"]

    assert result["differences"] == [
        {"key": "assign", "expected": "model", "got": "claimed by other for features and science for model"}
    ]
    assert result["winners"] == {"other": "all", "science": "model"}


def test_jql_of_the_own_team_holds_the_case_and_that_of_others_does_not(tmp_path: Path) -> None:
    mapping = MAPPING.replace("{project: DS}", "{project: DS, jql: a = 1}")
    other = (
        "team: other\nsources:\n  - jira: {project: DS, jql: b = 2}\n"
        "rules:\n  - {id: all, when: {tracker: jira}, assign: features}\n"
    )

    assert outcomes(
        tmp_path, "issue: {key: DS-1, labels: [model]}, assign: model", mapping=mapping, other=other
    ) == ["passed"]


def test_an_anchor_is_ignored(tmp_path: Path) -> None:
    plan = PLAN.replace("iterations:", "anchor: DS-9, iterations:")
    write(tmp_path, plan=plan, science=MAPPING + cases("issue: {key: DS-9, labels: [model]}, ignored: true"))

    assert run(tmp_path)[0] == 0


def test_cases_do_not_go_stale_when_their_increment_has_passed(tmp_path: Path) -> None:
    old = PLAN.replace("2026", "2019").replace("q4", "old").replace("features", "old-features")
    old = old.replace("id: model", "id: old-model").replace("id: goal", "id: old-goal")
    write(
        tmp_path,
        science=MAPPING
        + "  - {id: old, when: {type: Old}, assign: old-model}\n"
        + cases(
            "issue: {key: DS-1, type: Old}, assign: old-model",
            "issue: {key: DS-1, labels: [model]}, assign: model",
        ),
    )
    (tmp_path / "plans" / "old.yaml").write_text(old)

    assert run(tmp_path)[0] == 0


# Cases that cannot be meant


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("issue: {key: DS-1}", "expects nothing"),
        ("issue: {key: DS-1}, assign: model, unplanned: true", "an issue that is unplanned has no assign"),
        ("issue: {key: DS-1}, ignored: true, rule: model", "an issue that is ignored has no rule"),
        ("issue: {key: DS-1}, assign: modle", 'did you mean "model"?'),
        ("issue: {key: DS-1}, rule: modle", 'science has no rule "modle"; did you mean "model"?'),
        ("issue: {key: DS-1}, assign: model, iteration: v3", 'has no iteration "v3"'),
        ("issue: {key: DS-1}, unplanned: true, pinned: modle", 'did you mean "model"?'),
        ("issue: {key: DS-1}, unplanned: true, vetoed: [model, featres]", 'did you mean "features"?'),
        ("issue: {key: one}, unplanned: true", "is not an issue key"),
        ("issue: {key: OPS-1}, unplanned: true", "no source of science contains jira:OPS-1"),
        ("issue: {key: acme/churn#1, pull_request: true}, unplanned: true", "no source of science contains"),
        (
            "issue: {key: DS-1, parent: DS-2, ancestors: [DS-3]}, unplanned: true",
            "the nearest ancestor is DS-3",
        ),
    ],
)
def test_a_case_that_cannot_be_run_is_reported_and_the_others_run(
    tmp_path: Path, case: str, message: str
) -> None:
    write(tmp_path, science=MAPPING + cases(case, "issue: {key: DS-1, labels: [model]}, assign: model"))

    wrong, right = as_json(tmp_path)["tests"]
    code, out = run(tmp_path)
    checked, problems, _ = call(tmp_path, "mappings", "check")

    assert (wrong["outcome"], right["outcome"]) == ("invalid", "passed")
    assert [message in problem["message"] for problem in wrong["problems"]] == [True]
    assert wrong["problems"][0]["line"] == 9
    assert (code, message in out, "1 passed, 0 failed, 1 invalid" in out) == (3, True, True)
    assert (checked, message in problems) == (3, True)


def test_unknown_keys_of_a_case_are_reported_with_the_nearest_one(tmp_path: Path) -> None:
    write(tmp_path, science=MAPPING + cases("issue: {key: DS-1, lables: [x]}, asign: model"))

    problems = as_json(tmp_path)["problems"]

    assert [problem["path"] for problem in problems] == ["tests[0].asign", "tests[0].issue.lables"][::-1]
    assert ["did you mean" in problem["message"] for problem in problems] == [True, True]
    assert run(tmp_path)[0] == 3


# Files of their own


def more(root: Path, text: str, name: str = "mappings/tests/more.yaml") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_files_of_their_own_are_run_beside_the_mappings(tmp_path: Path) -> None:
    write(
        tmp_path, science=MAPPING + cases("name: inline, issue: {key: DS-1, labels: [model]}, assign: model")
    )
    path = more(
        tmp_path,
        "team: science\n" + cases("name: own, issue: {key: DS-1, labels: [features]}, rule: features"),
    )

    tests = as_json(tmp_path)["tests"]

    assert [(each["name"], each["file"]) for each in tests] == [
        ("inline", "mappings/science.yaml"),
        ("own", "mappings/tests/more.yaml"),
    ]
    assert [each["name"] for each in as_json(tmp_path, str(path))["tests"]] == ["own"]
    assert [each["name"] for each in as_json(tmp_path, str(path.parent))["tests"]] == ["own"]
    assert [each["name"] for each in as_json(tmp_path, "mappings/science.yaml")["tests"]] == ["inline"]


def test_a_file_from_elsewhere_can_be_named(tmp_path: Path) -> None:
    write(tmp_path / "workspace")
    path = more(
        tmp_path,
        "team: science\n" + cases("issue: {key: DS-1, labels: [features]}, assign: model"),
        "else.yaml",
    )

    (test,) = as_json(tmp_path / "workspace", str(path))["tests"]

    assert (test["file"], test["outcome"]) == (str(path), "failed")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("team: sience\ntests: []\n", 'did you mean "science"?'),
        ("tests: []\n", 'the key "team" is missing'),
        ("team: science\ntest: []\n", 'did you mean "tests"?'),
        ("team: [\n", "not valid YAML"),
    ],
)
def test_a_broken_test_file_is_reported_and_the_others_run(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, science=MAPPING + cases("issue: {key: DS-1, labels: [model]}, assign: model"))
    more(tmp_path, text)

    code, out = run(tmp_path)

    assert (code, message in out, "1 passed" in out) == (3, True, True)
    assert message in call(tmp_path, "mappings", "check")[1]


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    code, out = run(write(tmp_path), "nowhere.yaml")

    assert (code, "nowhere.yaml" in out, "cannot be read" in out) == (3, True, True)


def test_a_broken_mapping_of_one_team_does_not_stop_the_tests_of_another(tmp_path: Path) -> None:
    good = MAPPING + cases("issue: {key: DS-1, labels: [model]}, assign: model")
    broken = good.replace("team: science", "team: other").replace(
        "when: {labels: [model]}", "when: {lables: [model]}"
    )
    write(tmp_path, science=good, other=broken, third="team: [")

    report = as_json(tmp_path)
    code, out = run(tmp_path)

    assert [(each["team"], each["outcome"]) for each in report["tests"]] == [("science", "passed")]
    assert [(each["team"]) for each in report["stopped"]] == ["other"]
    assert {problem["file"] for problem in report["problems"]} == {
        "mappings/other.yaml",
        "mappings/third.yaml",
    }
    assert code == 3
    assert "1 case of other not run: correct the errors first" in out


def test_a_broken_plan_stops_only_the_teams_that_need_it(tmp_path: Path) -> None:
    other = MAPPING.replace("team: science", "team: other").replace(
        "assign: model, iteration: v2", "assign: later"
    )
    other = other.replace("assign: features", "assign: later")
    write(
        tmp_path,
        science=MAPPING + cases("issue: {key: DS-1, labels: [model]}, assign: model"),
        other=other + cases("issue: {key: DS-1, labels: [model]}, assign: later"),
    )
    later = PLAN.replace("increment: q4", "increment: later").replace("id: goal", "id: second")
    later = later.replace("id: features", "id: later").replace("id: model", "id: latest")
    (tmp_path / "plans" / "later.yaml").write_text(later + "graze_days: 3\n")

    report = as_json(tmp_path)

    assert [(each["team"], each["outcome"]) for each in report["tests"]] == [("science", "passed")]
    assert [each["team"] for each in report["stopped"]] == ["other"]


# Choosing, counting and reporting


def several(root: Path) -> Path:
    lines = (
        "name: first of all, issue: {key: DS-1, labels: [features]}, assign: features",
        "name: second, issue: {key: DS-1, labels: [model]}, assign: features",
    )
    return write(root, science=MAPPING + cases(*lines))


@pytest.mark.parametrize(
    ("pattern", "names"),
    [("first", ["first of all"]), ("(?i)SECOND$", ["second"]), ("^science/", ["first of all", "second"])],
)
def test_cases_are_chosen_by_a_pattern_over_team_and_name(
    tmp_path: Path, pattern: str, names: list[str]
) -> None:
    report = as_json(several(tmp_path), "--run", pattern)

    assert [each["name"] for each in report["tests"]] == names
    assert report["unreached_rules"] is None


@pytest.mark.parametrize(
    ("pattern", "message"), [("thrid", "science/first of all"), ("(a", "not an RE2 pattern")]
)
def test_a_pattern_that_chooses_nothing_is_a_usage_error(tmp_path: Path, pattern: str, message: str) -> None:
    code, out = run(several(tmp_path), "--run", pattern)

    assert code == 64
    assert message in " ".join(out.replace("│", " ").split())


def test_rules_that_decide_no_case_are_named(tmp_path: Path) -> None:
    write(
        tmp_path, science=MAPPING + cases("issue: {key: DS-1, labels: [features, model]}, assign: features")
    )

    code, out = run(tmp_path)

    assert code == 0
    assert "No case tests these rules:\n  science/model  (mappings/science.yaml:7:5)\n" in out
    assert as_json(tmp_path)["unreached_rules"] == [
        {"team": "science", "rule": "model", "file": "mappings/science.yaml", "line": 7, "column": 5}
    ]


def test_without_cases_there_is_a_hint_and_no_failure(tmp_path: Path) -> None:
    code, out = run(write(tmp_path))

    assert (code, "there are no cases yet" in out) == (0, True)


def test_junit_holds_what_a_build_server_shows(tmp_path: Path) -> None:
    root = several(tmp_path)
    more(root, "team: science\n" + cases('name: "odd \\x01 <&>", issue: {key: DS-1}, assign: modle'))
    write(root, science=(root / "mappings/science.yaml").read_text(), other="team: other\nsources: []\n")
    report = tmp_path / "report.xml"

    assert run(root, "--junit", str(report))[0] == 3

    suites = ElementTree.fromstring(report.read_text(encoding="utf-8"))  # noqa: S314 - written by ourselves
    assert {name: suites.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "errors": "2",
        "skipped": "0",
    }
    assert [(suite.get("name"), suite.get("tests")) for suite in suites] == [
        ("science", "3"),
        ("configuration", "1"),
    ]
    failure = suites.find(".//testcase[@name='second']/failure")
    assert failure is not None
    assert failure.get("message") == "assign: expected features, got model"
    assert "it has model" in (failure.text or "")
    odd = [case for case in suites.iter("testcase") if (case.get("name") or "").startswith("odd")]
    assert [case.get("name") for case in odd] == ["odd \ufffd <&>"]


def test_junit_of_a_team_that_could_not_run_is_skipped_not_passed(tmp_path: Path) -> None:
    broken = MAPPING.replace("assign: model", "assign: modle") + cases("issue: {key: DS-1}, unplanned: true")
    report = tmp_path / "report.xml"

    run(write(tmp_path, science=broken), "--junit", str(report))

    suites = ElementTree.fromstring(report.read_text(encoding="utf-8"))  # noqa: S314 - written by ourselves
    assert (suites.get("tests"), suites.get("skipped"), suites.get("errors")) == ("2", "1", "1")
