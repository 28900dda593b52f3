"""Ad-hoc work in figures: who brings it, how long it waits, and what share of the finished work it was."""

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

SHARE_OVER: Final = timedelta(weeks=4)
_AGES: Final = (
    (timedelta(weeks=1), "under 1 week"),
    (timedelta(weeks=2), "1 to 2 weeks"),
    (timedelta(weeks=4), "2 to 4 weeks"),
    (timedelta(weeks=8), "4 to 8 weeks"),
)
_OLDEST: Final = "over 8 weeks"
_AGE_ORDER: Final = (*(name for _, name in _AGES), _OLDEST)


@dataclass(frozen=True, kw_only=True, slots=True)
class AdHoc:
    """One unplanned issue. Times are aware and in UTC."""

    ref: IssueRef
    url: str
    title: str
    teams: tuple[str, ...]
    """All teams that have its source."""
    requester: str
    """Who created it, by login; may be empty."""
    type: str
    state: FlowState
    reason: str
    created: datetime
    closed: datetime | None
    """When it was finished or dropped; None while it is open."""
    age: timedelta
    """Since it was created: until now while it is open, else until it was closed."""
    week: str
    """ISO week in which it was created: ``2026-W47``."""
    vanished: bool = False
    """Not on the tracker any more: nobody waits for it."""

    @property
    def waits(self) -> bool:
        return self.state in ("todo", "doing") and not self.vanished

    @property
    def age_band(self) -> str:
        return next((name for limit, name in _AGES if self.age < limit), _OLDEST)


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """How much of what was finished was ad hoc. Dropped work was not finished and is on neither side."""

    since: datetime
    closed: int
    """All issues finished since then: leaves of capabilities, and unplanned ones."""
    unplanned: int

    @property
    def share(self) -> float | None:
        """From 0 to 1; None when nothing was finished."""
        return self.unplanned / self.closed if self.closed else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The unplanned issues that have something in common. An issue of two teams is in both their groups."""

    name: str
    issues: int
    open: int
    done: int
    dropped: int
    oldest: timedelta | None
    """How long the oldest open one waits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AdHocFigures:
    items: tuple[AdHoc, ...]
    """Those that wait longest first, then the others, newest first."""
    share: Share
    shares: Mapping[str, Share]
    """By team."""
    groups: Mapping[Dimension, tuple[Group, ...]]

    @property
    def oldest(self) -> AdHoc | None:
        """The open one that waits longest."""
        return next((item for item in self.items if item.waits), None)


def ad_hoc_figures(
    rollup: Rollup,
    known: Mapping[IssueRef, KnownIssue],
    increments: Iterable[Increment],
    teams: Sequence[str],
    *,
    now: datetime,
    zone: tzinfo,
) -> AdHocFigures:
    """Figures about the unplanned issues of these teams at ``now`` (aware). ``zone`` says where weeks begin.

    Work closed before the running increments began is neither planned nor unplanned, so the share of the last
    four weeks begins with the first of them when that is later.
    """
    wanted = frozenset(teams)
    items = [
        _ad_hoc(each, known[each.ref], now, zone) for each in rollup.unplanned if wanted & set(each.teams)
    ]
    items.sort(
        key=lambda item: (not item.waits, item.created if item.waits else now - item.created, item.ref)
    )
    since = _since(increments, now)
    return AdHocFigures(
        items=tuple(items),
        share=_share(items, rollup, wanted, since, now),
        shares={team: _share(items, rollup, {team}, since, now) for team in teams},
        groups={each: _grouped(items, _NAMES[each], wanted, each) for each in DIMENSIONS},
    )


def _ad_hoc(work: Unplanned, known: KnownIssue, now: datetime, zone: tzinfo) -> AdHoc:
    issue = known.issue
    is_open = work.state.state in ("todo", "doing")
    closed = None if is_open else issue.closed or issue.updated
    created = issue.created.astimezone(zone).isocalendar()
    return AdHoc(
        ref=work.ref,
        url=issue.url,
        title=issue.title,
        teams=work.teams,
        requester=issue.author,
        type=issue.type,
        state=work.state.state,
        reason=work.reason,
        created=issue.created,
        closed=closed,
        age=max((closed or now) - issue.created, timedelta(0)),
        week=f"{created.year}-W{created.week:02}",
        vanished=known.vanished is not None,
    )


def _since(increments: Iterable[Increment], now: datetime) -> datetime:
    begun = [each.starts_at for each in increments if each.phase(now) in ("active", "grace")]
    return max(now - SHARE_OVER, min(begun, default=now - SHARE_OVER))


def _share(
    items: Iterable[AdHoc], rollup: Rollup, teams: Iterable[str], since: datetime, now: datetime
) -> Share:
    wanted = frozenset(teams)
    planned = {
        issue.ref
        for capability in rollup.capabilities
        for issue in capability.issues
        if issue.team in wanted and issue.state.state == "done" and _lies(issue.closed, since, now)
    }
    unplanned = {
        item.ref
        for item in items
        if wanted & set(item.teams) and item.state == "done" and _lies(item.closed, since, now)
    }
    return Share(since=since, closed=len(planned | unplanned), unplanned=len(unplanned))


def share_of(
    rollup: Rollup,
    known: Mapping[IssueRef, KnownIssue],
    teams: Iterable[str],
    *,
    since: datetime,
    until: datetime,
) -> Share:
    """What part of the work that these teams finished between two moments was ad hoc."""
    items = [_ad_hoc(each, known[each.ref], until, UTC) for each in rollup.unplanned]
    return _share(items, rollup, teams, since, until)


def _lies(moment: datetime | None, since: datetime, now: datetime) -> bool:
    return moment is not None and since <= moment <= now


_NAMES: Final[Mapping[Dimension, Callable[[AdHoc], tuple[str, ...]]]] = {
    "team": lambda item: item.teams,
    "requester": lambda item: (item.requester or "(unknown)",),
    "type": lambda item: (item.type or "(none)",),
    "week": lambda item: (item.week,),
    "age": lambda item: (item.age_band,),
}


def _grouped(
    items: Iterable[AdHoc],
    names: Callable[[AdHoc], tuple[str, ...]],
    teams: frozenset[str],
    dimension: Dimension,
) -> tuple[Group, ...]:
    members: defaultdict[str, list[AdHoc]] = defaultdict(list)
    for item in items:
        for name in names(item):
            if dimension != "team" or name in teams:
                members[name].append(item)
    groups = [_group(name, each) for name, each in members.items()]
    if dimension == "age":
        return tuple(sorted(groups, key=lambda group: _AGE_ORDER.index(group.name)))
    if dimension == "week":
        return tuple(sorted(groups, key=lambda group: group.name))
    return tuple(sorted(groups, key=lambda group: (-group.issues, group.name)))


def _group(name: str, items: Sequence[AdHoc]) -> Group:
    return Group(
        name=name,
        issues=len(items),
        open=sum(item.waits for item in items),
        done=sum(item.state == "done" for item in items),
        dropped=sum(item.state == "dropped" for item in items),
        oldest=max((item.age for item in items if item.waits), default=None),
    )
