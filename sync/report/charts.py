"""Charts as inline SVG: Altair says what to draw, vl-convert draws it while the report is made. No script is shipped.

Colours are placeholders that become CSS variables in the SVG, so one drawing serves the light and the dark theme.
Time in all charts is a day of the increment's zone.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any, Final

import altair as alt
import vl_convert

from sync.report.data import AdHocWeek, BurnUp, CumulativeFlow, TeamLine

_COLORS: Final = {
    "#010101": "var(--ink)",
    "#020202": "var(--muted)",
    "#030303": "var(--grid)",
    "#040404": "var(--done)",
    "#050505": "var(--doing)",
    "#060606": "var(--todo)",
    "#070707": "var(--scope)",
    "#080808": "var(--fan)",
    "#090909": "var(--alert)",
}
_INK, _MUTED, _GRID, _DONE, _DOING, _TODO, _SCOPE, _FAN, _ALERT = _COLORS
_MOST_DAYS: Final = 200
"""Longer series are thinned out: a pixel shows no more."""
_WIDTH: Final = 560
_FONT: Final = "system-ui, sans-serif"

Rows = list[dict[str, Any]]


def burn_up_chart(chart: BurnUp, title: str) -> str:
    """Scope and done by day, the baseline, and where the forecast expects the end."""
    days = _thinned(chart.days)
    place = {day: n for n, day in enumerate(chart.days)}
    rows: Rows = []
    for day in days:
        rows.append({"day": _iso(day), "issues": chart.scope[place[day]], "line": "scope"})
        rows.append({"day": _iso(day), "issues": chart.done[place[day]], "line": "done"})
    x = _day_axis(chart.days[0], max(chart.end, chart.days[-1]))
    y = alt.Y(
        "issues:Q", title="issues", axis=alt.Axis(tickMinStep=1, format="d"), scale=alt.Scale(domainMin=0)
    )
    color = alt.Color(
        "line:N",
        title=None,
        scale=alt.Scale(domain=["scope", "done"], range=[_SCOPE, _DONE]),
        legend=alt.Legend(orient="top", symbolType="stroke"),
    )
    lines = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=x,
            y=y,
            color=color,
            strokeDash=alt.StrokeDash(
                "line:N", legend=None, scale=alt.Scale(domain=["scope", "done"], range=[[5, 3], [1, 0]])
            ),
        )
    )
    layers: list[Any] = [*_fan(chart, x), lines]
    if chart.baseline is not None:
        layers.append(_rule(chart.baseline, "baseline", x))
    return _drawn(alt.layer(*layers), title, height=220)


def _fan(chart: BurnUp, x: Any) -> list[Any]:
    if chart.fan is None or chart.end <= chart.days[-1]:
        return []
    now = chart.done[-1]
    low, middle, high = chart.fan
    rows = [
        {"day": _iso(chart.days[-1]), "low": now, "middle": now, "high": now},
        {"day": _iso(chart.end), "low": low, "middle": middle, "high": high},
    ]
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=x)
    return [
        base.mark_area(color=_FAN, opacity=0.35).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_line(color=_DONE, strokeDash=[2, 3], strokeWidth=2).encode(y="middle:Q"),
    ]


def _rule(height: int, text: str, x: Any) -> Any:
    del x
    data = alt.InlineData(values=[{"issues": height, "text": text}])
    rule = alt.Chart(data).mark_rule(color=_MUTED, strokeDash=[2, 2]).encode(y="issues:Q")
    label = (
        alt.Chart(data)
        .mark_text(align="left", dx=4, dy=-6, color=_MUTED, fontSize=11)
        .encode(y="issues:Q", x=alt.value(0), text="text:N")
    )
    return rule + label


def flow_chart(flow: CumulativeFlow, title: str) -> str:
    """How many issues were to do, under way and done, stacked."""
    place = {day: n for n, day in enumerate(flow.days)}
    order = {"done": 0, "doing": 1, "to do": 2}
    rows = [
        {"day": _iso(day), "issues": values[place[day]], "state": state, "order": order[state]}
        for day in _thinned(flow.days)
        for state, values in (("to do", flow.todo), ("doing", flow.doing), ("done", flow.done))
    ]
    chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_area(interpolate="step-after")
        .encode(
            x=_day_axis(flow.days[0], flow.days[-1]),
            y=alt.Y("issues:Q", title="issues", stack="zero", axis=alt.Axis(tickMinStep=1, format="d")),
            color=alt.Color(
                "state:N",
                title=None,
                scale=alt.Scale(domain=["to do", "doing", "done"], range=[_TODO, _DOING, _DONE]),
                legend=alt.Legend(orient="top"),
            ),
            order=alt.Order("order:Q"),
        )
    )
    return _drawn(chart, title, height=200)


def cycle_chart(team: TeamLine, title: str) -> str:
    """One dot per finished issue, and the team's percentiles. Days on a scale that shows short and long ones."""
    rows = [{"day": _iso(point.finished), "days": max(point.days, 0.1)} for point in team.cycle]
    dots = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_circle(color=_DONE, size=28, opacity=0.6)
        .encode(
            x=_day_axis(team.cycle[0].finished, team.cycle[-1].finished),
            y=alt.Y(
                "days:Q",
                title="days",
                scale=alt.Scale(type="symlog"),
                axis=alt.Axis(values=[0, 1, 3, 7, 14, 28, 56, 112, 224, 448], format="d"),
            ),
        )
    )
    marks = [{"days": days, "text": f"{rank} %: {_days(days)}"} for rank, days in team.percentiles]
    base = alt.Chart(alt.InlineData(values=marks))
    rules = base.mark_rule(color=_ALERT, strokeDash=[4, 3]).encode(y="days:Q")
    labels = base.mark_text(align="left", baseline="bottom", dx=4, dy=-2, color=_INK, fontSize=11).encode(
        y="days:Q", x=alt.value(0), text="text:N"
    )
    return _drawn(alt.layer(dots, rules, labels), title, height=220)


