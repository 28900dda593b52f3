"""``unplanned``: ad-hoc work by team, requester, type, week and age; from the store alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from connectors.escape import escape_terminal
from sync.cli.output import Output, as_object, pick, pluralize, table
from sync.cli.store_view import StoreView, select_teams
from sync.config.private_files import write_private
from sync.insights.unplanned import (
    DIMENSIONS,
    AdHocGroup,
    AdHocIssue,
    AdHocMetrics,
    AdHocShare,
    Dimension,
    ad_hoc_metrics,
)
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation
from sync.runtime.session import pulled_context

_COLUMNS: Final = [
    "issue",
    "url",
    "teams",
    "state",
    "reason",
    "created",
    "closed",
    "age_days",
    "week",
    "requester",
    "type",
    "title",
]
_FORMULA: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters by which spreadsheets recognise a formula, full-width forms included."""
_MAX_GROUPS_NAMED: Final = 6


def unplanned(
    invocation: Invocation, team: str | None, by: Dimension | None = None, csv_file: str | None = None
) -> int:
    """Show metrics and issues; ``by`` shows one breakdown instead of the issues; ``csv_file`` is a path or ``-``."""
    output = Output(invocation)
    with pulled_context(invocation, require_all_files=False) as context:
        metrics = _load(context, team)
        if csv_file == "-":
            output.line(unplanned_csv(metrics.items).rstrip("\n"))
            return 0
        if csv_file is not None:
            write_private(Path(csv_file), unplanned_csv(metrics.items))
            output.note(f"{pluralize(len(metrics.items), 'unplanned issue')} written to {csv_file}")
        if output.as_json or csv_file is None:
            output.show(lambda: _document(metrics), lambda: _lines(metrics, by))
        return 0


def _load(context: RunContext, team: str | None) -> AdHocMetrics:
    teams = select_teams(context.workspace, team)
    view = StoreView(context)
    increments, now, zone = context.workspace.increments, context.now(), context.settings.zone
    return ad_hoc_metrics(view.rollup, view.known, increments, teams, now=now, zone=zone)


def _lines(metrics: AdHocMetrics, by: Dimension | None) -> Iterator[str]:
    waiting = sum(item.is_waiting for item in metrics.items)
    yield f"{pluralize(len(metrics.items), 'unplanned issue')}, {waiting} open"
    yield _share_text("Ad-hoc work", metrics.share)
    if len(metrics.shares) > 1:
        yield from (_share_text(f"  of {team}", share) for team, share in metrics.shares.items())
    if (oldest := metrics.oldest) is not None:
        yield (
            f"The oldest has been waiting for {format_days(oldest.age)} since it was created: {oldest.ref.key} "
            f"{escape_terminal(oldest.title, 60)}"
        )
    if not metrics.items:
        return
    yield "An age is the time since an issue was created: until now, or until it was closed."
    yield ""
    if by is not None:
        yield from _group_table(by, metrics.groups[by])
        return
    # Weeks are in order, and the last ones are the most interesting; other groups begin with the largest.
    for each in DIMENSIONS:
        yield f"By {each}: {_group_summary(metrics.groups[each], latest=each == 'week')}"
    yield ""
    yield from _issue_table(metrics.items)


def _share_text(who: str, share: AdHocShare) -> str:
    since = f"since {share.since:%Y-%m-%d}"
    if share.share is None:
        return f"{who}: nothing was finished {since}"
    planned = share.closed - share.unplanned
    others = f"the other {planned} for capabilities of the plan" if planned else "nothing for the plan"
    return f"{who}: {share.share:.0%} of what was finished {since} ({share.unplanned} of {share.closed}, {others})"


def format_days(duration: timedelta) -> str:
    """``1 day``, ``12 days``, ``less than a day``."""
    if duration.days == 0:
        return "less than a day"
    return pluralize(duration.days, "day")


def _group_summary(groups: tuple[AdHocGroup, ...], *, latest: bool) -> str:
    shown = groups[-_MAX_GROUPS_NAMED:] if latest else groups[:_MAX_GROUPS_NAMED]
    named = [f"{escape_terminal(group.name, 40)} {group.issues}" for group in shown]
    rest = sum(group.issues for group in groups) - sum(group.issues for group in shown)
    more = f"{'earlier' if latest else 'all others'} {rest}"
    return ", ".join([more, *named] if latest and rest else [*named, *([more] if rest else [])])


def _group_table(by: Dimension, groups: Iterable[AdHocGroup]) -> list[str]:
    header = (by, "issues", "open", "done", "dropped", "oldest waits")
    return table(
        header,
        [(each.name, each.issues, each.open, each.done, each.dropped, _oldest_text(each)) for each in groups],
    )


def _oldest_text(group: AdHocGroup) -> str:
    return format_days(group.oldest) if group.oldest is not None else ""


def _issue_table(items: Iterable[AdHocIssue]) -> list[str]:
    return table(
        ("issue", "team", "state", "why", "created", "age", "by", "type", "title"), map(_issue_row, items)
    )


def _issue_row(item: AdHocIssue) -> tuple[str, ...]:
    state = "vanished" if item.vanished else item.state
    created, age = f"{item.created:%Y-%m-%d}", format_days(item.age)
    teams, title = ", ".join(item.teams), item.title[:60]
    return item.ref.key, teams, state, item.reason, created, age, item.requester, item.type, title


def unplanned_csv(items: Iterable[AdHocIssue]) -> str:
    """Return a row for each issue; every cell is quoted, and none is a formula."""
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in map(_row, items):
        writer.writerow([_cell(row[name]) for name in _COLUMNS])
    return file.getvalue()


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = escape_terminal(value, 1000)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _row(item: AdHocIssue) -> dict[str, Any]:
    return {
        **pick(item, "url", "state", "reason", "week", "requester", "type", "title"),
        "issue": str(item.ref),
        "teams": " ".join(item.teams),
        "created": item.created.isoformat(),
        "closed": item.closed.isoformat() if item.closed else "",
        "age_days": item.age.days,
    }


def _document(metrics: AdHocMetrics) -> dict[str, Any]:
    oldest = metrics.oldest
    return {
        "issues": len(metrics.items),
        "open": sum(item.is_waiting for item in metrics.items),
        "share": as_object(metrics.share, "share"),
        "share_by_team": {team: as_object(share, "share") for team, share in metrics.shares.items()},
        "oldest": {"issue": oldest.ref, "waits_days": oldest.age.days} if oldest else None,
        "by": {each: [_group_document(group) for group in metrics.groups[each]] for each in DIMENSIONS},
        "unplanned": [
            _row(item) | pick(item, "teams", "closed", "created", "author", "vanished")
            for item in metrics.items
        ],
    }


def _group_document(group: AdHocGroup) -> dict[str, Any]:
    oldest = group.oldest.days if group.oldest is not None else None
    return pick(group, "name", "issues", "open", "done", "dropped") | {"oldest_waits_days": oldest}
