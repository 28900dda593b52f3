"""Retry policy: length of waits, server demands, and the end of retries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import partial

import pytest

from connectors.errors import BadPayload, RateLimitExceeded, Rejected, Unavailable, Unreachable
from connectors.http.retry import (
    RateLimitRefusal,
    Retrier,
    RetryableFailure,
    RetryPolicy,
    Wait,
    parse_http_date,
    server_wait_seconds,
)

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
STEADY = RetryPolicy(random=lambda: 0.5)


class Operation:
    """Operation that fails with the given errors, on a clock that only sleeping advances."""

    def __init__(self, *failures: RetryableFailure, policy: RetryPolicy = STEADY) -> None:
        self.failures = list(failures)
        self.policy = policy
        self.time = NOW
        self.slept: list[float] = []
        self.waits: list[Wait] = []
        self.attempts = 0

    def run(self) -> str:
        retrier = Retrier(
            tracker="github",
            policy=self.policy,
            now=lambda: self.time,
            sleep=self.sleep,
            on_wait=self.waits.append,
        )
        return retrier.call([self.attempt])[1]

    def attempt(self) -> str:
        self.attempts += 1
        if self.failures:
            raise self.failures.pop(0)
        return "answer"

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)


def down(seconds: float | None = None) -> RetryableFailure:
    return RetryableFailure(Unavailable("down"), reason="an answer (HTTP 502)", seconds=seconds)


def used_up(seconds: float | None = None, floor: float = 0.0) -> RetryableFailure:
    limit = RateLimitRefusal(reason="GitHub rate limit", min_seconds=floor)
    return RetryableFailure(
        RateLimitExceeded("rate limit"), reason=limit.reason, seconds=seconds, refusal=limit
    )


def test_a_first_success_does_not_wait() -> None:
    operation = Operation()
    assert operation.run() == "answer"
    assert operation.slept == []


def test_waits_double_until_the_fourth_attempt() -> None:
    operation = Operation(down(), down(), down())
    assert operation.run() == "answer"
    assert operation.slept == [1.0, 2.0, 4.0]


def test_after_the_last_attempt_the_last_error_is_raised_unwrapped() -> None:
    operation = Operation(*[down() for _ in range(9)])
    with pytest.raises(Unavailable, match="down"):
        operation.run()
    assert operation.attempts == 4


def test_jitter_spreads_waits_and_never_leaves_its_bounds() -> None:
    early, late = RetryPolicy(random=lambda: 0.0), RetryPolicy(random=lambda: 0.999)
    assert [early.backoff_seconds(n) for n in (1, 2, 3)] == pytest.approx([0.7, 1.4, 2.8])
    assert late.backoff_seconds(1) == pytest.approx(1.3, abs=0.01)
    assert late.backoff_seconds(50) <= 30 * 1.3


def test_the_servers_wait_wins_and_is_reported_before_it_begins() -> None:
    operation = Operation(used_up(43))
    assert operation.run() == "answer"
    assert operation.slept == [43]
    assert operation.waits == [Wait(tracker="github", seconds=43, reason="GitHub rate limit", attempt=1)]


def test_a_wait_of_zero_uses_the_backoff() -> None:
    operation = Operation(used_up(0))
    operation.run()
    assert operation.slept == [1.0]


def test_a_rate_limit_without_a_time_waits_a_minute_then_longer_then_fails() -> None:
    operation = Operation(*[used_up(floor=60) for _ in range(4)])
    with pytest.raises(RateLimitExceeded):
        operation.run()
    assert operation.slept == [60, 120]


def test_a_rate_limit_beyond_the_longest_wait_fails_at_once_with_its_end() -> None:
    operation = Operation(used_up(1800))
    with pytest.raises(RateLimitExceeded, match="2026-11-20 09:30 UTC") as stopped:
        operation.run()
    assert stopped.value.until == NOW + timedelta(minutes=30)
    assert operation.slept == []


def test_a_server_that_is_down_for_long_is_unavailable_at_once() -> None:
    operation = Operation(down(3600))
    with pytest.raises(Unavailable):
        operation.run()
    assert operation.slept == []


def test_total_time_is_bounded_even_when_each_wait_is_allowed() -> None:
    operation = Operation(*[down(100) for _ in range(9)], policy=RetryPolicy(attempts=9, max_total=250))
    with pytest.raises(Unavailable):
        operation.run()
    assert operation.slept == [100, 100]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "43"}, 43),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "-5"}, 0),
        ({"Retry-After": "Fri, 20 Nov 2026 09:00:30 GMT"}, 30),
        ({"Retry-After": "Fri, 20 Nov 2026 08:00:30 GMT"}, 0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW.timestamp()) + 90)}, 90),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2026-11-20T09:02:00Z"}, 120),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2026-11-20T10:02:00.000+01:00"}, 120),
        ({"X-RateLimit-Remaining": "7", "X-RateLimit-Reset": str(int(NOW.timestamp()) + 90)}, None),
        ({"Retry-After": "43", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999"}, 43),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "whenever"}, None),
        ({}, None),
    ],
)
def test_server_wait_from_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert server_wait_seconds(headers, NOW) == seconds


def test_times_are_compared_with_the_servers_clock() -> None:
    headers = {"Date": "Fri, 20 Nov 2026 12:00:00 GMT", "Retry-After": "Fri, 20 Nov 2026 12:00:20 GMT"}
    assert server_wait_seconds(headers, NOW) == 20


def test_http_dates_are_utc_and_invalid_ones_are_none() -> None:
    assert parse_http_date("Fri, 20 Nov 2026 09:00:00 GMT") == NOW
    assert parse_http_date("yesterday") is None
    assert parse_http_date(None) is None


# ---- limits, to the second


def test_the_longest_waits_are_two_minutes_each_and_five_in_all() -> None:
    patient = Operation(used_up(120), used_up(120), used_up(60))
    assert patient.run() == "answer"
    assert patient.slept == [120, 120, 60]
    for failures in ([used_up(121)], [used_up(120), used_up(120), used_up(61)]):
        with pytest.raises(RateLimitExceeded):
            Operation(*failures).run()


def test_a_wait_may_end_at_the_deadline_and_not_after_it() -> None:
    policy = RetryPolicy(random=lambda: 0.5, deadline=NOW + timedelta(seconds=60))
    assert Operation(used_up(60), policy=policy).run() == "answer"
    with pytest.raises(RateLimitExceeded):
        Operation(used_up(61), policy=policy).run()


def test_waits_by_doubling_stop_growing_at_half_a_minute() -> None:
    assert [STEADY.backoff_seconds(n) for n in (5, 6, 50)] == [16, 30, 30]


def test_a_server_that_demands_one_second_is_believed() -> None:
    hasty = RetryPolicy(random=lambda: 0.0)
    for demanded, slept in ((1, 1), (0.9, 0.7)):
        operation = Operation(down(demanded), policy=hasty)
        operation.run()
        assert operation.slept == [pytest.approx(slept)]


def test_a_clock_that_is_set_back_meanwhile_gives_no_more_time() -> None:
    policy = RetryPolicy(max_total=99)
    assert policy.forbids_wait(100, started=NOW, now=NOW - timedelta(hours=1))


def test_a_rate_limit_ends_at_a_time_in_utc() -> None:
    operation = Operation(used_up(1800))
    operation.time = NOW.astimezone(timezone(timedelta(hours=5)))
    with pytest.raises(RateLimitExceeded, match=r"GitHub rate limit is used up until 2026-11-20 09:30 UTC"):
        operation.run()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "1e11"}, 366 * 86_400),
        ({"Retry-After": "-1e11"}, 0),
        ({"Retry-After": "1e12"}, None),
        ({"Retry-After": " Fri, 20 Nov 2026 09:00:30 GMT "}, 30),
        ({"Retry-After": "Fri, 20 Nov 2026 09:00:30"}, 30),
        ({"Retry-After": "Fri, 20 Nov 2026 10:00:30 +0100"}, 30),
        ({"X-RateLimit-Remaining": " 0 ", "X-RateLimit-Reset": " 2026-11-20T09:02:00 "}, 120),
        ({"X-RateLimit-Remaining": "0"}, None),
        ({"X-RateLimit-Reset": "2026-11-20T09:02:00Z"}, None),
        (
            {
                "Date": "Fri, 20 Nov 2026 12:00:00 GMT",
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": "2026-11-20T12:02:00Z",
            },
            120,
        ),
        (
            {
                "Date": "Fri, 20 Nov 2026 12:00:00 GMT",
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": str(int(NOW.timestamp()) + 3 * 3600 + 7),
            },
            7,
        ),
    ],
)
def test_server_waits_in_odd_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert server_wait_seconds(headers, NOW) == seconds


# ---- smaller alternatives


class Alternatives:
    """Requests of one call that fail as often as told, largest first."""

    def __init__(self, *failures: list[RetryableFailure], policy: RetryPolicy = STEADY) -> None:
        self.failures = failures
        self.clock = Operation(policy=policy)
        self.sent: list[int] = []

    def run(self) -> tuple[int, str]:
        retrier = Retrier(
            tracker="github",
            policy=self.clock.policy,
            now=lambda: self.clock.time,
            sleep=self.clock.sleep,
            on_wait=self.clock.waits.append,
        )
        return retrier.call([partial(self.send, index) for index in range(len(self.failures))])

    def send(self, index: int) -> str:
        self.sent.append(index)
        if self.failures[index]:
            raise self.failures[index].pop(0)
        return f"answer {index}"


def test_each_smaller_request_is_tried_twice_after_a_short_wait() -> None:
    requests = Alternatives([down() for _ in range(4)], [down(), down()], [])
    assert requests.run() == (2, "answer 2")
    assert requests.sent == [0, 0, 0, 0, 1, 1, 2]
    assert requests.clock.slept == [1, 2, 4, 1, 1, 1]
    assert [wait.attempt for wait in requests.clock.waits] == [1, 2, 3, 1, 1, 2]


def test_a_demanded_wait_applies_before_a_smaller_request() -> None:
    requests = Alternatives([down(40) for _ in range(4)], [])
    assert requests.run() == (1, "answer 1")
    assert requests.clock.slept == [40, 40, 40, 40]


def test_a_run_with_one_attempt_tries_each_smaller_request_once() -> None:
    requests = Alternatives([down()], [down()], [], policy=RetryPolicy(attempts=1, random=lambda: 0.5))
    assert requests.run() == (2, "answer 2")
    assert requests.sent == [0, 1, 2]


def test_all_alternatives_share_the_time_of_one_request() -> None:
    policy = RetryPolicy(max_total=150, random=lambda: 0.5)
    requests = Alternatives([down(100), down(100)], [down(30), down(30)], [], policy=policy)
    with pytest.raises(Unavailable):
        requests.run()
    assert requests.sent == [0, 0]
    requests = Alternatives([down(100), down(20), down(1), down(1)], [down(30)], [], policy=policy)
    with pytest.raises(Unavailable):
        requests.run()
    assert requests.sent == [0, 0, 0, 0, 1], "20 of 150 seconds were left"


def test_only_a_reachable_server_that_gave_no_whole_answer_gets_smaller_requests() -> None:
    for error, sent in ((Unreachable("gone"), [0]), (Rejected("no"), [0]), (BadPayload("cut"), [0, 1])):
        requests = Alternatives([RetryableFailure(error, reason="it", repeat=False)], [])
        if sent == [0]:
            with pytest.raises(type(error)):
                requests.run()
        else:
            assert requests.run() == (1, "answer 1")
        assert requests.sent == sent


def test_a_call_without_a_request_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no request"):
        Alternatives().run()
