"""``mappings test``: do the rules do what their cases say?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mappings.load import read_workspace
from mappings.model import Rule
from mappings.problems import Problem, sort_problems
from mappings.rules.patterns import PatternInvalid, compile_pattern, to_bytes
from mappings.testing.cases import MappingCase
from mappings.testing.files import collect_cases
from mappings.testing.run import CaseResult, CaseRunner, untested_rules
from sync.cli.commands.mappings_test_text import case_lines, summary_lines
from sync.config.escape import escape_terminal
from sync.runtime.invocation import Invocation, print_error, print_json, print_line


class InvalidCasePattern(ValueError):
    """``--run`` is no pattern, or names no case; the message says what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseReport:
    """Everything that a run of the cases came to."""

    results: tuple[CaseResult, ...]
    not_run: tuple[MappingCase, ...]
    problems: tuple[Problem, ...]
    """Errors of plans, mappings and test files."""
    unreached_rules: tuple[tuple[str, Rule], ...] | None
    """None when only some of the cases were run."""

    @property
    def ok(self) -> bool:
        return not self.problems and not self.not_run and self.count("passed") == len(self.results)

    def count(self, outcome: str) -> int:
        return sum(result.outcome == outcome for result in self.results)


def run_cases(
    invocation: Invocation,
    files: Sequence[Path] = (),
    *,
    pattern: str | None = None,
    junit: Path | None = None,
) -> int:
    """3 when a case fails or cannot be run, else 0. Raises BadPattern for a wrong ``--run``."""
    report = _report(invocation, files, pattern)
    if junit is not None:
        from sync.cli.commands.mappings_test_junit import junit_xml

        junit.write_bytes(junit_xml(report.results, report.not_run, report.problems))
    if invocation.as_json:
        print_json(_as_json(report))
        return 0 if report.ok else 3
    for problem in report.problems:
        print_error(escape_terminal(str(problem)))
    for result in report.results:
        for line in case_lines(result):
            print_line(line)
    for line in summary_lines(report.results, report.not_run, report.unreached_rules):
        print_line(line)
    return 0 if report.ok else 3


def _report(invocation: Invocation, files: Sequence[Path], pattern: str | None) -> CaseReport:
    root, settings = invocation.root, invocation.settings
    reading = read_workspace(
        root,
        trackers={name: tracker.kind for name, tracker in settings.trackers.items()},
        timezone=settings.timezone,
        labels=settings.label_scheme,
    )
    sound = reading.valid_part
    found = collect_cases(root, reading, sound, files)
    cases = _chosen(found.cases, pattern)
    stopped = _chosen(found.not_runnable, pattern)
    if pattern is not None and not cases and not stopped:
        raise InvalidCasePattern(
            f"no case is called like {pattern!r}; names look like {_example(found.cases)}"
        )
    tester = CaseRunner(sound, reading.builder, sound.labels)
    results = tuple(tester.run(case) for case in cases)
    errors = [problem for problem in reading.problems if problem.severity == "error"]
    return CaseReport(
        results=results,
        not_run=tuple(stopped),
        problems=sort_problems([*errors, *found.problems]),
        unreached_rules=None if files or pattern else tuple(untested_rules(sound, results)),
    )


def _chosen(cases: Sequence[MappingCase], pattern: str | None) -> list[MappingCase]:
    """The cases in whose ``team/name`` the pattern is found."""
    if pattern is None:
        return list(cases)
    try:
        compiled = compile_pattern(pattern)
    except PatternInvalid as error:
        raise InvalidCasePattern(str(error)) from None
    return [case for case in cases if compiled.search(to_bytes(f"{case.team}/{case.name}")) is not None]


def _example(cases: Sequence[MappingCase]) -> str:
    return repr(f"{cases[0].team}/{cases[0].name}"[:100]) if cases else "'team/name of the case'"


def _as_json(report: CaseReport) -> dict[str, Any]:
    return {
        "version": 1,
        "ok": report.ok,
        "passed": report.count("passed"),
        "failed": report.count("failed"),
        "invalid": report.count("invalid"),
        "not_run": len(report.not_run),
        "tests": [_result_json(result) for result in report.results],
        "stopped": [
            {"team": case.team, "name": case.name, **_place_json(case.location.key_origin)}
            for case in report.not_run
        ],
        "problems": [_problem_json(problem) for problem in report.problems],
        "unreached_rules": None
        if report.unreached_rules is None
        else [
            {"team": team, "rule": rule.id, **_place_json(rule.origin)}
            for team, rule in report.unreached_rules
        ],
    }


def _result_json(result: CaseResult) -> dict[str, Any]:
    trace = result.trace
    return {
        "team": result.case.team,
        "name": result.case.name,
        **_place_json(result.case.location.key_origin),
        "outcome": result.outcome,
        "differences": [
            {"key": each.key, "expected": each.expected, "got": each.actual} for each in result.differences
        ],
        "because": trace.because if trace else None,
        "winners": {team.team: team.winner for team in trace.teams} if trace else {},
        "problems": [_problem_json(problem) for problem in result.problems],
    }


def _problem_json(problem: Problem) -> dict[str, Any]:
    return {
        **_place_json(problem.origin),
        "path": problem.path,
        "severity": problem.severity,
        "check": problem.check,
        "message": problem.message,
    }


def _place_json(origin: Any) -> dict[str, Any]:
    return {"file": origin.file, "line": origin.line, "column": origin.column}
