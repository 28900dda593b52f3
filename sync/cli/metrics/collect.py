"""Finds the figures of a run: in what it did, and in the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from itertools import product
from typing import Final, get_args

from connectors.http.usage import Traffic
from mappings.model import Workspace
from sync.cli.metrics.definitions import Family, labelled, of_rollup, summed
from sync.model.records import Outcome, OverrideKind
from sync.model.run import Outcome as RunOutcome
from sync.store import Store

_REQUESTS: Final = "monitor:requests"
_TEN_YEARS: Final = 3650


def of_outcome(outcome: RunOutcome, workspace: Workspace) -> dict[str, Family]:
    """What a run that came to its end found, and did about it."""
    applied = outcome.applied
    return {
        **of_rollup(outcome.thought.rollup, workspace),
        "issues_pulled": labelled(outcome.collected.pulled_from),
        "planned_writes": {(): len(outcome.changes)},
        "writes_left": {(): applied.left if applied else 0},
    }


def of_traffic(traffic: Traffic) -> dict[str, Family]:
    """What the trackers said about their quotas."""
    quotas = traffic.quotas()
    return {
        "rate_limit": labelled({name: quota.limit for name, quota in quotas.items()}),
        "rate_limit_remaining": labelled({name: quota.remaining for name, quota in quotas.items()}),
    }


def of_store(
    store: Store, trackers: Collection[str], sources: Collection[str] | None, run_id: str | None
) -> dict[str, Family]:
    """What all runs together left in the store. ``sources``: those of today; None: all that there ever were.

    What can be counted begins with 0: Prometheus sees no increase in a figure that was not there before.
    """
    tallies = store.tally()
    created = [each for each in store.tally(run_id) if each.op == "create-comment"] if run_id else []
    states = [each for each in store.sources() if sources is None or each.name in sources]
    whole = {each.name: each.last_whole.timestamp() if each.last_whole else 0.0 for each in states}
    kinds = Counter(each.kind for each in store.overrides())
    success = store.last_success("run")
    return {
        "last_success_timestamp_seconds": {(): success.timestamp() if success else 0.0},
        "source_ok": labelled({each.name: 0 if each.failing_since else 1 for each in states}),
        "source_last_whole_timestamp_seconds": labelled(whole),
        "comments_created": {(): sum(each.number for each in created if each.outcome == "done")},
        "comments_created_total": {
            (): sum(each.number for each in tallies if (each.op, each.outcome) == ("create-comment", "done"))
        },
        "status_comments": {(): sum(each.state == "live" for each in store.pushed_comments().values())},
        "writes_total": dict.fromkeys(product(trackers, get_args(Outcome)), 0)
        | summed(((each.tracker, each.outcome), each.number) for each in tallies),
        "overrides": labelled(dict.fromkeys(get_args(OverrideKind), 0) | kinds),
        "store_bytes": {(): store.size()},
    }


def count_requests(store: Store, traffic: Traffic) -> dict[str, Family]:
    """Add the requests of a run to those of all runs before it, and keep the sum in the store."""
    sums = Counter(store.cache.get(_REQUESTS) or {})
    sums.update(traffic.requests())
    store.cache.put(_REQUESTS, dict(sums), days=_TEN_YEARS)
    return {"requests_total": labelled(sums)}
