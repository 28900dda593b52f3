"""HTTP server of the sandbox on loopback, for any number of trackers.

::

    with Sandbox.from_seed("seed.yaml") as sandbox:
        requests.get(sandbox.url("github") + "/repos/acme/churn", timeout=5)
        sandbox.trackers["github"].state.close("acme/churn", 7)
        assert sandbox.log.count("POST") == 0

Admin paths: ``GET /`` lists them, ``GET /_sandbox/log``, ``POST /_sandbox/faults`` (see
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
    """The sandbox is not started or cannot be started; ``str(error)`` says what to do."""


class Sandbox:
    """Trackers behind one server. A context manager; or call ``start`` and ``close``."""

    def __init__(
        self,
        seed: Mapping[str, Any],
        *,
        clock: Clock | None = None,
        port: int = 0,
        verbose: bool = False,
    ) -> None:
        """Build the trackers of a seed (``core/seed.py``). SeedError.

        ``clock`` has precedence over the seed's ``now``; without both, real time. ``port`` 0 takes a free one.
        ``verbose`` writes a line for each request on stderr.
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
        """Return a sandbox from a mapping or a YAML file. SeedError for an invalid seed."""
        return cls(read_seed(source), clock=clock, port=port, verbose=verbose)

    @property
    def port(self) -> int:
        """The port of the server. SandboxError before ``start``."""
        if self._server is None:
            raise SandboxError("The sandbox has no address yet; start it first.")
        return self._server.port

    @property
    def base_url(self) -> str:
        """URL of the index page, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    def url(self, name: str) -> str:
        """Return the base URL of a tracker for a client's settings. KeyError for unknown names."""
        return f"{self.base_url}/{name}{self.trackers[name].url}"

    def start(self) -> Sandbox:
        """Listen and serve in a thread. SandboxError if the port is taken."""
        try:
            listener = socket.create_server((HOST, self._port))
        except OSError as error:
            raise SandboxError(
                f"The sandbox cannot listen on port {self._port}: it is taken or reserved; choose another one."
            ) from error
        with listener:
            self._server = _Server(self.wsgi, listener, self._verbose, self.clock)
        self._closing.clear()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="sandbox")
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop serving; waits for requests in progress, but not for delayed responses."""
        self._closing.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server = self._thread = None

    def wait(self) -> None:
        """Block until another thread calls ``close`` or the program is interrupted."""
        while self._thread is not None and self._thread.is_alive():
            self._thread.join(0.5)

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def reset(self) -> None:
        """Restore state, clock, faults and log to those of the seed."""
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
    from connectors.sandbox.jira.tracker import JiraTracker  # not needed for GitHub trackers alone

    return JiraTracker(name, "jira-dc" if kind == "jira-dc" else "jira-cloud", clock)


class _Server(ThreadedWSGIServer):
    # Threads are joined on close, so that no socket outlives the server.
    daemon_threads = False

    def __init__(self, app: Callable[..., Any], listener: socket.socket, verbose: bool, clock: Clock) -> None:
        self.verbose = verbose
        self.clock = clock
        # The socket is bound already: Werkzeug itself would print and exit if the port is taken.
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
        # Otherwise the handler would read the next request from a closed socket.
        self.close_connection = True
