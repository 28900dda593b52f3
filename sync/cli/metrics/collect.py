"""Metrics from the result of a run, from its requests, and from the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from itertools import product
from typing import Final, get_args

from connectors.http.usage import RequestStats
from mappings.model import Workspace
from sync.cli.metrics.definitions import MetricSamples, rollup_metrics, samples_by_label, sum_samples
from sync.model.records import OverrideKind, WriteOutcome
from sync.model.run import RunResult
from sync.store import Store

_REQUESTS: Final = "monitor:requests"
_TEN_YEARS: Final = 3650


def run_result_metrics(result: RunResult, workspace: Workspace) -> dict[str, MetricSamples]:
    """Return the metrics of a run that was not stopped by an error."""
    applied = result.applied
    return {
        **rollup_metrics(result.planning.rollup, workspace),
        "issues_pulled": samples_by_label(result.pulled.pulled_by_source),
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
    created = [each for each in store.count_outcomes(run_id) if each.op == "create-comment"] if run_id else []
    states = [each for each in store.source_states() if sources is None or each.name in sources]
    whole = {each.name: each.last_whole.timestamp() if each.last_whole else 0.0 for each in states}
    kinds = Counter(each.kind for each in store.overrides())
    success = store.last_success("run")
    return {
        "last_success_timestamp_seconds": {(): success.timestamp() if success else 0.0},
        "source_ok": samples_by_label({each.name: 0 if each.failing_since else 1 for each in states}),
        "source_last_whole_timestamp_seconds": samples_by_label(whole),
        "comments_created": {(): sum(each.number for each in created if each.outcome == "done")},
        "comments_created_total": {
            (): sum(each.number for each in counts if (each.op, each.outcome) == ("create-comment", "done"))
        },
        "status_comments": {(): sum(each.state == "live" for each in store.pushed_comments().values())},
        "writes_total": dict.fromkeys(product(trackers, get_args(WriteOutcome)), 0)
        | sum_samples(((each.tracker, each.outcome), each.number) for each in counts),
        "overrides": samples_by_label(dict.fromkeys(get_args(OverrideKind), 0) | kinds),
        "store_bytes": {(): store.size()},
    }


def add_request_counts(store: Store, stats: RequestStats) -> dict[str, MetricSamples]:
    """Add the requests of a run to the total of all runs, which the store keeps. Return the total."""
    total = Counter(store.cache.get(_REQUESTS) or {})
    total.update(stats.request_counts())
    store.cache.put(_REQUESTS, dict(total), days=_TEN_YEARS)
    return {"requests_total": samples_by_label(total)}
