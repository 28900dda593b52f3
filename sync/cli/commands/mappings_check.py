"""``mappings check``: what is wrong with plans and mappings, and what is usually a mistake. Needs no tracker."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mappings.checks.warnings import CheckWarnings, file_warnings
from mappings.load import read_workspace
from mappings.load_result import LoadResult
from mappings.problems import InvalidWorkspace, Problem, sort_problems
from mappings.testing.cases import case_problems
from mappings.testing.files import collect_cases, test_file_problems
from sync.cli.commands.mappings_check_output import check_document, check_lines, github_annotations
from sync.cli.commands.mappings_check_stored import (
    SnapshotUnavailable,
    UnreadableStore,
    exported_findings,
    require_local_store,
    stored_findings,
)
from sync.config.check_push import check_push_names
from sync.config.escape import escape_terminal
from sync.config.settings import Settings
from sync.runtime.invocation import Invocation, pluralize, print_json, print_line

Format = Literal["text", "json", "github"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """All that there is to say about a workspace."""

    problems: tuple[Problem, ...] = ()
    """In order."""
    silenced: int = 0
    notes: tuple[str, ...] = ()
    """What was not looked at, and why."""
    workspace_size: str = ""
    """How much there is; empty when there are errors."""

    @property
    def errors(self) -> int:
        return sum(problem.severity == "error" for problem in self.problems)


def check(
    invocation: Invocation, *, strict: bool, format_: Format = "text", snapshot: Path | None = None
) -> int:
    """3 when there are errors (or warnings, with ``strict``), else 0. ``snapshot`` is an exported file to look
    at instead of the store; StoreError or OSError when it cannot be read."""
    checked = _check_workspace(invocation, snapshot)
    failed = bool(checked.errors) or (strict and bool(checked.problems))
    if format_ == "json":
        print_json(check_document(checked.problems, checked.silenced, checked.notes, ok=not failed))
        return 3 if failed else 0
    if format_ == "github":
        for line in github_annotations(checked.problems, invocation.root, invocation.environment):
            print_line(line)
    else:
        for line in check_lines(checked.problems):
            print_line(line)
    for line in _summary(checked):
        print_line(line)
    return 3 if failed else 0


def _check_workspace(invocation: Invocation, snapshot: Path | None) -> CheckResult:
    try:
        settings = invocation.settings
    except InvalidWorkspace as invalid:
        note = "plans and mappings were not looked at: correct the settings first"
        return CheckResult(problems=invalid.problems, notes=(note,))
    reading = read_workspace(
        invocation.root,
        trackers={name: tracker.kind for name, tracker in settings.trackers.items()},
        timezone=settings.timezone,
        labels=settings.label_scheme,
    )
    workspace = reading.workspace
    problems = [*reading.problems, *(check_push_names(settings, workspace) if workspace else [])]
    problems += _case_problems(invocation, reading)
    written = file_warnings(reading, invocation.now())
    seen, notes = _snapshot_findings(invocation, settings, reading, snapshot)
    kinds = (written, seen)
    return CheckResult(
        problems=sort_problems([*problems, *(each for found in kinds for each in found.reported)]),
        silenced=len(reading.silenced) + sum(len(found.silenced) for found in kinds),
        notes=notes,
        workspace_size=_workspace_size(reading),
    )


def _case_problems(invocation: Invocation, reading: LoadResult) -> Iterable[Problem]:
    """What is wrong with the cases of ``mappings test``."""
    sound = reading.valid_part
    cases = collect_cases(invocation.root, reading, sound).cases
    inline = (problem for case in cases for problem in case_problems(case, sound, reading.builder.trackers))
    return [*test_file_problems(invocation.root, reading), *inline]


def _snapshot_findings(
    invocation: Invocation, settings: Settings, reading: LoadResult, exported: Path | None
) -> tuple[CheckWarnings, tuple[str, ...]]:
    """What the issues that were read last tell, or why nobody looked at them."""
    nothing = CheckWarnings(reported=(), silenced=())
    try:
        if exported is None:
            require_local_store(settings, invocation.root)
        workspace = reading.workspace
        if workspace is None:
            raise SnapshotUnavailable("correct the errors first")
        if exported is not None:
            return exported_findings(exported, reading, workspace, invocation.now), ()
        return stored_findings(settings, invocation.root, reading, workspace, invocation.now), ()
    except SnapshotUnavailable as reason:
        warning = "warning: " if isinstance(reason, UnreadableStore) else ""
        return nothing, (f"{warning}the stored issues were not looked at: {reason}",)


def _workspace_size(reading: LoadResult) -> str:
    workspace = reading.workspace
    if workspace is None:
        return ""
    rules = sum(len(team.rules) for team in workspace.teams)
    capabilities = sum(len(increment.capabilities) for increment in workspace.increments)
    return ", ".join(
        (
            pluralize(len(workspace.increments), "increment"),
            "1 capability" if capabilities == 1 else f"{capabilities} capabilities",
            pluralize(len(workspace.teams), "team"),
            pluralize(rules, "rule"),
        )
    )


def _summary(checked: CheckResult) -> Iterable[str]:
    yield from map(escape_terminal, checked.notes)
    if checked.workspace_size:
        yield checked.workspace_size
    warnings = len(checked.problems) - checked.errors
    silenced = f", {checked.silenced} silenced" if checked.silenced else ""
    yield f"{pluralize(checked.errors, 'error')}, {pluralize(warnings, 'warning')}{silenced}"
