"""Several runs, processes and threads on one store."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from sync.store import LeaseHeld, LeaseLost, Store, open_store
from tests.support.postgres import new_database
from tests.support.store_world import CHURN, START, Clock, issue, pull, ref

TTL = timedelta(minutes=5)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return new_database() if request.param == "postgresql" else f"sqlite:///{tmp_path}/state.db"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def two(url: str, clock: Clock) -> Iterator[tuple[Store, Store]]:
    stores = open_store(url, now=clock), open_store(url, now=clock)
    yield stores
    for store in stores:
        store.close()


def test_lease_holds_across_connections_and_expires_for_a_dead_run(
    two: tuple[Store, Store], clock: Clock
) -> None:
    first, second = two
    first.acquire_lease("r1", "host-a", TTL)
    with pytest.raises(LeaseHeld, match="host-a"):
        second.acquire_lease("r2", "host-b", TTL)
    clock.forward(minutes=5)
    second.acquire_lease("r2", "host-b", TTL)
    with pytest.raises(LeaseLost):
        first.renew_lease("r1", TTL)
    first.release_lease("r1")
    with pytest.raises(LeaseHeld, match="host-b"):
        first.acquire_lease("r3", "host-a", TTL)


def _compete(url: str, name: str, start: Barrier, won: SimpleQueue[tuple[str, bool]]) -> None:
    store = open_store(url, now=lambda: datetime.now(UTC))
    start.wait()
    try:
        store.acquire_lease(name, name, TTL)
        won.put((name, True))
    except LeaseHeld:
        won.put((name, False))
    store.close()


def test_one_of_two_processes_gets_the_lease(url: str) -> None:
    open_store(url, now=lambda: datetime.now(UTC)).close()
    context = multiprocessing.get_context("spawn")
    start, won = context.Barrier(2), context.SimpleQueue()
    started = [context.Process(target=_compete, args=(url, f"r{n}", start, won)) for n in range(2)]
    for process in started:
        process.start()
    for process in started:
        process.join(30)
    assert sorted(winner for _, winner in (won.get() for _ in started)) == [False, True]


def test_writes_are_visible_to_other_connections(two: tuple[Store, Store]) -> None:
    writer, reader = two
    pull(writer, issue(1))
    entry = writer.journal_intent(
        run_id="r1", at=START, ref=ref(1), op="add-label", payload={}, before={}, rule=None, why="w"
    )
    assert [known.issue for known in reader.known_issues()] == [issue(1)]
    assert [row.id for row in reader.pending_writes()] == [entry]
    reader.journal_result(entry, "done", START)
    assert writer.pending_writes() == []


def test_reads_continue_during_a_write(two: tuple[Store, Store]) -> None:
    writer, reader = two
    pull(writer, *(issue(number) for number in range(2500)))
    stream = reader.known_issues()
    seen = [next(stream).issue.ref.id]
    pull(writer, issue(1, tracker="github"), source=CHURN)
    reader.cache.put("seen", 1)
    seen += [known.issue.ref.id for known in stream]
    assert seen == sorted(ref(number).id for number in range(2500))


@pytest.mark.parametrize("memory", [True, False])
def test_cache_is_usable_from_threads_during_writes(memory: bool, tmp_path: Path) -> None:
    store = open_store("sqlite://" if memory else f"sqlite:///{tmp_path}/state.db", now=Clock())
    failed: list[BaseException] = []

    def use(tracker: str) -> None:
        try:
            cache = store.cache_for(tracker)
            for number in range(15):
                cache.put(str(number), [tracker, number])
                assert cache.get(str(number)) == [tracker, number]
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=use, args=(f"tracker-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for number in range(15):
        pull(store, issue(number), full=False)
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(list(store.known_issues())) == 15
    assert store.cache_for("tracker-3").get("14") == ["tracker-3", 14]
    store.close()