def ad_hoc_chart(weeks: tuple[AdHocWeek, ...], title: str) -> str:
    """Finished issues by week: planned ones, and ad-hoc ones on top."""
    rows = [
        {"week": each.week, "issues": count, "kind": kind, "order": order}
        for each in weeks
        for kind, count, order in (("planned", each.planned, 0), ("ad hoc", each.unplanned, 1))
    ]
    chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar()
        .encode(
            x=alt.X(
                "week:O",
                title="week",
                axis=alt.Axis(labelAngle=0, labelOverlap=True, labelExpr="slice(datum.label, 5)"),
            ),
            y=alt.Y("issues:Q", title="finished", axis=alt.Axis(tickMinStep=1, format="d")),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=["planned", "ad hoc"], range=[_DONE, _ALERT]),
                legend=alt.Legend(orient="top"),
            ),
            order=alt.Order("order:Q"),
        )
    )
    return _drawn(chart, title, height=160)


def _day_axis(first: date, last: date) -> Any:
    last = max(last, first + timedelta(days=1))
    return alt.X(
        "day:T",
        title=None,
        scale=alt.Scale(domain=[_iso(first), _iso(last)]),
        axis=alt.Axis(format="%-d %b", labelOverlap=True, tickCount=6),
    )


def _iso(day: date) -> str:
    # With a time, or Vega takes it for midnight in UTC and draws the day before it west of there.
    return f"{day.isoformat()}T00:00:00"


def _days(days: float) -> str:
    return f"{days:.0f} days" if days >= 2 else f"{days:.1f} days"


def _thinned(days: tuple[date, ...]) -> list[date]:
    step = -(-len(days) // _MOST_DAYS)
    kept = list(days[::step])
    return kept if kept[-1] == days[-1] else [*kept, days[-1]]


def _drawn(chart: Any, title: str, *, height: int) -> str:
    """``title`` becomes the name that screen readers say."""
    spec = (
        chart.properties(width=_WIDTH, height=height)
        .configure(font=_FONT, background="transparent", padding=4)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=_MUTED,
            titleColor=_MUTED,
            gridColor=_GRID,
            domainColor=_GRID,
            tickColor=_GRID,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
        )
        .configure_legend(labelColor=_INK, labelFontSize=12, padding=0, offset=4)
        .to_dict()
    )
    svg = vl_convert.vegalite_to_svg(spec, vl_version=alt.SCHEMA_VERSION.removeprefix("v").rsplit(".", 1)[0])
    return _themed(svg, title)


def _themed(svg: str, title: str) -> str:
    for placeholder, variable in _COLORS.items():
        svg = svg.replace(placeholder, variable)
    head = re.match(r"<svg[^>]*>", svg)
    if head is None:
        raise ValueError("the drawing is no SVG")
    box = re.search(r'viewBox="[^"]*"', head[0])
    name = title.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{name}" {box[0] if box else ""}>'
    )
    return opening + f"<title>{name}</title>" + svg[head.end() :]
