"""Visibility of containers, requested from the trackers once a day, and the redaction policy that follows."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.errors import ConnectorError
from connectors.model import Issue
from sync.model.redaction_policy import RedactionPolicy, container_id, container_of_source
from sync.pull.current_sources import workspace_sources
from sync.runtime.context import RunContext

_FRESH_DAYS = 1.0
_LAST_KNOWN_DAYS = 90.0


def determine_redaction_policy(context: RunContext, anchors: Iterable[Issue]) -> RedactionPolicy:
    """Return the policy for the comments on ``anchors``. Without readers, the last known visibility applies.

    Sends no request if no key can leak: all issues are in the container of the only anchors.
    """
    sources = {container_of_source(source): source for source in workspace_sources(context.workspace)}
    anchor_of = {container_id(anchor.ref.tracker, anchor.container): anchor for anchor in anchors}
    exposed = frozenset(
        container
        for container, anchor in anchor_of.items()
        if sources.keys() - {container}
        and _is_public(context, anchor.ref.tracker, anchor.container) is not False
    )
    if not exposed:
        return RedactionPolicy()
    public = frozenset(
        container
        for container, source in sources.items()
        if _is_public(context, source.tracker, source.container)
    )
    shared = frozenset(name.lower() for name in context.settings.push.share)
    return RedactionPolicy(exposed=exposed, public=public, shared=shared)


def _is_public(context: RunContext, tracker: str, container: str) -> bool | None:
    """Return None if the tracker never reported the visibility."""
    cache = context.store.cache_for(tracker)
    fresh_key, last_key = (f"public:{container.lower()}:{age}" for age in ("today", "last"))
    known = cache.get(fresh_key)
    if known is None and (reader := context.readers.get(tracker)):
        try:
            known = reader.is_public(container)
        except ConnectorError as error:
            context.log.warning("visibility.unknown", place=f"{tracker}:{container}", reason=str(error))
        else:
            cache.put(fresh_key, known, days=_FRESH_DAYS)
            cache.put_if_changed(last_key, known, days=_LAST_KNOWN_DAYS)
    return cache.get(last_key) if known is None else bool(known)
