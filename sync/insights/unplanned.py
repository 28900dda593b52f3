"""Metrics of ad-hoc work: requesters, waiting times, and its share of the finished work. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Literal, get_args

from connectors.model import IssueRef, KnownIssue
from mappings.model import FlowState, Increment, Unplanned
from sync.model.rollup import Rollup

Dimension = Literal["team", "requester", "type", "week", "age"]
DIMENSIONS: Final[tuple[Dimension, ...]] = get_args(Dimension)

SHARE_WINDOW: Final = timedelta(weeks=4)
_AGE_BANDS: Final = (
    (timedelta(weeks=1), "under 1 week"),
    (timedelta(weeks=2), "1 to 2 weeks"),
    (timedelta(weeks=4), "2 to 4 weeks"),
    (timedelta(weeks=8), "4 to 8 weeks"),
)
_OLDEST_BAND: Final = "over 8 weeks"
_AGE_BAND_ORDER: Final = (*(name for _, name in _AGE_BANDS), _OLDEST_BAND)


@dataclass(frozen=True, kw_only=True, slots=True)
class AdHocIssue:
    """One unplanned issue. Times are aware and in UTC."""

    ref: IssueRef
    url: str
    title: str
    teams: tuple[str, ...]
    """Teams that have its source."""
    requester: str
    """Login of the reporter, else of the author; may be empty."""
    type: str
    state: FlowState
    reason: str
    created: datetime
    closed: datetime | None
    """Time at which it was finished or dropped; None while it is open, or if nothing says when."""
    age: timedelta
    """Time from creation to now, or to the close if it is known."""
    week: str
    """ISO week in which it was created: ``2026-W47``."""
    author: str = ""
    """Login of the person who created it; may be empty."""
    vanished: bool = False
    """No longer on the tracker, so it does not wait."""

    @property
    def is_waiting(self) -> bool:
        """Open, and still on the tracker."""
        return self.state in ("todo", "doing") and not self.vanished

    @property
    def age_band(self) -> str:
        return next((name for limit, name in _AGE_BANDS if self.age < limit), _OLDEST_BAND)


@dataclass(frozen=True, kw_only=True, slots=True)
class AdHocShare:
    """Share of ad-hoc issues among the finished ones. Dropped issues are not counted."""

    since: datetime
    closed: int
    """Issues finished since then: leaves of capabilities, and unplanned ones."""
    unplanned: int

    @property
    def share(self) -> float | None:
        """From 0 to 1; None if nothing was finished."""
        return self.unplanned / self.closed if self.closed else None


@dataclass(frozen=True, kw_only=True, slots=True)
class AdHocGroup:
    """Unplanned issues with a common property. An issue of two teams is in both groups."""

    name: str
    issues: int
    open: int
    done: int
    dropped: int
    oldest: timedelta | None
    """Age of the oldest open issue."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AdHocMetrics:
    """Metrics of the unplanned issues of some teams."""

    items: tuple[AdHocIssue, ...]
    """Waiting issues, longest first, then the others, newest first."""
    share: AdHocShare
    shares: Mapping[str, AdHocShare]
    """By team."""
    groups: Mapping[Dimension, tuple[AdHocGroup, ...]]

    @property
    def oldest(self) -> AdHocIssue | None:
        """Issue that waits longest."""
        return next((item for item in self.items if item.is_waiting), None)


def ad_hoc_metrics(
    rollup: Rollup,
    known: Mapping[IssueRef, KnownIssue],
    increments: Iterable[Increment],
    teams: Sequence[str],
    *,
    now: datetime,
    zone: tzinfo,
) -> AdHocMetrics:
    """Compute the metrics of these teams at ``now`` (aware). ``zone``: time zone in which weeks begin.

    Work closed before the running increments is neither planned nor unplanned: the share of the last four weeks begins
    with the first of them if that is later.
    """
    selected = frozenset(teams)
    items = [
        _ad_hoc_issue(each, known[each.ref], now, zone)
        for each in rollup.unplanned
        if selected & set(each.teams)
    ]

    def waiting_first(item: AdHocIssue) -> tuple[bool, datetime | timedelta, IssueRef]:
        return not item.is_waiting, item.created if item.is_waiting else now - item.created, item.ref

    items.sort(key=waiting_first)
    since = _share_start(increments, now)
    return AdHocMetrics(
        items=tuple(items),
        share=_ad_hoc_share(items, rollup, selected, since, now),
        shares={team: _ad_hoc_share(items, rollup, {team}, since, now) for team in teams},
        groups={each: _group_issues(items, each, selected) for each in DIMENSIONS},
    )


