"""``unplanned``: the ad-hoc work as a lead asks for it, from the store alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from mappings.problems import suggestion
from sync.cli.render import table
from sync.config.escape import escape_terminal
from sync.insights.unplanned import (
    DIMENSIONS,
    AdHocGroup,
    AdHocIssue,
    AdHocMetrics,
    AdHocShare,
    Dimension,
    ad_hoc_metrics,
)
from sync.pipeline.offline import plan_from_store
from sync.pull.current_sources import load_current_issues
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation, print_error, print_json, print_line
from sync.runtime.session import pulled_context

_COLUMNS: Final = (
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
)
_FORMULA: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet take a cell for a formula, also in full width."""
_NAMED_IN_SHORT: Final = 6


def unplanned(
    invocation: Invocation, team: str | None, by: Dimension | None = None, csv_file: str | None = None
) -> int:
    """Figures and issues; ``by`` shows one breakdown instead of the issues; ``csv_file`` is a path or ``-``."""
    with pulled_context(invocation, require_all_files=False) as job:
        figures = _figures(job, team)
        if csv_file == "-":
            print_line(unplanned_csv(figures.items).rstrip("\n"))
            return 0
        if csv_file is not None:
            Path(csv_file).write_text(unplanned_csv(figures.items), encoding="utf-8", newline="")
            print_error(f"{len(figures.items)} unplanned issues written to {csv_file}")
        if invocation.as_json:
            print_json(_as_json(figures))
        elif csv_file is None:
            for line in _lines(figures, by):
                print_line(line)
        return 0


def _figures(context: RunContext, team: str | None) -> AdHocMetrics:
    teams = [each.team for each in context.workspace.teams]
    if team is not None and team not in teams:
        raise LookupError(f'there is no team "{team}"; {suggestion(team, teams, kind="teams")}')
    thought, _ = plan_from_store(context)
    return ad_hoc_metrics(
        thought.rollup,
        load_current_issues(context.store, context.workspace),
        context.workspace.increments,
        teams if team is None else [team],
        now=context.now(),
        zone=context.settings.zone,
    )


def _lines(figures: AdHocMetrics, by: Dimension | None) -> list[str]:
    lines = [_headline(figures), _share_line("Ad-hoc work", figures.share)]
    if len(figures.shares) > 1:
        lines += [_share_line(f"  of {team}", share) for team, share in figures.shares.items()]
    if (oldest := figures.oldest) is not None:
        lines.append(
            f"The oldest has been waiting for {format_days(oldest.age)} since it was created: {oldest.ref.key} "
            f"{escape_terminal(oldest.title, 60)}"
        )
    if not figures.items:
        return lines
    lines.append("An age is the time since an issue was created: until now, or until it was closed.")
    if by is not None:
        return [*lines, "", *_group_table(by, figures.groups[by])]
    # Of the weeks, which stand in order, the last ones are what people ask about.
    shorts = [f"By {each}: {_in_short(figures.groups[each], latest=each == 'week')}" for each in DIMENSIONS]
    return [*lines, "", *shorts, "", *_issue_table(figures.items)]


def _headline(figures: AdHocMetrics) -> str:
    waiting = sum(item.is_waiting for item in figures.items)
    issues = "1 unplanned issue" if len(figures.items) == 1 else f"{len(figures.items)} unplanned issues"
    return f"{issues}, {waiting} open"


def _share_line(who: str, share: AdHocShare) -> str:
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
    return "1 day" if duration.days == 1 else f"{duration.days} days"


def _in_short(groups: tuple[AdHocGroup, ...], *, latest: bool) -> str:
    shown = groups[-_NAMED_IN_SHORT:] if latest else groups[:_NAMED_IN_SHORT]
    named = [f"{escape_terminal(group.name, 40)} {group.issues}" for group in shown]
    rest = sum(group.issues for group in groups) - sum(group.issues for group in shown)
    more = f"{'earlier' if latest else 'all others'} {rest}"
    return ", ".join([more, *named] if latest and rest else [*named, *([more] if rest else [])])


def _group_table(by: Dimension, groups: Iterable[AdHocGroup]) -> list[str]:
    return table(
        (by, "issues", "open", "done", "dropped", "oldest waits"),
        [
            (
                group.name,
                str(group.issues),
                str(group.open),
                str(group.done),
                str(group.dropped),
                format_days(group.oldest) if group.oldest is not None else "",
            )
            for group in groups
        ],
    )


def _issue_table(items: Iterable[AdHocIssue]) -> list[str]:
    return table(
        ("issue", "team", "state", "why", "created", "age", "by", "type", "title"),
        [
            (
                item.ref.key,
                ", ".join(item.teams),
                "vanished" if item.vanished else item.state,
                item.reason,
                f"{item.created:%Y-%m-%d}",
                format_days(item.age),
                item.requester,
                item.type,
                item.title[:60],
            )
            for item in items
        ],
    )


def unplanned_csv(items: Iterable[AdHocIssue]) -> str:
    """A row for each issue, every cell quoted and none of them a formula to a spreadsheet."""
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for item in items:
        row = _row(item)
        writer.writerow([_cell(row[name]) for name in _COLUMNS])
    return file.getvalue()


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = escape_terminal(value, 1000)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _row(item: AdHocIssue) -> dict[str, Any]:
    return {
        "issue": str(item.ref),
        "url": item.url,
        "teams": " ".join(item.teams),
        "state": item.state,
        "reason": item.reason,
        "created": item.created.isoformat(),
        "closed": item.closed.isoformat() if item.closed else "",
        "age_days": item.age.days,
        "week": item.week,
        "requester": item.requester,
        "type": item.type,
        "title": item.title,
    }


def _as_json(figures: AdHocMetrics) -> dict[str, Any]:
    oldest = figures.oldest
    return {
        "version": 1,
        "issues": len(figures.items),
        "open": sum(item.is_waiting for item in figures.items),
        "share": _share_json(figures.share),
        "share_by_team": {team: _share_json(share) for team, share in figures.shares.items()},
        "oldest": {"issue": str(oldest.ref), "waits_days": oldest.age.days} if oldest else None,
        "by": {each: [_group_json(group) for group in figures.groups[each]] for each in DIMENSIONS},
        "unplanned": [
            {
                **_row(item),
                "teams": list(item.teams),
                "closed": item.closed,
                "created": item.created,
                "author": item.author,
                "vanished": item.vanished,
            }
            for item in figures.items
        ],
    }


def _share_json(share: AdHocShare) -> dict[str, Any]:
    return {
        "since": share.since,
        "closed": share.closed,
        "unplanned": share.unplanned,
        "share": share.share,
    }


def _group_json(group: AdHocGroup) -> dict[str, Any]:
    return {
        "name": group.name,
        "issues": group.issues,
        "open": group.open,
        "done": group.done,
        "dropped": group.dropped,
        "oldest_waits_days": group.oldest.days if group.oldest is not None else None,
    }
