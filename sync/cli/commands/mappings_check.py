"""``mappings check``: what is wrong with plans and mappings, and what is usually a mistake. Needs no tracker."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mappings.checks.warnings import Found, findings
from mappings.load import Reading, read_workspace
from mappings.problems import MappingInvalid, Problem, in_order
from mappings.testing.cases import problems_of
from mappings.testing.files import collect, test_file_problems
from sync.cli.commands.mappings_check_output import as_annotations, as_json, as_lines
from sync.cli.commands.mappings_check_stored import (
    NoSnapshot,
    UnreadableStore,
    exported_findings,
    may_have_snapshot,
    stored_findings,
)
from sync.config.check_push import unknown_in_push
from sync.config.escape import neutral_terminal
from sync.config.settings import Settings, load_settings
from sync.runtime.invocation import Ways, counted, say, say_json

Format = Literal["text", "json", "github"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """All that there is to say about a workspace."""

    problems: tuple[Problem, ...] = ()
    """In order."""
    silenced: int = 0
    notes: tuple[str, ...] = ()
    """What was not looked at, and why."""
    size: str = ""
    """How much there is; empty when there are errors."""

    @property
    def errors(self) -> int:
        return sum(problem.severity == "error" for problem in self.problems)


def check(ways: Ways, *, strict: bool, format_: Format = "text", snapshot: Path | None = None) -> int:
    """3 when there are errors (or warnings, with ``strict``), else 0. ``snapshot`` is an exported file to look
    at instead of the store; StoreError or OSError when it cannot be read."""
    checked = _checked(ways, snapshot)
    failed = bool(checked.errors) or (strict and bool(checked.problems))
    if format_ == "json":
        say_json(as_json(checked.problems, checked.silenced, checked.notes, ok=not failed))
        return 3 if failed else 0
    if format_ == "github":
        for line in as_annotations(checked.problems, ways.root, ways.environment):
            say(line)
    else:
        for line in as_lines(checked.problems):
            say(line)
    for line in _summary(checked):
        say(line)
    return 3 if failed else 0


def _checked(ways: Ways, snapshot: Path | None) -> Checked:
    try:
        settings = load_settings(ways.root)
    except MappingInvalid as invalid:
        note = "plans and mappings were not looked at: correct the settings first"
        return Checked(problems=invalid.problems, notes=(note,))
    reading = read_workspace(
        ways.root,
        trackers={name: tracker.kind for name, tracker in settings.trackers.items()},
        timezone=settings.timezone,
        labels=settings.scheme,
    )
    workspace = reading.workspace
    problems = [*reading.problems, *(unknown_in_push(settings, workspace) if workspace else [])]
    problems += _cases(ways, reading)
    written = findings(reading, ways.now())
    seen, notes = _snapshot(ways, settings, reading, snapshot)
    kinds = (written, seen)
    return Checked(
        problems=in_order([*problems, *(each for found in kinds for each in found.told)]),
        silenced=len(reading.silenced) + sum(len(found.silenced) for found in kinds),
        notes=notes,
        size=_size(reading),
    )


def _cases(ways: Ways, reading: Reading) -> Iterable[Problem]:
    """What is wrong with the cases of ``mappings test``."""
    sound = reading.sound
    cases = collect(ways.root, reading, sound).cases
    inline = (problem for case in cases for problem in problems_of(case, sound, reading.builder.trackers))
    return [*test_file_problems(ways.root, reading), *inline]


def _snapshot(
    ways: Ways, settings: Settings, reading: Reading, exported: Path | None
) -> tuple[Found, tuple[str, ...]]:
    """What the issues that were read last tell, or why nobody looked at them."""
    nothing = Found(told=(), silenced=())
    try:
        if exported is None:
            may_have_snapshot(settings, ways.root)
        workspace = reading.workspace
        if workspace is None:
            raise NoSnapshot("correct the errors first")
        if exported is not None:
            return exported_findings(exported, reading, workspace, ways.now), ()
        return stored_findings(settings, ways.root, reading, workspace, ways.now), ()
    except NoSnapshot as reason:
        warning = "warning: " if isinstance(reason, UnreadableStore) else ""
        return nothing, (f"{warning}the stored issues were not looked at: {reason}",)


def _size(reading: Reading) -> str:
    workspace = reading.workspace
    if workspace is None:
        return ""
    rules = sum(len(team.rules) for team in workspace.teams)
    capabilities = sum(len(increment.capabilities) for increment in workspace.increments)
    return ", ".join(
        (
            counted(len(workspace.increments), "increment"),
            "1 capability" if capabilities == 1 else f"{capabilities} capabilities",
            counted(len(workspace.teams), "team"),
            counted(rules, "rule"),
        )
    )


def _summary(checked: Checked) -> Iterable[str]:
    yield from map(neutral_terminal, checked.notes)
    if checked.size:
        yield checked.size
    warnings = len(checked.problems) - checked.errors
    silenced = f", {checked.silenced} silenced" if checked.silenced else ""
    yield f"{counted(checked.errors, 'error')}, {counted(warnings, 'warning')}{silenced}"
