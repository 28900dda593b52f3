"""Notes about what a comparison over stored issues cannot know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connectors.model import IssueRef, KnownIssue
from mappings.rules.conditions import field_selection_for
from sync.model.anchors import list_anchors
from sync.model.planning import PlanningResult
from sync.pipeline.offline import find_anchors
from sync.runtime.context import RunContext
from sync.store.snapshot_file import SnapshotHeader


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
            f"{_issues(count)} may have labels that a person changed. A run checks them first; "
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


def _issues(count: int) -> str:
    return "1 issue" if count == 1 else f"{count} issues"
