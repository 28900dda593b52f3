"""CEL expressions in rules: variables, limits and positions of errors."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from connectors.model import Issue
from connectors.registry import spec_of
from mappings.labels import LabelScheme
from mappings.load import check_workspace
from mappings.model import Overrides
from mappings.rules.cel import CelCondition, compile_cel
from mappings.rules.cel_syntax import VARIABLES, CelInvalid, parse_cel
from mappings.rules.conditions import compile_conditions, field_selection_for
from mappings.rules.subject import RuleSubject
from tests.support.match_world import (
    HERE,
    Q4,
    assigned_capabilities,
    at,
    capability,
    increment,
    issue,
    known,
    match,
    matcher,
    rule,
    team,
    workspace,
)


def subject(made: Issue | None = None, *, ancestors: tuple[str, ...] = ()) -> RuleSubject:
    found = made or issue()
    return RuleSubject(issue=found, labels=tuple(sorted(found.labels)), ancestors=ancestors)


RICH = issue(
    "acme/churn#7",
    title="Churn model",
    body="Why it matters",
    type="Experiment",
    status="In review",
    category="doing",
    labels=("area/features", "urgent"),
    components=("Scoring",),
    milestone="Q4",
    fix_versions=("1.10",),
    sprint="Blue 12",
    assignees=("mona",),
    author="hubot",
    created=at(10, 5),
    updated=at(11, 5),
    fields={"Team": ("Blue",), "Story points": ("5",)},
)


@pytest.mark.parametrize(
    "text",
    [
        'key == "acme/churn#7"',
        'tracker == "github" && project == "acme/churn"',
        'title.contains("model") && body.startsWith("Why")',
        'type in ["Experiment", "Spike"]',
        'status == "In review" && category == "doing"',
        'labels.exists(l, l.startsWith("area/"))',
        '"Scoring" in components',
        'milestone == "Q4" && sprint == "Blue 12"',
        'fix_versions == ["1.10"]',
        'ancestors[0] == "DS-140"',
        'size(assignees) == 1 && author != "mona"',
        'created < timestamp("2026-10-06T00:00:00Z")',
        'updated - created > duration("720h")',
        "created.getFullYear() == 2026",
        'fields["Story points"] == ["5"] && int(fields["Story points"][0]) > 3',
        '"Blue" in fields.Team',
        '"blue" in fields.Nothing || size(fields.Nothing) == 0',
        r"title.matches(r'(?i)\bchurn\b') && labels.exists(l, l.matches('^area/'))",
    ],
)
def test_an_expression_can_ask_for_everything_that_is_documented(text: str) -> None:
    assert compile_cel(text).holds(subject(RICH, ancestors=("DS-140",)))


def test_every_documented_name_can_be_used() -> None:
    for name in VARIABLES:
        text = 'size(fields["Team"]) == 1' if name == "fields" else f"{name} == {name}"
        assert compile_cel(text).holds(subject(RICH))


def test_an_expression_can_be_false() -> None:
    assert not compile_cel('"urgent" in labels').holds(subject(issue(labels=("later",))))


def test_cel_is_one_condition_among_others() -> None:
    conditions = compile_conditions({"labels": {"any": ("urgent",)}, "cel": "size(assignees) == 0"})

    def takes(made: Issue) -> bool:
        return all(each.holds(subject(made)) for each in conditions)

    assert takes(issue(labels=("urgent",)))
    assert not takes(issue(labels=("urgent",), assignees=("mona",)))
    assert not takes(issue())


def test_what_an_expression_reads_is_requested() -> None:
    science = team(
        "science",
        rule("a", "model", {"cel": '"Blue" in fields["Agile team"] && body.contains("model")'}),
        rule("b", "model", {"field": {"Size": {"any": ("L",)}}}),
    )

    wanted = field_selection_for([science])

    assert wanted.body
    assert wanted.fields == ("Agile team", "Size")


def test_the_word_body_in_a_text_asks_for_nothing() -> None:
    assert not field_selection_for([team("science", rule("a", "m", {"cel": 'title == "body fields"'}))]).body


def test_matches_is_re2_and_leaves_equal_words_in_texts_alone() -> None:
    asks = compile_cel("title.matches ( 'who matches\\\\(') || title . matches('z$')")

    assert asks.holds(subject(issue(title="see who matches(it)")))
    assert not asks.holds(subject(issue(title="see re2find(it)")))


def test_lone_surrogates_of_a_tracker_do_no_harm() -> None:
    assert compile_cel('title.startsWith("a")').holds(subject(issue(title="a\ud800")))


@pytest.mark.parametrize(
    "text", ['ancestors[1] == "DS-100"', "int(sprint) > 3", "double(milestone) > 1.5", 'fields.Due[2] == ""']
)
def test_what_only_some_issues_can_answer_is_not_refused(text: str) -> None:
    assert compile_cel(text).names


# What is refused


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("title ==", 1, 9, "this is not a CEL expression"),
        ('title ==\n  "x" &&& true', 2, 9, "this is not a CEL expression"),
        ("", 1, 1, "this is not a CEL expression"),
        ("titel == 'a'", 1, 1, 'unknown name "titel"; did you mean "title"?'),
        ("true && title.startWith('a')", 1, 15, 'did you mean "startsWith"?'),
        ("title", 1, 1, "returns a text, not true or false"),
        ("size(labels)", 1, 1, "returns a number, not true or false"),
        ("labels.filter(l, l == 'x')", 1, 1, "returns a list, not true or false"),
        ("title > 5", 1, 1, "No such overload"),
        ("labels.startsWith('x')", 1, 1, "`startsWith` does not fit"),
        ("created > timestamp('2026-13-01T00:00:00Z')", 1, 1, "out of range"),
        ("title.matches('(?!x)')", 1, 15, "this is not an RE2 pattern"),
        ("title.matches(key)", 1, 7, "one pattern, written out"),
        ("matches(title, 'x')", 1, 1, "one pattern, written out"),
        ("has(fields.Team)", 1, 1, "`has` is not needed"),
        ("fields.exists(f, f == 'x')", 1, 1, "write the name of the field"),
        ("'Team' in fields", 1, 11, "write the name of the field"),
        ("labels.exists(l, true) && l == 'x'", 1, 1, "Undefined variable"),
        ("title == '''a'''", 1, 12, "two texts are adjacent"),
        ("title == b'a'", 1, 10, "only plain texts"),
        ("`title` == 'a'", 1, 1, "this is not a CEL expression"),
        ("Issue{title: 'a'} == title", 1, 1, 'unknown name "Issue"'),
        ("99999999999999999999 > 1", 1, 1, "invalid int literal"),
    ],
)
def test_a_mistake_is_reported_with_its_place(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(CelInvalid) as caught:
        compile_cel(text)

    assert message in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)


# While it runs


def cel_world(text: str, **facts: object):
    science = team(
        "science", rule("asks", "model", {"cel": text}, **facts), rule("rest", "rest", {"title": "x"})
    )
    return workspace(increment("q4", Q4, capability("model"), capability("rest")), teams=(science,))


def test_an_expression_that_fails_does_not_match_and_is_reported_once() -> None:
    world = cel_world('labels[0] == "urgent"')

    matched = match(
        world,
        known("DS-1", labels=("urgent",)),
        known("DS-2", title="x"),
        known("DS-3"),
        known("DS-4", title="x"),
    )

    assert assigned_capabilities(matched) == {"DS-1": "model", "DS-2": "rest", "DS-4": "rest"}
    (warning,) = matched.warnings
    assert warning.startswith(f'The rule "asks" of science ({HERE}) fails on 3 issues such as jira:DS-2')
    assert "index out of bounds: 0" in warning


def test_each_matching_counts_its_failures_afresh() -> None:
    matching = matcher(cel_world('labels[0] == "urgent"'))
    matching.match([known("DS-2")], Overrides())

    again = matching.match([known("DS-1", labels=("urgent",))], Overrides())

    assert again.warnings == ()


def test_an_answer_that_is_neither_true_nor_false_does_not_match() -> None:
    matched = match(
        cel_world('title == "odd" ? 1 == 1 : 5 > size(labels) ? true : labels[7] == "x"'), known()
    )
    assert assigned_capabilities(matched) == {"DS-1": "model"}

    odd = match(cel_world('title == "odd" ? 1 : true'), known(title="odd"))
    assert assigned_capabilities(odd) == {}
    assert "returns a number, not true or false" in odd.warnings[0]


def test_a_fault_inside_the_library_is_a_failure_like_others(monkeypatch: pytest.MonkeyPatch) -> None:
    class Panic(BaseException):
        pass

    class Program:
        def execute(self, _: object) -> bool:
            raise Panic("index out of range")

    condition = compile_cel("true")
    monkeypatch.setattr(condition, "_program", Program())

    assert not condition.holds(subject())
    assert condition.failures == 1


def test_explain_shows_the_values_that_an_expression_saw() -> None:
    matching = matcher(cel_world('labels[0] == "urgent" && size(fields["Team"]) == 0'))

    trace = matching.trace(known("DS-1", labels=("later",)), Overrides())
    failing = matching.trace(known("DS-2"), Overrides())

    (condition,) = trace.teams[0].rules[0].conditions
    assert (condition.key, condition.holds) == ("cel", False)
    assert condition.found == ("fields Team: []", "labels [later]")
    assert failing.teams[0].rules[0].conditions[0].found[-1] == "no answer: index out of bounds: 0"


# In the files

PLAN = """\
increment: q4
start: 2026-10-01
end: 2026-12-31
goals:
  - id: goal
    title: A goal
    capabilities: [{id: model, title: Model, team: science}]
