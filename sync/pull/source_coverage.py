"""Source coverage: which capabilities each source fed when it was last read completely.

While a source is unreadable, an edit of the rules must not make its capabilities look complete.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from connectors.model import IssueRef, KnownIssue
from mappings.model import Overrides
from sync.pull.current_sources import workspace_sources
from sync.rollup.baseline import feeding_sources
from sync.runtime.context import RunContext

_CACHE_KEY: Final = "fed"


def source_coverage(context: RunContext, renames: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return capability id -> names of the sources that covered it. ``renames`` maps old ids to current ones."""
    found: dict[str, set[str]] = {}
    for source, capabilities in (context.store.cache.get(_CACHE_KEY) or {}).items():
        for capability in capabilities:
            found.setdefault(renames.get(capability, capability), set()).add(source)
    return {capability: frozenset(sources) for capability, sources in found.items()}


def save_source_coverage(
    context: RunContext, known: Mapping[IssueRef, KnownIssue], overrides: Overrides, unread: Collection[str]
) -> None:
    """Save the coverage of the sources that this run read. Writes only if it changed."""
    before: dict[str, list[str]] = context.store.cache.get(_CACHE_KEY) or {}
    current: dict[str, list[str]] = {
        source.name: before.get(source.name, []) if source.name in unread else []
        for source in workspace_sources(context.workspace)
    }
    for capability, sources in sorted(feeding_sources(context.workspace, known, overrides).items()):
        for name in sources.intersection(current).difference(unread):
            current[name].append(capability)
    if current != before:
        context.store.cache.put(_CACHE_KEY, current, days=3650)
