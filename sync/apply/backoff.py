"""Per-issue backoff after rejected writes.

A tracker rejects writes to an issue that is locked, archived, or lacks the label field. The next run tries once more.
From the second rejection on the pause grows, until the issue or the settings of its tracker change.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connectors.model import IssueRef
from connectors.wording import pluralize
from sync.model.changes import Change, LabelChange
from sync.runtime.context import RunContext

_CACHE_KEY: Final = "refused:"
FIRST_WAIT: Final = timedelta(hours=1)
LONGEST_WAIT: Final = timedelta(hours=24)


class Backoff:
    """Rejections by issue, in the cache of the store. With ``enabled`` False every issue is tried."""

    def __init__(self, context: RunContext, *, enabled: bool) -> None:
        self._context, self._enabled = context, enabled

    def reason_to_wait(self, change: Change) -> str | None:
        """Return the reason to skip an issue in this run; None if it may be tried."""
        rejection = self._load(change) if self._enabled else None
        if rejection is None or rejection["state"] != self._issue_state(change.ref):
            return None
        until = datetime.fromisoformat(rejection["until"])
        if self._context.now() >= until:
            return None
        writes = pluralize(rejection["times"], "write")
        return (
            f"{change.ref} rejected {writes} ({rejection['reason']}); next attempt when it changes, "
            f"or after {until:%Y-%m-%d %H:%M} UTC"
        )

    def record_rejection(self, change: Change, reason: str) -> None:
        """Record that the tracker understood the request and rejected it."""
        rejection, state = self._load(change), self._issue_state(change.ref)
        times = rejection["times"] + 1 if rejection and rejection["state"] == state else 1
        wait = timedelta(0) if times == 1 else min(FIRST_WAIT * 2 ** (times - 2), LONGEST_WAIT)
        until = (self._context.now() + wait).astimezone(UTC)
        value = {"times": times, "state": state, "reason": reason, "until": until.isoformat()}
        self._context.store.cache.put(_cache_key(change), value, days=60)

    def record_success(self, change: Change) -> None:
        """Delete the record of earlier rejections."""
        if self._load(change):
            self._context.store.cache.put(_cache_key(change), None)

    def _load(self, change: Change) -> Mapping[str, Any] | None:
        rejection: Mapping[str, Any] | None = self._context.store.cache.get(_cache_key(change))
        return rejection

    def _issue_state(self, ref: IssueRef) -> str:
        """Return a text that changes when the issue or the settings of its tracker change."""
        known = self._context.store.known_issue(ref.tracker, ref.id)
        updated = known.issue.updated.isoformat() if known else ""
        former = ",".join(self._context.settings.trackers[ref.tracker].former_accounts)
        return f"{ref.key} {updated} {former}"


def _cache_key(change: Change) -> str:
    """Return the cache key of an issue. Labels and comments are separate: a locked issue accepts labels."""
    what = "labels" if isinstance(change, LabelChange) else "comment"
    return f"{_CACHE_KEY}{change.ref.tracker}:{change.ref.id}:{what}"