def _ad_hoc_issue(work: Unplanned, known: KnownIssue, now: datetime, zone: tzinfo) -> AdHocIssue:
    issue = known.issue
    is_open = work.state.state in ("todo", "doing")
    closed = None if is_open else work.closed
    created = issue.created.astimezone(zone).isocalendar()
    return AdHocIssue(
        ref=work.ref,
        url=issue.url,
        title=issue.title,
        teams=work.teams,
        requester=issue.reporter or issue.author,
        author=issue.author,
        type=issue.type,
        state=work.state.state,
        reason=work.reason,
        created=issue.created,
        closed=closed,
        age=max((closed or now) - issue.created, timedelta(0)),
        week=f"{created.year}-W{created.week:02}",
        vanished=known.vanished is not None,
    )


def _share_start(increments: Iterable[Increment], now: datetime) -> datetime:
    starts = (each.starts_at for each in increments if each.phase(now) in ("active", "grace"))
    return max(now - SHARE_WINDOW, min(starts, default=now - SHARE_WINDOW))


def _ad_hoc_share(
    items: Iterable[AdHocIssue], rollup: Rollup, teams: Iterable[str], since: datetime, now: datetime
) -> AdHocShare:
    selected = frozenset(teams)

    def is_included(state: FlowState, closed: datetime | None, owners: Iterable[str]) -> bool:
        return (
            state == "done" and closed is not None and since <= closed <= now and bool(selected & {*owners})
        )

    issues = (issue for capability in rollup.capabilities for issue in capability.issues)
    planned = {each.ref for each in issues if is_included(each.state.state, each.closed, [each.team])}
    unplanned = {each.ref for each in items if is_included(each.state, each.closed, each.teams)}
    return AdHocShare(since=since, closed=len(planned | unplanned), unplanned=len(unplanned))


def ad_hoc_share(
    rollup: Rollup,
    known: Mapping[IssueRef, KnownIssue],
    teams: Iterable[str],
    *,
    since: datetime,
    until: datetime,
) -> AdHocShare:
    """Return the share of ad-hoc work among what these teams finished between two moments."""
    items = [_ad_hoc_issue(each, known[each.ref], until, UTC) for each in rollup.unplanned]
    return _ad_hoc_share(items, rollup, teams, since, until)


_GROUP_NAMES: Final[Mapping[Dimension, Callable[[AdHocIssue], tuple[str, ...]]]] = {
    "team": lambda item: item.teams,
    "requester": lambda item: (item.requester or "(unknown)",),
    "type": lambda item: (item.type or "(none)",),
    "week": lambda item: (item.week,),
    "age": lambda item: (item.age_band,),
}


def _group_issues(
    items: Iterable[AdHocIssue], dimension: Dimension, teams: frozenset[str]
) -> tuple[AdHocGroup, ...]:
    members: defaultdict[str, list[AdHocIssue]] = defaultdict(list)
    for item in items:
        for name in _GROUP_NAMES[dimension](item):
            if dimension != "team" or name in teams:
                members[name].append(item)
    groups = sorted((_ad_hoc_group(name, each) for name, each in members.items()), key=lambda each: each.name)
    if dimension == "age":
        groups.sort(key=lambda group: _AGE_BAND_ORDER.index(group.name))
    elif dimension != "week":
        groups.sort(key=lambda group: -group.issues)
    return tuple(groups)


def _ad_hoc_group(name: str, items: Sequence[AdHocIssue]) -> AdHocGroup:
    return AdHocGroup(
        name=name,
        issues=len(items),
        open=sum(item.is_waiting for item in items),
        done=sum(item.state == "done" for item in items),
        dropped=sum(item.state == "dropped" for item in items),
        oldest=max((item.age for item in items if item.is_waiting), default=None),
    )
