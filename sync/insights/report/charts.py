"""Charts as inline SVG: specified with Altair and rendered by vl-convert, so that the page needs no script for them.

Colors are placeholders that become CSS variables in the SVG: one chart serves the light and the dark theme. Legends are
text beside the charts (``report.html.j2``). Time in all charts is a day in the increment's time zone.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from html import escape
from typing import Any, Final

import altair as alt
import vl_convert
from altair.utils.schemapi import debug_mode

from connectors.escape import escape_terminal
from sync.insights.report.chart_data import AdHocWeek, BurnUp, CumulativeFlow
from sync.insights.report.model import TeamRow

_COLORS: Final = {
    "#010101": "var(--ink)",
    "#020202": "var(--muted)",
    "#030303": "var(--grid)",
    "#040404": "var(--done)",
    "#050505": "var(--doing)",
    "#060606": "var(--todo)",
    "#070707": "var(--scope)",
    "#080808": "var(--interval)",
    "#090909": "var(--adhoc)",
}
_INK, _MUTED, _GRID, _DONE, _DOING, _TODO, _SCOPE, _INTERVAL, _ADHOC = _COLORS
_STEPS: Final[dict[str, Any]] = {"interpolate": "step-after"}
_MAX_POINTS: Final = 120
"""Longer series are thinned out: a pixel cannot show more."""
_TICKS: Final = 4
_WIDTH: Final = 380
"""Narrow, so that text stays readable on a phone, which shrinks the chart."""
_CYCLE_TICKS: Final = (0, 1, 3, 7, 14, 28, 56, 112, 224, 448, 896)
_VL: Final = alt.SCHEMA_VERSION.removeprefix("v").rsplit(".", 1)[0]

Rows = list[dict[str, Any]]


def burn_up_chart(chart: BurnUp, title: str) -> str:
    """Render scope and done by day, the baseline, and the 85% interval at the end."""
    first, last = chart.days[0], max(chart.end, chart.days[-1])
    highest = chart.forecast_interval[2] if chart.forecast_interval else 0
    x, y = _day_axis(first, last), _count_axis(max(*chart.scope, *chart.done, chart.baseline or 0, highest))
    layers = _forecast_layers(chart, x)
    if chart.baseline is not None:
        begin = min(max(chart.baseline_at or first, first), last)
        baseline = _chart([{"day": _iso(day), "issues": chart.baseline} for day in (begin, last)])
        layers.append(baseline.mark_line(color=_MUTED, strokeDash=[2, 3], strokeWidth=1.5).encode(x=x, y=y))
    scope, done = (
        _chart([{"day": _iso(day), "issues": issues} for day, issues in _thin_out(chart.days, series)])
        for series in (chart.scope, chart.done)
    )
    layers += [
        scope.mark_line(**_STEPS, clip=True, color=_SCOPE, strokeDash=[7, 3], strokeWidth=2).encode(x=x, y=y),
        done.mark_area(**_STEPS, color=_DONE, opacity=0.14).encode(x=x, y=y),
        done.mark_line(**_STEPS, color=_DONE, strokeWidth=2.5).encode(x=x, y=y),
    ]
    return _render(alt.layer(*layers), title, height=190)


def _forecast_layers(chart: BurnUp, x: Any) -> list[Any]:
    if chart.forecast_interval is None or chart.end <= chart.days[-1]:
        return []
    now = chart.done[-1]
    low, middle, high = chart.forecast_interval
    rows = [
        {"day": _iso(chart.days[-1]), "low": now, "middle": now, "high": now},
        {"day": _iso(chart.end), "low": low, "middle": middle, "high": high},
    ]
    base = _chart(rows).encode(x=x)
    return [
        base.mark_area(color=_INTERVAL, opacity=0.55).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_line(color=_DONE, strokeDash=[2, 3], strokeWidth=2).encode(y="middle:Q"),
    ]


def flow_chart(flow: CumulativeFlow, title: str) -> str:
    """Render the number of issues to do, in progress and done, stacked."""
    rows = [
        {"day": _iso(day), "issues": issues, "state": state, "order": order}
        for day, *counts in _thin_out(flow.days, flow.done, flow.doing, flow.todo)
        for order, (state, issues) in enumerate(zip(("done", "doing", "todo"), counts, strict=True))
    ]
    top = max(map(sum, zip(flow.todo, flow.doing, flow.done, strict=True)))
    areas = _chart(rows).mark_area(**_STEPS)
    chart = areas.encode(
        x=_day_axis(flow.days[0], flow.days[-1]),
        y=_count_axis(top, stack="zero"),
        color=_colors("state:N", {"done": _DONE, "doing": _DOING, "todo": _TODO}),
        order=alt.Order("order:Q"),
    )
    return _render(chart, title, height=190)


def cycle_chart(team: TeamRow, title: str) -> str:
    """Render one dot for each finished issue, and the team's percentiles, on a symmetric log scale of days."""
    rows = [{"day": _iso(point.finished), "days": point.days} for point in team.cycle_times]
    longest = max(point.days for point in team.cycle_times)
    ticks = [tick for tick in _CYCLE_TICKS if tick <= longest] or [0]
    ticks.append(next((tick for tick in _CYCLE_TICKS if tick > longest), math.ceil(longest)))
    scale = alt.Scale(type="symlog", domain=[0, ticks[-1]])
    circles = _chart(rows).mark_circle(color=_DONE, size=34, opacity=0.55)
    dots = circles.encode(
        x=_day_axis(team.cycle_times[0].finished, team.cycle_times[-1].finished),
        y=alt.Y("days:Q", title="days", scale=scale, axis=alt.Axis(values=ticks, format="d")),
    )
    dashes = {50: [1, 0], 85: [7, 3], 95: [2, 3]}
    rules = [
        _chart([{"days": days}])
        .mark_rule(color=_INK, strokeDash=dashes[rank], strokeWidth=1.5)
        .encode(y="days:Q")
        for rank, days in team.percentiles
    ]
    return _render(alt.layer(dots, *rules), title, height=190)


