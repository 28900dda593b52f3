"""Names, help texts, labels and values of all metrics: of a run, of its requests, and of the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Final, get_args

from connectors.http.usage import RequestStats
from mappings.model import Workspace
from sync.model.records import OutcomeCount, OverrideKind, WriteOutcome
from sync.model.run import RunResult
from sync.store import Store

PREFIX: Final = "increment_sync_"

MetricSamples = Mapping[tuple[str, ...], float]
"""Values of the labels, in the order of ``MetricDefinition.labels`` -> number."""
MetricValues = Mapping[str, MetricSamples]
"""Name without prefix -> samples. A missing name was not measured; an empty one has no samples."""


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """Name, help text and labels of one metric."""

    name: str
    """Without prefix. Names that end in ``_total`` are counters; they restart only with a new store."""
    help: str
    labels: tuple[str, ...] = ()


METRICS: Final = (
    MetricDefinition("last_run_timestamp_seconds", "Time when the last run ended, successful or not."),
    MetricDefinition(
        "last_success_timestamp_seconds", "Time when a run last ended with exit code 0; 0: never."
    ),
    MetricDefinition("last_run_exit_code", "Exit code of the last run; the README lists the meanings."),
    MetricDefinition("run_duration_seconds", "Duration of the last run."),
    MetricDefinition("interval_seconds", "Interval at which cron starts a run, by the settings."),
    MetricDefinition("issues_pulled", "Issues that the last run read.", ("source",)),
    MetricDefinition("issues_left_out", "Issues that the tracker does not send correctly.", ("source",)),
    MetricDefinition(
        "source_ok", "1: the last attempt to read the source succeeded; 0: it failed.", ("source",)
    ),
    MetricDefinition(
        "source_last_whole_timestamp_seconds",
        "Time when the source was last fully synced; 0: never.",
        ("source",),
    ),
    MetricDefinition("unplanned_issues", "Issues of the team's sources that no rule assigns.", ("team",)),
    MetricDefinition("goals", "Goals of increments that are not closed.", ("commitment", "state", "health")),
    MetricDefinition("planned_writes", "Changes that the last run planned."),
    MetricDefinition("writes_left", "Changes that the last run left for the next one because of its limits."),
    MetricDefinition("guard_refusals", "Reasons for which the guard stopped the last run."),
    MetricDefinition("comments_created", "Comments that the last run posted."),
    MetricDefinition("comments_created_total", "Comments that were posted."),
    MetricDefinition("status_comments", "Status comments that exist now."),
    MetricDefinition(
        "writes_total",
        "Writes by result; a write with unknown result is counted again when its result is known.",
        ("tracker", "result"),
    ),
    MetricDefinition("requests_total", "Requests that runs sent.", ("tracker",)),
    MetricDefinition("rate_limit", "Rate limit of the tracker, in requests.", ("tracker",)),
    MetricDefinition(
        "rate_limit_remaining",
        "Requests left in the rate limit after the last response of the last run.",
        ("tracker",),
    ),
    MetricDefinition("overrides", "Manual overrides that are in effect.", ("kind",)),
    MetricDefinition("store_bytes", "Size of the store."),
)


_REQUESTS: Final = "monitor:requests"
_TEN_YEARS: Final = 3650


def run_end_metrics(
    *, started: datetime, ended: datetime, exit_code: int, refusals: int
) -> dict[str, MetricSamples]:
    """Return the metrics that every run has, whatever stopped it. ``refusals``: number of reasons of the guard."""
    metrics: dict[str, MetricSamples] = {
        "last_run_timestamp_seconds": {(): ended.timestamp()},
        "last_run_exit_code": {(): exit_code},
        "run_duration_seconds": {(): (ended - started).total_seconds()},
        "guard_refusals": {(): refusals},
    }
    if exit_code == 0:
        metrics["last_success_timestamp_seconds"] = {(): ended.timestamp()}
    return metrics


def samples_by_label(counts: Mapping[str, float]) -> MetricSamples:
    """Return the samples of a metric with one label."""
    return {(name,): number for name, number in counts.items()}


def run_result_metrics(result: RunResult, workspace: Workspace) -> dict[str, MetricSamples]:
    """Return the metrics of a run that was not stopped by an error."""
    rollup, applied = result.planning.rollup, result.applied
    unplanned = {team.team: 0 for team in workspace.teams}
    unplanned |= Counter(team for each in rollup.unplanned for team in each.teams)
    goals = [goal for each in rollup.increments if each.phase != "closed" for goal in each.goals]
    return {
        "unplanned_issues": samples_by_label(unplanned),
        "goals": Counter((goal.commitment, goal.state, goal.health or "none") for goal in goals),
        "issues_pulled": samples_by_label(result.pulled.pulled_by_source),
        "issues_left_out": samples_by_label(
            dict.fromkeys(result.pulled.pulled_by_source, 0)
            | {name: len(issues) for name, issues in result.pulled.unreadable.items()}
        ),
        "planned_writes": {(): len(result.changes)},
        "writes_left": {(): applied.skipped if applied else 0},
    }


def rate_limit_metrics(stats: RequestStats) -> dict[str, MetricSamples]:
    """Return the rate limits that the trackers reported."""
    limits = stats.rate_limits()
    return {
        "rate_limit": samples_by_label({name: limit.limit for name, limit in limits.items()}),
        "rate_limit_remaining": samples_by_label({name: limit.remaining for name, limit in limits.items()}),
    }


def store_metrics(
    store: Store, trackers: Collection[str], sources: Collection[str] | None, run_id: str | None
) -> dict[str, MetricSamples]:
    """Return the metrics over all runs. ``sources``: names of the current sources; None: all that the store knows.

    Every counter starts with 0, because Prometheus sees no increase in a sample that did not exist before.
    """
    counts = store.count_outcomes()
    counts_of_run = store.count_outcomes(run_id) if run_id else []
    written: Counter[tuple[str, ...]] = Counter(dict.fromkeys(product(trackers, get_args(WriteOutcome)), 0))
    for count in counts:
        written[count.tracker, count.outcome] += count.number
    states = [each for each in store.source_states() if sources is None or each.name in sources]
    whole = {each.name: each.last_whole.timestamp() if each.last_whole else 0.0 for each in states}
    kinds = Counter(each.kind for each in store.overrides())
    success = store.last_success("run")
    return {
        "last_success_timestamp_seconds": {(): success.timestamp() if success else 0.0},
        "source_ok": samples_by_label({each.name: 0 if each.failing_since else 1 for each in states}),
        "source_last_whole_timestamp_seconds": samples_by_label(whole),
        "comments_created": {(): _comments_created(counts_of_run)},
        "comments_created_total": {(): _comments_created(counts)},
        "status_comments": {(): sum(each.state == "live" for each in store.pushed_comments().values())},
        "writes_total": written,
        "overrides": samples_by_label(dict.fromkeys(get_args(OverrideKind), 0) | kinds),
        "store_bytes": {(): store.size()},
    }


def _comments_created(counts: Iterable[OutcomeCount]) -> int:
    return sum(each.number for each in counts if (each.op, each.outcome) == ("create-comment", "done"))


def add_request_counts(store: Store, stats: RequestStats) -> dict[str, MetricSamples]:
    """Add the requests of a run to the total of all runs, which the store keeps. Return the total."""
    total = Counter(store.cache.get(_REQUESTS) or {})
    total.update(stats.request_counts())
    store.cache.put(_REQUESTS, dict(total), days=_TEN_YEARS)
    return {"requests_total": samples_by_label(total)}
