"""Asks the trackers who can read what, so that comments can be discreet."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.errors import ConnectorError
from connectors.model import Issue
from sync.model.redaction_policy import Discretion, place_named, place_of
from sync.pull.current_sources import all_sources
from sync.runtime.context import Job

_ASK_AGAIN_DAYS = 1.0
_REMEMBER_DAYS = 90.0


def find_out(job: Job, anchors: Iterable[Issue]) -> Discretion:
    """Ask the trackers, once a day, who can read what; without readers what was known last holds.

    Nothing is asked where nothing could be given away: all issues come from the place of the only anchors.
    """
    places = {place_of(source): source for source in all_sources(job.workspace)}
    homes = {place_named(each.ref.tracker, each.container): each for each in anchors}
    exposed = {place: each for place, each in homes.items() if places.keys() - {place}}
    careful = frozenset(
        place
        for place, each in exposed.items()
        if _is_public(job, each.ref.tracker, each.container) is not False
    )
    if not careful:
        return Discretion()
    public = (
        place
        for place, source in places.items()
        if _is_public(job, source.tracker, source.repo or source.project or "")
    )
    shared = (each.lower() for each in job.settings.push.share)
    return Discretion(careful=careful, public=frozenset(public), shared=frozenset(shared))


def _is_public(job: Job, tracker: str, container: str) -> bool | None:
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
            cache.put(fresh, known, days=_ASK_AGAIN_DAYS)
            if cache.get(last) != known:
                cache.put(last, known, days=_REMEMBER_DAYS)
    return cache.get(last) if known is None else bool(known)