def ad_hoc_chart(weeks: tuple[AdHocWeek, ...], title: str) -> str:
    """Render the finished issues by week: planned ones, and ad-hoc ones on top."""
    rows = [
        {"week": each.week, "issues": count, "kind": kind, "order": order}
        for each in weeks
        for kind, count, order in (("planned", each.planned, 0), ("ad hoc", each.unplanned, 1))
    ]
    axis = alt.Axis(labelAngle=0, labelOverlap=True, labelExpr="slice(datum.label, 5)")
    bars = _chart(rows).mark_bar()
    chart = bars.encode(
        x=alt.X("week:O", title=None, axis=axis),
        y=_count_axis(max(each.planned + each.unplanned for each in weeks)),
        color=_colors("kind:N", {"planned": _DONE, "ad hoc": _ADHOC}),
        order=alt.Order("order:Q"),
    )
    return _render(chart, title, height=150)


def _chart(rows: Rows) -> Any:
    return alt.Chart(alt.InlineData(values=rows))


def _colors(field: str, colors: dict[str, str]) -> Any:
    scale = alt.Scale(domain=list(colors), range=list(colors.values()))
    return alt.Color(field, legend=None, scale=scale)


def _count_axis(top: int, **more: Any) -> Any:
    """Return a y axis with whole numbers only, each once."""
    step = _step(top)
    ticks = list(range(0, top + step, step)) or [0, 1]
    return alt.Y(
        "issues:Q",
        title="issues",
        scale=alt.Scale(domain=[0, 1.03 * max(ticks[-1], 1)]),
        axis=alt.Axis(values=ticks, format="d"),
        **more,
    )


def _step(top: int) -> int:
    rough = max(1.0, top / _TICKS)
    power = 10 ** int(math.log10(rough))
    return int(next(power * each for each in (1, 2, 5, 10) if power * each >= rough))


def _day_axis(first: date, last: date) -> Any:
    last = max(last, first + timedelta(days=1))
    return alt.X(
        "day:T",
        title=None,
        scale=alt.Scale(domain=[_iso(first), _iso(last)]),
        axis=alt.Axis(format="%-d %b", labelOverlap="greedy", labelSeparation=12, tickCount=5),
    )


def _iso(day: date) -> str:
    # Without a time Vega reads midnight in UTC, which is the day before in time zones west of it.
    return f"{day.isoformat()}T00:00:00"


def _thin_out(days: Sequence[date], *series: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    """Yield (day, value of each series), always with the last day."""
    step = -(-len(days) // _MAX_POINTS)
    for index, row in enumerate(zip(days, *series, strict=True)):
        if index % step == 0 or index == len(days) - 1:
            yield row


def _render(chart: Any, title: str, *, height: int) -> str:
    """Render a chart as SVG. ``title`` becomes its accessible name."""
    # Without debug mode Altair does not validate each chart against its schema, which takes most of the time.
    with debug_mode(False):
        spec = (
            chart.properties(width=_WIDTH, height=height)
            .configure(font="system-ui, sans-serif", background="transparent", padding=4)
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
            .to_dict(validate=False)
        )
    return _apply_theme(vl_convert.vegalite_to_svg(spec, vl_version=_VL), title)


def _apply_theme(svg: str, title: str) -> str:
    for placeholder, variable in _COLORS.items():
        svg = svg.replace(placeholder, variable)
    head = re.match(r"<svg[^>]*>", svg)
    if head is None:
        raise ValueError("the chart is not an SVG")
    box = re.search(r'viewBox="[^"]*"', head[0])
    name = escape(escape_terminal(title))
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{name}" {box[0] if box else ""}>'
    )
    return opening + f"<title>{name}</title>" + _with_stable_ids(svg[head.end() :], title)


def _with_stable_ids(body: str, title: str) -> str:
    """Replace the library's running ids by ids that depend on the chart and its title alone.

    The same data give the same file, and the ids of two charts on a page differ.
    """
    numbers = {name: str(n) for n, name in enumerate(dict.fromkeys(re.findall(r'id="([^"]+)"', body)))}
    parts = re.split(r'((?<=id=")[^"]+(?=")|(?<=url\(#)[^)]+(?=\)))', body)
    content = title + "".join(numbers.get(part, part) for part in parts)
    own = hashlib.sha256(content.encode()).hexdigest()[:10]
    return "".join(f"c{own}-{numbers[part]}" if part in numbers else part for part in parts)
