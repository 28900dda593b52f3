"""Asks the trackers who can read what, so that comments can be discreet."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.errors import ConnectorError
from connectors.model import Issue
from sync.model.redaction_policy import RedactionPolicy, container_id, container_of_source
from sync.pull.current_sources import workspace_sources
from sync.runtime.context import RunContext

_FRESH_DAYS = 1.0
_LAST_KNOWN_DAYS = 90.0


def determine_redaction_policy(job: RunContext, anchors: Iterable[Issue]) -> RedactionPolicy:
    """Ask the trackers, once a day, who can read what; without readers what was known last holds.

    Nothing is asked where nothing could be given away: all issues come from the place of the only anchors.
    """
    places = {container_of_source(source): source for source in workspace_sources(job.workspace)}
    homes = {container_id(each.ref.tracker, each.container): each for each in anchors}
    exposed = {place: each for place, each in homes.items() if places.keys() - {place}}
    careful = frozenset(
        place
        for place, each in exposed.items()
        if _is_public(job, each.ref.tracker, each.container) is not False
    )
    if not careful:
        return RedactionPolicy()
    public = (
        place
        for place, source in places.items()
        if _is_public(job, source.tracker, source.repo or source.project or "")
    )
    shared = (each.lower() for each in job.settings.push.share)
    return RedactionPolicy(exposed=careful, public=frozenset(public), shared=frozenset(shared))


def _is_public(job: RunContext, tracker: str, container: str) -> bool | None:
    """None when the tracker did not say, now or before."""
    cache = job.store.cache_for(tracker)
    fresh, last = (f"public:{container.lower()}:{age}" for age in ("today", "last"))
    known = cache.get(fresh)
    if known is None and (reader := job.readers.get(tracker)):
        try:
            known = reader.is_public(container)
        except ConnectorError as error:
            job.log.warning("visibility.unknown", place=f"{tracker}:{container}", reason=str(error))
        else:
            cache.put(fresh, known, days=_FRESH_DAYS)
            if cache.get(last) != known:
                cache.put(last, known, days=_LAST_KNOWN_DAYS)
    return cache.get(last) if known is None else bool(known)
