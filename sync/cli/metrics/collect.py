"""Finds the figures of a run: in what it did, and in the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from itertools import product
from typing import Final, get_args

from connectors.http.usage import RequestStats
from mappings.model import Workspace
from sync.cli.metrics.definitions import MetricSamples, rollup_metrics, samples_by_label, sum_samples
from sync.model.records import OverrideKind, WriteOutcome
from sync.model.run import RunResult as RunOutcome
from sync.store import Store

_REQUESTS: Final = "monitor:requests"
_TEN_YEARS: Final = 3650


def run_result_metrics(outcome: RunOutcome, workspace: Workspace) -> dict[str, MetricSamples]:
    """What a run that came to its end found, and did about it."""
    applied = outcome.applied
    return {
        **rollup_metrics(outcome.planning.rollup, workspace),
        "issues_pulled": samples_by_label(outcome.pulled.pulled_by_source),
        "planned_writes": {(): len(outcome.changes)},
        "writes_left": {(): applied.skipped if applied else 0},
    }


def rate_limit_metrics(traffic: RequestStats) -> dict[str, MetricSamples]:
    """What the trackers said about their quotas."""
    quotas = traffic.rate_limits()
    return {
        "rate_limit": samples_by_label({name: quota.limit for name, quota in quotas.items()}),
        "rate_limit_remaining": samples_by_label({name: quota.remaining for name, quota in quotas.items()}),
    }


def store_metrics(
    store: Store, trackers: Collection[str], sources: Collection[str] | None, run_id: str | None
) -> dict[str, MetricSamples]:
    """What all runs together left in the store. ``sources``: those of today; None: all that there ever were.

    What can be counted begins with 0: Prometheus sees no increase in a figure that was not there before.
    """
    tallies = store.count_outcomes()
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
            (): sum(each.number for each in tallies if (each.op, each.outcome) == ("create-comment", "done"))
        },
        "status_comments": {(): sum(each.state == "live" for each in store.pushed_comments().values())},
        "writes_total": dict.fromkeys(product(trackers, get_args(WriteOutcome)), 0)
        | sum_samples(((each.tracker, each.outcome), each.number) for each in tallies),
        "overrides": samples_by_label(dict.fromkeys(get_args(OverrideKind), 0) | kinds),
        "store_bytes": {(): store.size()},
    }


def add_request_counts(store: Store, traffic: RequestStats) -> dict[str, MetricSamples]:
    """Add the requests of a run to those of all runs before it, and keep the sum in the store."""
    sums = Counter(store.cache.get(_REQUESTS) or {})
    sums.update(traffic.request_counts())
    store.cache.put(_REQUESTS, dict(sums), days=_TEN_YEARS)
    return {"requests_total": samples_by_label(sums)}
