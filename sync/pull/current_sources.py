"""Issues by the sources that the mappings name now.

The store also knows sources that no mapping names any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from connectors.model import IssueRef, KnownIssue, Source
from mappings.model import Workspace
from sync.model.records import SourceState
from sync.store import Store


def workspace_sources(workspace: Workspace) -> tuple[Source, ...]:
    """Return every source of the mappings once."""
    return tuple(dict.fromkeys(source for team in workspace.teams for source in team.sources))


def current_source_states(store: Store, workspace: Workspace) -> list[SourceState]:
    """Return the states of the sources that the mappings name, ordered by name. Sources without a pull are left out."""
    names = {source.name for source in workspace_sources(workspace)}
    return [state for state in store.source_states() if state.name in names]


def load_current_issues(store: Store, workspace: Workspace) -> dict[IssueRef, KnownIssue]:
    """Return all stored issues, each with only those of its sources that the mappings name."""
    return with_current_sources({item.issue.ref: item for item in store.known_issues()}, store, workspace)


def with_current_sources(
    known: Mapping[IssueRef, KnownIssue], store: Store, workspace: Workspace
) -> dict[IssueRef, KnownIssue]:
    """Return the issues, each with only those of its sources that the mappings name.

    An issue whose sources were all dropped is given to the sources of its project or repository that could not be read
    yet, since they may hold it: a narrower ``jql`` that fails then removes nothing.
    """
    named = workspace_sources(workspace)
    names = frozenset(source.name for source in named)
    if names.issuperset(state.name for state in store.source_states()):
        return dict(known)
    unread = _unread_sources_by_container(named, store)

    def update(item: KnownIssue) -> KnownIssue:
        if item.sources <= names:
            return item
        container = (item.issue.ref.tracker, item.issue.container.lower())
        return replace(item, sources=item.sources & names or unread.get(container, frozenset()))

    return {ref: update(item) for ref, item in known.items()}


def _unread_sources_by_container(
    named: Iterable[Source], store: Store
) -> dict[tuple[str, str], frozenset[str]]:
    """Return (tracker, container) -> names of its sources that were not read completely."""
    complete = {state.name for state in store.source_states() if state.last_whole and not state.failing_since}
    found: dict[tuple[str, str], frozenset[str]] = {}
    for source in named:
        if source.name not in complete:
            container = (source.tracker, (source.project or source.repo or "").lower())
            found[container] = found.get(container, frozenset()) | {source.name}
    return found
