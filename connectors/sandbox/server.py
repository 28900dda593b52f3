"""The front door of the embedded trackers: one HTTP server on loopback for any number of them.

::

    with Sandbox.from_seed("seed.yaml") as box:
        requests.get(box.url("github") + "/repos/acme/churn", timeout=5)
        box.trackers["github"].state.close("acme/churn", 7)
        assert box.log.count("POST") == 0

Also over HTTP: ``GET /`` says how to use it, ``GET /_sandbox/log``, ``POST /_sandbox/faults`` (see
``faults.Fault``), ``DELETE /_sandbox/faults``, ``POST /_sandbox/reset``, ``POST /_sandbox/clock`` with
``{"advance_seconds": n}``, ``GET /_sandbox/dump/<name>``.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from connectors.sandbox.core.faults import Faults
from connectors.sandbox.core.seed import SeedError, parse_time, read_seed
from connectors.sandbox.core.tracker import Clock, RequestLog, Tracker
from connectors.sandbox.core.wsgi_app import SandboxWsgiApp
from connectors.sandbox.github.tracker import GithubTracker

HOST = "127.0.0.1"


class SandboxError(Exception):
    """The sandbox cannot be started or is not started; ``str(error)`` says what to do."""


class Sandbox:
    """Trackers behind one server. Use as a context manager, or ``start`` and ``close`` it."""

    def __init__(
        self,
        seed: Mapping[str, Any],
        *,
        clock: Clock | None = None,
        port: int = 0,
        verbose: bool = False,
    ) -> None:
        """``seed``: see ``seed.py``. ``clock`` wins over the seed's ``now``; without both, real time.

        ``port`` 0 takes a free one. ``verbose`` writes a line for each request on stderr. SeedError.
        """
        self.clock = clock or _seed_clock(seed)
        self.log = RequestLog()
        self.faults = Faults()
        self.trackers: dict[str, Tracker] = {}
        for name, part in seed["trackers"].items():
            self.trackers[name] = _build_tracker(name, part["kind"], self.clock)
            self.trackers[name].load(part)
        self._closing = threading.Event()
        self.wsgi = SandboxWsgiApp(self, self._closing)
        """The WSGI app, for use without sockets."""
        self._port = port
        self._verbose = verbose
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @classmethod
    def from_seed(
        cls,
        source: Mapping[str, Any] | str | Path,
        *,
        clock: Clock | None = None,
        port: int = 0,
        verbose: bool = False,
    ) -> Sandbox:
        """A sandbox from a mapping or a YAML file. SeedError when it is broken."""
        return cls(read_seed(source), clock=clock, port=port, verbose=verbose)

    @property
    def port(self) -> int:
        """The port that it listens on. SandboxError before it is started."""
        if self._server is None:
            raise SandboxError("The sandbox has no address yet; start it first.")
        return self._server.port

    @property
    def base_url(self) -> str:
        """Where the page for people is, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    def url(self, name: str) -> str:
        """The base URL that a client of this tracker is configured with. KeyError for unknown names."""
        return f"{self.base_url}/{name}{self.trackers[name].url}"

    def start(self) -> Sandbox:
        """Listen and serve in a thread. SandboxError when the port is taken."""
        try:
            listener = socket.create_server((HOST, self._port))
        except OSError as error:
            raise SandboxError(
                f"The sandbox cannot listen on port {self._port}: it is taken or not ours to use; choose another one."
            ) from error
        with listener:
            self._server = _Server(self.wsgi, listener, self._verbose, self.clock)
        self._closing.clear()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="sandbox")
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop serving; waits for requests under way, but not for delayed answers."""
        self._closing.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server = self._thread = None

    def wait(self) -> None:
        """Serve until ``close`` is called from elsewhere or the program is interrupted."""
        while self._thread is not None and self._thread.is_alive():
            self._thread.join(0.5)

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def reset(self) -> None:
        """Everything back to the seed: state, clock, faults and log."""
        self.clock.reset()
        self.faults.clear()
        for tracker in self.trackers.values():
            tracker.reset()
        self.wsgi.page_cache.clear()
        self.log.clear()


def _seed_clock(seed: Mapping[str, Any]) -> Clock:
    real = Clock.real()
    if seed.get("now") is None:
        return real
    try:
        return Clock(parse_time(seed["now"], real.now()))
    except ValueError as error:
        raise SeedError(f"now {error}") from error


def _build_tracker(name: str, kind: str, clock: Clock) -> Tracker:
    if kind == "github":
        return GithubTracker(name, "github", clock)
    from connectors.sandbox.jira.tracker import JiraTracker  # a box of GitHub trackers alone needs none of it

    return JiraTracker(name, "jira-dc" if kind == "jira-dc" else "jira-cloud", clock)


class _Server(ThreadedWSGIServer):
    # Waited for when closing, so that no socket outlives the server.
    daemon_threads = False

    def __init__(self, app: Callable[..., Any], listener: socket.socket, verbose: bool, clock: Clock) -> None:
        self.verbose = verbose
        self.clock = clock
        # The socket comes bound: Werkzeug itself would print and exit when a port is taken.
        super().__init__(HOST, listener.getsockname()[1], app, _Handler, fd=listener.fileno())


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    server: _Server

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002
        if self.server.verbose:
            sys.stderr.write(f"{self.command} {self.path} -> {code}\n")

    def send_response(self, code: int, message: str | None = None) -> None:
        # The app sends Server and Date: the date has to come from the sandbox's clock.
        self.log_request(code)
        self.send_response_only(code, message)

    def connection_dropped(
        self,
        error: BaseException,  # noqa: ARG002
        environ: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> None:
        # Without it the handler would read the next request from a socket that is closed.
        self.close_connection = True
