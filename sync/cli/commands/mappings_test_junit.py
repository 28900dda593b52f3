"""Results of mapping tests as JUnit XML for build servers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from mappings.problems import Problem
from mappings.testing.cases import MappingCase
from mappings.testing.run import CaseResult
from sync.cli.commands.mappings_test_text import failure_details

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
