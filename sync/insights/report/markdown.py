"""The report as Markdown, for a wiki, a chat, a pull request or the summary of a CI job. All text is neutral there.

Keys of issues get the invisible breaks, too: pasted into GitHub, ``acme/churn#7`` would link back from that issue.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sync.config.escape import escape_github
from sync.insights.report.model import (
    CapabilityRow,
    FindingRow,
    GoalRow,
    PredictabilityRow,
    ReportData,
    TeamRow,
)
from sync.insights.report.phrases import format_completion_dates, format_outcomes, format_range, format_state

MAX_ROWS = 50


def render_markdown(data: ReportData) -> str:
    """The same figures as the page, in its order; charts are left out."""
    lines = [f"# {escape_github(data.increment)}: {data.headline}", ""]
    lines += [escape_github(data.summary, limit=1000), ""] if data.summary else []
    lines.append(_freshness(data))
    for source in data.stale:
        since = _format_time(source.failing_since) if source.failing_since else ""
        lines += ["", f"**Old figures:** {escape_github(source.name)} could not be read since {since}."]
    lines += ["", "## Goals", *_table(_GOAL_HEAD, (_goal_cells(goal) for goal in data.goals))]
    capabilities = [each for goal in data.goals for each in goal.capabilities]
    lines += [
        "",
        "## Capabilities",
        *_table(_CAPABILITY_HEAD, (_capability_cells(each, data.today.year) for each in capabilities)),
    ]
    lines += ["", "## What changed", *_change_lines(data)]
    lines += ["", "## Teams", *_table(_TEAM_HEAD, (_team_cells(team) for team in data.teams))]
    lines += ["", "## Iterations", *_table(_ITERATION_HEAD, _iteration_cells(capabilities))]
    lines += ["", "## Decisions of people", *_bullets(_override_lines(data))]
    lines += ["", "## How good the data are", *_bullets([escape_github(each) for each in data.quality])]
    lines += ["", "## What an auditor would ask", *_bullets([_describe_finding(each) for each in data.audit])]
    if data.predictability:
        lines += [
            "",
            "## Promised and kept",
            *_table(_PREDICTABILITY_HEAD, map(_predictability_cells, data.predictability)),
        ]
    return "\n".join(lines) + "\n"


_GOAL_HEAD = ("Goal", "Commitment", "State", "Health", "In time", "Capabilities", "Issues", "Change")
_CAPABILITY_HEAD = (
    "Capability",
    "Team",
    "State",
    "Health",
    "Done",
    "Baseline",
    "In time",
    "Likely",
    "The rest is done",
)
_TEAM_HEAD = ("Team", "Ageing", "Oldest open issue", "Ad hoc, 4 weeks", "Unplanned, open")
_ITERATION_HEAD = ("Capability", "Iteration", "State", "Done", "Experiments", "Days to an answer")
_PREDICTABILITY_HEAD = ("Increment", "Committed", "Stretch", "Predictability", "Carried over", "Ad hoc")


def _freshness(data: ReportData) -> str:
    read = (
        f"last read whole {_format_time(data.read_at)}" if data.read_at else "not every source read whole yet"
    )
    return f"{_format_day(data.start)} to {_format_day(data.end)}, {format_state(data.phase)}. As of {_format_day(data.today)}; {read}."


def _goal_cells(goal: GoalRow) -> Sequence[str]:
    return (
        goal.title,
        goal.commitment,
        format_state(goal.state) + (", released" if goal.released else ""),
        format_state(goal.health or "no statement"),
        goal.outlook.words,
        f"{goal.required_done} of {goal.required_total}",
        f"{goal.done} of {goal.scope}",
        goal.changed,
    )


def _capability_cells(each: CapabilityRow, year: int) -> Sequence[str]:
    facts = (("released", each.released), ("blocked", each.blocked), ("not proven", each.not_proven))
    notes = [word for word, on in facts if on] + ([each.proof] if each.proof else [])
    likely = each.outlook.likely
    return (
        each.title,
        ", ".join(each.teams) or each.team,
        ", ".join([format_state(each.state), *notes]),
        format_state(each.health or "no statement"),
        f"{each.done}/{each.scope}",
        "-" if each.baseline is None else f"{each.baseline} +{each.added} -{each.removed}",
        each.outlook.words,
        f"{format_range(likely)} of {each.outlook.most}" if likely else "-",
        format_completion_dates(each.outlook.finish, year) or "-",
    )


def _team_cells(team: TeamRow) -> Sequence[str]:
    old = sum(each.band != "normal" for each in team.ageing)
    oldest = team.ageing[0] if team.ageing else None
    share = team.unplanned_share
    return (
        team.name,
        str(old),
        f"{oldest.issue.key} ({oldest.days:.0f} days)" if oldest else "-",
        "-" if share is None else f"{share:.0%}",
        str(team.unplanned_open),
    )


def _iteration_cells(capabilities: Iterable[CapabilityRow]) -> Iterable[Sequence[str]]:
    for each in capabilities:
        for one in each.iterations:
            took = "-" if one.usual_days is None else f"{one.usual_days:.0f}"
            yield (
                each.title,
                one.name or "-",
                format_state(one.state or "-"),
                f"{one.done}/{one.scope}",
                format_outcomes(one),
                took,
            )


def _change_lines(data: ReportData) -> list[str]:
    if data.changed_since is None:
        return ["", "There are no earlier figures to compare with yet."]
    lines = ["", f"Since {_format_time(data.changed_since)}."]
    told = [
        f"{escape_github(change.title)}: {change.done_before}/{change.scope_before} -> "
        f"{change.done_after}/{change.scope_after} ("
        + ", ".join(f"{part.issues} {part.name}" for part in change.parts)
        + ")"
        for change in data.changes
    ]
    return [*lines, *_bullets(told, "Nothing changed.")]


def _describe_finding(each: FindingRow) -> str:
    more = f"; and {each.left_out} more" if each.left_out else ""
    evidence = "; ".join(each.evidence)
    told = f"{each.title} ({format_state(each.kind)}): {each.text}"
    return escape_github(told) + (f" ({escape_github(evidence + more, limit=1000)})" if evidence else "")


def _predictability_cells(each: PredictabilityRow) -> Sequence[str]:
    return (
        each.increment + (" (so far)" if each.so_far else ""),
        f"{each.committed_done} of {each.committed_total}",
        f"{each.stretch_done} of {each.stretch_total}",
        "-" if each.share is None else f"{each.share:.0%}",
        str(each.carried),
        "-" if each.ad_hoc is None else f"{each.ad_hoc:.0%}",
    )


def _override_lines(data: ReportData) -> list[str]:
    return [
        f"{escape_github(each.key)} {escape_github(each.kind)} {escape_github(each.label)}, "
        f"since {_format_time(each.since)}"
        for each in data.overrides
    ]


def _bullets(lines: Sequence[str], empty_text: str = "None.") -> list[str]:
    more = [f"- and {len(lines) - MAX_ROWS} more"] if len(lines) > MAX_ROWS else []
    return ["", *(f"- {line}" for line in lines[:MAX_ROWS]), *more] if lines else ["", empty_text]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    made = [_row(row) for row in rows]
    return ["", _row(head), "|" + " --- |" * len(head), *made] if made else ["", "None."]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(escape_github(cell) or " " for cell in cells) + " |"


def _format_day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _format_time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