"""
MAPPING = """\
team: science
sources: [{jira: {project: DS}}]
rules:
  - id: a
    when:
      cel: %s
    assign: model
"""


def problems_of(root: Path, written: str) -> list[str]:
    for folder, text in (("plans", PLAN), ("mappings", MAPPING % written)):
        (root / folder).mkdir(exist_ok=True)
        (root / folder / "it.yaml").write_text(text)
    _, problems = check_workspace(
        root, trackers={"jira": spec_of("jira-cloud")}, timezone="UTC", labels=LabelScheme()
    )
    return [f"{each.origin.line}:{each.origin.column} {each.path} {each.message}" for each in problems]


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("true && titel == 'a'", "6:20"),
        ("\"true && titel == 'a'\"", "6:21"),
        ("'true && titel == \"a\"'", "6:21"),
        ("|\n        true &&\n          titel == 'a'", "8:11"),
        ("|\n\n        titel == 'a'", "8:9"),
        (">-\n        true && titel == 'a'", "7:17"),
        (">\n        true\n        && titel == 'a'", "7:9"),
        ('"true \\" && titel == \'a\'"', "6:13"),
        ("true &&\n        titel == 'a'", "6:12"),
    ],
)
def test_a_mistake_is_reported_by_line_and_column_of_the_file(
    tmp_path: Path, written: str, place: str
) -> None:
    (problem,) = problems_of(tmp_path, written)

    assert problem.startswith(f"{place} rules[0].when.cel ")


def test_an_expression_that_is_right_is_no_problem(tmp_path: Path) -> None:
    assert problems_of(tmp_path, "'labels.exists(l, l.startsWith(\"area/\"))'") == []


def test_an_expression_may_not_name_our_labels(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, "'\"capability:model\" in labels'")

    assert "a label that increment-sync manages" in problem


def test_the_library_is_imported_only_when_a_mapping_uses_it(tmp_path: Path) -> None:
    asks = (
        "import sys; from pathlib import Path; from mappings.labels import LabelScheme\n"
        "from connectors.registry import spec_of; from mappings.load import check_workspace\n"
        "from mappings.rules.matcher import Matcher\n"
        "from mappings.rules.conditions import field_selection_for; from datetime import datetime, UTC\n"
        "w, p = check_workspace(Path(sys.argv[1]), trackers={'jira': spec_of('jira-cloud')}, timezone='UTC',"
        " labels=LabelScheme())\n"
        "Matcher(w, LabelScheme(), datetime.now(UTC)); field_selection_for(w.teams)\n"
        "print('cel' in sys.modules)"
    )

    def loaded(written: str) -> str:
        assert problems_of(tmp_path, written) == []
        done = subprocess.run([sys.executable, "-c", asks, str(tmp_path)], capture_output=True, text=True)
        return done.stdout.strip() or done.stderr

    assert loaded("title == 'a'") == "True"
    text = (tmp_path / "mappings" / "it.yaml").read_text()
    (tmp_path / "mappings" / "it.yaml").write_text(text.replace("cel: title == 'a'", "title: a"))
    done = subprocess.run([sys.executable, "-c", asks, str(tmp_path)], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_reading_an_expression_needs_no_library() -> None:
    read = parse_cel('"x" in fields["My team"] && labels.exists(l, l == body)')

    assert (read.names, read.fields) == ({"fields", "labels", "body"}, ("My team",))


def test_expressions_are_fast_enough_for_many_issues() -> None:
    condition: CelCondition = compile_cel('"urgent" in labels && title.startsWith("Churn")')
    seen = subject(RICH)
    began = time.perf_counter()

    for _ in range(5_000):
        condition.holds(seen)

    assert time.perf_counter() - began < 1
