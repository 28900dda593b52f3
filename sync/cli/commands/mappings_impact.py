"""``mappings impact``: what changed plans and mappings would do to the stored issues, before they are merged."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

from connectors.model import IssueRef, KnownIssue
from mappings.rules.conditions import field_selection_for
from sync.cli.commands.mappings_impact_output import (
    Comparison,
    impact_document,
    impact_markdown,
    impact_text,
)
from sync.cli.exit_codes import ExitCode
from sync.cli.output import Output, pluralize
from sync.mapping_tools.impact import Impact, compute_impact
from sync.model.anchors import list_anchors
from sync.model.planning import PlanningResult, PreviousPlanning
from sync.pipeline.affected import PlanningBasis, affected_issues
from sync.pipeline.offline import find_anchors, known_issues_after_writes, last_full_sync, plan_offline
from sync.pull.current_sources import with_current_sources
from sync.pull.recorded import load_recorded_state
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation
from sync.runtime.revisions import open_revision
from sync.runtime.session import pulled_context
from sync.store.snapshot_file import SnapshotHeader, read_header


def impact(
    invocation: Invocation,
    against: str,
    snapshot: Path | None,
    format_: Literal["text", "markdown", "json"],
    *,
    detailed: bool,
) -> int:
    """Compare the working tree with ``against``, over the issues of the store or of an exported ``snapshot``.

    Return 0; with ``detailed`` 2 when anything differs. Needs no token and sends no request.
    """
    output = Output(invocation)
    with _garbage_collection_paused():
        found, comparison = _compare(invocation, against, snapshot)
        if format_ == "json":
            output.document(impact_document(found, comparison))
        elif format_ == "text":
            output.line(impact_text(found, comparison))
        else:
            output.line(impact_markdown(found, comparison))
    return ExitCode.CHANGES_PENDING if detailed and not found.is_empty else ExitCode.DONE


def _compare(invocation: Invocation, against: str, snapshot: Path | None) -> tuple[Impact, Comparison]:
    header = read_header(snapshot) if snapshot else None
    with (
        open_revision(invocation.root, against) as revision,
        pulled_context(invocation, snapshot) as context,
    ):
        loaded = revision.loaded
        old = replace(context, settings=loaded.settings, workspace=loaded.workspace)
        known = known_issues_after_writes(context.store)
        before, after = _plan_both(old, context, known)
        return compute_impact(before, after, known), Comparison(
            against=revision.name,
            as_of=last_full_sync(context),
            notes=tuple(comparison_notes(old, context, after, known, header)),
        )


@contextmanager
def _garbage_collection_paused() -> Iterator[None]:
    """Pause garbage collection: nearly all objects live until the comparison is done."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _plan_both(
    old: RunContext, new: RunContext, known: Mapping[IssueRef, KnownIssue]
) -> tuple[PlanningResult, PlanningResult]:
    """Plan with both workspaces; only issues that a difference can affect are planned twice."""
    pushed_labels = old.store.pushed_label_names()
    old_basis = _basis(old, known, pushed_labels)
    before = plan_offline(old, old_basis.known, old_basis.recorded)
    if old.settings == new.settings and old.workspace == new.workspace:
        return before, before
    new_basis = _basis(new, known, pushed_labels)
    affected = affected_issues(old_basis, before, new_basis) if _only_files_differ(old, new) else None
    previous = PreviousPlanning(planning=before, affected=affected) if affected is not None else None
    return before, plan_offline(new, new_basis.known, new_basis.recorded, previous)


def _basis(
    context: RunContext,
    known: Mapping[IssueRef, KnownIssue],
    pushed_labels: Mapping[IssueRef, frozenset[str]],
) -> PlanningBasis:
    return PlanningBasis(
        workspace=context.workspace,
        known=with_current_sources(known, context.store, context.workspace),
        recorded=load_recorded_state(context, pushed_labels),
    )


def _only_files_differ(old: RunContext, new: RunContext) -> bool:
    """Return True for equal settings and readable sources: then only teams whose files differ are affected."""
    failing = any(state.failing_since for state in old.store.source_states())
    return old.settings == new.settings and not failing


def comparison_notes(
    before: RunContext,
    after: RunContext,
    planned: PlanningResult,
    known: Mapping[IssueRef, KnownIssue],
    head: SnapshotHeader | None,
) -> Iterator[str]:
    """Yield the notes. ``planned`` is the result for ``after``; ``head`` is the header of an exported snapshot."""
    if head and head.instance != after.settings.instance:
        yield (
            f"The snapshot is of the instance {head.instance}, this workspace is {after.settings.instance}: "
            "labels that we wrote cannot be distinguished from those that people added."
        )
    yield from _unread(after, known)
    yield from _unpulled(before, after, known, head)
    if planned.suspicions:
        count = len({each.ref for each in planned.suspicions})
        yield (
            f"{pluralize(count, 'issue')} may have labels that a person changed. A run checks them first; "
            "its writes on them are not counted."
        )
    if not after.settings.push.enabled:
        yield "Writing is switched off (`push.enabled`): a run would write nothing of what is counted."


def _unread(context: RunContext, known: Mapping[IssueRef, KnownIssue]) -> Iterator[str]:
    states = {state.name: state for state in context.store.source_states()}
    wanted = sorted({source.name for team in context.workspace.teams for source in team.sources})
    for name in wanted:
        if name not in states:
            yield (
                f"{name} was never read: of its issues, those count here that the project's other sources held."
            )
        elif since := states[name].failing_since:
            yield f"{name} has not been readable since {since:%Y-%m-%d %H:%M} UTC: nothing is written for it."
    read = find_anchors(known, context.workspace)
    if missing := [str(anchor) for anchor in list_anchors(context.workspace) if anchor not in read]:
        yield f"Never read, so nothing is counted for these anchors: {', '.join(missing[:10])}{_more(missing)}."


def _unpulled(
    before: RunContext, after: RunContext, known: Mapping[IssueRef, KnownIssue], head: SnapshotHeader | None
) -> Iterator[str]:
    had, wants = field_selection_for(before.workspace.teams), field_selection_for(after.workspace.teams)
    if wants.body and (not had.body or (head and not head.has_bodies)):
        yield "Rules test the text of issues, which is not stored here: they do not match."
    missing = sorted(set(wants.fields) - set(had.fields))
    if missing and not any(name in item.issue.fields for item in known.values() for name in missing):
        yield f"No stored issue has the field {', '.join(missing)}: the next run asks the tracker for it."


def _more(items: list[str]) -> str:
    return f" and {len(items) - 10} more" if len(items) > 10 else ""
