"""Pushgateway and health check on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

Samples = Mapping[tuple[str, ...], float]


@dataclass(kw_only=True)
class Watchers:
    """Received pings and metrics."""

    url: str = ""
    pings: list[str] = field(default_factory=list)
    """Paths without the query."""
    runs: set[str] = field(default_factory=set)
    """Queries of pings."""
    groups: dict[str, dict[str, Metric]] = field(default_factory=dict)
    """Path of a group -> its families by name."""
    answer: int = 200

    def pushed(self, method: str, path: str, body: str) -> None:
        """PUT replaces a group, POST only the families that it names (Pushgateway's README, "API")."""
        group = self.groups.setdefault(path, {})
        if method == "PUT":
            group.clear()
        group.update((metric.name, metric) for metric in text_string_to_metric_families(body))


@contextmanager
def watching() -> Iterator[Watchers]:
    """Serve both on one port: POST and PUT push metrics, GET is a ping."""
    watchers = Watchers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            watchers.pings.append(path)
            watchers.runs.add(query)
            self._answered()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            watchers.pushed(self.command, self.path, body)
            self._answered()

        do_PUT = do_POST  # noqa: N815 - the name that the library asks for

        def _answered(self) -> None:
            self.send_response(watchers.answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002
            """Write no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    watchers.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield watchers
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def figures_in(path: Path) -> dict[str, Samples]:
    """Metric name -> label values in the order of their names, without the installation -> number."""
    return figures_of(text_string_to_metric_families(path.read_text(encoding="utf-8")))


def figures_of(metrics: Iterator[Metric] | list[Metric]) -> dict[str, Samples]:
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for metric in metrics:
        for sample in metric.samples:
            assert sample.labels["installation"] == "journey"
            labels = tuple(sample.labels[name] for name in sorted(sample.labels) if name != "installation")
            found.setdefault(sample.name.removeprefix("increment_sync_"), {})[labels] = sample.value
    return found
