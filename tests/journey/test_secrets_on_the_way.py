"""Secrets of no tracker: the URL of a health check and the password of a proxy.

Neither is revealed, whatever the servers in between respond and however they fail.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from sync.runtime.logging import bound_logger
from tests.support.journey_world import TOKENS, JourneyWorld
from tests.support.leaks import (
    assert_no_file_holds,
    assert_none_of,
    call,
    everything_loud,
    forms,
    leaks,
    real_command_line,
)

PROXY_USER = "mandy"
PROXY_PASSWORD = "pr%2Fx'y\"+{}é:w\\ord"
PING_PATH = "pi'ng+é(uu)-id/slug%20x"
LEAKS = leaks(
    {
        PROXY_PASSWORD: PROXY_USER,
        PING_PATH: "",
        TOKENS["JIRA_API_TOKEN"]: TOKENS["JIRA_EMAIL"],
        TOKENS["GH_TOKEN"]: "",
    }
)
LEAKS |= {f"segment {n} of the ping": part for n, part in enumerate(quote(PING_PATH, safe="%/").split("/"))}
NOBODY = "http://127.0.0.1:9"
CLEAR_SCREEN = "\x1b[2J\x9b31m"


@dataclass(kw_only=True)
class Repeater:
    """Proxy, health check and Pushgateway in one, who says back whatever it is told."""

    url: str = ""
    status: int = 200
    asked: list[str] = field(default_factory=list)
    signed: list[str] = field(default_factory=list)
    """Authorization headers: nobody here is owed one."""
    silent: bool = False
    ended: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def repeater() -> Iterator[Repeater]:
    repeater = Repeater()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            repeater.asked.append(f"{self.command} {self.path}")
            repeater.signed += self.headers.get_all("Authorization", [])
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if repeater.silent:
                repeater.ended.wait(5)
                return
            sent = [value for name, value in self.headers.items() if "auth" in name.lower()]
            pinged = "uu" in self.path  # a tracker hears nothing of it
            known = {**forms(PROXY_PASSWORD, PROXY_USER), **(forms(PING_PATH, "") if pinged else {})}
            message = " ".join([*sent, *known.values()])
            self.send_response(repeater.status, f"{self.path} {message} {CLEAR_SCREEN}")
            body = json.dumps({"message": message, "errorMessages": [message]}).encode()
            self.send_header("Location", f"{repeater.url}/{quote(PROXY_PASSWORD, safe='')}/{self.path}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_CONNECT = do_GET  # noqa: N815 - the names that the library asks for

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002
            """Tests read what was told, not a log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    repeater.url = f"http://127.0.0.1:{server.server_port}"
    yield repeater
    repeater.ended.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def noisy() -> Iterator[io.StringIO]:
    with everything_loud() as message:
        yield message


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def told(
    stack: ExitStack, root: Path, environment: dict[str, str], gateway: str = NOBODY
) -> tuple[JourneyWorld, str]:
    """A world and all that its commands say."""
    settings = f"metrics: {{textfile: run.prom, pushgateway: '{gateway}'}}\n"
    world = JourneyWorld(
        root / "workspace", settings=settings, jira=1, github=1, environment={**TOKENS, **environment}
    )
    stack.enter_context(world)
    stack.enter_context(real_command_line(world))
    return world, "".join(call(world, "debug", command) for command in ("run", "doctor"))


def through(url: str) -> dict[str, str]:
    """The environment of somebody behind a proxy."""
    proxy = url.replace("://", f"://{PROXY_USER}:{quote(PROXY_PASSWORD, safe='')}@")
    return {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "http_proxy": proxy, "https_proxy": proxy}


def assert_nothing_shows(world: JourneyWorld, said: str, noisy: io.StringIO) -> None:
    assert_none_of(LEAKS, said, "said")
    assert not [char for char in said if not char.isprintable() and char != "\n"]
    assert_none_of(LEAKS, noisy.getvalue(), "debug output of the libraries")
    assert_no_file_holds(LEAKS, world.root)


