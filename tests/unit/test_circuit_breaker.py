"""Circuit breaker: no requests to a tracker that is down, and no effect of a single failed request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.errors import (
    AuthFailed,
    ConnectorError,
    Gone,
    RateLimitExceeded,
    Unavailable,
    Unreachable,
    WriteDeferred,
)
from connectors.http.circuit_breaker import CircuitBreaker

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


def stopped(circuit: CircuitBreaker) -> bool:
    try:
        circuit.raise_if_open()
    except ConnectorError:
        return True
    return False


def test_an_unreachable_tracker_is_down_at_once() -> None:
    circuit = CircuitBreaker(lambda: NOW)
    circuit.record_failure(Unreachable("no connection"))
    with pytest.raises(Unavailable, match="no connection"):
        circuit.raise_if_open()


def test_two_failed_requests_in_a_row_open_the_breaker() -> None:
    circuit = CircuitBreaker(lambda: NOW)
    circuit.record_failure(Unavailable("502"))
    circuit.record_success()
    circuit.record_failure(Unavailable("502"))
    assert not stopped(circuit)
    circuit.record_failure(Unavailable("502"))
    assert stopped(circuit)


def test_errors_about_issues_and_deferred_writes_do_not_open_the_breaker() -> None:
    circuit = CircuitBreaker(lambda: NOW)
    for error in (Gone("no"), AuthFailed("who?"), WriteDeferred("later", NOW + timedelta(hours=1))):
        circuit.record_failure(error)
    assert not stopped(circuit)


def test_the_breaker_closes_when_the_rate_limit_ends() -> None:
    now = [NOW]
    circuit = CircuitBreaker(lambda: now[0])
    circuit.record_failure(RateLimitExceeded("used up", NOW + timedelta(minutes=5)))
    assert stopped(circuit)
    now[0] += timedelta(minutes=5)
    assert not stopped(circuit)
