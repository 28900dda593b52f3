"""What every source fed when it was last read whole: an edit of the rules concludes nothing while it cannot be read."""

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
    """Capability id -> names of the sources that fed it then; ``renames``: old id -> the id of today."""
    found: dict[str, set[str]] = {}
    for source, capabilities in (context.store.cache.get(_CACHE_KEY) or {}).items():
        for capability in capabilities:
            found.setdefault(renames.get(capability, capability), set()).add(source)
    return {capability: frozenset(sources) for capability, sources in found.items()}


def save_source_coverage(
    context: RunContext, known: Mapping[IssueRef, KnownIssue], overrides: Overrides, unread: Collection[str]
) -> None:
    """Remember what the sources feed that were read in this run. Writes only when that changed."""
    before: dict[str, list[str]] = context.store.cache.get(_CACHE_KEY) or {}
    now: dict[str, list[str]] = {
        source.name: before.get(source.name, []) if source.name in unread else []
        for source in workspace_sources(context.workspace)
    }
    for capability, sources in sorted(feeding_sources(context.workspace, known, overrides).items()):
        for name in sources.intersection(now).difference(unread):
            now[name].append(capability)
    if now != before:
        context.store.cache.put(_CACHE_KEY, now, days=3650)
