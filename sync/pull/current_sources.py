"""The sources that the mappings name now, their issues, and the capabilities that each source covers.

The store also knows sources that no mapping names any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from connectors.model import Blocker, IssueRef, KnownIssue, Source
from mappings.model import Overrides, Workspace
from sync.model.records import SourceState
from sync.model.redaction_policy import container_id, container_of_source
from sync.rollup.baseline import feeding_sources
from sync.runtime.context import RunContext
from sync.store import Store

_COVERAGE_KEY: Final = "fed"


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
    """Return the issues, each with only those of its sources that the mappings name, and with current blockers.

    An issue whose sources were all dropped is given to the sources of its project or repository that could not be read
    yet, since they may hold it: a narrower ``jql`` that fails then removes nothing.
    """
    named = workspace_sources(workspace)
    names = frozenset(source.name for source in named)
    if names.issuperset(state.name for state in store.source_states()):
        return with_current_blockers(known)
    unread = _unread_sources_by_container(named, store)

    def update(item: KnownIssue) -> KnownIssue:
        if item.sources <= names:
            return item
        container = container_id(item.issue.ref.tracker, item.issue.container)
        return replace(item, sources=item.sources & names or unread.get(container, frozenset()))

    return with_current_blockers({ref: update(item) for ref, item in known.items()})


def with_current_blockers(known: Mapping[IssueRef, KnownIssue]) -> dict[IssueRef, KnownIssue]:
    """Return the issues with the current keys and states of those blockers that a source of the mappings holds.

    A blocker is closed or opened again without a change of the issues that it blocks.
    """

    def update(blocker: Blocker) -> Blocker:
        item = known.get(blocker.ref)
        if item is None or item.vanished or not item.sources:
            return blocker
        category = item.issue.category
        is_open = blocker.is_open if category is None else category != "done"
        return replace(blocker, ref=item.issue.ref, is_open=is_open)

    current = dict(known)
    for ref, item in known.items():
        if item.issue.blocked_by:
            blockers = tuple(map(update, item.issue.blocked_by))
            current[ref] = replace(item, issue=replace(item.issue, blocked_by=blockers))
    return current


def _unread_sources_by_container(named: Iterable[Source], store: Store) -> dict[str, frozenset[str]]:
    """Return container -> names of its sources that were not read completely."""
    complete = {state.name for state in store.source_states() if state.last_whole and not state.failing_since}
    found: dict[str, frozenset[str]] = {}
    for source in named:
        if source.name not in complete:
            container = container_of_source(source)
            found[container] = found.get(container, frozenset()) | {source.name}
    return found


def source_coverage(context: RunContext, renames: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return capability id -> names of the sources that covered it when they were last read completely.

    ``renames`` maps old ids to current ones. While a source is unreadable, an edit of the rules must not make its
    capabilities look complete.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    for source, capabilities in (context.store.cache.get(_COVERAGE_KEY) or {}).items():
        for capability in capabilities:
            found[renames.get(capability, capability)].add(source)
    return {capability: frozenset(sources) for capability, sources in found.items()}


def save_source_coverage(
    context: RunContext, known: Mapping[IssueRef, KnownIssue], overrides: Overrides, unread: Collection[str]
) -> None:
    """Save the coverage of the sources that this run read. Writes only if it changed."""
    before: dict[str, list[str]] = context.store.cache.get(_COVERAGE_KEY) or {}
    current: dict[str, list[str]] = {
        source.name: before.get(source.name, []) if source.name in unread else []
        for source in workspace_sources(context.workspace)
    }
    for capability, sources in sorted(feeding_sources(context.workspace, known, overrides).items()):
        for name in sources.intersection(current).difference(unread):
            current[name].append(capability)
    context.store.cache.put_if_changed(_COVERAGE_KEY, current, days=3650)
