"""Issues that are missing from a full reading of their source.

Missing does not mean deleted: each of these issues is read directly before anything is concluded.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from connectors.errors import ConnectorError, Gone, MalformedIssue
from connectors.model import FailedSource, IssueRef, KnownIssue, Source, UnreadableIssue
from sync.config.sections import Limits
from sync.diff.guard import allowance
from sync.runtime.context import RunContext

_UNLISTED_KEY = "missed:"


@dataclass(kw_only=True, slots=True)
class MissingIssues:
    """The issues missing from a full reading, by the outcome of a direct read."""

    vanished: dict[IssueRef, datetime] = field(default_factory=dict)
    """Issues that do not exist or are hidden, and since when."""
    moved_away: list[IssueRef] = field(default_factory=list)
    """Issues that moved to another container or stopped to match the source's ``jql``."""
    unlisted: list[IssueRef] = field(default_factory=list)
    """Issues that exist in their place although the list lacked them, for example because of a lagging search index."""
    newly_missing: list[KnownIssue] = field(default_factory=list)
    """Issues that vanished or moved away with this reading."""
    unreadable: list[UnreadableIssue] = field(default_factory=list)
    """Those of ``unlisted`` that exist but came in a form that cannot be used."""


def check_missing_issues(
    context: RunContext, source: Source, ids: Collection[str], *, accept_shrink: bool
) -> MissingIssues | FailedSource:
    """Read every stored issue of a source that is not among ``ids`` directly.

    Returns FailedSource if too many are missing to be credible, or if the tracker does not respond: the reading must
    not be saved then.
    """
    store = context.store
    stored = store.source_issue_ids(source)
    absent = [item for i in sorted(stored.difference(ids)) if (item := store.known_issue(source.tracker, i))]
    # Vanished issues stay members: the roll-up counts their last state, and after some days counts them as dropped.
    missing = MissingIssues(vanished={item.issue.ref: item.vanished for item in absent if item.vanished})
    unexplained = [item for item in absent if not item.vanished]
    failed = _check_shrinkage(
        context.settings.limits, source, len(stored) - len(missing.vanished), len(unexplained)
    )
    if failed and not accept_shrink:
        return failed
    before = unlisted_before(context, source)
    for item in unexplained:
        try:
            _check_missing_issue(context, source, item, missing, was_unlisted=item.issue.ref.id in before)
        except MalformedIssue as error:
            ref = item.issue.ref
            missing.unlisted.append(ref)
            missing.unreadable.append(UnreadableIssue(id=ref.id, key=ref.key, reason=str(error)))
        except ConnectorError as error:
            return FailedSource(source=source, reason=str(error))
    missing.newly_missing = [item for item in unexplained if item.issue.ref not in missing.unlisted]
    if source.narrowing:
        unlisted = sorted(ref.id for ref in missing.unlisted)
        store.cache.put_if_changed(_UNLISTED_KEY + source.name, unlisted or None)
    return missing


def _check_missing_issue(
    context: RunContext, source: Source, item: KnownIssue, missing: MissingIssues, *, was_unlisted: bool
) -> None:
    ref = item.issue.ref
    try:
        found = context.read_issue(ref)
    except Gone:
        missing.vanished[ref] = context.now()
        return
    moved = found.container != item.issue.container or found.ref != ref
    # An issue may stop to match the source's own narrowing. If the issue itself did not change, the list may have been
    # incomplete instead: then it has to be missing from the next full reading, too.
    no_longer_matches = bool(source.narrowing) and (was_unlisted or found.updated > item.issue.updated)
    (missing.moved_away if moved or no_longer_matches else missing.unlisted).append(ref)
    context.store.save_issue(found, context.now())
    context.store.save_former_key(found, ref.key, context.now())


def unlisted_before(context: RunContext, source: Source) -> frozenset[str]:
    """Return the ids that the last full reading of a narrowed source lacked although the issues had not changed."""
    saved = context.store.cache.get(_UNLISTED_KEY + source.name) if source.narrowing else None
    return frozenset(saved or ())


def _check_shrinkage(limits: Limits, source: Source, stored: int, missing: int) -> FailedSource | None:
    """Return a failure if too many issues are missing to be credible."""
    allowed = allowed_shrinkage(limits, stored)
    is_empty = stored > 1 and missing == stored
    if missing <= allowed and not is_empty:
        return None
    return FailedSource(
        source=source,
        kind="payload",
        reason=f"{source.name} shrank from {stored} to {stored - missing} issues, more than the limit of "
        f"{allowed} (limits.shrink, limits.shrink_share); if that is right, allow it once with "
        "`increment-sync reconcile --accept-shrink`",
    )


def allowed_shrinkage(limits: Limits, stored: int) -> int:
    """Return the number of issues that may be missing at once from a source with ``stored`` issues."""
    return allowance(limits.shrink, limits.shrink_share, stored, minimum=min(1, limits.shrink))
