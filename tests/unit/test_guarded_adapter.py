"""Results of every kind of response, and of missing responses."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from connectors.errors import (
    AuthFailed,
    BadPayload,
    ConnectorError,
    Gone,
    NotConfirmed,
    OutcomeUnknown,
    RateLimitExceeded,
    Rejected,
    SourceMissing,
    Unavailable,
    WriteRedirected,
)
from connectors.http.rate_limiter import RateLimiter, WriteLimits
from connectors.http.response_errors import ReadRedirected
from connectors.http.retry import RequestKind, RetryPolicy, Wait
from tests.support.plain_client import PlainClient

BASE = "https://tracker.example/api/v3"
SECRET = "ghp_do_not_tell"
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class Client:
    """Client with a clock that only sleeping advances."""

    def __init__(self, base: str = BASE, session: requests.Session | None = None, **options: Any) -> None:
        self.time = START
        self.slept: list[float] = []
        self.waits: list[Wait] = []
        if session is None:
            session = requests.Session()
            session.headers["Authorization"] = f"Bearer {SECRET}"
        self.client = PlainClient(
            session,
            base,
            tracker="github",
            policy=RetryPolicy(random=lambda: 0.5),
            now=lambda: self.time,
            sleep=self.sleep,
            on_wait=self.waits.append,
            **options,
        )

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)

    def get(self, path: str = "issues", **more: Any) -> Any:
        return self.client.send("GET", path, kind="read", **more).data

    def post(self, kind: RequestKind = "create", expects: int | None = None) -> Any:
        expects = expects or (201 if kind == "create" else 200)
        return self.client.send("POST", "comments", kind=kind, expects=expects, json={"body": "text"}).data


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def client() -> Client:
    return Client()


def calls(net: responses.RequestsMock) -> int:
    return len(net.calls)


# ---- statuses


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Rejected),
        (401, AuthFailed),
        (403, Rejected),
        (404, Gone),
        (409, Rejected),
        (410, Gone),
        (413, Rejected),
        (422, Rejected),
        (451, Rejected),
        (501, Unavailable),
    ],
)
@pytest.mark.parametrize("kind", ["read", "idempotent", "create"])
def test_a_4xx_is_final_and_raises_the_error_of_its_status(
    net: responses.RequestsMock, client: Client, status: int, error: type[ConnectorError], kind: RequestKind
) -> None:
    net.post(f"{BASE}/comments", status=status, json={"message": "No way"})
    with pytest.raises(error):
        client.post(kind)
    assert calls(net) == 1
    assert client.slept == []


def test_an_error_quotes_the_trackers_message_in_short(net: responses.RequestsMock, client: Client) -> None:
    answer = {"message": "Validation\nFailed", "errors": [{"field": "name", "code": "invalid"}, "x" * 900]}
    net.post(f"{BASE}/comments", status=422, json=answer)
    with pytest.raises(Rejected, match='"Validation Failed; name invalid; xxx') as refused:
        client.post()
    assert len(str(refused.value)) < 350


def test_error_messages_in_jiras_format_are_quoted(net: responses.RequestsMock, client: Client) -> None:
    answer = {"errorMessages": ["Issue is archived."], "errors": {"labels": "cannot be set"}}
    net.post(f"{BASE}/comments", status=400, json=answer)
    with pytest.raises(Rejected, match=r"Issue is archived\.; labels: cannot be set"):
        client.post()


def test_a_missing_permission_is_named(net: responses.RequestsMock, client: Client) -> None:
    needed = {"X-Accepted-GitHub-Permissions": "issues=write"}
    net.post(f"{BASE}/comments", status=403, json={"message": "Not accessible"}, headers=needed)
    with pytest.raises(Rejected, match="the token needs issues=write"):
        client.post()


def test_a_vendors_classifier_replaces_the_general_error(net: responses.RequestsMock) -> None:
    net.get(f"{BASE}/issues", status=410, json={"message": "removed"})
    client = Client(
        classify_error=lambda where, status, headers, data: Rejected(f"{status} {data['message']}")
    )
    with pytest.raises(Rejected, match="410 removed"):
        client.get()


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("kind", ["read", "idempotent"])
def test_a_temporary_server_error_is_retried(
    net: responses.RequestsMock, client: Client, status: int, kind: RequestKind
) -> None:
    net.post(f"{BASE}/comments", status=status)
    net.post(f"{BASE}/comments", json={"id": 1})
    assert client.post(kind) == {"id": 1}
    assert client.slept == [1.0]
    assert client.waits[0].reason == f"an answer (HTTP {status})"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_create_is_never_repeated_after_a_server_error(
    net: responses.RequestsMock, client: Client, status: int
) -> None:
    net.post(f"{BASE}/comments", status=status, headers={"Retry-After": "1"})
    with pytest.raises(OutcomeUnknown):
        client.post()
    assert calls(net) == 1


def test_a_server_that_stays_down_is_unavailable_after_four_attempts(
    net: responses.RequestsMock, client: Client
) -> None:
    net.get(f"{BASE}/issues", status=502)
    with pytest.raises(Unavailable, match="502"):
        client.get()
    assert calls(net) == 4


# ---- rate limits


@pytest.mark.parametrize("status", [301, 401, 403, 404, 410, 422])
@pytest.mark.parametrize("first", [{"status": 502}, {"status": 200, "body": '[{"name": "capab'}])
def test_a_rejection_after_a_lost_response_is_marked_as_ambiguous(
    net: responses.RequestsMock, client: Client, first: dict[str, Any], status: int
) -> None:
    net.post(f"{BASE}/comments", **first)
    net.post(f"{BASE}/comments", status=status, json={"message": "no"})
    with pytest.raises(ConnectorError) as refused:
        client.post("idempotent")
    assert refused.value.follows_ambiguous_write


@pytest.mark.parametrize("before", [[], [{"status": 429, "json": {}}]])
def test_a_rejection_without_a_lost_response_is_not_ambiguous(
    net: responses.RequestsMock, client: Client, before: list[dict[str, Any]]
) -> None:
    for answer in before:
        net.post(f"{BASE}/comments", **answer)
    net.post(f"{BASE}/comments", status=403, json={"message": "no"})
    with pytest.raises(Rejected) as refused:
        client.post("idempotent")
    assert not refused.value.follows_ambiguous_write


def test_a_bare_429_is_a_rate_limit_even_for_a_create(net: responses.RequestsMock, client: Client) -> None:
    net.post(f"{BASE}/comments", status=429)
    net.post(f"{BASE}/comments", status=201, json={"id": 1})
    assert client.post() == {"id": 1}
    assert len(client.slept) == 1


def test_retry_after_as_a_date_is_kept_to_the_second(net: responses.RequestsMock, client: Client) -> None:
    refusal = {"Date": "Fri, 20 Nov 2026 12:00:00 GMT", "Retry-After": "Fri, 20 Nov 2026 12:00:43 GMT"}
    net.get(f"{BASE}/issues", status=429, headers=refusal)
    net.get(f"{BASE}/issues", json=[])
    assert client.get() == []
    assert client.slept == [43]


def test_a_rate_limit_of_half_an_hour_stops_the_tracker_at_once(
    net: responses.RequestsMock, client: Client
) -> None:
    net.get(f"{BASE}/issues", status=429, headers={"Retry-After": "1800"})
    with pytest.raises(RateLimitExceeded) as stopped:
        client.get()
    assert stopped.value.until == START + timedelta(seconds=1800)
    assert client.slept == []


# ---- redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirected_read_raises_an_error_with_the_location(
    net: responses.RequestsMock, client: Client, status: int
) -> None:
    net.get(f"{BASE}/issues", status=status, headers={"Location": f"{BASE}/repositories/7/issues?state=all"})
    with pytest.raises(
        ReadRedirected, match=r"moved to https://tracker\.example/api/v3/repositories/7/issues"
    ) as moved:
        client.get()
    assert isinstance(moved.value, SourceMissing)
    assert moved.value.location.endswith("/repositories/7/issues?state=all")
    assert calls(net) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("kind", ["idempotent", "create"])
def test_a_redirected_write_is_never_a_success(
    net: responses.RequestsMock, client: Client, status: int, kind: RequestKind
) -> None:
    net.post(f"{BASE}/comments", status=status, json={}, headers={"Location": f"{BASE}/other"})
    with pytest.raises(
        WriteRedirected, match=r"redirected to https://tracker\.example/api/v3/other .HTTP 30"
    ):
        client.post(kind)
    assert calls(net) == 1


def test_credentials_never_travel_to_another_host(net: responses.RequestsMock, client: Client) -> None:
    net.get(f"{BASE}/issues", status=302, headers={"Location": "https://evil.example/issues"})
    net.get("https://evil.example/issues", json=[])
    with pytest.raises(ReadRedirected):
        client.get()
    for url in (
        "https://evil.example/issues",
        "http://tracker.example/api/v3/issues",
        "https://tracker.example:8443/api/v3/issues",
        "https://tracker.example/other/issues",
        "https://tracker.example/api/v3/../../admin",
        "https://tracker.example/api/v33/issues",
        "https://tracker.example/api/v3/%2e%2e/%2E%2e/admin",
        "https://tracker.example/api/v3/..%2f..%5cadmin",
        "https://tracker.example@evil.example/api/v3/issues",
    ):
        with pytest.raises(BadPayload):
            client.get(url)
    assert [call.request.url for call in net.calls] == [f"{BASE}/issues"]


def test_a_304_is_an_answer_to_a_read(net: responses.RequestsMock, client: Client) -> None:
    net.get(f"{BASE}/issues", status=304)
    response = client.client.send("GET", "issues", kind="read", headers={"If-None-Match": '"x"'})
    assert (response.status, response.data) == (304, None)


# ---- broken responses


@pytest.mark.parametrize("body", ['[{"id": 1', "<html>Log in</html>", "", b"\xff\xfe"])
def test_a_read_without_complete_json_is_retried(
    net: responses.RequestsMock, client: Client, body: str | bytes
) -> None:
    net.get(f"{BASE}/issues", body=body)
    net.get(f"{BASE}/issues", json=[{"id": 1}])
    assert client.get() == [{"id": 1}]


def test_proxy_pages_instead_of_json_are_a_bad_payload(net: responses.RequestsMock, client: Client) -> None:
    net.get(f"{BASE}/issues", body="<html>Log in</html>")
    with pytest.raises(BadPayload, match="check url"):
        client.get()
    assert calls(net) == 4


def test_a_create_with_an_unreadable_response_is_unknown(net: responses.RequestsMock, client: Client) -> None:
    net.post(f"{BASE}/comments", status=201, body='{"id":')
    with pytest.raises(OutcomeUnknown):
        client.post()
    assert calls(net) == 1


def test_a_write_may_have_an_empty_response(net: responses.RequestsMock, client: Client) -> None:
    net.post(f"{BASE}/comments", status=204)
    assert client.post("idempotent", expects=204) is None


# ---- statuses that the tracker does not document


@pytest.mark.parametrize("status", [102, 200, 202, 206, 207, 304, 305])
def test_only_the_documented_success_of_a_write_counts(
    net: responses.RequestsMock, client: Client, status: int
) -> None:
    net.post(f"{BASE}/comments", status=status)
    with pytest.raises(OutcomeUnknown, match=f"answered HTTP {status}, and the tracker documents 201"):
        client.post()
    assert calls(net) == 1
    with pytest.raises(NotConfirmed, match="the next run checks"):
        client.post("idempotent", expects=204)
    net.post(f"{BASE}/comments", status=204)
    assert client.post("idempotent", expects=204) is None, "the write was repeated"


@pytest.mark.parametrize("status", [408, 444, 499, 520, 524])
def test_an_error_that_a_proxy_invents_proves_nothing_about_a_write(
    net: responses.RequestsMock, client: Client, status: int
) -> None:
    net.post(f"{BASE}/comments", status=status)
    with pytest.raises(OutcomeUnknown, match="may have taken effect"):
        client.post()
    net.post(f"{BASE}/comments", status=status)
    net.post(f"{BASE}/comments", status=403)
    with pytest.raises(Rejected) as refused:
        client.post("idempotent")
    assert refused.value.follows_ambiguous_write


@pytest.mark.parametrize("status", [202, 203, 206])
def test_a_part_of_an_answer_is_not_believed(
    net: responses.RequestsMock, client: Client, status: int
) -> None:
    net.get(f"{BASE}/issues", status=status, json=[{"id": 1}])
    with pytest.raises(BadPayload, match=f"HTTP {status}"):
        client.get()


# ---- no response


@contextmanager
def server(*behaviours: str) -> Iterator[str]:
    """Serve connections in turn: ``cut`` reads and hangs up, ``short`` sends half, ``silent`` waits."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()
    served: list[str] = []

    def serve() -> None:
        for behaviour in behaviours:
            connection, _ = listener.accept()
            with closing(connection):
                connection.recv(65536)
                served.append(behaviour)
                if behaviour == "silent":
                    done.wait(0.45)
                elif behaviour == "short":
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,2")
                elif behaviour == "fine":
                    connection.sendall(
                        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n[1,2]"
                    )

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        done.set()
        thread.join()
        listener.close()
    assert tuple(served) == behaviours


