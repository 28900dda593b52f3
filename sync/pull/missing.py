"""Issues that a whole reading of their source did not show. Absence is not deletion: the tracker is asked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from connectors.errors import ConnectorError, Gone
from connectors.model import FailedSource, FieldSelection, IssueRef, KnownIssue, Source
from sync.config.sections import Limits
from sync.diff.limits import allowance
from sync.runtime.context import RunContext

_UNLISTED_KEY = "missed:"


@dataclass(kw_only=True, slots=True)
class MissingIssues:
    """What became of the issues that a whole reading of their source did not show."""

    vanished: dict[IssueRef, datetime] = field(default_factory=dict)
    """Not there, as a direct read said, and since when."""
    moved_away: list[IssueRef] = field(default_factory=list)
    """Elsewhere now."""
    unlisted: list[IssueRef] = field(default_factory=list)
    """There, whatever the list said: an index that lags."""
    newly_missing: list[KnownIssue] = field(default_factory=list)
    """Those that vanished or left with this reading."""


def check_missing_issues(
    context: RunContext,
    source: Source,
    ids: Collection[str],
    selection: FieldSelection,
    *,
    accept_shrink: bool,
) -> MissingIssues | FailedSource:
    """Ask the tracker for every issue that the source held and that is not among ``ids``.

    Failed when too much is missing to be believed, or when the tracker does not answer: nothing of this reading
    is to be kept then.
    """
    store = context.store
    held = store.source_issue_ids(source)
    missing = [item for i in sorted(held.difference(ids)) if (item := store.known_issue(source.tracker, i))]
    # What vanished before stays a member: the roll-up counts it as it was, and after some days as dropped.
    absent = MissingIssues(vanished={item.issue.ref: item.vanished for item in missing if item.vanished})
    unexplained = [item for item in missing if not item.vanished]
    failed = _check_shrinkage(
        context.settings.limits, source, len(held) - len(absent.vanished), len(unexplained)
    )
    if failed and not accept_shrink:
        return failed
    before = unlisted_before(context, source)
    for item in unexplained:
        try:
            _check_missing_issue(
                context, source, item, selection, absent, was_unlisted=item.issue.ref.id in before
            )
        except ConnectorError as error:
            return FailedSource(source=source, reason=str(error))
    absent.newly_missing = [item for item in unexplained if item.issue.ref not in absent.unlisted]
    _save_unlisted(context, source, before, absent)
    return absent


def _check_missing_issue(
    context: RunContext,
    source: Source,
    item: KnownIssue,
    selection: FieldSelection,
    missing: MissingIssues,
    *,
    was_unlisted: bool,
) -> None:
    ref = item.issue.ref
    try:
        found = context.readers[source.tracker].read(ref.key, selection)
    except Gone:
        missing.vanished[ref] = context.now()
        return
    moved = found.container != item.issue.container or found.ref != ref
    # With a jql of its own a source may simply not ask for the issue any more. When nobody touched the issue,
    # that may as well be a list that was too short: then the next reading has to say it, too.
    not_asked_for = source.jql is not None and (was_unlisted or found.updated > item.issue.updated)
    (missing.moved_away if moved or not_asked_for else missing.unlisted).append(ref)
    context.store.save_issue(found, context.now())


def unlisted_before(context: RunContext, source: Source) -> frozenset[str]:
    """Ids that the last whole reading of a ``jql`` source did not show although nothing happened to them."""
    return (
        frozenset(context.store.cache.get(_UNLISTED_KEY + source.name) or ()) if source.jql else frozenset()
    )


def _save_unlisted(
    context: RunContext, source: Source, before: frozenset[str], missing: MissingIssues
) -> None:
    missed = frozenset(ref.id for ref in missing.unlisted) if source.jql else frozenset()
    if missed != before:
        context.store.cache.put(_UNLISTED_KEY + source.name, sorted(missed) or None)


def _check_shrinkage(limits: Limits, source: Source, stored: int, missing: int) -> FailedSource | None:
    """Says so when too much is missing to be believed."""
    allowed = allowed_shrinkage(limits, stored)
    came_back_empty = stored > 1 and missing == stored
    if missing <= allowed and not came_back_empty:
        return None
    return FailedSource(
        source=source,
        kind="payload",
        reason=f"{source.name} shrank from {stored} to {stored - missing} issues, more than the limit of "
        f"{allowed} (limits.shrink, limits.shrink_share) allows; if that is right, allow it once with "
        "`increment-sync reconcile --accept-shrink`",
    )


def allowed_shrinkage(limits: Limits, stored: int) -> int:
    """How many issues of a source that held so many may be missing at once."""
    return allowance(limits.shrink, limits.shrink_share, stored, minimum=min(1, limits.shrink))
