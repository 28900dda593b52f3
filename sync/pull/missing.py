"""Issues that a whole reading of their source did not show. Absence is not deletion: the tracker is asked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from connectors.errors import ConnectorError, Gone
from connectors.model import Failed, IssueRef, KnownIssue, Source, Wanted
from sync.config.sections import Limits
from sync.diff.limits import allowance
from sync.runtime.context import Job

_MISSED = "missed:"


@dataclass(kw_only=True, slots=True)
class Absent:
    """What became of the issues that a whole reading of their source did not show."""

    vanished: dict[IssueRef, datetime] = field(default_factory=dict)
    """Not there, as a direct read said, and since when."""
    left: list[IssueRef] = field(default_factory=list)
    """Elsewhere now."""
    unseen: list[IssueRef] = field(default_factory=list)
    """There, whatever the list said: an index that lags."""
    gone: list[KnownIssue] = field(default_factory=list)
    """Those that vanished or left with this reading."""


def explain_absence(
    job: Job, source: Source, ids: Collection[str], wanted: Wanted, *, accept_shrink: bool
) -> Absent | Failed:
    """Ask the tracker for every issue that the source held and that is not among ``ids``.

    Failed when too much is missing to be believed, or when the tracker does not answer: nothing of this reading
    is to be kept then.
    """
    store = job.store
    held = store.source_ids(source)
    missing = [item for i in sorted(held.difference(ids)) if (item := store.known_issue(source.tracker, i))]
    # What vanished before stays a member: the roll-up counts it as it was, and after some days as dropped.
    absent = Absent(vanished={item.issue.ref: item.vanished for item in missing if item.vanished})
    unexplained = [item for item in missing if not item.vanished]
    failed = _shrank(job.settings.limits, source, len(held) - len(absent.vanished), len(unexplained))
    if failed and not accept_shrink:
        return failed
    before = missed_before(job, source)
    for item in unexplained:
        try:
            _ask_for(job, source, item, wanted, absent, was_missed=item.issue.ref.id in before)
        except ConnectorError as error:
            return Failed(source=source, reason=str(error))
    absent.gone = [item for item in unexplained if item.issue.ref not in absent.unseen]
    _keep_missed(job, source, before, absent)
    return absent


def _ask_for(
    job: Job, source: Source, item: KnownIssue, wanted: Wanted, absent: Absent, *, was_missed: bool
) -> None:
    ref = item.issue.ref
    try:
        found = job.readers[source.tracker].read(ref.key, wanted)
    except Gone:
        absent.vanished[ref] = job.now()
        return
    moved = found.container != item.issue.container or found.ref != ref
    # With a jql of its own a source may simply not ask for the issue any more. When nobody touched the issue,
    # that may as well be a list that was too short: then the next reading has to say it, too.
    not_asked_for = source.jql is not None and (was_missed or found.updated > item.issue.updated)
    (absent.left if moved or not_asked_for else absent.unseen).append(ref)
    job.store.save_issue(found, job.now())


def missed_before(job: Job, source: Source) -> frozenset[str]:
    """Ids that the last whole reading of a ``jql`` source did not show although nothing happened to them."""
    return frozenset(job.store.cache.get(_MISSED + source.name) or ()) if source.jql else frozenset()


def _keep_missed(job: Job, source: Source, before: frozenset[str], absent: Absent) -> None:
    missed = frozenset(ref.id for ref in absent.unseen) if source.jql else frozenset()
    if missed != before:
        job.store.cache.put(_MISSED + source.name, sorted(missed) or None)


def _shrank(limits: Limits, source: Source, held: int, missing: int) -> Failed | None:
    """Says so when too much is missing to be believed."""
    allowed = shrink_allowed(limits, held)
    came_back_empty = held > 1 and missing == held
    if missing <= allowed and not came_back_empty:
        return None
    return Failed(
        source=source,
        kind="payload",
        reason=f"{source.name} shrank from {held} to {held - missing} issues, more than the limit of "
        f"{allowed} (limits.shrink, limits.shrink_share) allows; if that is right, allow it once with "
        "`increment-sync reconcile --accept-shrink`",
    )


def shrink_allowed(limits: Limits, held: int) -> int:
    """How many issues of a source that held so many may be missing at once."""
    return allowance(limits.shrink, limits.shrink_share, held, few=min(1, limits.shrink))
