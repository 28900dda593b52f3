"""Results of mapping tests as text, and as JUnit XML for build servers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

from connectors.escape import escape_sentence, escape_terminal
from connectors.text import show_invisible
from mappings.model import Rule
from mappings.problems import Problem
from mappings.rules.trace import RuleTrace, Trace
from mappings.testing.cases import MappingCase
from mappings.testing.run import CaseResult
from sync.cli.output import pluralize

_MARKS = {"passed": "ok      ", "failed": "FAILED  ", "invalid": "INVALID "}
_MAX_LINE = 200


def case_lines(result: CaseResult) -> list[str]:
    """Describe a result: one line for a passed case; expected, actual and the rules for a failed one."""
    case = result.case
    head = _MARKS[result.outcome] + _escape(f"{case.team}/{case.name}")
    if result.outcome == "passed":
        return [head]
    return [
        f"{head}  ({_escape(str(case.location.key_origin))})",
        *[f"    {line}" for line in failure_details(result)],
    ]


def failure_details(result: CaseResult) -> list[str]:
    """Describe why a case did not pass."""
    if result.problems:
        return [escape_sentence(f"{problem.origin}: {problem.message}") for problem in result.problems]
    lines = []
    width = max((len(each.key) for each in result.differences), default=0)
    for each in result.differences:
        lines.append(f"{each.key:<{width}}  expected {_escape(each.expected)}")
        lines.append(f"{'':<{width}}  got      {_escape(each.actual)}")
    if result.trace is not None:
        lines += [escape_sentence(result.trace.because), *_trace_lines(result.trace)]
    return lines


def _trace_lines(trace: Trace) -> Iterator[str]:
    for team in trace.teams:
        if not team.rules:
            yield _escape(f"{team.team} has no rules.")
            continue
        yield _escape(f"rules of {team.team}:")
        for rule in team.rules:
            yield from (f"  {line}" for line in _rule_lines(rule, team.winner))


def _rule_lines(traced: RuleTrace, winner: str | None) -> Iterator[str]:
    """Describe an evaluated rule with its failed conditions; behind the winner only rules that match, too."""
    rule = traced.rule
    name = _escape(
        f"{rule.id} ({rule.origin}) -> {rule.assign}{f' {rule.iteration}' if rule.iteration else ''}"
    )
    if not traced.reached:
        if traced.matched:
            yield f". {name}: matches, too, but {_escape(str(winner))} comes first"
        return
    yield f"{'+' if traced.matched else '-'} {name}{': wins' if traced.matched else ''}"
    for condition in traced.conditions:
        if not condition.holds:
            found = ", ".join(map(show_invisible, condition.found)) or "nothing"
            yield f"    {escape_sentence(f'{condition.key}: {_escape(condition.expected)}; it has {_escape(found)}')}"


def summary_lines(
    results: Sequence[CaseResult],
    not_run: Sequence[MappingCase],
    untested: Sequence[tuple[str, Rule]] | None,
    broken_files: int,
) -> Iterator[str]:
    """Summarise the results, with the rules that no case tests."""
    if not results and not not_run and not broken_files:
        yield "there are no cases yet; write `tests:` in a mapping file, or files in mappings/tests/"
    if untested:
        yield ""
        yield "No case tests these rules:"
        for team, rule in untested:
            yield f"  {_escape(f'{team}/{rule.id}')}  ({_escape(str(rule.origin))})"
    for team in sorted({case.team for case in not_run}):
        count = sum(case.team == team for case in not_run)
        yield _escape(f"{pluralize(count, 'case')} of {team} not run: correct the errors first")
    counts = {name: sum(result.outcome == name for result in results) for name in _MARKS}
    broken = f", {pluralize(broken_files, 'broken file')}" if broken_files else ""
    yield (
        f"{counts['passed']} passed, {counts['failed']} failed, {counts['invalid']} invalid, "
        f"{len(not_run)} not run{broken}"
    )


def _escape(text: str) -> str:
    return escape_terminal(text, _MAX_LINE)


_ILLEGAL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow, not even escaped."""


def junit_xml(
    results: Sequence[CaseResult], not_run: Sequence[MappingCase], problems: Sequence[Problem]
) -> bytes:
    """Return one suite for each team, and a suite ``configuration`` for errors in files, as UTF-8."""
    root = ElementTree.Element("testsuites", name="increment-sync mappings test")
    teams = sorted({result.case.team for result in results} | {case.team for case in not_run})
    for team in teams:
        suite = ElementTree.SubElement(root, "testsuite", name=_legal(team))
        for result in results:
            if result.case.team == team:
                _result(suite, result)
        for case in not_run:
            if case.team == team:
                message = "not run: the mapping of the team, or a plan, has errors"
                ElementTree.SubElement(_case(suite, case), "skipped", message=message)
        _count(suite)
    if problems:
        suite = ElementTree.SubElement(root, "testsuite", name="configuration")
        for problem in problems:
            _problem(suite, problem)
        _count(suite)
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _case(suite: ElementTree.Element, case: MappingCase) -> ElementTree.Element:
    origin = case.location.key_origin
    return ElementTree.SubElement(
        suite,
        "testcase",
        name=_legal(case.name),
        classname=_legal(case.team),
        file=_legal(origin.file),
        line=str(origin.line),
    )


def _result(suite: ElementTree.Element, result: CaseResult) -> None:
    element = _case(suite, result.case)
    if result.outcome == "passed":
        return
    lines = failure_details(result)
    kind = "failure" if result.outcome == "failed" else "error"
    if result.problems:
        message = result.problems[0].message
    else:
        message = "; ".join(f"{d.key}: expected {d.expected}, got {d.actual}" for d in result.differences)
    ElementTree.SubElement(element, kind, message=_legal(message)).text = _legal("\n".join(lines))


def _problem(suite: ElementTree.Element, problem: Problem) -> None:
    origin = problem.origin
    element = ElementTree.SubElement(
        suite,
        "testcase",
        name=_legal(f"{origin}"),
        classname="configuration",
        file=_legal(origin.file),
        line=str(origin.line),
    )
    ElementTree.SubElement(element, "error", message=_legal(problem.message), type=problem.check)


def _count(suite: ElementTree.Element) -> None:
    suite.set("tests", str(len(suite)))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{tag}"))))


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)
