"""Issues that exist on the tracker but came in a form that cannot be used.

They are left out of the pull, one by one, and counted. They are not missing: they stay members of their source with
their last known state, and nothing is written on them. They are remembered until a read of them succeeds, because a
later pull returns them only if they change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, replace
from typing import Final

from connectors.model import FailedSource, IssueRef, PulledSource, Source, UnreadableIssue
from sync.pull.missing import MissingIssues, allowed_shrinkage
from sync.runtime.context import RunContext

_KEY: Final = "unreadable:"
_REMEMBERED_DAYS: Final = 3650
_SHOWN_IN_REASON: Final = 3
MAX_LEFT_OUT_SHOWN: Final = 5
"""Issues that messages name; more are counted."""


def load_unreadable(context: RunContext, source: Source) -> tuple[UnreadableIssue, ...]:
    """Return the issues of a source that no read could use since they were last in a pull."""
    rows = context.store.cache.get(_KEY + source.name) or ()
    return tuple(UnreadableIssue(id=i, key=key, reason=reason) for i, key, reason in rows)


def unreadable_by_source(
    context: RunContext, sources: Iterable[Source]
) -> dict[str, tuple[UnreadableIssue, ...]]:
    """Return source name -> its unreadable issues, without sources that have none."""
    found = {source.name: load_unreadable(context, source) for source in sources}
    return {name: issues for name, issues in found.items() if issues}


def never_read_sentences(
    left_out: Mapping[str, Collection[UnreadableIssue]], known: Collection[IssueRef]
) -> Iterator[str]:
    """Say for each source which of its unreadable issues are in no figure, because no run ever read them.

    ``left_out``: as ``unreadable_by_source`` returns it.
    """
    for source, issues in left_out.items():
        tracker = source.partition(":")[0]
        read = {name for ref in known if ref.tracker == tracker for name in (ref.id, ref.key)}
        if never := [each for each in issues if not read.intersection((each.id, each.key))]:
            yield (
                f"attention: {name_some(never)} of {source} {'was' if len(never) == 1 else 'were'} never read and "
                "in no number: a capability can be done without"
            )


def name_some(issues: Sequence[UnreadableIssue]) -> str:
    """Return ``DS-1, DS-2 and 3 more``."""
    names = ", ".join(each.key or each.id or "one without key" for each in issues[:MAX_LEFT_OUT_SHOWN])
    more = len(issues) - MAX_LEFT_OUT_SHOWN
    return f"{names} and {more} more" if more > 0 else names


def save_unreadable(context: RunContext, source: Source, issues: Iterable[UnreadableIssue]) -> None:
    """Remember the unreadable issues of a source. Writes only if they changed."""
    rows = sorted(list(astuple(each)) for each in issues)
    context.store.cache.put_if_changed(_KEY + source.name, rows or None, days=_REMEMBERED_DAYS)


def unreadable_refs(context: RunContext, sources: Iterable[Source]) -> frozenset[IssueRef]:
    """Return the remembered issues of these sources that are named by an id."""
    return frozenset(
        IssueRef(tracker=source.tracker, id=each.id, key=each.key)
        for source in sources
        for each in load_unreadable(context, source)
        if each.id
    )


def is_nameless(issue: UnreadableIssue) -> bool:
    """Return True for an issue that nothing identifies: only a full pull can find out which one it is."""
    return not issue.id and not issue.key


def with_known_ids(context: RunContext, pulled: PulledSource) -> PulledSource:
    """Return a pull in which unreadable issues without id have that of the stored issue with their key."""

    def identify(issue: UnreadableIssue) -> UnreadableIssue:
        if issue.id or not issue.key:
            return issue
        known = context.store.known_issue(pulled.source.tracker, issue.key)
        return replace(issue, id=known.issue.ref.id) if known else issue

    return (
        replace(pulled, unreadable=tuple(map(identify, pulled.unreadable))) if pulled.unreadable else pulled
    )


def merge_unreadable(
    context: RunContext, pulled: PulledSource, missing: MissingIssues
) -> tuple[UnreadableIssue, ...]:
    """Return what is unreadable after a pull: what came so, and what was so before and did not come.

    A row of a full pull that names no issue is one of those that were not listed and exist: they were read directly.
    """
    if pulled.full:
        named = [each for each in pulled.unreadable if not is_nameless(each)]
        nameless = [each for each in pulled.unreadable if is_nameless(each)]
        return (*named, *nameless[len(missing.unlisted) :], *missing.unreadable)
    names = {name for issue in pulled.issues for name in (issue.ref.id, issue.ref.key)}
    names |= {name for each in pulled.unreadable for name in (each.id, each.key) if name}
    before = load_unreadable(context, pulled.source)
    return (*(each for each in before if not names.intersection((each.id, each.key))), *pulled.unreadable)


def refuse_unreadable(context: RunContext, pulled: PulledSource) -> FailedSource | None:
    """Return the failure of a source of which more issues became unreadable at once than may go missing at once.

    That many are no damaged issues, but another server or another API.
    """
    source = pulled.source
    before = {(each.id, each.key) for each in load_unreadable(context, source)}
    new = [each for each in pulled.unreadable if (each.id, each.key) not in before]
    total = max(len(context.store.source_issue_ids(source)), len(pulled.issues) + len(pulled.unreadable))
    allowed = allowed_shrinkage(context.settings.limits, total)
    if len(new) <= allowed:
        return None
    reasons = "; ".join(each.reason for each in new[:_SHOWN_IN_REASON])
    more = f" and {len(new) - _SHOWN_IN_REASON} more" if len(new) > _SHOWN_IN_REASON else ""
    return FailedSource(
        source=source,
        kind="payload",
        reason=f"{len(new)} of {total} issues of {source.name} cannot be used, more than the limit of {allowed} "
        "(limits.shrink, limits.shrink_share); correct them on the tracker, or leave them out once with "
        f"`increment-sync reconcile --accept-shrink`: {reasons}{more}",
    )


def ids_in(issues: Collection[UnreadableIssue]) -> frozenset[str]:
    """Return the ids that are known."""
    return frozenset(each.id for each in issues if each.id)
