"""Run the cases of mapping tests with the matcher that ``run`` uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from connectors.model import KnownIssue
from mappings.build import WorkspaceBuilder
from mappings.model import Assignment, Conflict, Rule, Unplanned, Workspace
from mappings.problems import Problem
from mappings.rules.flow_state import state_of
from mappings.rules.matcher import Matcher
from mappings.rules.trace import Trace
from mappings.testing.cases import MappingCase, PreparedCase, case_problems, prepare_case

NOTHING: Final = "nothing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mismatch:
    """Expectation that was not met."""

    key: str
    """``assign``, ``rule``, ``iteration``, ``state``, ``unplanned`` or ``ignored``."""
    expected: str
    actual: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseResult:
    """Result of one case."""

    case: MappingCase
    problems: tuple[Problem, ...] = ()
    """Reasons why the case could not be run; the other fields are then empty."""
    differences: tuple[Mismatch, ...] = ()
    trace: Trace | None = None

    @property
    def outcome(self) -> str:
        """``passed``, ``failed`` or ``invalid``."""
        if self.problems:
            return "invalid"
        return "failed" if self.differences else "passed"


class CaseRunner:
    """Runs cases with the valid part of a workspace."""

    def __init__(
        self, workspace: Workspace, builder: WorkspaceBuilder, moved: Iterable[KnownIssue] = ()
    ) -> None:
        """``moved``: issues that had another key before, which a case or a rule may still name."""
        self._workspace = workspace
        self._moved = tuple(moved)
        self._builder = builder
        self._matchers: dict[object, Matcher] = {}

    def run(self, case: MappingCase) -> CaseResult:
        """Run one case. Its team must be in the workspace, which must have an increment."""
        problems = tuple(case_problems(case, self._workspace, self._builder.trackers))
        if problems:
            return CaseResult(case=case, problems=problems)
        staged = prepare_case(case, self._workspace, self._builder)
        trace = self._matcher(staged).trace(staged.issue, staged.overrides, (*self._moved, *staged.ancestors))
        got = self._actual_values(case, staged, trace)
        differences = tuple(
            Mismatch(key=key, expected=_format(expected), actual=got[key])
            for key, expected in case.expectations.items()
            if got[key] != _format(expected)
        )
        return CaseResult(case=case, differences=differences, trace=trace)

    def _matcher(self, staged: PreparedCase) -> Matcher:
        """Return the matcher for the time of the case, which decides which increments are open."""
        if staged.now not in self._matchers:
            self._matchers[staged.now] = Matcher(self._workspace, self._workspace.labels, staged.now)
        return self._matchers[staged.now]

    def _actual_values(self, case: MappingCase, staged: PreparedCase, trace: Trace) -> Mapping[str, str]:
        """Return the actual value of each possible expectation."""
        outcome = trace.outcome
        assigned = outcome if isinstance(outcome, Assignment) else None
        if isinstance(outcome, Assignment | Unplanned):
            state = outcome.state
        else:
            state = state_of(staged.issue.issue, case.mapping_in(self._workspace))
        return {
            "assign": assigned.capability if assigned else _describe_claims(outcome),
            "rule": (assigned.rule if assigned else None) or NOTHING,
            "iteration": (assigned.iteration if assigned else None) or NOTHING,
            "state": state.state,
            "unplanned": _format(isinstance(outcome, Unplanned)),
            "ignored": _format(outcome is None),
        }


def _describe_claims(outcome: object) -> str:
    if isinstance(outcome, Conflict):
        return "claimed by " + " and ".join(f"{each.team} for {each.capability}" for each in outcome.claims)
    return NOTHING


def _format(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def untested_rules(workspace: Workspace, results: Iterable[CaseResult]) -> list[tuple[str, Rule]]:
    """Return rules that match no case first, with their teams, in file order."""
    traces = [result.trace for result in results if result.trace is not None]
    reached = {(team.team, team.winner) for trace in traces for team in trace.teams}
    rules = [(team.team, rule) for team in workspace.teams for rule in team.rules]
    return [(team, rule) for team, rule in rules if (team, rule.id) not in reached]
