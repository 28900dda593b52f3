"""``forecast``: what will be done by the end of an increment, with probabilities, from the store alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from connectors.escape import escape_terminal
from sync.cli.output import Output, as_object, table, utc
from sync.cli.store_view import StoreView
from sync.forecast.prerequisites import require_forecast_dependencies
from sync.forecast.probability import describe_probability, round_probability
from sync.insights.change_queries import parse_moment
from sync.model.forecast import AgingIssue, Forecast
from sync.model.rollup import Rollup
from sync.runtime.invocation import Invocation
from sync.runtime.session import pulled_context

if TYPE_CHECKING:
    from sync.forecast.inputs import ForecastSet

_HEADER: Final = (
    "goal / capability / team",
    "open",
    "85% interval",
    "probability of all",
    "rest done by",
    "until",
)
_MAX_AGING: Final = 12


def forecast(invocation: Invocation, increment: str | None, at: str | None) -> int:
    """Show the forecasts of one increment, by default of all that are not closed.

    Raises LookupError for an unknown increment or a future ``at``.
    """
    require_forecast_dependencies()
    from sync.forecast.inputs import compute_forecasts

    with pulled_context(invocation, require_all_files=False) as context:
        now = context.now()
        moment = parse_moment(context, at, end_of_day=True) if at else now
        if moment > now + timedelta(days=1):
            raise LookupError(f"{at} has not come yet: forecasts are made from what has happened")
        view = StoreView(context)
        computed = compute_forecasts(context, view.planning, view.known, min(moment, now) if at else None)
        zones = {each.id: ZoneInfo(each.timezone) for each in context.workspace.increments}
        chosen = _selected_forecasts(computed, view.rollup, increment)
        Output(invocation).show(
            lambda: forecasts_document(computed, chosen),
            lambda: forecast_lines(computed, chosen, view.rollup, zones),
        )
        return 0


def _selected_forecasts(
    computed: ForecastSet, rollup: Rollup, increment: str | None
) -> Mapping[str, tuple[Forecast, ...]]:
    if increment is None:
        return computed.forecasts
    if increment not in computed.forecasts:
        known = ", ".join(each.id for each in rollup.increments) or "none"
        raise LookupError(f"there is no open increment {increment!r}; the plans have {known}")
    return {increment: computed.forecasts[increment]}


def forecasts_document(computed: ForecastSet, chosen: Mapping[str, Iterable[Forecast]]) -> dict[str, Any]:
    """Return every forecast and the age of every open issue as a JSON document."""
    return {
        "at": computed.at,
        "increments": {name: [_forecast_document(each) for each in all_] for name, all_ in chosen.items()},
        "ageing": [as_object(each, age_days=round(each.age_days, 1)) for each in computed.aging],
    }


def _forecast_document(each: Forecast) -> dict[str, Any]:
    return as_object(
        each,
        counts=[{"quantile": quantile, "done": count} for quantile, count in each.counts],
        finish=[{"probability": probability, "day": day} for probability, day in each.finish],
    )


def forecast_lines(
    computed: ForecastSet,
    chosen: Mapping[str, Sequence[Forecast]],
    rollup: Rollup,
    zones: Mapping[str, ZoneInfo],
) -> Iterator[str]:
    """List the forecasts of each increment, what they are based on, and aging WIP."""
    for name, forecasts in chosen.items():
        ends = [_last_day(each, zones[name]) for each in forecasts]
        common_end = ends[0] if len(set(ends)) == 1 else None
        until = f" until {common_end}" if common_end else ""
        yield f"{name}: forecast of {utc(computed.at)}{until}"
        yield ""
        rows = [
            (*_row(each, rollup), "" if common_end else end)
            for each, end in zip(forecasts, ends, strict=True)
        ]
        yield from table(_HEADER, rows, hide_empty_columns=True)
        yield from _remarks(forecasts, rollup)
        yield from _track_records(forecasts, rollup)
        yield ""
    if not chosen:
        yield from ("No increment is open.", "")
    yield from _aging_lines(computed.aging)


def _row(each: Forecast, rollup: Rollup) -> tuple[str, ...]:
    name = _name(each, rollup)
    return name, str(each.remaining), _interval_text(each), probability_text(each), _finish_text(each)


def _last_day(each: Forecast, zone: ZoneInfo) -> str:
    return f"{each.until.astimezone(zone) - timedelta(seconds=1):%Y-%m-%d}"


def _name(each: Forecast, rollup: Rollup) -> str:
    subject = rollup.subject(each.subject)
    if subject is None:
        return f"team {each.subject.partition(':')[2]}, all its work"
    return subject.title if each.subject.startswith("goal:") else f"  {subject.title}"


def _interval_text(each: Forecast) -> str:
    counts = dict(each.counts)
    if not counts:
        return "-"
    if not each.remaining:
        return "all done"
    low, high = counts[0.075], counts[0.925]
    return f"{low}" if low == high else f"{low} to {high}"


def probability_text(each: Forecast) -> str:
    """Return the probability in steps of 5%, or ``n/a``."""
    if each.subject.startswith("team:"):
        return "-"
    if each.probability is None:
        return "n/a"
    if each.remaining == 0:
        return "done"
    return describe_probability(round_probability(each.probability))


def _finish_text(each: Forecast) -> str:
    if not each.finish or not each.remaining:
        return "-"
    days = dict(each.finish)
    likely, sure = days[0.5], days[0.85]
    if likely is None:
        return "no date at 50%"
    return f"{likely} (50%), {sure} (85%)" if sure else f"{likely} (50%), no date at 85%"


def _remarks(forecasts: Iterable[Forecast], rollup: Rollup) -> list[str]:
    """Say why there is no forecast and what the others are based on, each sentence once with the names it is for."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for each in forecasts:
        remarks = [f"n/a, {each.reason}"] if not each.counts and each.reason else []
        if not each.subject.startswith("goal:"):
            remarks += each.assumptions
        for remark in remarks:
            names[remark].append(_name(each, rollup).strip())
    if not names:
        return []
    return ["", *(f"  {escape_terminal(', '.join(group))}: {text}" for text, group in names.items())]


def _track_records(forecasts: Iterable[Forecast], rollup: Rollup) -> Iterator[str]:
    for each in forecasts:
        subject = rollup.subject(each.subject)
        if subject is not None and subject.expected and subject.expected.track_record:
            yield f"  {escape_terminal(subject.title)}: {subject.expected.track_record}"


def _aging_lines(issues: Sequence[AgingIssue]) -> Iterator[str]:
    if not issues:
        yield "Aging WIP: no team has finished enough issues to compare with."
        return
    aging = [each for each in issues if each.band != "normal"]
    if not aging:
        yield "Aging WIP: no open issue is older than 85% of the issues that its team finished."
        return
    yield "Aging WIP: open issues older than most that their team finished; age since work began, or since creation"
    rows = [
        (each.ref.key, each.team, f"{each.age_days:.0f} days", f"{each.percentile:.0f}%", each.band)
        for each in aging[:_MAX_AGING]
    ]
    yield from table(("issue", "team", "age", "older than", "rating"), rows)
    if len(aging) > _MAX_AGING:
        yield f"... and {len(aging) - _MAX_AGING} more (--json)"
