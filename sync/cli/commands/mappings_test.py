"""``mappings test``: run the test cases of the mappings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.escape import escape_sentence
from connectors.model import KnownIssue
from connectors.text import normalize_text
from mappings.model import Rule
from mappings.problems import Problem, sort_problems
from mappings.rules.patterns import PatternInvalid, compile_pattern, to_bytes
from mappings.testing.cases import MappingCase
from mappings.testing.files import collect_cases
from mappings.testing.run import CaseResult, CaseRunner, untested_rules
from sync.cli.commands.mappings_check import (
    SnapshotUnavailable,
    open_issues,
    problem_document,
    require_local_store,
)
from sync.cli.commands.mappings_test_output import case_lines, summary_lines
from sync.cli.exit_codes import ExitCode
from sync.cli.output import Output, as_object, pick
from sync.config.workspace import read_with_settings
from sync.runtime.invocation import Invocation


class InvalidCasePattern(ValueError):
    """``--run`` is no valid pattern, or matches no case; the message says what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseReport:
    """Results of the cases."""

    results: tuple[CaseResult, ...]
    not_run: tuple[MappingCase, ...]
    problems: tuple[Problem, ...]
    """Errors of plans, mappings and test files."""
    untested_rules: tuple[tuple[str, Rule], ...] | None
    """(team, rule) of rules that decide no case; None when only some of the cases were run."""

    @property
    def ok(self) -> bool:
        """True if every case passed and nothing else failed."""
        return not self.problems and not self.not_run and self.count("passed") == len(self.results)

    @property
    def broken_files(self) -> int:
        """Number of files with errors, whose cases may be unknown."""
        return len({problem.origin.file for problem in self.problems})

    def count(self, outcome: str) -> int:
        """Return the number of cases with this outcome."""
        return sum(result.outcome == outcome for result in self.results)


def run_cases(
    invocation: Invocation,
    files: Sequence[Path] = (),
    *,
    pattern: str | None = None,
    junit: Path | None = None,
) -> int:
    """Run the cases and print the results. Return 3 when a case fails or cannot be run, else 0.

    Raises InvalidCasePattern for a wrong ``--run``.
    """
    output = Output(invocation)
    report = _run(invocation, files, pattern)
    if junit is not None:
        from sync.cli.commands.mappings_test_output import junit_xml

        junit.write_bytes(junit_xml(report.results, report.not_run, report.problems))
    if not output.as_json:
        output.notes(escape_sentence(str(problem)) for problem in report.problems)
    output.show(lambda: _document(report), lambda: _lines(report))
    return ExitCode.DONE if report.ok else ExitCode.INVALID


def _lines(report: CaseReport) -> Iterator[str]:
    for result in report.results:
        yield from case_lines(result)
    yield from summary_lines(report.results, report.not_run, report.untested_rules, report.broken_files)


def _run(invocation: Invocation, files: Sequence[Path], pattern: str | None) -> CaseReport:
    root = invocation.root
    loaded = read_with_settings(root, invocation.settings)
    valid = loaded.valid_part
    found = collect_cases(root, loaded, valid, files)
    cases = _matching_cases(found.cases, pattern)
    not_run = _matching_cases(found.not_runnable, pattern)
    if pattern is not None and not cases and not not_run:
        raise InvalidCasePattern(f"no case matches {pattern!r}; names look like {_example(found.cases)}")
    runner = CaseRunner(valid, loaded.builder)
    results = tuple(runner.run(case) for case in cases)
    if any(result.outcome == "failed" for result in results) and (moved := _moved_issues(invocation)):
        runner = CaseRunner(valid, loaded.builder, moved)
        results = tuple(runner.run(case) for case in cases)
    errors = [problem for problem in loaded.problems if problem.severity == "error"]
    return CaseReport(
        results=results,
        not_run=tuple(not_run),
        problems=sort_problems([*errors, *found.problems]),
        untested_rules=None if files or pattern else tuple(untested_rules(valid, results)),
    )


def _moved_issues(invocation: Invocation) -> list[KnownIssue]:
    """Return the issues that had another key before, if a store knows any: rules and cases may name either key."""
    try:
        require_local_store(invocation.settings, invocation.root)
        with open_issues(invocation, invocation.settings, None) as store:
            return store.moved_issues()
    except SnapshotUnavailable:
        return []


def _matching_cases(cases: Sequence[MappingCase], pattern: str | None) -> list[MappingCase]:
    """Return the cases whose ``team/name`` contains the pattern."""
    if pattern is None:
        return list(cases)
    try:
        compiled = compile_pattern(normalize_text(pattern))
    except PatternInvalid as error:
        raise InvalidCasePattern(str(error)) from None
    return [case for case in cases if compiled.search(to_bytes(f"{case.team}/{case.name}")) is not None]


def _example(cases: Sequence[MappingCase]) -> str:
    return repr(f"{cases[0].team}/{cases[0].name}"[:100]) if cases else "'team/name of the case'"


def _document(report: CaseReport) -> dict[str, Any]:
    rules = report.untested_rules
    return {
        "ok": report.ok,
        **{outcome: report.count(outcome) for outcome in ("passed", "failed", "invalid")},
        "not_run": len(report.not_run),
        "broken_files": report.broken_files,
        "tests": [_result_document(result) for result in report.results],
        "stopped": [_case_document(case) for case in report.not_run],
        "problems": [problem_document(problem) for problem in report.problems],
        "unreached_rules": None
        if rules is None
        else [{"team": team, "rule": rule.id, **as_object(rule.origin)} for team, rule in rules],
    }


def _case_document(case: MappingCase) -> dict[str, Any]:
    return {**pick(case, "team", "name"), **as_object(case.location.key_origin)}


def _result_document(result: CaseResult) -> dict[str, Any]:
    trace = result.trace
    return {
        **_case_document(result.case),
        "outcome": result.outcome,
        "differences": [pick(each, "key", "expected", got="actual") for each in result.differences],
        "because": trace.because if trace else None,
        "winners": {team.team: team.winner for team in trace.teams} if trace else {},
        "problems": [problem_document(problem) for problem in result.problems],
    }
