"""What the sources of today hold. The store also remembers sources that no mapping names any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from connectors.model import IssueRef, KnownIssue, Source
from mappings.model import Workspace
from sync.model.records import SourceState
from sync.store import Store


def workspace_sources(workspace: Workspace) -> tuple[Source, ...]:
    """Every source that a team names, once."""
    return tuple(dict.fromkeys(source for team in workspace.teams for source in team.sources))


def current_source_states(store: Store, workspace: Workspace) -> list[SourceState]:
    """How far every source was read that a team still names, by name. One that no run has tried yet is missing."""
    names = {source.name for source in workspace_sources(workspace)}
    return [state for state in store.source_states() if state.name in names]


def load_current_issues(store: Store, workspace: Workspace) -> dict[IssueRef, KnownIssue]:
    """Every stored issue, with those of its sources that a team still names."""
    return with_current_sources({item.issue.ref: item for item in store.known_issues()}, store, workspace)


def with_current_sources(
    known: Mapping[IssueRef, KnownIssue], store: Store, workspace: Workspace
) -> dict[IssueRef, KnownIssue]:
    """The issues with those of their sources that a team still names.

    An issue that only dropped sources held goes to the sources of its project or repository that could not be
    read yet, since they may hold it: a narrower ``jql`` that fails takes nothing away.
    """
    named = workspace_sources(workspace)
    names = frozenset(source.name for source in named)
    if names.issuperset(state.name for state in store.source_states()):
        return dict(known)
    waiting = _unread_sources_by_container(named, store)

    def today(item: KnownIssue) -> KnownIssue:
        if item.sources <= names:
            return item
        place = (item.issue.ref.tracker, item.issue.container.lower())
        return replace(item, sources=item.sources & names or waiting.get(place, frozenset()))

    return {ref: today(item) for ref, item in known.items()}


def _unread_sources_by_container(
    named: Iterable[Source], store: Store
) -> dict[tuple[str, str], frozenset[str]]:
    """Tracker and container -> names of the sources there of which the last reading is not whole."""
    whole = {state.name for state in store.source_states() if state.last_whole and not state.failing_since}
    found: dict[tuple[str, str], frozenset[str]] = {}
    for source in named:
        if source.name not in whole:
            place = (source.tracker, (source.project or source.repo or "").lower())
            found[place] = found.get(place, frozenset()) | {source.name}
    return found
