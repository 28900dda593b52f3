"""Rate limiter for writes: spacing, and content per credential in a minute and an hour."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import responses

from connectors.errors import RateLimitExceeded, WriteDeferred
from connectors.http.rate_limiter import RateLimiter, WriteLimits
from connectors.http.retry import RetryPolicy, Wait
from sync.store import Store, open_store
from tests.support.plain_client import PlainClient

BASE = "https://tracker.example/api"
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class Run:
    """One process that writes, with its own rate limiter and client, over a store shared with others."""

    def __init__(
        self,
        store: Store,
        clock: list[datetime],
        *,
        credential: str = "one",
        until: datetime | None = None,
        **limits: float,
    ) -> None:
        self.clock, self.slept, self.waits = clock, list[float](), list[Wait]()
        self.pace = RateLimiter(WriteLimits(**limits), tracker="github", credential=credential, ledger=store)  # type: ignore[arg-type]
        self.client = PlainClient(
            requests.Session(),
            BASE,
            tracker="github",
            policy=RetryPolicy(max_wait=120, deadline=until),
            now=lambda: clock[0],
            sleep=self.sleep,
            on_wait=self.waits.append,
            rate_limiter=self.pace,
        )

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock[0] += timedelta(seconds=seconds)

    def post(self, times: int = 1) -> None:
        for _ in range(times):
            self.client.send("POST", "comments", kind="create", json={})


@pytest.fixture
def clock() -> list[datetime]:
    return [START]


@pytest.fixture
def store(tmp_path: Path, clock: list[datetime]) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/state.db", now=lambda: clock[0])
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.post(f"{BASE}/comments", json={"id": 1})
        mock.delete(f"{BASE}/labels/x", json=[])
        yield mock


def test_spacing_applies_to_the_last_write_of_the_previous_run(store: Store, clock: list[datetime]) -> None:
    Run(store, clock, spacing=1.0).post()
    clock[0] += timedelta(seconds=0.25)
    later = Run(store, clock, spacing=1.0)
    later.post()
    assert later.slept == [0.75]


def test_a_write_beyond_the_minute_limit_waits_and_reports_the_wait(
    store: Store, clock: list[datetime]
) -> None:
    run = Run(store, clock, per_minute=3)
    run.post(3)
    clock[0] += timedelta(seconds=20)
    run.post()
    assert run.slept == [40]
    assert [wait.reason for wait in run.waits] == ["limit of 3 labels and comments per minute on github"]


def test_a_write_beyond_the_hour_limit_is_deferred(
    store: Store, clock: list[datetime], net: responses.RequestsMock
) -> None:
    Run(store, clock, per_hour=3).post(2)
    clock[0] += timedelta(minutes=15)
    second = Run(store, clock, per_hour=3)
    second.post()
    with pytest.raises(WriteDeferred) as full:
        second.post()
    assert second.slept == []
    assert len(net.calls) == 3, "nothing was sent"
    assert full.value.until == START + timedelta(hours=1)
    assert str(full.value) == (
        "github: POST /api/comments: the limit of 3 labels and comments per hour on github is used up until "
        "2026-11-20 10:00 UTC; the remaining work is kept for the next run"
    )


def test_each_credential_has_its_own_hour_limit(store: Store, clock: list[datetime]) -> None:
    Run(store, clock, per_hour=2).post(2)
    Run(store, clock, credential="two", per_hour=2).post(2)
    with pytest.raises(WriteDeferred):
        Run(store, clock, per_hour=2).post()


def test_the_hour_limit_and_the_ledger_forget_writes_after_an_hour(
    store: Store, clock: list[datetime]
) -> None:
    Run(store, clock, per_hour=2).post(2)
    clock[0] += timedelta(hours=1, seconds=1)
    Run(store, clock, per_hour=2).post()
    assert store.writes_since("one", START - timedelta(days=1)) == [(clock[0], True)]


def test_removals_do_not_count_as_content(store: Store, clock: list[datetime]) -> None:
    run = Run(store, clock, per_hour=1)
    run.post()
    run.client.send("DELETE", "labels/x", kind="idempotent")
    assert run.pace.recent_content(clock[0]) == 1


def test_no_wait_goes_beyond_the_deadline_of_the_run(
    store: Store, clock: list[datetime], net: responses.RequestsMock
) -> None:
    run = Run(store, clock, per_minute=1, until=START + timedelta(seconds=30))
    run.post()
    with pytest.raises(WriteDeferred):
        run.post()
    net.get(f"{BASE}/issues", status=429, headers={"Retry-After": "31"})
    with pytest.raises(RateLimitExceeded):
        run.client.send("GET", "issues", kind="read")
    assert run.slept == []


def test_a_clock_set_back_does_not_cause_waits_of_hours(store: Store, clock: list[datetime]) -> None:
    Run(store, clock, spacing=1.0, per_minute=1).post()
    clock[0] -= timedelta(hours=5)
    run = Run(store, clock, spacing=1.0, per_minute=1)
    run.post()
    assert run.slept == [60]


@pytest.mark.parametrize(
    ("writes", "content", "spent", "seconds"),
    [(10, 0, 0, 10), (10, 10, 0, 10), (100, 100, 0, 100), (20, 20, 495, 3600), (1001, 1001, 0, 7200)],
)
def test_min_seconds_of_writes(writes: int, content: int, spent: int, seconds: float) -> None:
    limits = WriteLimits(spacing=1.0, per_minute=80, per_hour=500)
    assert limits.min_seconds(writes, content, recent_content=spent) == seconds


def test_a_rate_limit_reported_by_the_tracker_overrides_our_own_count(
    store: Store, clock: list[datetime], net: responses.RequestsMock
) -> None:
    used_up = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(START.timestamp()) + 1800)}
    net.get(f"{BASE}/issues", json=[], headers=used_up)
    run = Run(store, clock)
    run.client.send("GET", "issues", kind="read")
    with pytest.raises(
        WriteDeferred, match="the rate limit that github reports is used up until 2026-11-20 09:30 UTC"
    ):
        run.post()
    clock[0] += timedelta(minutes=30)
    run.post()


def test_the_hour_limit_forgets_writes_of_its_own_run_after_an_hour(
    store: Store, clock: list[datetime]
) -> None:
    run = Run(store, clock, per_hour=2)
    run.post(2)
    clock[0] += timedelta(minutes=50)
    assert run.pace.recent_content(clock[0]) == 2
    with pytest.raises(WriteDeferred):
        run.post()
    clock[0] += timedelta(minutes=10)
    assert run.pace.recent_content(clock[0]) == 0
    run.post(2)
    assert run.pace.recent_content(clock[0]) == 2


def test_a_wait_that_is_just_over_is_none(store: Store, clock: list[datetime]) -> None:
    run = Run(store, clock, spacing=1.0, per_minute=2, per_hour=5)
    for seconds in (1, 59, 1):
        run.post()
        clock[0] += timedelta(seconds=seconds)
    run.post()
    assert run.slept == []
    clock[0] += timedelta(seconds=1)
    run.post()
    assert run.slept == [58]


def test_of_several_waits_the_longest_applies(store: Store, clock: list[datetime]) -> None:
    run = Run(store, clock, spacing=5.0, per_minute=2)
    run.post(3)
    assert run.slept == [5, 55]
    assert [wait.reason for wait in run.waits] == [
        "spacing between writes on github",
        "limit of 2 labels and comments per minute on github",
    ]


def test_short_waits_are_not_reported(store: Store, clock: list[datetime]) -> None:
    run = Run(store, clock, spacing=4.9)
    run.post(2)
    assert (run.slept, run.waits) == ([4.9], [])


def test_more_writes_than_a_lowered_limit_wait_until_enough_are_old(
    store: Store, clock: list[datetime]
) -> None:
    first = Run(store, clock, per_minute=10)
    for _ in range(4):
        first.post()
        clock[0] += timedelta(seconds=10)
    later = Run(store, clock, per_minute=2)
    later.post()
    assert later.slept == [40], "two of the four are older than a minute then"


def test_removals_are_spaced_over_runs_and_are_in_no_ledger_without_spacing(
    store: Store, clock: list[datetime]
) -> None:
    for limits in ({}, {"per_hour": 3}):
        Run(store, clock, **limits).client.send("DELETE", "labels/x", kind="idempotent")
    Run(store, clock).post()
    assert store.writes_since("one", START - timedelta(days=1)) == []
    run = Run(store, clock, spacing=1.0)
    run.client.send("DELETE", "labels/x", kind="idempotent")
    assert store.writes_since("one", START - timedelta(days=1)) == [(START, False)]
    later = Run(store, clock, spacing=1.0)
    later.post()
    assert later.slept == [1.0]


def test_each_method_that_creates_content_counts(
    store: Store, clock: list[datetime], net: responses.RequestsMock
) -> None:
    net.patch(f"{BASE}/comments", json={})
    net.put(f"{BASE}/comments", json={})
    run = Run(store, clock, per_hour=9)
    run.post()
    for method in ("PATCH", "PUT"):
        run.client.send(method, "comments", kind="idempotent", json={})
    assert run.pace.recent_content(clock[0]) == 3


@pytest.mark.parametrize(
    ("limits", "writes", "content", "spent", "seconds"),
    [
        (WriteLimits(), 10, 10, 0, 0),
        (WriteLimits(spacing=0.5), 3, 3, 0, 1.5),
        (WriteLimits(per_minute=80), 80, 80, 0, 0),
        (WriteLimits(per_minute=80), 81, 81, 0, 60),
        (WriteLimits(per_minute=80), 200, 0, 0, 0),
        (WriteLimits(per_hour=500), 0, 0, 1000, 0),
        (WriteLimits(per_hour=500), 1, 1, 1000, 7200),
        (WriteLimits(per_hour=500), 500, 500, 0, 0),
    ],
)
def test_min_seconds_under_one_limit(
    limits: WriteLimits, writes: int, content: int, spent: int, seconds: float
) -> None:
    assert limits.min_seconds(writes, content, recent_content=spent) == seconds