@pytest.mark.parametrize("failure", ["cut", "short", "silent"])
def test_a_lost_response_to_a_read_is_retried(failure: str) -> None:
    with server(failure, "fine") as url:
        client = Client(url, timeout=(1.0, 0.3))
        assert client.get() == [1, 2]
    assert len(client.slept) == 1


@pytest.mark.parametrize("failure", ["cut", "short", "silent"])
def test_a_lost_response_to_a_create_is_unknown_and_not_retried(failure: str) -> None:
    with server(failure) as url, pytest.raises(OutcomeUnknown, match="may have taken effect"):
        Client(url, timeout=(1.0, 0.3)).post()


@pytest.mark.parametrize("kind", ["read", "idempotent", "create"])
def test_a_refused_connection_is_retried_even_for_a_create(kind: RequestKind) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    client = Client(url)
    with pytest.raises(Unavailable, match=r"no connection to 127\.0\.0\.1"):
        client.post(kind)
    assert len(client.slept) == 3


def test_an_unknown_host_fails_at_once_with_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    client = Client("https://githbu.example")
    with pytest.raises(Unavailable, match=r"unknown host githbu\.example: check url of this tracker"):
        client.post()
    assert client.slept == []


def test_a_resolver_failure_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", down)
    client = Client("https://tracker.example")
    with pytest.raises(Unavailable, match="no connection to"):
        client.get()
    assert len(client.slept) == 3


