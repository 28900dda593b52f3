"""``mappings check``: errors of settings, plans and mappings, and warnings about usual mistakes. Needs no tracker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.escape import escape_sentence
from mappings.checks.silence import CheckedProblems, silence_hint
from mappings.checks.unknown_names import NamesOfThePast
from mappings.checks.warnings import file_warnings
from mappings.load_result import LoadResult
from mappings.model import Workspace
from mappings.problems import InvalidWorkspace, Problem, sort_problems
from mappings.testing.cases import case_problems
from mappings.testing.files import collect_cases, test_file_problems
from sync.cli.annotations import CheckFormat, annotation_lines
from sync.cli.exit_codes import ExitCode
from sync.cli.output import Output, as_object, pick, pluralize
from sync.config.check_push import check_push_names
from sync.config.settings import Settings, store_file, store_url
from sync.config.workspace import read_with_settings
from sync.runtime.invocation import Invocation

if TYPE_CHECKING:
    from sync.store import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkspaceCheck:
    """Problems of a workspace, and what could not be checked."""

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
    invocation: Invocation, *, strict: bool, format_: CheckFormat = "text", snapshot: Path | None = None
) -> int:
    """Print all problems. Return 3 when there are errors (or warnings, with ``strict``), else 0.

    ``snapshot`` is an exported file to use instead of the store; StoreError or OSError when it cannot be read.
    """
    output = Output(invocation)
    result = _check_workspace(invocation, snapshot)
    failed = bool(result.errors) or (strict and bool(result.problems))
    if format_ == "json":
        output.document(_document(result, ok=not failed))
    else:
        if format_ == "text":
            output.lines(check_lines(result.problems))
        else:
            root, environment = invocation.root, invocation.environment
            output.lines(annotation_lines(result.problems, root, environment, silence_hint))
        output.lines(_summary(result))
    return ExitCode.INVALID if failed else ExitCode.DONE


def _check_workspace(invocation: Invocation, snapshot: Path | None) -> WorkspaceCheck:
    try:
        settings = invocation.settings
    except InvalidWorkspace as invalid:
        note = "plans and mappings were not checked: correct the settings first"
        return WorkspaceCheck(problems=invalid.problems, notes=(note,))
    loaded = read_with_settings(invocation.root, settings)
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
    """Return the warnings that follow from the stored issues, or a note why there are none."""
    try:
        if exported is None:
            require_local_store(settings, invocation.root)
        workspace = loaded.workspace
        if workspace is None:
            raise SnapshotUnavailable("correct the errors first")
        with open_issues(invocation, settings, exported) as store:
            return _warnings(store, loaded, workspace, invocation.now()), ()
    except SnapshotUnavailable as reason:
        warning = "warning: " if isinstance(reason, UnreadableStore) else ""
        note = f"{warning}the stored issues were not checked: {reason}"
        return CheckedProblems(reported=(), silenced=()), (note,)


def _workspace_size(loaded: LoadResult) -> str:
    workspace = loaded.workspace
    if workspace is None:
        return ""
    counts = {
        "increment": len(workspace.increments),
        "capability": sum(len(increment.capabilities) for increment in workspace.increments),
        "team": len(workspace.teams),
        "rule": sum(len(team.rules) for team in workspace.teams),
    }
    return ", ".join(pluralize(count, noun) for noun, count in counts.items())


def _summary(result: WorkspaceCheck) -> Iterable[str]:
    yield from map(escape_sentence, result.notes)
    if result.workspace_size:
        yield result.workspace_size
    warnings = len(result.problems) - result.errors
    silenced = f", {result.silenced} silenced" if result.silenced else ""
    yield f"{pluralize(result.errors, 'error')}, {pluralize(warnings, 'warning')}{silenced}"


class SnapshotUnavailable(Exception):
    """There are no stored issues to check; the message completes "not checked: ..."."""


class UnreadableStore(SnapshotUnavailable):
    """The store exists and cannot be read."""


def require_local_store(settings: Settings, root: Path) -> None:
    """Raise SnapshotUnavailable when there is no SQLite store. Imports no database library."""
    file = store_file(settings, root)
    if file is None:
        raise SnapshotUnavailable("the store is not a file, and `check` opens no connection")
    # An empty file would be filled with tables, and `check` writes nothing.
    if not file.is_file() or file.stat().st_size == 0:
        raise SnapshotUnavailable("there is no store yet; `run` or `preview` creates one")


@contextmanager
def open_issues(invocation: Invocation, settings: Settings, exported: Path | None) -> Iterator[Store]:
    """Open an exported snapshot, or the store. Raises StoreError or OSError for the former, else UnreadableStore."""
    from sync.store import StoreError, open_store
    from sync.store.snapshot_file import open_snapshot

    if exported is not None:
        with open_snapshot(exported, invocation.now) as store:
            yield store
        return
    try:
        url = store_url(settings, invocation.root)
        with closing(open_store(url, now=invocation.now)) as store:
            yield store
    except StoreError as error:
        raise UnreadableStore(str(error)) from error


def _warnings(store: Store, loaded: LoadResult, workspace: Workspace, now: datetime) -> CheckedProblems:
    from mappings.checks.snapshot_warnings import snapshot_warnings
    from sync.forecast.closing_times import load_closing_times
    from sync.pipeline.planner import matching_overrides
    from sync.pull.recorded import group_overrides

    try:
        known = list(store.known_issues())
        rows = store.overrides()
        closing_times = load_closing_times(store, workspace, known)
        past = _names_of_the_past(store, workspace)
    except (LookupError, TypeError, ValueError) as error:
        # A file that opens as a database may still hold rows that this program did not write.
        raise UnreadableStore(f"they cannot be read ({type(error).__name__})") from error
    if not known:
        raise SnapshotUnavailable("the store holds none yet; `run` or `preview` reads them")
    overrides, _ = matching_overrides(group_overrides(rows), workspace)
    return snapshot_warnings(loaded, workspace, workspace.labels, known, overrides, now, closing_times, past)


def _names_of_the_past(store: Store, workspace: Workspace) -> NamesOfThePast:
    trackers = {source.tracker for team in workspace.teams for source in team.sources}
    statuses = {name for tracker in trackers for name, _ in store.load_statuses(tracker).values()}
    for events in store.observed_status_changes().values():
        seen = (side for event in events for side in (event.before, event.after) if side)
        statuses |= {name for side in seen if (name := side.get("status"))}
    return NamesOfThePast(
        changes=tuple(chain.from_iterable(store.issue_changes().values())),
        statuses=statuses,
        sources=frozenset(state.name for state in store.source_states() if state.last_whole) or None,
    )


def check_lines(problems: Sequence[Problem]) -> Iterator[str]:
    """``file:line:column: severity: path: message [check]``; for warnings also how to silence them."""
    for problem in problems:
        yield escape_sentence(f"{problem} [{problem.check}]")
        if (how := silence_hint(problem)) is not None:
            yield f"    intended? write {escape_sentence(how)}"


def _document(result: WorkspaceCheck, *, ok: bool) -> dict[str, Any]:
    problems = [problem_document(each) | {"silence": silence_hint(each)} for each in result.problems]
    return {"ok": ok, "problems": problems, **pick(result, "silenced", "notes")}


def problem_document(problem: Problem) -> dict[str, Any]:
    """Return one problem as a JSON object."""
    return as_object(problem.origin) | pick(problem, "path", "severity", "check", "message")
