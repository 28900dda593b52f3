"""Direct reads of one issue: with its ancestors for ``explain --live``, or to find out where it moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from connectors.errors import ConnectorError, Gone
from connectors.model import Issue, IssueRef, KnownIssue, Source
from connectors.ports import IssueReader
from mappings.rules.conditions import field_selection_for
from sync.model.redaction_policy import container_id, container_of_source
from sync.pull.current_sources import workspace_sources
from sync.runtime.context import RunContext

MAX_ANCESTORS: Final = 10
"""Maximum requests for ancestors that the store does not know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveIssue:
    item: KnownIssue
    """Current state on the tracker, with the sources that contain the issue."""
    stored: KnownIssue | None
    """State in the store."""
    ancestors: tuple[KnownIssue, ...]
    """Nearest first, from the store where it knows them."""
    notes: tuple[str, ...]
    """Uncertainties, as sentences for the user."""


def read_live_issue(context: RunContext, tracker: str, key: str) -> LiveIssue:
    """Read one issue from its tracker, and those ancestors that the next run would read but the store lacks.

    Stores nothing. Raises Gone if the tracker does not show the issue, and other ConnectorErrors.
    """
    reader = context.readers[tracker]
    issue = reader.read(key, field_selection_for(context.workspace.teams))
    stored = context.store.known_issue(tracker, issue.ref.id)
    names, source_notes = _sources_holding(context, issue, stored)
    item = KnownIssue(
        issue=issue,
        sources=frozenset(names),
        first_seen=stored.first_seen if stored else context.now(),
        first_labels=stored.first_labels if stored else issue.labels,
        reopened=stored.reopened if stored else 0,
    )
    ancestors, ancestor_notes = read_ancestors(context, issue, reader)
    return LiveIssue(item=item, stored=stored, ancestors=ancestors, notes=(*source_notes, *ancestor_notes))


def read_ancestors(
    context: RunContext, issue: Issue, reader: IssueReader | None = None
) -> tuple[tuple[KnownIssue, ...], tuple[str, ...]]:
    """Return the known ancestors, nearest first, and notes about those that could not be read.

    Without a ``reader`` only the store is used. Ancestors outside of all sources are not read, because a run does not
    know them either.
    """
    tracker, selection = issue.ref.tracker, field_selection_for(context.workspace.teams)
    ancestors: list[KnownIssue] = []
    visited, parent, requests = {issue.ref.key}, issue.parent, 0
    while parent is not None and parent not in visited:
        visited.add(parent)
        known = context.store.known_issue(tracker, parent) or context.store.moved_issue(tracker, parent)
        if known is None:
            if reader is None or not _is_in_unfiltered_source(context, tracker, parent):
                break
            if requests == MAX_ANCESTORS:
                note = f"no more than {MAX_ANCESTORS} ancestors are read: {parent} is not"
                return tuple(ancestors), (note,)
            requests += 1
            try:
                ancestor = reader.read(parent, selection)
            except ConnectorError as error:
                return tuple(ancestors), (f"its ancestor {parent} could not be read: {error}",)
            known = KnownIssue(issue=ancestor, sources=frozenset(), first_seen=context.now())
        ancestors.append(known)
        parent = known.issue.parent
    return tuple(ancestors), ()


def locate_issue(context: RunContext, ref: IssueRef) -> str:
    """Read an issue that does not exist at its key when it is to be written, and save the result.

    Returns its new key if it moved, ``gone`` if it does not exist, and ``there`` if it is unchanged or cannot be read.
    """
    try:
        issue = context.read_issue(ref)
    except Gone:
        context.store.mark_vanished(ref, context.now())
        return "gone"
    except ConnectorError:
        return "there"
    if issue.ref == ref and issue.ref.key == ref.key:
        return "there"
    context.store.save_issue(issue, context.now())
    context.store.save_former_key(issue, ref.key, context.now())
    if issue.ref != ref:
        context.store.mark_vanished(ref, context.now())
    elif not any(
        _holds_container(source, issue.ref.tracker, issue.container)  # its next pull decides about membership
        for source in workspace_sources(context.workspace)
    ):
        context.store.mark_left(ref, context.now())
    return issue.ref.key


def _sources_holding(
    context: RunContext, issue: Issue, stored: KnownIssue | None
) -> tuple[list[str], list[str]]:
    """Return the names of the sources that contain the issue, and notes about uncertain ones."""
    names: list[str] = []
    notes: list[str] = []
    for source in workspace_sources(context.workspace):
        if not _holds_container(source, issue.ref.tracker, issue.container):
            continue
        if issue.is_pull_request and not source.has("pull_requests"):
            continue
        if not source.narrowing or (stored is not None and source.name in stored.sources):
            names.append(source.name)
        elif stored is None:
            narrowing = " and ".join(name for name, value in source.options if isinstance(value, str))
            names.append(source.name)
            notes.append(
                f"{source.name}: the next run finds out if the {narrowing} matches the issue; assumed that it does"
            )
        else:
            notes.append(f"{source.name} did not contain the issue when it was last read")
    return names, notes


def _holds_container(source: Source, tracker: str, container: str) -> bool:
    return container_of_source(source) == container_id(tracker, container)


def _is_in_unfiltered_source(context: RunContext, tracker: str, key: str) -> bool:
    """Return True if a source that is not narrowed covers the container of a key."""
    container = context.settings.spec(tracker).keys.container(key)
    return any(
        not source.narrowing and _holds_container(source, tracker, container)
        for source in workspace_sources(context.workspace)
    )
