"""The report as one HTML file. Style, script and charts are embedded; the page sends no request."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup, escape

from connectors.escape import escape_terminal
from connectors.wording import pluralize
from sync.insights.report.chart_data import BurnUp, CumulativeFlow
from sync.insights.report.charts import ad_hoc_chart, burn_up_chart, cycle_chart, flow_chart
from sync.insights.report.model import GoalRow, ReportData, TeamRow
from sync.insights.report.phrases import (
    OUTCOME_NAMES,
    format_completion_dates,
    format_outcomes,
    format_range,
    format_state,
    format_time,
)

MAX_CHARTS: Final = 40
"""Maximum goals, and teams, with charts: bounds the time and the size of the file."""
VIEWS: Final = (
    ("executive", "Executive", "For executives: expected results and their probabilities"),
    ("lead", "Lead", "For leads: where to act, and the cost of ad-hoc work"),
    ("team", "Team", "For teams: aging WIP, flow and experiments"),
)
_MAX_TEXT_LENGTH: Final = 2000
OPEN_STATES: Final = ("empty", "planned", "in-progress")
"""States in which a forecast is shown."""

_SWATCHES: Final = {
    "scope": '<path d="M0 5H26" stroke="var(--scope)" stroke-width="2.5" stroke-dasharray="7 3"/>',
    "baseline": '<path d="M0 5H26" stroke="var(--muted)" stroke-width="2.5" stroke-dasharray="2 3"/>',
    "done-line": '<path d="M0 5H26" stroke="var(--done)" stroke-width="3"/>',
    "interval": '<path d="M0 9 26 0V9Z" fill="var(--interval)"/>',
    "done": '<path d="M10 0H26V10H10Z" fill="var(--done)"/>',
    "doing": '<path d="M10 0H26V10H10Z" fill="var(--doing)"/>',
    "todo": '<path d="M10 0H26V10H10Z" fill="var(--todo)"/>',
    "ad-hoc": '<path d="M10 0H26V10H10Z" fill="var(--adhoc)"/>',
    "50": '<path d="M0 5H26" stroke="var(--ink)" stroke-width="2"/>',
    "85": '<path d="M0 5H26" stroke="var(--ink)" stroke-width="2" stroke-dasharray="7 3"/>',
    "95": '<path d="M0 5H26" stroke="var(--ink)" stroke-width="2" stroke-dasharray="2 3"/>',
}
_LEGENDS: Final = {
    "flow": (("todo", "to do"), ("doing", "in progress"), ("done", "done")),
    "ad_hoc": (("done", "planned"), ("ad-hoc", "ad hoc")),
}

Legend = tuple[tuple[str, str], ...]
"""(name of the swatch, text) of each entry."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Charts:
    """SVG texts; empty without data."""

    burn_up: Mapping[str, str]
    """By goal id."""
    ad_hoc: Mapping[str, str]
    """By team name, as ``flow`` and ``cycle``."""
    flow: Mapping[str, str]
    cycle: Mapping[str, str]


def render_html(data: ReportData) -> str:
    """Return the whole file. All text from trackers and plans is escaped."""
    script = _read_resource("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = SandboxedEnvironment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=_sanitize
    )
    environment.filters.update(
        state=format_state,
        time=format_time,
        outcomes=format_outcomes,
        duration=_format_days,
        range=format_range,
        completion_dates=lambda dates: _join_nonbreaking(format_completion_dates(dates)),
        is_web_url=lambda url: url.startswith(("https://", "http://")),
    )
    return environment.from_string(_read_resource("report.html.j2")).render(
        data=data,
        charts=render_charts(data),
        views=VIEWS,
        outcome_names=OUTCOME_NAMES,
        open_states=OPEN_STATES,
        swatches=_SWATCHES,
        legends=_LEGENDS,
        burn_up_legend=_burn_up_legend,
        cycle_legend=_cycle_legend,
        max_charts=MAX_CHARTS,
        style=_read_resource("report.css"),
        script=script,
        script_hash=digest,
    )


def render_charts(data: ReportData) -> Charts:
    """Render all charts of a report."""
    goals, teams = data.goals[:MAX_CHARTS], data.teams[:MAX_CHARTS]
    burn_up = {goal.id: "" for goal in data.goals}
    for goal in goals:
        if goal.burn_up:
            burn_up[goal.id] = burn_up_chart(goal.burn_up, _burn_up_title(goal))
    ad_hoc, flow, cycle = ({team.name: "" for team in data.teams} for _ in range(3))
    for team in teams:
        name, weeks = team.name, team.ad_hoc_weeks
        if any(week.planned or week.unplanned for week in weeks):
            ad_hoc[name] = ad_hoc_chart(weeks, f"Planned and ad-hoc work of {name} by week")
        if team.cumulative_flow:
            flow[name] = flow_chart(team.cumulative_flow, _flow_title(team, team.cumulative_flow))
        if team.cycle_times:
            cycle[name] = cycle_chart(team, _cycle_title(team))
    return Charts(burn_up=burn_up, ad_hoc=ad_hoc, flow=flow, cycle=cycle)


def _burn_up_title(goal: GoalRow) -> str:
    interval = goal.forecast.interval_85
    forecast = f", 85% interval at the end {format_range(interval)}" if interval else ""
    return f"Burn-up of {goal.title}: {goal.done} of {pluralize(goal.scope, 'issue')} done{forecast}"


def _flow_title(team: TeamRow, flow: CumulativeFlow) -> str:
    now = f"{flow.todo[-1]} to do, {flow.doing[-1]} in progress, {flow.done[-1]} done"
    return f"Cumulative flow of {team.name}: {now}"


def _cycle_title(team: TeamRow) -> str:
    percentiles = "".join(f", {text}" for _, text in _cycle_legend(team))
    return f"Cycle times of {team.name}: {pluralize(len(team.cycle_times), 'issue')}{percentiles}"


def _burn_up_legend(chart: BurnUp) -> Legend:
    entries = [("scope", "scope"), ("done-line", "done")]
    if chart.baseline is not None:
        entries.append(("baseline", f"baseline ({chart.baseline})"))
    if chart.forecast_interval is not None and chart.end > chart.days[-1]:
        low, _, high = chart.forecast_interval
        entries.append(("interval", f"85% interval at the end: {format_range((low, high))}"))
    return tuple(entries)


def _cycle_legend(team: TeamRow) -> Legend:
    return tuple((str(rank), f"{rank}% within {_format_days(days)}") for rank, days in team.percentiles)


def _format_days(days: float) -> str:
    if days < 1:
        return "a day"
    shown = f"{days:.0f}" if days >= 10 else f"{days:.1f}".removesuffix(".0")
    return f"{shown} day" if shown == "1" else f"{shown} days"


def _sanitize(value: object) -> object:
    """Remove control characters and bidirectional overrides from a text. HTML escaping follows."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return escape_terminal(value, _MAX_TEXT_LENGTH)
    return value


def _read_resource(name: str) -> str:
    return files("sync.insights.report").joinpath(name).read_text(encoding="utf-8")


def _join_nonbreaking(text: str) -> Markup:
    """Allow line breaks only after commas."""
    return Markup(", ").join(escape(part).replace(" ", "\u00a0") for part in text.split(", "))
