"""Evaluation of malicious expressions on malicious issues is bounded and has no side effects."""

from __future__ import annotations

import time

import pytest

from connectors.model import Issue
from mappings.rules.cel import compile_cel
from mappings.rules.cel_syntax import CelInvalid
from mappings.rules.subject import RuleSubject
from tests.support.match_world import issue

LIMIT = 0.5
"""Seconds that one hostile expression may take on one hostile issue."""


def subject(made: Issue) -> RuleSubject:
    return RuleSubject(issue=made, labels=tuple(sorted(made.labels)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title == '" + "a" * 500 + "'", "longer than 500 characters"),
        ("labels.all(a, labels.exists(b, a == b))", "only one of"),
        ("labels.filter(a, true) == labels.filter(a, true)", "only one of"),
        ("labels.map(a, a) == labels", "`map` is not allowed"),
        ("labels.filter //x\n(a, true).filter (a, true) == []", "only one of"),
        ("labels.exists(l, true) || labels.existsOne(l, true)", "unknown function"),
        ("labels.transformList(i, v, v) == labels", "unknown function"),
        ("cel.bind(x, 1, x == 1)", "unknown function"),
        (f"size([{','.join('1' * 101)}]) > 1", "100 entries"),
        (f"size(({'+'.join(['labels'] * 12)})) > 1", "`+` is not allowed more than 10 times"),
        ("(labels + labels).exists(l, l == 'x')", "`+` is not allowed together with a comprehension"),
        ("title.matches('a{0,1000}b{0,1000}a{0,1000}b{0,1000}')", "repeats too much"),
        ("title.matches('((a{100}){100}){100}')", "RE2 pattern"),
        (" && ".join("title.matches('a')" for _ in range(4)), "`matches` is allowed 3 times"),
    ],
)
def test_expensive_expressions_are_rejected_at_once(text: str, message: str) -> None:
    began = time.perf_counter()

    with pytest.raises(CelInvalid, match=message.replace("+", r"\+")):
        compile_cel(text)

    assert time.perf_counter() - began < LIMIT


@pytest.mark.parametrize("text", ["('a' == title)", "!true", "- 1 == 1", "[[]] == []"])
def test_deep_nesting_is_refused_or_answered(text: str) -> None:
    """Neither a crash of the process nor a long time."""
    wrapped = {
        "('a' == title)": ("(", ")"),
        "!true": ("!", ""),
        "- 1 == 1": ("- ", ""),
        "[[]] == []": ("[", "]"),
    }
    head, tail = wrapped[text]
    times = (500 - len(text)) // len(head + tail)
    deep = head * times + text + tail * times if text != "[[]] == []" else "[" * 240 + "]" * 240 + " == []"
    began = time.perf_counter()

    try:
        compile_cel(deep)
    except CelInvalid as error:
        assert str(error)

    assert time.perf_counter() - began < LIMIT


HOSTILE = issue(
    title="a" * 500,
    body="ab" * 50_000,
    labels=[("a" * 490) + str(number) for number in range(300)],
    fields={"F": tuple(f"{number}" * 200 for number in range(300))},
)


@pytest.mark.parametrize(
    "text",
    [
        "labels.exists(l, " + " || ".join(["body.contains('zz')"] * 20) + ")",
        "labels.exists(l, " + " || ".join(["'zz' in labels"] * 25) + ")",
        "labels.exists(l, " + " || ".join(["'zz' in fields.F"] * 20) + ")",
        "labels.exists(l, body.matches('(a?){0,500}z') || l.matches('(a|b|ab){0,300}!') || l.matches('z$'))",
        "labels.exists(l, body.matches('(.*a.{300})z'))",
        "labels.filter(l, [" + ",".join(["labels"] * 50) + "] == [[l]]) == [[labels]]",
        "[" + ",".join(["labels"] * 50) + "].filter(l, l == labels) == [[labels]]",
        "[" + ",".join(["[fields.F,fields.F]"] * 18) + "].filter(l, l == [fields.F]) == []",
        "size(" + "+".join(["body"] * 11) + ") < 0",
        "size(" + "+".join(["labels"] * 11) + ") < 0",
        "string(size(" + "+".join(["body"] * 11) + ")).startsWith('x')",
    ],
)
def test_a_hostile_expression_on_a_hostile_issue_is_bounded(text: str) -> None:
    condition = compile_cel(text)
    began = time.perf_counter()

    condition.holds(subject(HOSTILE))

    assert time.perf_counter() - began < LIMIT


def test_lists_of_an_issue_are_cut_at_a_hundred() -> None:
    assert compile_cel("size(labels) == 100").holds(subject(HOSTILE))
    assert compile_cel("size(fields.F) == 100").holds(subject(HOSTILE))
    assert compile_cel("size(body) == 10000").holds(subject(HOSTILE))


@pytest.mark.parametrize(
    "text", ["open('/etc/passwd') == ''", "env('HOME') == ''", "now() > created", "import"]
)
def test_nothing_reaches_out(text: str) -> None:
    with pytest.raises(CelInvalid):
        compile_cel(text)
