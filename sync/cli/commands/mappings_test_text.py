"""Results of mapping tests as text, for the terminal and for failures in a JUnit report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mappings.model import Rule
from mappings.rules.trace import RuleTrace, Trace
from mappings.testing.cases import MappingCase
from mappings.testing.run import CaseResult
from sync.cli.output import pluralize
from sync.config.escape import escape_terminal

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
        return [_escape(f"{problem.origin}: {problem.message}") for problem in result.problems]
    lines = []
    width = max((len(each.key) for each in result.differences), default=0)
    for each in result.differences:
        lines.append(f"{each.key:<{width}}  expected {_escape(each.expected)}")
        lines.append(f"{'':<{width}}  got      {_escape(each.actual)}")
    if result.trace is not None:
        lines += [_escape(result.trace.because), *_trace_lines(result.trace)]
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
            found = ", ".join(condition.found) or "nothing"
            yield f"    {_escape(f'{condition.key}: {condition.expected}; it has {found}')}"


def summary_lines(
    results: Sequence[CaseResult],
    not_run: Sequence[MappingCase],
    untested: Sequence[tuple[str, Rule]] | None,
) -> Iterator[str]:
    """Summarise the results, with the rules that no case tests."""
    if not results and not not_run:
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
    yield f"{counts['passed']} passed, {counts['failed']} failed, {counts['invalid']} invalid, {len(not_run)} not run"


def _escape(text: str) -> str:
    return escape_terminal(text, _MAX_LINE)
