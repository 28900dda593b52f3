"""Warnings of ``mappings check``: found, not found on valid files, and silenced."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.checks.silence import SILENCEABLE, silence_hint
from mappings.model import Overrides
from tests.support.findings_world import (
    HEAD,
    MAPPING,
    PLAN,
    RULES,
    brief,
    from_files,
    from_issues,
    read,
    write,
)
from tests.support.match_world import at, closed, known, ref


def rules(*lines: str) -> str:
    return HEAD + "rules:\n" + "".join(f"  - {{{line}}}\n" for line in lines)


def found(root: Path, check: str, **mappings: str) -> list[str]:
    """Messages of one check."""
    return [each.message for each in from_files(write(root, **mappings)) if each.check == check]


def test_a_right_workspace_has_no_findings(tmp_path: Path) -> None:
    root = write(tmp_path)

    assert from_files(root) == ()
    assert (
        from_issues(root, known("DS-1", labels={"features"}), known("acme/churn#1", labels={"model"})) == ()
    )


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("labels: [a]", "labels: [a], type: Bug"),
        ("labels: [a, b]", "labels: [b]"),
        ("labels: ['area/*']", "labels: ['area/x-*', area/y]"),
        ("labels: ['*']", "labels: {all: [a, b]}"),
        ("labels: {all: [a]}", "labels: {all: [b, a]}"),
        ("labels: {none: [x]}", "labels: {any: [a], none: ['x*', y]}"),
        ("type: {none: [Bug]}", "type: [Task, Story]"),
        ("title: churn", "title: churn model"),
        ("title: '(?i)Churn'", "title: 'the churn'"),
        ("title: .*", "title: '^x+$'"),
        ("created: {after: 2026-10-01}", "created: {after: 2026-11-01, before: 2026-12-01}"),
        ("tracker: [jira, github]", "labels: [a]"),
        ("project: DS", "components: [Scoring]"),
        ("field: {Team: [red, blue]}", "field: {Team: red}, labels: [a]"),
        ("parent: 'DS-*'", "parent: DS-140"),
    ],
)
def test_a_rule_behind_a_wider_one_never_decides(tmp_path: Path, earlier: str, later: str) -> None:
    text = rules(
        f"id: wide, when: {{{earlier}}}, assign: features", f"id: narrow, when: {{{later}}}, assign: model"
    )

    (message,) = found(tmp_path, "shadowed-rule", science=text)

    assert '"wide" (mappings/science.yaml:6:5) before it matches all its issues' in message


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("labels: [a], type: Bug", "labels: [a]"),
        ("labels: [a]", "labels: [a, b]"),
        ("labels: [a]", "labels: {none: [b]}"),
        ("labels: {all: [a, b]}", "labels: [a, b]"),
        ("labels: ['area/?']", "labels: ['area/*']"),
        ("labels: {none: [a]}", "labels: [b]"),
        ("labels: [a]", "components: [a]"),
        ("title: churn", "title: '(?i)churn model'"),
        ("title: churn", "title: 'chu.*rn'"),
        ("title: churn", "body: churn"),
        ("created: {after: 2026-11-01}", "created: {after: 2026-10-01}"),
        ("created: {after: 2026-10-01}", "updated: {after: 2026-10-01}"),
        ("tracker: jira", "labels: [a]"),
        ("project: DS", "milestone: Q4"),
        ("cel: 'size(title) > 3'", "labels: [a]"),
        ("field: {Team: red}", "field: {Model: red}"),
    ],
)
def test_a_rule_that_can_still_decide_is_left_alone(tmp_path: Path, earlier: str, later: str) -> None:
    text = rules(
        f"id: one, when: {{{earlier}}}, assign: features", f"id: two, when: {{{later}}}, assign: model"
    )

    assert found(tmp_path, "shadowed-rule", science=text) == []


def test_several_rules_together_can_leave_nothing(tmp_path: Path) -> None:
    text = rules(
        "id: a, when: {labels: [a]}, assign: features",
        "id: b, when: {labels: ['b*']}, assign: model",
        "id: both, when: {labels: [a, bb]}, assign: model",
        "id: more, when: {labels: [a, c]}, assign: model",
    )

    (message,) = found(tmp_path, "shadowed-rule", science=text)

    assert '"a" (mappings/science.yaml:6:5) and "b" (mappings/science.yaml:7:5) before it match' in message


@pytest.mark.parametrize(
    "when",
    [
        "labels: {any: [a, b], none: ['*']}",
        "labels: {all: [a], none: [a]}",
        "type: {all: [Bug, Task]}",
        "project: OPS",
        "repo: acme/churn, components: [Scoring]",
    ],
)
def test_a_rule_that_no_issue_can_satisfy(tmp_path: Path, when: str) -> None:
    text = rules(f"id: a, when: {{{when}}}, assign: features", "id: b, when: {labels: [b]}, assign: model")

    problems = from_files(write(tmp_path, science=text))

    assert brief(problems) == [("impossible-rule", "6:13")]


@pytest.mark.parametrize(
    ("pattern", "plain"),
    [("churn", True), ("churn model", True), (r"\bchurn\b", False), ("(?i)churn", False), ("churn.*", False)],
)
def test_a_pattern_that_is_a_plain_word(tmp_path: Path, pattern: str, plain: bool) -> None:
    text = rules(
        f"id: a, when: {{title: '{pattern}'}}, assign: features", "id: b, when: {type: T}, assign: model"
    )

    problems = from_files(write(tmp_path, science=text))

    assert brief(problems) == ([("plain-pattern", "6:27")] if plain else [])


def test_a_capability_that_no_rule_names(tmp_path: Path) -> None:
    only = rules("id: a, when: {labels: [a]}, assign: features")

    assert brief(from_files(write(tmp_path, science=only))) == [("capability-without-rule", "9:14")]


@pytest.mark.parametrize(
    "facts",
    ["cancelled: true", "released: 2026-11-01", "continues: features", "silence: [capability-without-rule]"],
)
def test_a_capability_that_needs_no_rule(tmp_path: Path, facts: str) -> None:
    plan = PLAN.replace("iterations: [v1, v2]", facts)
    only = rules("id: a, when: {labels: [a]}, assign: features")

    assert from_files(write(tmp_path, plan=plan, science=only)) == ()


def test_nobody_misses_rules_for_an_increment_that_is_over(tmp_path: Path) -> None:
    only = rules("id: a, when: {labels: [a]}, assign: features")

    assert from_files(write(tmp_path, science=only), at(10, 1).replace(year=2027)) == ()


def test_a_source_that_no_rule_can_reach(tmp_path: Path) -> None:
    text = rules(
        "id: a, when: {project: DS, labels: [a]}, assign: features",
        "id: b, when: {components: [b]}, assign: model",
    )

    (problem,) = from_files(write(tmp_path, science=text))

    assert brief([problem]) == [("unmapped-source", "4:5")]
    assert "github:acme/churn" in problem.message


def test_a_team_without_rules(tmp_path: Path) -> None:
    problems = from_files(write(tmp_path, science=HEAD))

    assert ("unmapped-source", "2:1") in brief(problems)


def test_two_teams_with_one_source(tmp_path: Path) -> None:
    other = (
        "team: other\nsources:\n  - jira: {project: DS, jql: team = Other}\nrules:\n"
        + RULES.split("\n", 1)[1]
    )

    (problem,) = from_files(write(tmp_path, science=MAPPING, other=other))

    assert (problem.check, str(problem.origin)) == ("shared-source", "mappings/science.yaml:3:5")
    assert "other also has jira:DS (team = Other) (mappings/other.yaml:3:5)" in problem.message


def test_two_teams_with_different_jql_are_not_suspected(tmp_path: Path) -> None:
    one = MAPPING.replace("{project: DS}", "{project: DS, jql: team = Science}")
    other = (
        "team: other\nsources:\n  - jira: {project: DS, jql: team = Other}\nrules:\n"
        + RULES.split("\n", 1)[1]
    )

    assert from_files(write(tmp_path, science=one, other=other)) == ()


def test_labels_of_rules_and_states_that_differ_by_case(tmp_path: Path) -> None:
    text = HEAD + "states:\n  blocked: {labels: [Features]}\n" + RULES

    (problem,) = from_files(write(tmp_path, science=text))

    assert brief([problem]) == [("label-case", "6:22")]
    assert 'written "features" at mappings/science.yaml:8:36' in problem.message


@pytest.mark.parametrize("place", ["rule", "team", "capability"])
def test_what_is_meant_can_be_silenced(tmp_path: Path, place: str) -> None:
    silenced = {
        "rule": (
            PLAN,
            rules("id: a, when: {title: churn}, assign: features, silence: [plain-pattern]") + RULES[7:],
        ),
        "team": (
            PLAN,
            rules("id: a, when: {title: churn}, assign: features") + RULES[7:] + "silence: [plain-pattern]\n",
        ),
        "capability": (
            PLAN + "      - {id: c, title: C, team: science, silence: [capability-without-rule]}\n",
            MAPPING,
        ),
    }
    plan, mapping = silenced[place]
    root = write(tmp_path, plan=plan, science=mapping)

    assert from_files(root) == ()
    unsilenced = {"plan": plan, "science": mapping}
    for name in unsilenced:
        unsilenced[name] = unsilenced[name].replace(
            "silence: [plain-pattern]", "flow: kanban" if place == "team" else "experiment: true"
        )
        unsilenced[name] = unsilenced[name].replace("silence: [capability-without-rule]", "required: true")
    write(tmp_path, plan=unsilenced["plan"], science=unsilenced["science"])
    (problem,) = from_files(root)
    assert problem.check in ("plain-pattern", "capability-without-rule")
    holder = place if place != "team" else "rule"
    assert silence_hint(problem) == f"silence: [{problem.check}] on the {holder}"


def test_a_silence_of_another_check_silences_nothing(tmp_path: Path) -> None:
    text = rules("id: a, when: {title: churn}, assign: features, silence: [shadowed-rule]") + RULES[7:]

    assert brief(from_files(write(tmp_path, science=text))) == [("plain-pattern", "6:27")]


def test_a_silence_that_nobody_knows_is_an_error_with_a_suggestion(tmp_path: Path) -> None:
    text = rules("id: a, when: {labels: [a]}, assign: features, silence: [plain-patern, pattern-invalid]")

    problems = read(write(tmp_path, science=text)).problems

    assert [(each.check, each.severity, each.path) for each in problems] == [
        ("unknown-silence", "error", "rules[0].silence[0]"),
        ("unknown-silence", "error", "rules[0].silence[1]"),
    ]
    assert 'did you mean "plain-pattern"?' in problems[0].message


def test_warnings_of_other_checks_can_be_silenced_too(tmp_path: Path) -> None:
    plan = PLAN.replace("team: science, iterations", "team: nobody, iterations")
    report = read(write(tmp_path, plan=plan)).problems
    quiet = read(write(tmp_path, plan=plan.replace("iterations:", "silence: [unknown-team], iterations:")))

    assert [each.check for each in report] == ["unknown-team"]
    assert quiet.problems == ()
    assert [each.check for each in quiet.silenced] == ["unknown-team"]
    assert {"unknown-team", "pattern-ascii", "identical-rules", "empty-goal"} <= SILENCEABLE


# What stored issues tell


def test_a_rule_that_matches_no_stored_issue(tmp_path: Path) -> None:
    problems = from_issues(write(tmp_path), known("DS-1", labels={"features"}), known("DS-2"))

    assert brief(problems) == [("capability-without-issues", "9:14"), ("unmatched-rule", "7:5")][::-1]
    assert "matches none of 2 issues in the snapshot" in problems[0].message
    assert "check the rules of science" in problems[1].message


def test_a_rule_that_fits_an_anchor_only_fits_nothing(tmp_path: Path) -> None:
    plan = PLAN.replace("iterations:", "anchor: DS-9, iterations:")
    fed = known("DS-1", labels={"features"})

    problems = from_issues(write(tmp_path, plan=plan), fed, known("DS-9", labels={"model"}))

    assert "unmatched-rule" in {each.check for each in problems}


def test_nothing_is_reported_about_what_was_not_read_yet(tmp_path: Path) -> None:
    text = rules(
        "id: a, when: {labels: [features]}, assign: features",
        "id: b, when: {body: '(?i)model'}, assign: model",
        "id: c, when: {field: {Team: [red]}}, assign: model",
        "id: d, when: {repo: acme/churn, labels: [x]}, assign: model",
    )

    problems = from_issues(write(tmp_path, science=text), known("DS-1", labels={"features"}))

    assert [each.check for each in problems] == ["capability-without-issues"]


def test_a_rule_all_of_whose_issues_earlier_rules_match(tmp_path: Path) -> None:
    text = MAPPING + "  - {id: bugs, when: {type: Bug}, assign: model}\n"
    issues = [known(f"DS-{n}", type="Bug", labels={"features"}) for n in range(1, 4)]

    problems = from_issues(
        write(tmp_path, science=text), *issues, known("DS-9", type="Bug", labels={"model"})
    )

    assert brief(problems) == [("shadowed-rule", "8:5")]
    assert '4 issues in the snapshot ("features" 3, "model" 1)' in problems[0].message


def test_what_the_conditions_prove_is_not_reported_again(tmp_path: Path) -> None:
    text = MAPPING + "  - {id: bugs, when: {type: Bug, labels: [model]}, assign: model}\n"
    root = write(tmp_path, science=text)
    issues = [known("DS-1", labels={"features"}), known("DS-2", type="Bug", labels={"model"})]

    assert brief(from_files(root)) == [("shadowed-rule", "8:5")]
    assert from_issues(root, *issues) == ()


def test_a_source_none_of_whose_issues_is_matched(tmp_path: Path) -> None:
    issues = [known("DS-1", labels={"features"}), known("DS-2", labels={"model"}), known("acme/churn#1")]

    problems = from_issues(write(tmp_path), *issues)

    assert brief(problems) == [("unmapped-source", "4:5")]
    assert "any of 1 issue of github:acme/churn" in problems[0].message


def test_a_capability_that_people_feed_is_fed(tmp_path: Path) -> None:
    issues = [known("DS-1", labels={"features"}), known("DS-2")]
    pinned = Overrides(pins={ref("DS-2"): "model"})

    problems = from_issues(write(tmp_path), *issues, overrides=pinned)

    assert [each.check for each in problems] == ["unmatched-rule"]


def test_a_capability_whose_issues_were_all_vetoed_is_not_fed(tmp_path: Path) -> None:
    issues = [known("DS-1", labels={"features"}), known("DS-2", labels={"model"})]
    vetoed = Overrides(vetoes={ref("DS-2"): frozenset({"model"})})

    problems = from_issues(write(tmp_path), *issues, overrides=vetoed)

    assert [each.check for each in problems] == ["capability-without-issues"]


def test_old_work_fits_a_rule_but_feeds_nothing(tmp_path: Path) -> None:
    old = closed("DS-2", when=at(8, 1), labels={"model"})

    problems = from_issues(write(tmp_path), known("DS-1", labels={"features"}), old)

    assert [each.check for each in problems] == ["capability-without-issues"]


def test_a_status_that_nothing_explains(tmp_path: Path) -> None:
    fed = [known("DS-1", labels={"features"}), known("DS-2", labels={"model"})]
    odd = [known(f"DS-{n}", labels={"model"}, status="Limbo", category=None) for n in (3, 4)]
    root = write(tmp_path)

    problems = from_issues(root, *fed, *odd)
    explained = from_issues(write(tmp_path, science=MAPPING + "states: {doing: [limbo]}\n"), *fed, *odd)

    assert brief(problems) == [("status-without-state", "1:1")]
    assert '"Limbo" (2 issues)' in problems[0].message
    assert explained == ()


def test_labels_that_the_tracker_spells_differently(tmp_path: Path) -> None:
    issues = [
        known("DS-1", labels={"Features"}),
        known("DS-2", labels={"model", "gpu"}),
        known("DS-3", labels={"GPU"}),
    ]

    problems = from_issues(write(tmp_path), *issues)

    assert brief(problems) == [("label-case", "1:7"), ("label-case", "6:36")]
    assert '"GPU", "gpu"' in problems[0].message
    assert '"features" is spelled "Features"' in problems[1].message


def test_two_pieces_of_jql_that_hold_the_same_issues(tmp_path: Path) -> None:
    one = MAPPING.replace("{project: DS}", "{project: DS, jql: a = 1}")
    two = "team: two\nsources:\n  - jira: {project: DS, jql: b = 2}\n" + RULES
    shared = known("DS-1", labels={"features"}, sources={"jira:DS (a = 1)", "jira:DS (b = 2)"})
    own = [
        known("DS-2", labels={"model"}, sources={"jira:DS (a = 1)"}),
        known("DS-3", labels={"model"}, sources={"jira:DS (b = 2)"}),
    ]

    problems = from_issues(write(tmp_path, science=one, two=two), shared, *own)

    assert [(each.check, str(each.origin)) for each in problems] == [
        ("shared-source", "mappings/science.yaml:3:5"),
        ("shared-source", "mappings/two.yaml:3:5"),
    ]
    assert "two also reads 1 issue of it (jira:DS (b = 2))" in problems[0].message


def test_findings_on_issues_can_be_silenced(tmp_path: Path) -> None:
    text = MAPPING + "silence: [unmatched-rule]\n"
    plan = PLAN.replace("iterations:", "silence: [capability-without-issues], iterations:")

    assert from_issues(write(tmp_path, plan=plan, science=text), known("DS-1", labels={"features"})) == ()
