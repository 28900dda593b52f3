"""How the result of a mapping test reads in a terminal and in a failure of a JUnit report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mappings.model import Rule
from mappings.rules.trace import RuleTrace, Trace
from mappings.testing.cases import MappingCase
from mappings.testing.run import CaseResult
from sync.config.escape import escape_terminal

_MARKS = {"passed": "ok      ", "failed": "FAILED  ", "invalid": "INVALID "}
_SHOWN = 200


def case_lines(result: CaseResult) -> list[str]:
    """One line for a case that passed; what was expected, what came out and why for one that did not."""
    case = result.case
    head = _MARKS[result.outcome] + _clean(f"{case.team}/{case.name}")
    if result.outcome == "passed":
        return [head]
    return [
        f"{head}  ({_clean(str(case.location.key_origin))})",
        *[f"    {line}" for line in failure_details(result)],
    ]


def failure_details(result: CaseResult) -> list[str]:
    """Everything about a case that did not pass."""
    if result.problems:
        return [_clean(f"{problem.origin}: {problem.message}") for problem in result.problems]
    lines = []
    width = max((len(each.key) for each in result.differences), default=0)
    for each in result.differences:
        lines.append(f"{each.key:<{width}}  expected {_clean(each.expected)}")
        lines.append(f"{'':<{width}}  got      {_clean(each.actual)}")
    if result.trace is not None:
        lines += [_clean(result.trace.because), *_rules(result.trace)]
    return lines


def _rules(trace: Trace) -> Iterator[str]:
    for team in trace.teams:
        if not team.rules:
            yield _clean(f"{team.team} has no rules.")
            continue
        yield _clean(f"rules of {team.team}:")
        for rule in team.rules:
            yield from (f"  {line}" for line in _rule(rule, team.winner))


def _rule(traced: RuleTrace, winner: str | None) -> Iterator[str]:
    """A rule that was asked with the conditions that failed; a later one only where it would hold too."""
    rule = traced.rule
    name = _clean(
        f"{rule.id} ({rule.origin}) -> {rule.assign}{f' {rule.iteration}' if rule.iteration else ''}"
    )
    if not traced.reached:
        if traced.matched:
            yield f". {name}: holds too, but {_clean(str(winner))} comes first"
        return
    yield f"{'+' if traced.matched else '-'} {name}{': wins' if traced.matched else ''}"
    for condition in traced.conditions:
        if not condition.holds:
            found = ", ".join(condition.found) or "nothing"
            yield f"    {_clean(f'{condition.key}: {condition.expected}; it has {found}')}"


def summary_lines(
    results: Sequence[CaseResult],
    stopped: Sequence[MappingCase],
    unreached: Sequence[tuple[str, Rule]] | None,
) -> Iterator[str]:
    """What is said at the end."""
    if not results and not stopped:
        yield "there are no cases yet; write `tests:` in a mapping file, or files in mappings/tests/"
    if unreached:
        yield ""
        yield "No case is decided by these rules:"
        for team, rule in unreached:
            yield f"  {_clean(f'{team}/{rule.id}')}  ({_clean(str(rule.origin))})"
    for team in sorted({case.team for case in stopped}):
        count = sum(case.team == team for case in stopped)
        yield _clean(f"{_cases(count)} of {team} not run: correct the errors first")
    counts = {name: sum(result.outcome == name for result in results) for name in _MARKS}
    yield f"{counts['passed']} passed, {counts['failed']} failed, {counts['invalid']} invalid, {len(stopped)} not run"


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count} cases"


def _clean(text: str) -> str:
    return escape_terminal(text, _SHOWN)
