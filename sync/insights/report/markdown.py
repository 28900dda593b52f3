"""The report as Markdown, for a wiki, a chat, a pull request or the summary of a CI job.

All text is escaped, including issue keys: ``acme/churn#7`` would create a backlink on that issue.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from connectors.markdown import escape_markdown
from sync.insights.report.model import (
    CapabilityRow,
    FindingRow,
    GoalRow,
    IterationRow,
    PredictabilityRow,
    ReportData,
    TeamRow,
)
from sync.insights.report.phrases import (
    format_completion_dates,
    format_outcomes,
    format_range,
    format_state,
    format_time,
)

MAX_ROWS: Final = 50
_MISSING: Final = "n/a"

Cells = dict[str, str]
"""Heading of the column -> text."""


def render_markdown(data: ReportData) -> str:
    """Return the content of the HTML page in the same order, without charts."""
    lines = [f"# {escape_markdown(data.increment)}: {data.headline}", ""]
    lines += [escape_markdown(data.summary, limit=1000), ""] if data.summary else []
    lines.append(_freshness(data))
    for source in data.stale:
        since = format_time(source.failing_since) if source.failing_since else ""
        lines += ["", f"**Old numbers:** {escape_markdown(source.name)} could not be read since {since}."]
    capabilities = [each for goal in data.goals for each in goal.capabilities]
    sections = {
        "Goals": _table(map(_goal_cells, data.goals)),
        "Capabilities": _table(map(_capability_cells, capabilities)),
        "What changed": _change_lines(data),
        "Teams": _table(map(_team_cells, data.teams)),
        "Iterations": _table(
            _iteration_cells(each, iteration) for each in capabilities for iteration in each.iterations
        ),
        "Manual overrides": _bullets(_override_lines(data)),
        "Data quality": _bullets([escape_markdown(each) for each in data.data_quality]),
        "Integrity findings": _bullets([_describe_finding(each) for each in data.findings]),
    }
    if data.predictability:
        sections["Predictability"] = _table(map(_predictability_cells, data.predictability))
    for title, body in sections.items():
        lines += ["", f"## {title}", *body]
    return "\n".join(lines) + "\n"


def _freshness(data: ReportData) -> str:
    synced = (
        f"last full sync {format_time(data.read_at)}" if data.read_at else "not all sources fully synced yet"
    )
    return f"{data.start} to {data.end}, {format_state(data.phase)}. As of {data.today}; {synced}."


def _goal_cells(goal: GoalRow) -> Cells:
    return {
        "Goal": goal.title,
        "Commitment": goal.commitment,
        "State": format_state(goal.state) + (", released" if goal.released else ""),
        "Health": format_state(goal.health or _MISSING),
        "In time": goal.forecast.summary,
        "Capabilities": f"{goal.required_done} of {goal.required_total}",
        "Issues": f"{goal.done} of {goal.scope}",
        "Change": goal.change_summary,
    }


def _capability_cells(each: CapabilityRow) -> Cells:
    flags = {"released": each.released, "blocked": each.blocked, "evidence missing": each.evidence_missing}
    notes = [name for name, is_set in flags.items() if is_set] + ([each.evidence] if each.evidence else [])
    notes += [f"blocked by {' '.join(blocker.key for blocker in each.blockers)}"] if each.blockers else []
    forecast = each.forecast
    interval = forecast.interval_85
    return {
        "Capability": each.title,
        "Team": ", ".join(each.teams) or each.team,
        "State": ", ".join([format_state(each.state), *notes]),
        "Health": format_state(each.health or _MISSING),
        "Done": f"{each.done}/{each.scope}",
        "Baseline": _MISSING if each.baseline is None else f"{each.baseline} +{each.added} -{each.removed}",
        "In time": forecast.summary,
        "85% interval": f"{format_range(interval)} of {forecast.total}" if interval else _MISSING,
        "Completion date": format_completion_dates(forecast.completion_dates) or _MISSING,
    }


def _team_cells(team: TeamRow) -> Cells:
    oldest = team.aging_wip[0] if team.aging_wip else None
    return {
        "Team": team.name,
        "Aging WIP": str(sum(each.band != "normal" for each in team.aging_wip)),
        "Oldest open issue": f"{oldest.issue.key} ({oldest.days:.0f} days)" if oldest else _MISSING,
        "Ad hoc, 4 weeks": _percent(team.unplanned_share),
        "Unplanned, open": str(team.unplanned_open),
    }


def _iteration_cells(capability: CapabilityRow, iteration: IterationRow) -> Cells:
    days = iteration.median_days
    return {
        "Capability": capability.title,
        "Iteration": iteration.name or _MISSING,
        "State": format_state(iteration.state or _MISSING),
        "Done": f"{iteration.done}/{iteration.scope}",
        "Experiments": format_outcomes(iteration),
        "Median days to an answer": _MISSING if days is None else f"{days:.0f}",
    }


def _change_lines(data: ReportData) -> list[str]:
    if data.changed_since is None:
        return ["", "There are no earlier numbers to compare with yet."]
    changes = [
        f"{escape_markdown(change.title)}: {change.done_before}/{change.scope_before} -> "
        f"{change.done_after}/{change.scope_after} ("
        + ", ".join(f"{part.issues} {part.name}" for part in change.parts)
        + ")"
        for change in data.changes
    ]
    return ["", f"Since {format_time(data.changed_since)}.", *_bullets(changes, "Nothing changed.")]


def _describe_finding(each: FindingRow) -> str:
    more = f"; and {each.more_evidence} more" if each.more_evidence else ""
    evidence = "; ".join(each.evidence)
    text = escape_markdown(f"{each.title} ({format_state(each.kind)}): {each.text}")
    return text + (f" ({escape_markdown(evidence + more, limit=1000)})" if evidence else "")


def _predictability_cells(each: PredictabilityRow) -> Cells:
    return {
        "Increment": each.increment + (" (so far)" if each.so_far else ""),
        "Committed": f"{each.committed_done} of {each.committed_total}",
        "Stretch": f"{each.stretch_done} of {each.stretch_total}",
        "Predictability": _percent(each.share),
        "Carried over": str(each.carried_over),
        "Ad hoc": _percent(each.ad_hoc),
    }


def _percent(share: float | None) -> str:
    return _MISSING if share is None else f"{share:.0%}"


def _override_lines(data: ReportData) -> list[str]:
    return [
        f"{escape_markdown(each.key)} {escape_markdown(each.kind)} {escape_markdown(each.label)}, "
        f"since {format_time(each.since)}"
        for each in data.overrides
    ]


def _bullets(lines: Sequence[str], empty_text: str = "None.") -> list[str]:
    more = [f"- and {len(lines) - MAX_ROWS} more"] if len(lines) > MAX_ROWS else []
    return ["", *(f"- {line}" for line in lines[:MAX_ROWS]), *more] if lines else ["", empty_text]


def _table(rows: Iterable[Cells]) -> list[str]:
    found = list(rows)
    if not found:
        return ["", "None."]
    return ["", _row(found[0]), "|" + " --- |" * len(found[0]), *(_row(cells.values()) for cells in found)]


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(escape_markdown(cell) or " " for cell in cells) + " |"