def test_a_certificate_that_cannot_be_verified_is_final(net: responses.RequestsMock, client: Client) -> None:
    net.get(f"{BASE}/issues", body=requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"))
    with pytest.raises(Unavailable, match=r"certificate of tracker\.example"):
        client.get()
    assert calls(net) == 1


# ---- secrets


def test_a_token_with_a_line_break_is_rejected_without_being_shown() -> None:
    client = Client()
    client.client.session.headers["Authorization"] = f"Bearer {SECRET}\nX: y"
    with pytest.raises(AuthFailed) as refused:
        client.get()
    assert SECRET not in repr(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("token", ["ghp_“quoted”", "ghp_\ud800"])
def test_a_token_with_invalid_header_characters_is_rejected(token: str) -> None:
    client = Client("http://127.0.0.1:9")
    client.client.session.headers["Authorization"] = f"Bearer {token}"
    with pytest.raises(AuthFailed) as refused:
        client.get()
    assert "ghp_" not in str(refused.value)


def test_queries_and_headers_stay_out_of_messages(net: responses.RequestsMock, client: Client) -> None:
    net.get(f"{BASE}/issues", status=502)
    with pytest.raises(Unavailable) as down:
        client.get(params={"jql": "project = SECRET"})
    assert "SECRET" not in str(down.value)
    assert SECRET not in str(down.value)


def test_cookies_are_not_stored(net: responses.RequestsMock, client: Client) -> None:
    net.get(f"{BASE}/issues", json=[], headers={"Set-Cookie": "session=abc; Path=/"})
    client.get()
    client.get()
    assert "Cookie" not in net.calls[1].request.headers


# ---- spacing of writes


def test_writes_are_spaced_and_reads_do_not_wait(net: responses.RequestsMock) -> None:
    net.post(f"{BASE}/comments", status=201, json={"id": 1})
    net.get(f"{BASE}/issues", json=[])
    client = Client(rate_limiter=RateLimiter(WriteLimits(spacing=1.0), tracker="github"))
    client.post()
    client.get()
    client.time += timedelta(seconds=0.25)
    client.post()
    client.time += timedelta(seconds=5)
    client.post()
    assert client.slept == [0.75]


# ---- encryption


@pytest.mark.parametrize(
    "url", ["http://tracker.example", "http://10.0.0.7:8080/jira", "http://127.0.0.1.nip.io"]
)
def test_nothing_is_sent_unencrypted(url: str) -> None:
    with pytest.raises(AuthFailed, match="not encrypted"):
        Client(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8099/github", "http://[::1]:1", "http://localhost:1"])
def test_requests_to_this_machine_may_be_unencrypted(url: str) -> None:
    assert Client(url).client.base_url == url


def test_certificates_are_verified_and_netrc_is_ignored(
    net: responses.RequestsMock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine tracker.example login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("CURL_CA_BUNDLE", "")
    authority = tmp_path / "authority.pem"
    authority.write_text("-----BEGIN CERTIFICATE-----")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    careless = requests.Session()
    careless.verify, careless.auth = False, None
    net.get(f"{BASE}/issues", json=[])

    Client(session=careless).get()

    assert careless.verify is True
    sent = net.calls[0].request
    assert "Authorization" not in sent.headers
    assert sent.req_kwargs["verify"] == str(authority)
