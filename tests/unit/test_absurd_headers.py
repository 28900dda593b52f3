"""Absurd values in the headers of responses: bounded, and never blamed on somebody else."""

from __future__ import annotations

import gc
import socket
import warnings
from datetime import UTC, datetime, timedelta

import pytest
import responses
from requests.structures import CaseInsensitiveDict

from connectors.errors import BadPayload, ConnectorError, OutcomeUnknown, RateLimitExceeded, Unavailable
from connectors.http.retry import RequestKind, parse_http_date, server_wait_seconds
from connectors.http.usage import RequestStats
from connectors.model import PulledSource
from tests.unit.test_github_defects import REPO, SOURCE, GithubConnection, raw_issue
from tests.unit.test_guarded_adapter import BASE, Client
from tests.unit.test_response_limits import HEAD, server

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
YEAR = timedelta(days=366)
ABSURD_WAITS = (
    *("900000000000", "1e300", "-900000000000", "nan", "inf", "soon", "253402300800", "9" * 5000),
    *("Mon, 31 Dec 9999 23:59:59 -0800", "Mon, 01 Jan 0001 00:00:00 +1459", "9999-12-31T23:59:59-08:00"),
    *("Thu, 99 Foo 9999999999 99:99:99 GMT", "Sat, 31 Dec 2026 23:59:60 GMT", ";", " ", "²"),
)


@pytest.mark.parametrize("value", ABSURD_WAITS)
@pytest.mark.parametrize("name", ["Retry-After", "X-RateLimit-Reset", "Date"])
def test_a_wait_is_bounded_whatever_the_headers_say(name: str, value: str) -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795165200", name: value}
    seconds = server_wait_seconds(CaseInsensitiveDict(headers), NOW)
    assert seconds is None or 0 <= seconds <= YEAR.total_seconds()
    date = parse_http_date(value)
    assert date is None or 1900 <= date.year < 2200


@pytest.mark.parametrize("value", ABSURD_WAITS)
def test_a_refusal_with_an_absurd_wait_ends_with_a_sentence(value: str) -> None:
    client = Client()
    with responses.RequestsMock() as net:
        net.get(f"{BASE}/issues", status=429, headers={"Retry-After": value})
        with pytest.raises(RateLimitExceeded, match="used up until 20") as caught:
            client.get()
    assert caught.value.until is not None and caught.value.until <= client.time + YEAR
    assert sum(client.slept) < 300


def test_a_used_up_limit_with_an_absurd_reset_leaves_the_answer_usable() -> None:
    client = Client()
    with responses.RequestsMock() as net:
        reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999"}
        net.get(f"{BASE}/issues", json=[1], headers=reset)
        assert client.get() == [1]


def test_rate_limits_that_are_no_numbers_are_not_reported() -> None:
    stats = RequestStats()
    for value in ("9" * 5000, "²", "many", "-1"):
        stats.record_response(
            "t", CaseInsensitiveDict({"X-RateLimit-Limit": value, "X-RateLimit-Remaining": "1"})
        )
    assert stats.rate_limits() == {}


@pytest.mark.parametrize(("kind", "expected"), [("read", BadPayload), ("create", OutcomeUnknown)])
def test_several_lengths_are_no_matter_of_the_credentials(
    kind: RequestKind, expected: type[Exception]
) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"Connection: close\r\nContent-Length: 5, 8\r\n\r\n{}")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the library leaves the socket to the collector
        with server(answer) as url, pytest.raises(expected, match="names several lengths"):
            Client(url).get() if kind == "read" else Client(url).post()
        gc.collect()


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 9999 X\r\n",
        b"HTTP/1.1 OK\r\n",
        b"hello\r\n",
        HEAD + b"Content-Length: 30\r\n",
        HEAD + b"Content-Length: 99999999999999999999999\r\n",
        HEAD + b"X: " + b"a" * 70_000 + b"\r\n",
        HEAD + b"X: y\r\n" * 300,
        HEAD + b"Transfer-Encoding: chunked\r\n",
    ],
)
def test_a_broken_response_is_unavailable(head: bytes) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(head + b"Connection: close\r\n\r\n" + b'{"a": 1}')

    with server(answer) as url, pytest.raises(Unavailable):
        Client(url).get()


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Length: abc",
        b"Content-Length: -5",
        b"Content-Length: " + b"9" * 5000,
        b"Set-Cookie: a=b; expires=Mon, 99 Foo 99999999 99:99:99 GMT; max-age=999999999999999999999",
        b'ETag: W/"\xe9\xff"',
        b"no colon",
    ],
)
def test_a_whole_answer_is_used_in_spite_of_an_odd_header(header: bytes) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"Connection: close\r\n" + header + b'\r\n\r\n{"a": 1}')

    with server(answer) as url:
        assert Client(url).get() == {"a": 1}


@pytest.mark.parametrize("etag", ['W/"\x07"', '"é"', "x" * 5000, " ", 'a"\r\nX: y', ""])
def test_an_etag_that_cannot_be_sent_back_is_not_stored(etag: str) -> None:
    connection = GithubConnection()
    with responses.RequestsMock() as net:
        net.get(f"{REPO}", json={"id": 1})
        net.get(f"{REPO}/issues", json=[raw_issue()], headers={"ETag": etag})
        answer = connection.pull()
    assert isinstance(answer, PulledSource)
    assert answer.source == SOURCE and answer.cursor.etag is None


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ("<https://other.example/page>; rel=next", "not part of"),
        ("<http://[bad>; rel=next", "not part of"),
        (f"<{REPO}/issues>; rel=next", "same page of issues twice"),
        ("<>; rel=next", "nowhere"),
    ],
)
def test_pages_that_lead_nowhere_fail_the_source(link: str, reason: str) -> None:
    connection = GithubConnection()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as net:
        net.get(f"{REPO}", json={"id": 1})
        net.get(f"{REPO}/issues", json=[raw_issue()], headers={"Link": link})
        answer = connection.pull()
    assert not isinstance(answer, PulledSource | ConnectorError)
    assert reason in answer.reason