@pytest.mark.parametrize("how", [200, 307, "silent", "away"])
def test_monitoring_services_cannot_echo_secrets_into_our_messages(
    stack: ExitStack,
    tmp_path: Path,
    repeater: Repeater,
    noisy: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    how: int | str,
) -> None:
    for module in ("run_telemetry", "metrics.exporters"):
        monkeypatch.setattr(f"sync.cli.{module}._SECONDS", 0.05)
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ada password of-another-service")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    repeater.status, repeater.silent = how if isinstance(how, int) else 200, how == "silent"
    url = NOBODY if how == "away" else repeater.url
    world, message = told(stack, tmp_path, {"INCREMENT_SYNC_PING_URL": f"{url}/{PING_PATH}"}, gateway=url)

    assert len(repeater.asked) == (0 if how == "away" else 3), (
        "two pings and one push, and no redirect followed"
    )
    assert not repeater.signed
    assert message.count("note: the health check ") == (0 if how == 200 else 2)
    assert message.count("cannot be pushed to metrics.pushgateway") == (0 if how == 200 else 1)
    assert_nothing_shows(world, message, noisy)


@pytest.mark.parametrize("how", [302, 403, 502, "away", "malformed"])
def test_proxies_cannot_echo_secrets_into_our_messages(
    stack: ExitStack, tmp_path: Path, repeater: Repeater, noisy: io.StringIO, how: int | str
) -> None:
    repeater.status = how if isinstance(how, int) else 200
    url = {"away": NOBODY, "malformed": "http://[proxy"}.get(str(how), repeater.url)
    environment = {**through(url), "INCREMENT_SYNC_PING_URL": f"http://ping.example/{PING_PATH}"}
    world, message = told(stack, tmp_path, environment, gateway="http://gateway.example")

    asked = [line for line in repeater.asked if "/rest/" in line]
    assert bool(asked) == isinstance(how, int), "the trackers were asked through the proxy"
    assert "not read: jira:DS: jira: " in message
    assert ("HTTP_PROXY is no valid address" in message) == (how == "malformed")
    assert_nothing_shows(world, message, noisy)


@pytest.mark.parametrize("error", [RuntimeError, requests.exceptions.ProxyError, LookupError])
def test_no_crash_reveals_them(
    stack: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def burst(*_: object, **__: object) -> None:
        local = " ".join(LEAKS.values())
        failure = error(local + CLEAR_SCREEN)
        failure.add_note(local)
        bound_logger().error("odd", why=failure, beside=[local])
        raise failure

    monkeypatch.setattr("sync.pipeline.run.determine_redaction_policy", burst)
    monkeypatch.setattr("sync.cli.run_telemetry.run_end_metrics", burst)
    environment = {**through(NOBODY), "INCREMENT_SYNC_PING_URL": f"{NOBODY}/{PING_PATH}"}
    world, message = told(stack, tmp_path, environment)
    assert "increment-sync: " in message
    assert message.count('"event": "odd"') == 2
    assert "note: the metrics cannot be made: " in message
    assert_nothing_shows(world, message, io.StringIO())
    if error is RuntimeError:
        saved = Path(message.partition("details are in ")[2].splitlines()[0])
        assert "RuntimeError" in saved.read_text()
        assert_none_of(LEAKS, saved.read_text(), "traceback")
        saved.unlink()


def test_crash_on_a_full_disk_reveals_no_secret(
    stack: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burst(*_: object, **__: object) -> None:
        raise RuntimeError(" ".join(LEAKS.values()))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sync.pipeline.run.determine_redaction_policy", burst)
    monkeypatch.setattr("tempfile.NamedTemporaryFile", full)
    world, message = told(stack, tmp_path, through(NOBODY))
    assert "this is a bug in increment-sync: RuntimeError" in message
    assert "No space left on device" in message
    assert_nothing_shows(world, message, io.StringIO())
