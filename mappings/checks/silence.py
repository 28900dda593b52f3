"""Warnings silenced by ``silence: [name-of-the-check]`` on a rule, capability, goal or team, or in ``defaults.yaml``.

Errors cannot be silenced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from mappings.parsed import ParsedDefaults, ParsedPlan, ParsedTeam, ParsedWorkspace, YamlLocation
from mappings.problems import Problem, sort_problems, suggestion
from mappings.schema.mapping import DEFAULTS_FILE
from mappings.yaml.tree import KeyPath, Positions

SILENCEABLE: Final = frozenset(
    {
        "capability-without-issues",
        "capability-without-rule",
        "doubtful-source",
        "empty-goal",
        "identical-rules",
        "impossible-rule",
        "label-case",
        "pattern-ascii",
        "plain-pattern",
        "shadowed-rule",
        "shared-source",
        "status-without-state",
        "unknown-team",
        "unknown-resolution",
        "unmapped-source",
        "unmatched-name",
        "unmatched-rule",
    }
)
"""Names of all checks that report warnings."""

_STEP: Final = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_HOLDERS: Final = {"rules": "rule", "capabilities": "capability", "goals": "goal"}


def unknown_silence(parsed: ParsedWorkspace) -> Iterator[Problem]:
    """Report unknown names under ``silence``, which would have no effect."""
    for names, location in _silence_entries(parsed):
        for name, at in location.items("silence", names):
            if name not in SILENCEABLE:
                hint = suggestion(name, SILENCEABLE, kind="warnings")
                message = f'"{name}" is not a warning that can be silenced; {hint}'
                yield at.problem("unknown-silence", message)


def _silence_entries(parsed: ParsedWorkspace) -> Iterator[tuple[list[str], YamlLocation]]:
    for file in parsed.inheritable_files():
        yield file.entry.silence, file.location
    for _, rule, location in parsed.rules():
        yield rule.silence, location
    for _, goal, location in parsed.goals():
        yield goal.silence, location
    for each in parsed.capabilities():
        yield each.capability.silence, each.location


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedProblems:
    """Problems, split into reported and silenced ones. Both sorted."""

    reported: tuple[Problem, ...]
    silenced: tuple[Problem, ...]


def split_silenced(problems: Iterable[Problem], parsed: ParsedWorkspace) -> CheckedProblems:
    """Split problems into those to report and those that the files silence."""
    holders: tuple[ParsedPlan | ParsedTeam | ParsedDefaults, ...] = (
        *parsed.plans,
        *parsed.inheritable_files(),
    )
    files = {each.file: each.location.positions for each in holders}
    reported: list[Problem] = []
    silenced: list[Problem] = []
    for problem in problems:
        is_silenced = problem.severity == "warning" and _is_silenced(problem, files.get(problem.origin.file))
        (silenced if is_silenced else reported).append(problem)
    return CheckedProblems(reported=sort_problems(reported), silenced=sort_problems(silenced))


def _is_silenced(problem: Problem, positions: Positions | None) -> bool:
    node = positions.root if positions else None
    for part in (None, *_steps(problem.path)):
        node = node.child(part) if node and part is not None else node
        names = node.child("silence") if node else None
        if names is not None and isinstance(names.value, list) and problem.check in names.to_plain():
            return True
    return False


def silence_hint(problem: Problem) -> str | None:
    """Return the YAML that silences a warning; None for problems that cannot be silenced."""
    if problem.severity != "warning" or problem.check not in SILENCEABLE:
        return None
    holders = [f"on the {_HOLDERS[step]}" for step in _steps(problem.path) if step in _HOLDERS]
    is_default = problem.origin.file == DEFAULTS_FILE
    whole = "in the same file" if is_default else "on the team"
    return f"silence: [{problem.check}] {holders[-1] if holders else whole}"


def _steps(path: str) -> KeyPath:
    """``rules[2].when`` -> ``("rules", 2, "when")``."""
    return tuple(int(index) if index else name for index, name in _STEP.findall(path))
