"""The figures by name: what each means, and which labels it carries."""

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
"""Values of the labels, in the order of ``Meaning.labels`` -> the figure."""
MetricValues = Mapping[str, MetricSamples]
"""Name without prefix -> its figures. A name that is missing was not found out; one without figures has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricDefinition:
    """What one family says."""

    name: str
    """Without prefix. Those that end in ``_total`` only ever grow, until the store is lost."""
    help: str
    labels: tuple[str, ...] = ()


METRICS: Final = (
    MetricDefinition(name="last_run_timestamp_seconds", help="When the last run ended, however it ended."),
    MetricDefinition(
        name="last_success_timestamp_seconds", help="When a run last ended with exit code 0; 0: never."
    ),
    MetricDefinition(name="last_run_exit_code", help="How the last run ended; the README has the meanings."),
    MetricDefinition(name="run_duration_seconds", help="How long the last run took."),
    MetricDefinition(name="interval_seconds", help="How often cron starts a run, by the settings."),
    MetricDefinition(name="issues_pulled", help="Issues that the last run read.", labels=("source",)),
    MetricDefinition(
        name="source_ok", help="1: the last attempt to read the source was whole.", labels=("source",)
    ),
    MetricDefinition(
        name="source_last_whole_timestamp_seconds",
        help="When the source was last read whole; 0: never.",
        labels=("source",),
    ),
    MetricDefinition(
        name="unplanned_issues", help="Issues of the team's sources that no rule takes.", labels=("team",)
    ),
    MetricDefinition(
        name="goals",
        help="Goals of increments that are not closed.",
        labels=("commitment", "state", "health"),
    ),
    MetricDefinition(name="planned_writes", help="Changes that the last run found to be due."),
    MetricDefinition(
        name="writes_left", help="Changes that the last run left for the next one, by its limits."
    ),
    MetricDefinition(name="guard_refusals", help="Reasons for which the guard stopped the last run."),
    MetricDefinition(name="comments_created", help="Comments that the last run posted."),
    MetricDefinition(name="comments_created_total", help="Comments that were posted."),
    MetricDefinition(name="status_comments", help="Status comments that there are."),
    MetricDefinition(
        name="writes_total",
        help="Writes by what became of them; one of unknown outcome counts again when that is found out.",
        labels=("tracker", "result"),
    ),
    MetricDefinition(name="requests_total", help="Requests that runs sent.", labels=("tracker",)),
    MetricDefinition(name="rate_limit", help="Requests that the tracker allows.", labels=("tracker",)),
    MetricDefinition(
        name="rate_limit_remaining",
        help="What was left of them after the last answer of the last run.",
        labels=("tracker",),
    ),
    MetricDefinition(
        name="overrides", help="Decisions of people on the trackers that stand.", labels=("kind",)
    ),
    MetricDefinition(name="store_bytes", help="Size of the store."),
)


def run_end_metrics(
    *, started: datetime, ended: datetime, exit_code: int, refusals: int
) -> dict[str, MetricSamples]:
    """What is known of every run, whatever stopped it. ``refusals``: reasons of the guard."""
    figures: dict[str, MetricSamples] = {
        "last_run_timestamp_seconds": {(): ended.timestamp()},
        "last_run_exit_code": {(): exit_code},
        "run_duration_seconds": {(): (ended - started).total_seconds()},
        "guard_refusals": {(): refusals},
    }
    if exit_code == 0:
        figures["last_success_timestamp_seconds"] = {(): ended.timestamp()}
    return figures


def rollup_metrics(rollup: Rollup, workspace: Workspace) -> dict[str, MetricSamples]:
    """What the trackers say about the work."""
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
    """Figures of a family with one label."""
    return {(name,): number for name, number in counts.items()}


def sum_samples(pairs: Iterable[tuple[tuple[str, ...], float]]) -> dict[tuple[str, ...], float]:
    """Adds up what has the same labels."""
    sums: dict[tuple[str, ...], float] = {}
    for labels, number in pairs:
        sums[labels] = sums.get(labels, 0) + number
    return sums
