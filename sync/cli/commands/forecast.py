"""``forecast``: what will be done by the end, and how sure that is, from the store alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from sync.cli.render import sparse_table, table
from sync.config.escape import escape_terminal
from sync.forecast.prerequisites import require_forecast_dependencies
from sync.forecast.probability import describe_probability, round_probability
from sync.insights.change_queries import parse_moment
from sync.model.forecast import AgingIssue, Forecast
from sync.model.rollup import Rollup
from sync.pipeline.offline import plan_offline
from sync.pull.current_sources import load_current_issues
from sync.pull.recorded import load_recorded_state
from sync.runtime.invocation import Invocation, print_json, print_line
from sync.runtime.session import pulled_context

if TYPE_CHECKING:
    from sync.forecast.inputs import ForecastSet

_HEADER: Final = (
    "goal / capability / team",
    "open",
    "done until then",
    "chance of all",
    "rest done by",
    "until",
)
_AGEING_SHOWN: Final = 12


def forecast(invocation: Invocation, increment: str | None, at: str | None) -> int:
    """Of the increments that are not over, or of one. LookupError for one that is unknown, or a time to come."""
    require_forecast_dependencies()
    from sync.forecast.inputs import compute_forecasts

    with pulled_context(invocation, require_all_files=False) as job:
        moment = parse_moment(job, at, end_of_day=True) if at else job.now()
        if moment > job.now() + timedelta(days=1):
            raise LookupError(f"{at} has not come yet: forecasts are made from what has happened")
        known = load_current_issues(job.store, job.workspace)
        thought = plan_offline(job, known, load_recorded_state(job))
        ahead = compute_forecasts(job, thought, known, min(moment, job.now()) if at else None)
        zones = {each.id: ZoneInfo(each.timezone) for each in job.workspace.increments}
        chosen = _selected_forecasts(ahead, thought.rollup, increment)
        if invocation.as_json:
            print_json(forecasts_document(ahead, chosen))
        else:
            for line in forecast_lines(ahead, chosen, thought.rollup, zones):
                print_line(line)
        return 0


def _selected_forecasts(
    ahead: ForecastSet, rollup: Rollup, increment: str | None
) -> Mapping[str, tuple[Forecast, ...]]:
    if increment is None:
        return ahead.forecasts
    if increment not in ahead.forecasts:
        known = ", ".join(each.id for each in rollup.increments) or "none"
        raise LookupError(f"there is no open increment {increment!r}; the plans have {known}")
    return {increment: ahead.forecasts[increment]}


def forecasts_document(ahead: ForecastSet, chosen: Mapping[str, Iterable[Forecast]]) -> dict[str, Any]:
    """Every forecast and the age of every open issue."""
    return {
        "version": 1,
        "at": ahead.at,
        "increments": {name: [forecast_json(each) for each in all_] for name, all_ in chosen.items()},
        "ageing": [
            {**asdict(each), "ref": str(each.ref), "age_days": round(each.age_days, 1)}
            for each in ahead.aging
        ],
    }


def forecast_json(each: Forecast) -> dict[str, Any]:
    """A forecast for a program: pairs become objects that say what they are."""
    return {
        **asdict(each),
        "counts": [{"quantile": quantile, "done": count} for quantile, count in each.counts],
        "finish": [{"probability": probability, "day": day} for probability, day in each.finish],
    }


def forecast_lines(
    ahead: ForecastSet,
    chosen: Mapping[str, tuple[Forecast, ...]],
    rollup: Rollup,
    zones: Mapping[str, ZoneInfo],
) -> list[str]:
    """A table for each increment, what the figures rest on, and the work that is old."""
    lines: list[str] = []
    for name, forecasts in chosen.items():
        ends = [_last_day(each, zones[name]) for each in forecasts]
        same = ends[0] if len(set(ends)) == 1 else None
        told = f" until {same}" if same else ""
        lines += [f"{name}: forecast of {ahead.at:%Y-%m-%d %H:%M} UTC{told}", ""]
        rows = [(*_row(each, rollup), "" if same else end) for each, end in zip(forecasts, ends, strict=True)]
        lines += sparse_table(_HEADER, rows)
        lines += [*_remarks(forecasts, rollup), *_records(forecasts, rollup), ""]
    if not chosen:
        lines += ["No increment is open.", ""]
    return [*lines, *_ageing_lines(ahead.aging)]


def _row(each: Forecast, rollup: Rollup) -> tuple[str, ...]:
    return (
        _name(each, rollup),
        str(each.remaining),
        _range_in_words(each),
        probability_text(each),
        _finish_in_words(each),
    )


def _last_day(each: Forecast, zone: ZoneInfo) -> str:
    return f"{each.until.astimezone(zone) - timedelta(seconds=1):%Y-%m-%d}"


def _name(each: Forecast, rollup: Rollup) -> str:
    subject = rollup.subject(each.subject)
    if subject is None:
        return f"team {each.subject.partition(':')[2]}, all its work"
    return subject.title if each.subject.startswith("goal:") else f"  {subject.title}"


def _range_in_words(each: Forecast) -> str:
    counts = dict(each.counts)
    if not counts:
        return "-"
    if not each.remaining:
        return "all done"
    low, high = counts[0.075], counts[0.925]
    return f"{low}" if low == high else f"{low} to {high}"


def probability_text(each: Forecast) -> str:
    """The probability in steps of 5 %, or that there is none."""
    if each.subject.startswith("team:"):
        return "-"
    if each.probability is None:
        return "no statement"
    if each.remaining == 0:
        return "done"
    return describe_probability(round_probability(each.probability))


def _finish_in_words(each: Forecast) -> str:
    if not each.finish or not each.remaining:
        return "-"
    days = dict(each.finish)
    half, sure = days[0.5], days[0.85]
    if half is None:
        return "open end"
    return f"{half} (50 %), {sure} (85 %)" if sure else f"{half} (50 %), open end (85 %)"


def _remarks(forecasts: Iterable[Forecast], rollup: Rollup) -> list[str]:
    """Why there is no statement, and what the others rest on; each sentence once, with the names it holds for."""
    said: dict[str, list[str]] = {}
    for each in forecasts:
        name = _name(each, rollup).strip()
        if not each.counts and each.reason:
            said.setdefault(f"no statement, {each.reason}", []).append(name)
        if not each.subject.startswith("goal:"):
            for sentence in each.assumptions:
                said.setdefault(sentence, []).append(name)
    if not said:
        return []
    return ["", *(f"  {escape_terminal(', '.join(names))}: {text}" for text, names in said.items())]


def _records(forecasts: Iterable[Forecast], rollup: Rollup) -> list[str]:
    """How often earlier statements like these came true."""
    lines = []
    for each in forecasts:
        subject = rollup.subject(each.subject)
        if subject is not None and subject.expected and subject.expected.track_record:
            lines.append(f"  {escape_terminal(subject.title)}: {subject.expected.track_record}")
    return lines


def _ageing_lines(ageing: Sequence[AgingIssue]) -> list[str]:
    old = [each for each in ageing if each.band != "normal"]
    if not ageing:
        return ["Of no team enough issues were finished to say which of the open ones are old."]
    if not old:
        return ["No open issue is older than 85 % of what its team finished took."]
    rows = [
        (each.ref.key, each.team, f"{each.age_days:.0f} days", f"{each.percentile:.0f} %", each.band)
        for each in old[:_AGEING_SHOWN]
    ]
    more = [f"... and {len(old) - _AGEING_SHOWN} more (--json)"] if len(old) > _AGEING_SHOWN else []
    return [
        "Open issues that are older than most that their team finished; age since work began, or else since creation",
        *table(("issue", "team", "age", "older than", "so it is"), rows),
        *more,
    ]
