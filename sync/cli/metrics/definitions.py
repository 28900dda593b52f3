"""Names, help texts and labels of all metrics, and the metrics that follow from plain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mappings.model import Workspace
from sync.model.rollup import Rollup

PREFIX: Final = "increment_sync_"

MetricSamples = Mapping[tuple[str, ...], float]
"""Values of the labels, in the order of ``MetricDefinition.labels`` -> number."""
MetricValues = Mapping[str, MetricSamples]
"""Name without prefix -> samples. A missing name was not measured; an empty one has no samples."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricDefinition:
    """Name, help text and labels of one metric."""

    name: str
    """Without prefix. Names that end in ``_total`` are counters; they restart only with a new store."""
    help: str
    labels: tuple[str, ...] = ()


METRICS: Final = (
    MetricDefinition(
        name="last_run_timestamp_seconds", help="Time when the last run ended, successful or not."
    ),
    MetricDefinition(
        name="last_success_timestamp_seconds", help="Time when a run last ended with exit code 0; 0: never."
    ),
    MetricDefinition(
        name="last_run_exit_code", help="Exit code of the last run; the README lists the meanings."
    ),
    MetricDefinition(name="run_duration_seconds", help="Duration of the last run."),
    MetricDefinition(name="interval_seconds", help="Interval at which cron starts a run, by the settings."),
    MetricDefinition(name="issues_pulled", help="Issues that the last run read.", labels=("source",)),
    MetricDefinition(
        name="source_ok",
        help="1: the last attempt to read the source succeeded; 0: it failed.",
        labels=("source",),
    ),
    MetricDefinition(
        name="source_last_whole_timestamp_seconds",
        help="Time when the source was last fully synced; 0: never.",
        labels=("source",),
    ),
    MetricDefinition(
        name="unplanned_issues", help="Issues of the team's sources that no rule assigns.", labels=("team",)
    ),
    MetricDefinition(
        name="goals",
        help="Goals of increments that are not closed.",
        labels=("commitment", "state", "health"),
    ),
    MetricDefinition(name="planned_writes", help="Changes that the last run planned."),
    MetricDefinition(
        name="writes_left", help="Changes that the last run left for the next one because of its limits."
    ),
    MetricDefinition(name="guard_refusals", help="Reasons for which the guard stopped the last run."),
    MetricDefinition(name="comments_created", help="Comments that the last run posted."),
    MetricDefinition(name="comments_created_total", help="Comments that were posted."),
    MetricDefinition(name="status_comments", help="Status comments that exist now."),
    MetricDefinition(
        name="writes_total",
        help="Writes by result; a write with unknown result is counted again when its result is known.",
        labels=("tracker", "result"),
    ),
    MetricDefinition(name="requests_total", help="Requests that runs sent.", labels=("tracker",)),
    MetricDefinition(name="rate_limit", help="Rate limit of the tracker, in requests.", labels=("tracker",)),
    MetricDefinition(
        name="rate_limit_remaining",
        help="Requests left in the rate limit after the last response of the last run.",
        labels=("tracker",),
    ),
    MetricDefinition(name="overrides", help="Manual overrides that are in effect.", labels=("kind",)),
    MetricDefinition(name="store_bytes", help="Size of the store."),
)


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


def rollup_metrics(rollup: Rollup, workspace: Workspace) -> dict[str, MetricSamples]:
    """Return the metrics of the work itself."""
    unplanned = {team.team: 0 for team in workspace.teams}
    unplanned |= Counter(team for each in rollup.unplanned for team in each.teams)
    goals = (
        goal for increment in rollup.increments if increment.phase != "closed" for goal in increment.goals
    )
    return {
        "unplanned_issues": samples_by_label(unplanned),
        "goals": Counter((goal.commitment, goal.state, goal.health or "none") for goal in goals),
    }


def samples_by_label(counts: Mapping[str, float]) -> MetricSamples:
    """Return the samples of a metric with one label."""
    return {(name,): number for name, number in counts.items()}


def sum_samples(pairs: Iterable[tuple[tuple[str, ...], float]]) -> dict[tuple[str, ...], float]:
    """Add up the numbers with the same labels."""
    sums: dict[tuple[str, ...], float] = {}
    for labels, number in pairs:
        sums[labels] = sums.get(labels, 0) + number
    return sums
