"""The run lock: renewal, release and loss of its lease."""

from __future__ import annotations

import copy
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from sync.runtime.context import RunContext
from sync.runtime.run_lock import LEASE_DURATION, run_lock
from sync.store import LeaseHeld, LeaseLost, StoreError
from tests.support.writing_world import WritingWorld


def wait_for(condition: object) -> None:
    for _ in range(400):
        if condition():  # type: ignore[operator]
            return
        time.sleep(0.01)
    raise AssertionError("it did not come true in four seconds")


def test_long_read_keeps_the_lease(tmp_path: Path) -> None:
    world = WritingWorld(tmp_path)

    def work(job: RunContext) -> None:
        with run_lock(job, "a slow run", renewal_seconds=0.01):
            world.pass_time(seconds=(LEASE_DURATION + timedelta(minutes=1)).total_seconds())
            wait_for(lambda: (row := job.store.lease()) and row.expires > world.now)
            with pytest.raises(LeaseHeld, match="a slow run"):
                job.store.acquire_lease("another", "a hasty run", LEASE_DURATION)
        job.store.acquire_lease("another", "a patient run", LEASE_DURATION)

    world.with_context(work)


def test_run_that_lost_its_lease_stops_renewing_and_fails_before_its_next_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = WritingWorld(tmp_path)

    def work(job: RunContext) -> None:
        really, resumed, tried = job.store.renew_lease, threading.Event(), list[str]()

        def renew(run_id: str, ttl: timedelta) -> None:
            resumed.wait()
            tried.append(run_id)
            really(run_id, ttl)

        monkeypatch.setattr(job.store, "renew_lease", renew)
        with run_lock(job, "a suspended run", renewal_seconds=0.01):
            [renewal] = [thread for thread in threading.enumerate() if thread.name == "lease"]
            world.pass_time(seconds=(LEASE_DURATION + timedelta(minutes=1)).total_seconds())
            job.store.acquire_lease("another", "its successor", LEASE_DURATION)
            resumed.set()
            wait_for(lambda: not renewal.is_alive())
            assert tried == [job.run_id]
            with pytest.raises(LeaseLost):
                job.store.renew_lease(job.run_id, LEASE_DURATION)
        lease = job.store.lease()
        assert lease is not None and lease.run_id == "another"

    world.with_context(work)


def test_one_store_failure_does_not_stop_renewal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = WritingWorld(tmp_path)

    def work(job: RunContext) -> None:
        really, failures = job.store.renew_lease, [StoreError("the database does not answer")]

        def renew(run_id: str, ttl: timedelta) -> None:
            if failures:
                raise failures.pop()
            really(run_id, ttl)

        monkeypatch.setattr(job.store, "renew_lease", renew)
        with run_lock(job, "a run on a busy store", renewal_seconds=0.01):
            wait_for(lambda: not failures)
            world.pass_time(seconds=60)
            wait_for(lambda: (row := job.store.lease()) and row.expires >= world.now + LEASE_DURATION)

    world.with_context(work)


def test_a_held_lease_is_reported_from_another_process(tmp_path: Path) -> None:
    def work(job: RunContext) -> None:
        job.store.acquire_lease("run-1", "a slow run", LEASE_DURATION)
        with pytest.raises(LeaseHeld) as held:
            job.store.acquire_lease("run-2", "a hasty run", LEASE_DURATION)
        assert str(copy.copy(held.value)) == str(held.value), "copied as between processes"

    WritingWorld(tmp_path).with_context(work)
