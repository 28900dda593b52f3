"""``make bench``: cost of a run. Prints requests, wall time, CPU time and peak memory; nothing here is a test.

The trackers are a process of their own, so that their work is not counted. Half of the issues are in Jira and half
in GitHub. The first run reads everything and labels every issue, the second reads back what the first one wrote, for
the third nothing has changed. Compare rows of one table with each other, not with another machine.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

SIZES = (1_000, 10_000)

_TODAY = datetime.now(UTC)
_SETTINGS = """\
instance: bench
store: sqlite:///state.db
trackers:
  jira: {{kind: jira-cloud, url: {jira}, write_spacing: 0}}
  github: {{kind: github, url: {github}, write_spacing: 0}}
push: {{enabled: true}}
"""
_PLAN = f"""\
increment: bench
start: {(_TODAY - timedelta(days=60)).date()}
end: {(_TODAY + timedelta(days=30)).date()}
goals:
  - id: goal
    title: A goal
    anchor: jira:DS-1
    capabilities:
      - {{id: one, title: One, team: bench, anchor: "github:acme/churn#1"}}
      - {{id: two, title: Two, team: bench}}
"""
_MAPPING = """\
team: bench
sources:
  - jira: {project: DS}
  - github: {repo: acme/churn}
rules:
  - {id: one, when: {labels: one}, assign: one}
  - {id: two, when: {labels: two}, assign: two}
"""
_ENVIRONMENT = {"JIRA_EMAIL": "robot@acme.example", "JIRA_API_TOKEN": "secret", "GH_TOKEN": "secret"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Wall and CPU time in seconds, peak memory, requests, and changes applied."""

    wall: float
    cpu: float
    megabytes: float
    requests: int
    applied: int


def main() -> None:
    sizes = tuple(int(size) for size in sys.argv[1:]) or SIZES
    print(
        f"{'issues':>7}  {'run':<28} {'requests':>8} {'writes':>7} {'wall s':>8} {'CPU s':>7} {'peak MB':>8}"
    )
    for size in sizes:
        for name, cost in measure(size):
            print(
                f"{size:>7}  {name:<28} {cost.requests:>8} {cost.applied:>7} {cost.wall:>8.2f} {cost.cpu:>7.2f} "
                f"{cost.megabytes:>8.0f}",
                flush=True,
            )


def measure(size: int) -> list[tuple[str, Cost]]:
    """Return the costs of three runs over N issues, half in each tracker."""
    connection, child_connection = multiprocessing.Pipe()
    trackers = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(size, child_connection), daemon=True
    )
    trackers.start()
    urls = connection.recv()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write(root / "increment-sync.yaml", _SETTINGS.format(**urls))
        _write(root / "plans" / "bench.yaml", _PLAN)
        _write(root / "mappings" / "bench.yaml", _MAPPING)
        names = ("first: read and label all", "second: read own writes back", "third: nothing changed")
        costs = []
        for name in names:
            costs.append((name, _run(root, urls)))
            _advance_clock(urls)
    connection.send("stop")
    trackers.join()
    return costs


def _run(root: Path, urls: dict[str, str]) -> Cost:
    before, started = _requests(urls), time.perf_counter()
    out = root / "out.json"
    with out.open("wb") as stream, Path(os.devnull).open("wb") as null:
        arguments = [sys.executable, "-m", "sync", "-C", str(root), "run", "--json", "--max-comments", "99"]
        pid = os.posix_spawn(
            sys.executable,
            arguments,
            {**os.environ, **_ENVIRONMENT},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, stream.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, null.fileno(), 2),
            ],
        )
        _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - started
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"the run ended with {os.waitstatus_to_exitcode(status)}: {out.read_text()[:2000]}")
    return Cost(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        megabytes=usage.ru_maxrss / 1024,
        requests=_requests(urls) - before,
        applied=json.loads(out.read_text())["applied"]["done"],
    )


def _advance_clock(urls: dict[str, str]) -> None:
    """Advance the trackers' clock by half an hour: a run within the overlap would read the last changes again."""
    request = urllib.request.Request(  # noqa: S310 - loopback
        urls["clock"], data=b'{"advance_seconds": 1800}', headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request):  # noqa: S310 - loopback
        pass


def _requests(urls: dict[str, str]) -> int:
    with urllib.request.urlopen(urls["count"]) as answer:  # noqa: S310 - loopback
        return len(json.loads(answer.read()))


def _serve(size: int, pipe: Connection) -> None:
    from connectors.sandbox.server import Sandbox

    with Sandbox.from_seed(_seed(size)) as sandbox:
        admin = f"{sandbox.base_url}/_sandbox"
        urls = {"jira": sandbox.url("jira"), "github": sandbox.url("github")}
        pipe.send({**urls, "count": f"{admin}/log", "clock": f"{admin}/clock"})
        pipe.recv()


def _seed(size: int) -> dict[str, Any]:
    jira = [
        {
            "key": f"DS-{number}",
            "summary": f"Issue {number}",
            "labels": [("one", "two")[number % 2]],
            "created": "30d ago",
            "updated": f"{number % 40_000 + 60}m ago",
        }
        for number in range(1, size // 2 + 1)
    ]
    github = [
        {
            "number": number,
            "title": f"Issue {number}",
            "labels": [("one", "two")[number % 2]],
            "created": "30d ago",
            "updated": f"{number % 40_000 + 60}m ago",
        }
        for number in range(1, size // 2 + 1)
    ]
    return {
        "trackers": {
            "jira": {
                "kind": "jira-cloud",
                "accounts": [{"id": "robot", "email": "robot@acme.example", "token": "secret"}],
                "projects": {"DS": {"issues": jira}},
            },
            "github": {
                "kind": "github",
                "accounts": [{"login": "robot", "token": "secret", "admin": True}],
                "repos": {"acme/churn": {"labels": ["one", "two"], "issues": github}},
                "rate_limit": 10_000_000,
                "content_per_minute": 10_000_000,
                "content_per_hour": 10_000_000,
            },
        }
    }


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
