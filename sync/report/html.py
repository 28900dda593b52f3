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

from sync.neutral import neutral_terminal
from sync.report.charts import ad_hoc_chart, burn_up_chart, cycle_chart, flow_chart
from sync.report.data import ReportData
from sync.report.words import finish_words, state_words

MOST_DRAWN: Final = 40
"""Goals, and teams, that get drawings: enough for a reader, and bounded in time and size."""
VIEWS: Final = (("executive", "Executive"), ("lead", "Lead"), ("team", "Team"))


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
    environment = SandboxedEnvironment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters.update(
        words=state_words,
        day=_day,
        moment=_moment,
        moment_day=lambda at: _day(at.date()),
        finish=finish_words,
        line=neutral_terminal,
        web=lambda url: url.startswith(("https://", "http://")),
    )
    outlooks = [goal.outlook for goal in data.goals]
    outlooks += [each.outlook for goal in data.goals for each in goal.capabilities]
    outlooks += [team.outlook for team in data.teams]
    return environment.from_string(_resource("report.html.j2")).render(
        data=data,
        charts=draw(data),
        views=VIEWS,
        most_drawn=MOST_DRAWN,
        style=_resource("report.css"),
        script=script,
        script_hash=digest,
        assumptions=list(dict.fromkeys(text for each in outlooks for text in each.assumptions)),
    )


def draw(data: ReportData) -> Charts:
    """All drawings of a report."""
    teams = data.teams[:MOST_DRAWN]
    burn_ups = {goal.id: "" for goal in data.goals}
    for goal in data.goals[:MOST_DRAWN]:
        if goal.burn_up:
            name = f"Burn-up of {goal.title}: {goal.done} of {goal.scope} issues done"
            burn_ups[goal.id] = burn_up_chart(goal.burn_up, name)
    nothing = {team.name: "" for team in data.teams}
    return Charts(
        burn_up=burn_ups,
        ad_hoc=nothing
        | {
            team.name: ad_hoc_chart(team.weeks, f"Finished by week, {team.name}")
            for team in teams
            if any(week.planned or week.unplanned for week in team.weeks)
        },
        flow=nothing
        | {
            team.name: flow_chart(team.cumulative, f"Cumulative flow of {team.name}")
            for team in teams
            if team.cumulative
        },
        cycle=nothing
        | {team.name: cycle_chart(team, f"Cycle times of {team.name}") for team in teams if team.cycle},
    )


def _resource(name: str) -> str:
    return files("sync.report").joinpath(name).read_text(encoding="utf-8")


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
