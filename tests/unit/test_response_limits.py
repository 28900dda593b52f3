"""Responses that never end, are too large, or cannot be decoded: each ends with one sentence."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
import requests
import responses

from connectors.errors import BadPayload, OutcomeUnknown, Rejected, TooSlow, Unavailable
from connectors.http.bounded_adapter import ResponseLimits
from connectors.http.retry import RetryPolicy
from tests.support.plain_client import PlainClient
from tests.unit.test_guarded_adapter import BASE, START, Client

HEAD = b"HTTP/1.1 200 OK\r\n"
QUICK = ResponseLimits(seconds=0.3, min_seconds=0.3)
SMALL = ResponseLimits(max_bytes=1 << 20)


@contextmanager
def server(
    answer: Callable[[socket.socket], None], requests_seen: list[bytes] | None = None
) -> Iterator[str]:
    """Serve every connection with ``answer``, after its request was read."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve_one(connection: socket.socket) -> None:
        with closing(connection), suppress(OSError):
            request = connection.recv(65536)
            if requests_seen is not None:
                requests_seen.append(request)
            answer(connection)

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve_one, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    with closing(listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def dripping(head: bytes, rest: bytes) -> Callable[[socket.socket], None]:
    """Send ``head``, then ``rest`` byte by byte, each sooner than any timeout between bytes."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        for byte in rest:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    return answer


def sending(body: bytes, *headers: bytes) -> Callable[[socket.socket], None]:
    head = b"".join(
        line + b"\r\n" for line in (*headers, b"Content-Length: %d" % len(body), b"Connection: close")
    )
    return lambda connection: connection.sendall(HEAD + head + b"\r\n" + body)


# ---- time

DRIPS = {
    "body": dripping(HEAD + b"Content-Length: 200\r\n\r\n", b" " * 200),
    "body without a length": dripping(HEAD + b"\r\n", b" " * 200),
    "chunks": dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 30),
    "headers": dripping(HEAD, b"X-Long: y\r\n" * 20),
    "interim responses": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 8),
    "refusal": dripping(b"HTTP/1.1 503 Down\r\n\r\n", b" " * 200),
    "redirect": dripping(b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", b" " * 200),
}


@pytest.mark.parametrize("drip", DRIPS.values(), ids=DRIPS)
def test_a_response_that_drips_ends_at_its_deadline_and_is_not_requested_again(
    drip: Callable[[socket.socket], None],
) -> None:
    seen: list[bytes] = []
    started = time.monotonic()
    with server(drip, seen) as url:
        client = Client(url, limits=QUICK)
        with pytest.raises(
            TooSlow, match=r"answer of 127\.0\.0\.1:\d+ was not complete after 0 s; try again later"
        ):
            client.get()
        with pytest.raises(TooSlow):
            client.get()
    assert time.monotonic() - started < 1.5
    assert len(seen) == 1, "the tracker gets no further request in this run"


def test_a_proxy_that_drips_its_answer_to_connect_ends_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with server(dripping(HEAD, b"X-Long: y\r\n" * 20)) as url:
        monkeypatch.setenv("HTTPS_PROXY", url)
        with pytest.raises(TooSlow):
            Client("https://tracker.example", limits=QUICK).get()


def test_a_create_whose_answer_drips_is_unknown() -> None:
    with server(DRIPS["body"]) as url, pytest.raises(OutcomeUnknown, match="may have taken effect"):
        Client(url, limits=QUICK).post()


def test_an_idempotent_write_whose_answer_drips_is_not_repeated() -> None:
    seen: list[bytes] = []
    with server(DRIPS["body"], seen) as url, pytest.raises(TooSlow):
        Client(url, limits=QUICK).post("idempotent")
    assert len(seen) == 1


def test_a_smaller_page_is_requested_after_one_that_takes_too_long() -> None:
    def answer(connection: socket.socket) -> None:
        (DRIPS["body"] if len(seen) == 1 else sending(b'{"rows": 1}'))(connection)

    seen: list[bytes] = []
    with server(answer, seen) as url:
        client = Client(url, limits=QUICK)
        response = client.client.send("POST", "search", kind="read", json=1000, fallback_bodies=[50])
    assert (response.data, response.fallback_index, len(seen)) == ({"rows": 1}, 1, 2)


def test_an_answer_has_no_more_time_than_the_run() -> None:
    with server(DRIPS["body"]) as url:
        client = PlainClient(
            requests.Session(),
            url,
            tracker="github",
            policy=RetryPolicy(deadline=START + timedelta(seconds=0.3)),
            now=lambda: START,
            sleep=lambda _: None,
            on_wait=lambda _: None,
            limits=ResponseLimits(min_seconds=0.1),
        )
        with pytest.raises(TooSlow, match="--max-duration"):
            client.get("issues")


def test_a_connection_serves_the_next_request_after_the_time_of_the_first() -> None:
    def answer(connection: socket.socket) -> None:
        for _ in range(2):
            connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n[]")
            connection.recv(65536)

    with server(answer) as url:
        client = Client(url, limits=QUICK)
        assert client.get() == []
        time.sleep(0.4)
        assert client.get() == []


# ---- size


def packed(data: bytes, wbits: int = 31) -> bytes:
    pack = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return pack.compress(data) + pack.flush()


BLANKS = bytes([32]) * (1 << 20)
BOMB = b"".join([packed(BLANKS)] * 100)
"""100 MB of blanks in 100 KB, as members of one gzip file."""
SIZES = {
    "gzip": (BOMB, b"Content-Encoding: gzip"),
    "x-gzip": (BOMB, b"Content-Encoding: x-gzip"),
    "deflate": (packed(BLANKS * 20, 15), b"Content-Encoding: deflate"),
    "raw deflate": (packed(BLANKS * 20, -15), b"Content-Encoding: deflate"),
    "gzip twice": (packed(BOMB), b"Content-Encoding: gzip, gzip"),
    "plain": (BLANKS * 2, b"X-Plain: yes"),
}


@pytest.mark.parametrize(("body", "header"), SIZES.values(), ids=SIZES)
def test_a_response_above_the_limit_is_a_bad_payload_and_not_requested_again(
    body: bytes, header: bytes
) -> None:
    seen: list[bytes] = []
    with server(sending(body, header), seen) as url, pytest.raises(BadPayload, match=r"larger than 1 MB"):
        Client(url, limits=SMALL).get()
    assert len(seen) == 1


def test_a_large_response_takes_no_more_memory_than_its_limit() -> None:
    tracemalloc.start()
    try:
        with server(sending(BOMB, b"Content-Encoding: gzip")) as url, pytest.raises(BadPayload):
            Client(url, limits=SMALL).get()
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_large_refusal_is_bounded_too() -> None:
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n" + BOMB
    with (
        server(lambda connection: connection.sendall(refusal)) as url,
        pytest.raises(BadPayload, match="1 MB"),
    ):
        Client(url, limits=SMALL).get()


def test_a_create_with_a_response_above_the_limit_is_unknown() -> None:
    with server(sending(BLANKS * 2)) as url, pytest.raises(OutcomeUnknown):
        Client(url, limits=SMALL).post()


def test_only_encodings_that_can_be_bounded_are_accepted(net: responses.RequestsMock) -> None:
    net.get(f"{BASE}/issues", json=[])
    Client().get()
    assert net.calls[0].request.headers["Accept-Encoding"] == "gzip, deflate"


# ---- broken bodies


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


BROKEN = {
    "no gzip": (b"[]", b"Content-Encoding: gzip"),
    "cut gzip": (gzip.compress(json.dumps(list(range(999))).encode())[:40], b"Content-Encoding: gzip"),
    "unknown encoding": (gzip.compress(b"[]"), b"Content-Encoding: br"),
    "too many encodings": (b"[]", b"Content-Encoding: " + b"gzip, " * 9 + b"gzip"),
    "nested too deeply": (b"[" * 200_000 + b"]" * 200_000, b"X: y"),
    "number with 5000 digits": (b"[" + b"9" * 5000 + b"]", b"X: y"),
    "NaN": (b'[{"id": NaN}]', b"X: y"),
    "Infinity": (b"[-Infinity]", b"X: y"),
    "number beyond floating point": (b"[1e999]", b"X: y"),
    "the same key twice": (b'[{"id": 1, "id": 2}]', b"X: y"),
    "not UTF-8": (b'["\xff"]', b"X: y"),
    "surrogates in UTF-8": (b'["\xed\xa0\x80"]', b"X: y"),
}


@pytest.mark.parametrize(("body", "header"), BROKEN.values(), ids=BROKEN)
def test_a_response_that_cannot_be_decoded_is_a_bad_payload(body: bytes, header: bytes) -> None:
    with server(sending(body, header)) as url, pytest.raises(BadPayload, match=r"github: GET /issues"):
        Client(url).get()


@pytest.mark.parametrize(
    "length", [b"Content-Length: 100", b"Content-Length: 100, 100", b"Content-Length: -1"]
)
def test_a_response_with_another_length_than_it_says_is_no_answer(length: bytes) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(HEAD + length + b"\r\nConnection: close\r\n\r\n[1,")

    with server(answer) as url, pytest.raises((BadPayload, Unavailable)):
        Client(url).get()


def test_a_byte_order_mark_is_no_fault() -> None:
    with server(sending(b"\xef\xbb\xbf[1]")) as url:
        assert Client(url).get() == [1]


@pytest.mark.parametrize("depth", [300, 450, 470, 900])
@pytest.mark.parametrize(("opening", "closing"), [('{"message": ', "}"), ("[", "]")])
def test_a_refusal_with_a_deeply_nested_message_is_a_refusal(
    opening: str, closing: str, depth: int, net: responses.RequestsMock
) -> None:
    net.get(
        f"{BASE}/issues", status=422, body='{"errors": ' + opening * depth + '"x"' + closing * depth + "}"
    )
    with pytest.raises(Rejected, match="refused with HTTP 422"):
        Client().get()


def test_a_large_body_without_a_type_is_not_searched_for_its_encoding(net: responses.RequestsMock) -> None:
    from connectors.github.auth import detect_rate_limit

    body: Any = "\xe4 secondary rate limit".encode("latin-1") + b"\xe4" * 2_000_000
    net.get(f"{BASE}/issues", status=403, body=body, content_type="")
    started = time.process_time()
    with pytest.raises(Exception, match="rate limit"):
        Client(detect_rate_limit=detect_rate_limit).get()
    assert time.process_time() - started < 1
