"""Requests that get no response because of proxies, certificates or the network: each message names what failed."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from connectors.errors import ConnectorError, Unavailable, Unreachable
from connectors.http import environment
from tests.support.tls import certificate_pem, tls_server
from tests.unit.test_guarded_adapter import Client
from tests.unit.test_response_limits import sending, server

TRACKER = "https://tracker.example"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in (
            "REQUESTS_CA_BUNDLE",
            "CURL_CA_BUNDLE",
            "SSLKEYLOGFILE",
        ):
            monkeypatch.delenv(name)


def error_of(url: str = TRACKER) -> ConnectorError:
    client = Client(url)
    with pytest.raises(ConnectorError) as caught:
        client.get()
    if not isinstance(caught.value, Unavailable):
        raise caught.value
    return caught.value


# ---- certificate authorities


def missing(path: Path) -> None:
    """Create nothing."""


def hashless(path: Path) -> None:
    path.mkdir()
    (path / "authority.pem").write_text(certificate_pem())


BUNDLES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (missing, "No such file"),
    "folder without hashes": (hashless, "openssl rehash"),
    "empty": (Path.touch, "the file is empty"),
    "no certificate": (lambda path: path.write_text("hello\n"), "no certificate in PEM format"),
    "broken certificate": (
        lambda path: path.write_text(certificate_pem()[:-60]),
        "no certificate in PEM format",
    ),
    "pipe": (os.mkfifo, "it is no file"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "it is no file"),
}


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize(("create", "reason"), BUNDLES.values(), ids=BUNDLES)
def test_an_unusable_file_of_authorities_is_named_with_its_variable(
    variable: str,
    create: Callable[[Path], object],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create(tmp_path / "authorities")
    monkeypatch.setenv(variable, str(tmp_path / "authorities"))
    with tls_server(tmp_path) as (port, _):
        error = error_of(f"https://localhost:{port}")
    assert isinstance(error, Unreachable)
    assert f"{variable} names '{tmp_path}/authorities', which cannot be used: " in str(error)
    assert reason in str(error)


def test_a_file_of_authorities_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "authorities").write_text(certificate_pem())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authorities"))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with tls_server(tmp_path) as (port, _):
        monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", refuse)
        error = error_of(f"https://localhost:{port}")
    assert "REQUESTS_CA_BUNDLE names" in str(error)
    assert "Permission denied" in str(error)


def test_requests_looks_at_the_same_variables_as_the_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tls_server(tmp_path) as (port, certificate):
        for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            with monkeypatch.context() as patch:
                patch.setenv(variable, str(certificate))
                assert Client(f"https://localhost:{port}").get() == []
                assert environment.ca_bundle() == str(certificate)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert "(SSL_CERT_FILE has no effect)" in str(error_of(f"https://localhost:{port}"))


def test_a_certificate_for_another_name_blames_the_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tls_server(tmp_path) as (port, certificate):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        error = error_of(f"https://127.0.0.1:{port}")
    assert "made for another name; check url of this tracker" in str(error)


def test_an_unknown_authority_names_the_file_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import certifi

    with tls_server(tmp_path) as (port, _):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
        error = error_of(f"https://localhost:{port}")
    assert f"cannot be verified by the authorities in {certifi.where()}" in str(error)


def test_a_server_without_encryption_blames_the_url() -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with server(answer) as url:
        error = error_of(url.replace("http:", "https:"))
    assert "does not answer encrypted; check url of this tracker, its port" in str(error)


def test_a_handshake_that_breaks_is_no_matter_of_certificates() -> None:
    with server(lambda _: None) as url:
        error = error_of(url.replace("http:", "https:"))
    assert "certificate" not in str(error)
    assert "connection broke" in str(error)


def test_a_key_log_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "no" / "keys"))
    with tls_server(tmp_path) as (port, _):
        error = error_of(f"https://localhost:{port}")
    assert f"'{tmp_path}/no/keys', which an environment variable such as SSLKEYLOGFILE names" in str(error)


# ---- proxies

BAD_PROXIES = (
    *("http://", "http://:3128", "http://127.0.0.1:abc", "http://127.0.0.1:99999", "ftp://127.0.0.1:9"),
    *(
        "nonsense://x",
        "http://[bad",
        " ",
        "http://a b:3",
        "http://.x:1",
        "http:/x",
        f"http://{'a' * 70}.example:1",
    ),
)


@pytest.mark.parametrize("value", BAD_PROXIES)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_an_invalid_proxy_is_named_by_its_variable(
    value: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    error = error_of()
    assert isinstance(error, Unreachable)
    assert f"{variable} is no valid address: write http://HOST:PORT" in str(error)


@pytest.mark.parametrize("value", ["socks5://127.0.0.1:9", "socks5h://robot:hidden@127.0.0.1:9"])
def test_a_socks_proxy_says_what_it_needs(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    error = error_of()
    assert "HTTPS_PROXY names a SOCKS proxy, which needs the package PySocks" in str(error)
    assert "hidden" not in str(error)


def test_an_unknown_host_of_a_proxy_does_not_blame_the_tracker(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setenv("HTTPS_PROXY", "http://robot:hidden@proxi.example:3128")
    error = error_of()
    assert "the proxy proxi.example:3128 (HTTPS_PROXY) is an unknown host; correct HTTPS_PROXY" in str(error)
    assert "increment-sync.yaml" not in str(error)
    assert "hidden" not in str(error)


def test_a_proxy_that_is_down_is_named_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{free.getsockname()[1]}")
    client = Client(TRACKER)
    with pytest.raises(Unreachable, match=r"the proxy 127\.0\.0\.1:\d+ \(HTTPS_PROXY\) gives no connection"):
        client.post("create")
    assert len(client.slept) == 3


@pytest.mark.parametrize(
    ("status", "sentence", "attempts"),
    [
        ("407 Proxy Authentication Required", "write HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT", 1),
        ("403 Forbidden", "refuses connections to tracker.example (HTTP 403); ask its administrator", 1),
        ("503 Down", "has no connection to tracker.example (HTTP 503)", 4),
    ],
)
def test_a_proxy_that_refuses_the_connection_is_named(
    status: str, sentence: str, attempts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []

    def refuse(connection: socket.socket) -> None:
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

    with server(refuse, seen) as url:
        monkeypatch.setenv("HTTPS_PROXY", url)
        error = error_of()
    assert sentence in str(error)
    assert len(seen) == attempts


def test_an_encrypted_proxy_that_cannot_be_verified_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tls_server(tmp_path) as (port, _):
        monkeypatch.setenv("HTTPS_PROXY", f"https://localhost:{port}")
        error = error_of()
    assert f"the proxy localhost:{port} (HTTPS_PROXY) accepts no encrypted connection" in str(error)


@pytest.mark.parametrize(
    "value", ["*", "127.0.0.1", "[::1, 127.0.0.1", "1.2.3.4/99,127.0.0.1", ",,\n,127.0.0.1"]
)
def test_odd_exceptions_from_the_proxy_are_harmless(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", value)
    monkeypatch.setenv("HTTP_PROXY", "http://")
    with server(sending(b"[]")) as url:
        assert Client(url).get() == []


@pytest.mark.parametrize("location", [b"http://[bad", b"\xe4\xff"])
def test_a_redirect_to_no_address_does_not_blame_the_credentials(location: bytes) -> None:
    def answer(connection: socket.socket) -> None:
        head = b"HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\n"
        connection.sendall(head + b"Location: " + location + b"\r\n\r\n")

    with (
        server(answer) as url,
        pytest.raises(ConnectorError, match="moved to an address that it does not name"),
    ):
        Client(url).get()
