"""The report as one HTML file from which no request leaves: style, script and drawings stand inside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files
from typing import Final

from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup, escape

from sync.config.escape import neutral_terminal
from sync.insights.report.charts import ad_hoc_chart, burn_up_chart, cycle_chart, flow_chart
from sync.insights.report.model import CumulativeFlow, GoalLine, ReportData, TeamLine
from sync.insights.report.phrases import OUTCOMES, answer_words, finish_words, range_words, state_words

MOST_DRAWN: Final = 40
"""Goals, and teams, that get drawings: enough for a reader, and bounded in time and size."""
VIEWS: Final = (
    ("executive", "Executive", "For executives: what will be there, and how sure that is"),
    ("lead", "Lead", "For leads: where to act, and what ad-hoc work costs"),
    ("team", "Team", "For teams: what now"),
)
_LONGEST: Final = 2000
LIVE: Final = ("empty", "planned", "in-progress")
"""States in which it matters what is to be expected."""

_SWATCHES: Final = {
    "scope": '<path d="M0 5H26" stroke="var(--scope)" stroke-width="2.5" stroke-dasharray="7 3"/>',
    "baseline": '<path d="M0 5H26" stroke="var(--muted)" stroke-width="2.5" stroke-dasharray="2 3"/>',
    "done-line": '<path d="M0 5H26" stroke="var(--done)" stroke-width="3"/>',
    "fan": '<path d="M0 9 26 0V9Z" fill="var(--fan)"/>',
    "done": '<path d="M10 0H26V10H10Z" fill="var(--done)"/>',
    "doing": '<path d="M10 0H26V10H10Z" fill="var(--doing)"/>',
    "todo": '<path d="M10 0H26V10H10Z" fill="var(--todo)"/>',
    "ad-hoc": '<path d="M10 0H26V10H10Z" fill="var(--adhoc)"/>',
    "50": '<path d="M0 5H26" stroke="var(--ink)" stroke-width="2"/>',
    "85": '<path d="M0 5H26" stroke="var(--ink)" stroke-width="2" stroke-dasharray="7 3"/>',
    "95": '<path d="M0 5H26" stroke="var(--ink)" stroke-width="2" stroke-dasharray="2 3"/>',
}
_LEGENDS: Final = {
    "flow": (("todo", "to do"), ("doing", "under way"), ("done", "done")),
    "ad_hoc": (("done", "planned"), ("ad-hoc", "ad hoc")),
}

Legend = tuple[tuple[str, str], ...]
"""(kind of the swatch, text)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Charts:
    """SVG texts; empty where there is nothing to draw."""

    burn_up: Mapping[str, str]
    """By goal id."""
    ad_hoc: Mapping[str, str]
    """By team, as the next two."""
    flow: Mapping[str, str]
    cycle: Mapping[str, str]


def html(data: ReportData) -> str:
    """The whole file. Text from trackers and plans is escaped wherever it stands."""
    script = _resource("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = SandboxedEnvironment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=_harmless
    )
    environment.filters.update(
        words=state_words,
        day=_day,
        moment=_moment,
        short_day=lambda at: f"{at.day} {at:%b}",
        answers=answer_words,
        took=_days,
        range=range_words,
        finish=lambda finish, year: _together(finish_words(finish, year)),
        web=lambda url: url.startswith(("https://", "http://")),
    )
    return environment.from_string(_resource("report.html.j2")).render(
        data=data,
        charts=draw(data),
        views=VIEWS,
        outcomes=OUTCOMES,
        live=LIVE,
        swatches=_SWATCHES,
        legends=_LEGENDS,
        burn_up_legend=_burn_up_legend,
        cycle_legend=_cycle_legend,
        most_drawn=MOST_DRAWN,
        style=_resource("report.css"),
        script=script,
        script_hash=digest,
    )


def draw(data: ReportData) -> Charts:
    """All drawings of a report."""
    goals, teams = data.goals[:MOST_DRAWN], data.teams[:MOST_DRAWN]
    nothing = {team.name: "" for team in data.teams}
    return Charts(
        burn_up={goal.id: "" for goal in data.goals}
        | {goal.id: burn_up_chart(goal.burn_up, _burn_up_name(goal)) for goal in goals if goal.burn_up},
        ad_hoc=nothing
        | {
            team.name: ad_hoc_chart(team.weeks, f"Planned and ad-hoc work of {team.name} by week")
            for team in teams
            if any(week.planned or week.unplanned for week in team.weeks)
        },
        flow=nothing
        | {
            team.name: flow_chart(team.cumulative, _flow_name(team, team.cumulative))
            for team in teams
            if team.cumulative
        },
        cycle=nothing | {team.name: cycle_chart(team, _cycle_name(team)) for team in teams if team.cycle},
    )


def _burn_up_name(goal: GoalLine) -> str:
    likely = goal.outlook.likely
    forecast = f", likely {range_words(likely)} by the end" if likely else ""
    return f"Burn-up of {goal.title}: {goal.done} of {goal.scope} issues done{forecast}"


def _flow_name(team: TeamLine, flow: CumulativeFlow) -> str:
    now = f"{flow.todo[-1]} to do, {flow.doing[-1]} under way, {flow.done[-1]} done"
    return f"Cumulative flow of {team.name}: {now}"


def _cycle_name(team: TeamLine) -> str:
    told = ", ".join(f"{rank} % within {_days(days)}" for rank, days in team.percentiles)
    return f"Cycle times of {team.name}: {len(team.cycle)} issues{', ' if told else ''}{told}"


def _burn_up_legend(goal: GoalLine) -> Legend:
    chart = goal.burn_up
    if chart is None:
        return ()
    entries = [("scope", "scope"), ("done-line", "done")]
    if chart.baseline is not None:
        entries.append(("baseline", f"baseline ({chart.baseline})"))
    if chart.fan is not None and chart.end > chart.days[-1]:
        entries.append(("fan", f"likely {range_words((chart.fan[0], chart.fan[2]))} by the end"))
    return tuple(entries)


def _cycle_legend(team: TeamLine) -> Legend:
    return tuple((str(rank), f"{rank} % within {_days(days)}") for rank, days in team.percentiles)


def _days(days: float) -> str:
    if days < 1:
        return "a day"
    shown = f"{days:.0f}" if days >= 10 else f"{days:.1f}".removesuffix(".0")
    return f"{shown} day" if shown == "1" else f"{shown} days"


def _harmless(value: object) -> object:
    """What people wrote, without control characters and text that runs backwards; escaping comes after this."""
    return (
        neutral_terminal(value, _LONGEST)
        if isinstance(value, str) and not isinstance(value, Markup)
        else value
    )


def _resource(name: str) -> str:
    return files("sync.insights.report").joinpath(name).read_text(encoding="utf-8")


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _moment(at: datetime) -> str:
    return f"{_day(at.date())}, {at:%H:%M} UTC"


def _together(text: str) -> Markup:
    """Lines break after commas only."""
    return Markup(", ").join(escape(part).replace(" ", "\u00a0") for part in text.split(", "))
