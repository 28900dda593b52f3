"""``mappings check``: errors of settings, plans and mappings, and warnings about usual mistakes. Needs no tracker."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mappings.checks.silence import CheckedProblems
from mappings.checks.warnings import file_warnings
from mappings.load import read_workspace
from mappings.load_result import LoadResult
from mappings.problems import InvalidWorkspace, Problem, sort_problems
from mappings.testing.cases import case_problems
from mappings.testing.files import collect_cases, test_file_problems
from sync.cli.commands.mappings_check_output import check_document, check_lines, github_annotations
from sync.cli.commands.mappings_check_stored import (
    SnapshotUnavailable,
    UnreadableStore,
    exported_warnings,
    require_local_store,
    stored_warnings,
)
from sync.cli.exit_codes import ExitCode
from sync.cli.output import Output, pluralize, write_document
from sync.config.check_push import check_push_names
from sync.config.escape import escape_terminal
from sync.config.settings import Settings
from sync.runtime.invocation import Invocation

Format = Literal["text", "json", "github"]


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkspaceCheck:
    """Problems of a workspace, and what could not be result."""

    problems: tuple[Problem, ...] = ()
    """Sorted."""
    silenced: int = 0
    """Number of warnings that the files silence."""
    notes: tuple[str, ...] = ()
    """Parts that were not checked, with the reason."""
    workspace_size: str = ""
    """Numbers of increments, capabilities, teams and rules; empty when there are errors."""

    @property
    def errors(self) -> int:
        """Number of errors."""
        return sum(problem.severity == "error" for problem in self.problems)


def check(
    invocation: Invocation, *, strict: bool, format_: Format = "text", snapshot: Path | None = None
) -> int:
    """Print all problems. Return 3 when there are errors (or warnings, with ``strict``), else 0.

    ``snapshot`` is an exported file to use instead of the store; StoreError or OSError when it cannot be read.
    """
    output = Output(invocation)
    result = _check_workspace(invocation, snapshot)
    failed = bool(result.errors) or (strict and bool(result.problems))
    if format_ == "json":
        write_document(check_document(result.problems, result.silenced, result.notes, ok=not failed))
    else:
        if format_ == "github":
            output.lines(github_annotations(result.problems, invocation.root, invocation.environment))
        else:
            output.lines(check_lines(result.problems))
        output.lines(_summary(result))
    return ExitCode.INVALID if failed else ExitCode.DONE


def _check_workspace(invocation: Invocation, snapshot: Path | None) -> WorkspaceCheck:
    try:
        settings = invocation.settings
    except InvalidWorkspace as invalid:
        note = "plans and mappings were not checked: correct the settings first"
        return WorkspaceCheck(problems=invalid.problems, notes=(note,))
    loaded = read_workspace(
        invocation.root,
        trackers={name: tracker.kind for name, tracker in settings.trackers.items()},
        timezone=settings.timezone,
        labels=settings.label_scheme,
    )
    workspace = loaded.workspace
    problems = [*loaded.problems, *(check_push_names(settings, workspace) if workspace else [])]
    problems += _case_problems(invocation, loaded)
    issue_warnings, notes = _stored_issue_warnings(invocation, settings, loaded, snapshot)
    warnings = (file_warnings(loaded, invocation.now()), issue_warnings)
    return WorkspaceCheck(
        problems=sort_problems([*problems, *(each for found in warnings for each in found.reported)]),
        silenced=len(loaded.silenced) + sum(len(found.silenced) for found in warnings),
        notes=notes,
        workspace_size=_workspace_size(loaded),
    )


def _case_problems(invocation: Invocation, loaded: LoadResult) -> Iterable[Problem]:
    """Return the problems of the cases of ``mappings test``."""
    valid = loaded.valid_part
    cases = collect_cases(invocation.root, loaded, valid).cases
    inline = (problem for case in cases for problem in case_problems(case, valid, loaded.builder.trackers))
    return [*test_file_problems(invocation.root, loaded), *inline]


def _stored_issue_warnings(
    invocation: Invocation, settings: Settings, loaded: LoadResult, exported: Path | None
) -> tuple[CheckedProblems, tuple[str, ...]]:
    """Return the warnings that follow from the stored issues, or a note why they were not result."""
    nothing = CheckedProblems(reported=(), silenced=())
    try:
        if exported is None:
            require_local_store(settings, invocation.root)
        workspace = loaded.workspace
        if workspace is None:
            raise SnapshotUnavailable("correct the errors first")
        if exported is not None:
            return exported_warnings(exported, loaded, workspace, invocation.now), ()
        return stored_warnings(settings, invocation.root, loaded, workspace, invocation.now), ()
    except SnapshotUnavailable as reason:
        warning = "warning: " if isinstance(reason, UnreadableStore) else ""
        return nothing, (f"{warning}the stored issues were not checked: {reason}",)


def _workspace_size(loaded: LoadResult) -> str:
    workspace = loaded.workspace
    if workspace is None:
        return ""
    rules = sum(len(team.rules) for team in workspace.teams)
    capabilities = sum(len(increment.capabilities) for increment in workspace.increments)
    return ", ".join(
        (
            pluralize(len(workspace.increments), "increment"),
            pluralize(capabilities, "capability"),
            pluralize(len(workspace.teams), "team"),
            pluralize(rules, "rule"),
        )
    )


def _summary(result: WorkspaceCheck) -> Iterable[str]:
    yield from map(escape_terminal, result.notes)
    if result.workspace_size:
        yield result.workspace_size
    warnings = len(result.problems) - result.errors
    silenced = f", {result.silenced} silenced" if result.silenced else ""
    yield f"{pluralize(result.errors, 'error')}, {pluralize(warnings, 'warning')}{silenced}"
