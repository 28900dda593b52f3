"""An issue as its tracker tells it this moment, for ``explain --live``. Nothing is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from connectors.errors import ConnectorError
from connectors.model import Issue, KnownIssue, Source
from connectors.ports import IssueReader
from mappings.rules.conditions import field_selection_for
from sync.pull.current_sources import workspace_sources
from sync.runtime.context import RunContext

MAX_ANCESTORS: Final = 10
"""So many requests at most for ancestors that the store does not know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveIssue:
    item: KnownIssue
    """As the tracker tells it, with the sources that hold it."""
    stored: KnownIssue | None
    """As the store knows it."""
    ancestors: tuple[KnownIssue, ...]
    """Nearest first, from the store where it knows them."""
    notes: tuple[str, ...]
    """What the reader of the result should know about it."""


def read_live_issue(job: RunContext, tracker: str, key: str) -> LiveIssue:
    """Ask the tracker for one issue, and for its ancestors that the next run would read but the store lacks.

    Gone when the tracker does not show it; other ConnectorErrors as they come.
    """
    reader = job.readers[tracker]
    issue = reader.read(key, field_selection_for(job.workspace.teams))
    stored = job.store.known_issue(tracker, issue.ref.id)
    names, notes = _sources_holding(job, issue, stored)
    now = job.now()
    item = KnownIssue(
        issue=issue,
        sources=frozenset(names),
        first_seen=stored.first_seen if stored else now,
        first_labels=stored.first_labels if stored else issue.labels,
        reopened=stored.reopened if stored else 0,
    )
    ancestors, failed = read_ancestors(job, issue, reader)
    return LiveIssue(item=item, stored=stored, ancestors=ancestors, notes=(*notes, *failed))


def read_ancestors(
    job: RunContext, issue: Issue, reader: IssueReader | None = None
) -> tuple[tuple[KnownIssue, ...], tuple[str, ...]]:
    """The ancestors that are known, nearest first, and what could not be read.

    Without a ``reader`` the store alone is asked. A run knows no ancestors outside of all sources, so these
    are not read either: the answer would differ from what the run does.
    """
    tracker, wanted = issue.ref.tracker, field_selection_for(job.workspace.teams)
    found: list[KnownIssue] = []
    seen, parent, asked = {issue.ref.key}, issue.parent, 0
    while parent is not None and parent not in seen:
        seen.add(parent)
        known = job.store.known_issue(tracker, parent)
        if known is None:
            if reader is None or not _is_in_unfiltered_source(job, tracker, parent):
                break
            if asked == MAX_ANCESTORS:
                return tuple(found), (f"no more than {MAX_ANCESTORS} ancestors are read: {parent} is not",)
            asked += 1
            try:
                told = reader.read(parent, wanted)
            except ConnectorError as error:
                return tuple(found), (f"its ancestor {parent} could not be read: {error}",)
            known = KnownIssue(issue=told, sources=frozenset(), first_seen=job.now())
        found.append(known)
        parent = known.issue.parent
    return tuple(found), ()


def _sources_holding(job: RunContext, issue: Issue, stored: KnownIssue | None) -> tuple[list[str], list[str]]:
    """Names of the sources that hold the issue, and what is not certain about that."""
    names: list[str] = []
    notes: list[str] = []
    for source in workspace_sources(job.workspace):
        if not _holds_container(source, issue.ref.tracker, issue.container):
            continue
        if issue.is_pull_request and not source.pull_requests:
            continue
        if source.jql is None or (stored is not None and source.name in stored.sources):
            names.append(source.name)
        elif stored is None:
            names.append(source.name)
            notes.append(
                f"{source.name}: the next run decides whether the jql holds it; it is taken to do so"
            )
        else:
            notes.append(f"{source.name} did not hold it when it was read last")
    return names, notes


def _holds_container(source: Source, tracker: str, container: str) -> bool:
    return (
        source.tracker == tracker and container.casefold() == (source.project or source.repo or "").casefold()
    )


def _is_in_unfiltered_source(job: RunContext, tracker: str, key: str) -> bool:
    container = key.rpartition("#")[0] if "#" in key else key.rpartition("-")[0]
    return any(
        source.jql is None and _holds_container(source, tracker, container)
        for source in workspace_sources(job.workspace)
    )
