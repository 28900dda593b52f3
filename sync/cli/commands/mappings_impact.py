"""``mappings impact``: what the working tree's plans and mappings would change, before they are merged."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

from connectors.model import IssueRef, KnownIssue
from sync.cli.commands.mappings_impact_output import Comparison, impact_json, impact_markdown, impact_text
from sync.mapping_tools.impact import Impact, compute_impact
from sync.mapping_tools.impact_notes import comparison_notes
from sync.model.planning import PlanningResult, PreviousPlanning
from sync.pipeline.affected import PlanningBasis, affected_issues
from sync.pipeline.offline import known_issues_after_writes, last_full_sync, plan_offline
from sync.pull.current_sources import with_current_sources
from sync.pull.recorded import load_recorded_state
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation, print_json, print_line
from sync.runtime.revisions import open_revision
from sync.runtime.session import pulled_context
from sync.store.snapshot_file import read_header

EXIT_CHANGES_PENDING = 2


def impact(
    invocation: Invocation,
    against: str,
    snapshot: Path | None,
    format_: Literal["text", "markdown", "json"],
    *,
    detailed: bool,
) -> int:
    """0; with ``detailed`` 2 when anything differs. Needs no token and sends no request."""
    with _garbage_collection_paused():
        found, compared = _compared(invocation, against, snapshot)
        if format_ == "json":
            print_json(impact_json(found, compared))
        else:
            print_line(
                impact_text(found, compared) if format_ == "text" else impact_markdown(found, compared)
            )
    return EXIT_CHANGES_PENDING if detailed and not found.is_empty else 0


def _compared(invocation: Invocation, against: str, snapshot: Path | None) -> tuple[Impact, Comparison]:
    head = read_header(snapshot) if snapshot else None
    with open_revision(invocation.root, against) as version, pulled_context(invocation, snapshot) as job:
        configured = version.loaded
        old = replace(job, settings=configured.settings, workspace=configured.workspace)
        known = known_issues_after_writes(job.store)
        before, after = _both(old, job, known)
        return compute_impact(before, after, known), Comparison(
            against=version.name,
            as_of=last_full_sync(job),
            notes=tuple(comparison_notes(old, job, after, known, head)),
        )


@contextmanager
def _garbage_collection_paused() -> Iterator[None]:
    """Nearly all that is made here lives until the comparison is made: looking for rubbish among it only takes time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _both(
    old: RunContext, new: RunContext, known: Mapping[IssueRef, KnownIssue]
) -> tuple[PlanningResult, PlanningResult]:
    """What runs of both would think, without thinking twice what cannot differ."""
    pushed = old.store.pushed_label_names()
    was = _basis(old, known, pushed)
    before = plan_offline(old, was.known, was.recorded)
    if old.settings == new.settings and old.workspace == new.workspace:
        return before, before
    will_be = _basis(new, known, pushed)
    again = affected_issues(was, before, will_be) if _only_files_differ(old, new) else None
    earlier = PreviousPlanning(planning=before, affected=again) if again is not None else None
    return before, plan_offline(new, will_be.known, will_be.recorded, earlier)


def _basis(
    context: RunContext, known: Mapping[IssueRef, KnownIssue], pushed: Mapping[IssueRef, frozenset[str]]
) -> PlanningBasis:
    held = with_current_sources(known, context.store, context.workspace)
    return PlanningBasis(
        workspace=context.workspace, known=held, recorded=load_recorded_state(context, pushed)
    )


def _only_files_differ(old: RunContext, new: RunContext) -> bool:
    """The same settings, and every source could be read: then each issue is judged by the teams that read it."""
    return old.settings == new.settings and not any(
        state.failing_since for state in old.store.source_states()
    )
