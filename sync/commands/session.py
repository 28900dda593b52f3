"""What commands share: the workspace, the store, the trackers, and the end of a run."""

from __future__ import annotations

import getpass
import json
import os
import socket
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from connectors.ports import IssueReader, IssueWriter
from connectors.retry import Wait
from sync.job import Job, Progress, RunCache, Silent
from sync.logs import logger, set_up_logs
from sync.progress import LineProgress, TerminalProgress, waiting
from sync.settings import find_root, store_url
from sync.store import Store, open_store
from sync.wiring import (
    Configured,
    Waiting,
    configure,
    credentials_of,
    open_trackers,
    secrets_of,
    utc_now,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ways:
    """How a command was called: where, and how it should talk."""

    workspace: Path | None = None
    log_level: str | None = None
    as_json: bool = False
    environment: Mapping[str, str]
    now: Callable[[], datetime] = utc_now
    """Aware; everything that a command does takes its time from here."""
    sleep: Callable[[float], None] = time.sleep

    @property
    def root(self) -> Path:
        return find_root((self.workspace or Path.cwd()).resolve())

    @property
    def color(self) -> bool:
        return "NO_COLOR" not in self.environment

    @property
    def interactive(self) -> bool:
        """A person is at the terminal and may be asked."""
        return sys.stdin.isatty() and sys.stdout.isatty() and "CI" not in self.environment


def new_run_id(now: datetime) -> str:
    """Sortable by time, unique between machines: ``20261123-140612-3f9a``."""
    return f"{now:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:4]}"


def holder() -> str:
    """Who works: shown to whoever finds the lease taken."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()} pid {os.getpid()}"


def logs(ways: Ways, secrets: list[str] | None = None) -> None:
    """On a terminal the progress tells what happens, so logs there begin with warnings."""
    default = "warning" if sys.stderr.isatty() else "info"
    set_up_logs(sys.stderr, level=ways.log_level or default, secrets=secrets or (), color=ways.color)


def say(text: str = "") -> None:
    """Data for people goes to stdout."""
    sys.stdout.write(text + "\n")


def say_json(document: Mapping[str, Any]) -> None:
    """Data for programs goes to stdout."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True, default=str) + "\n")


def complain(text: str) -> None:
    """What went wrong, and notes, go to stderr."""
    sys.stderr.write(text + "\n")


@contextmanager
def opened_store(configured: Configured, now: Callable[[], datetime] = utc_now) -> Iterator[Store]:
    """The workspace's store, closed afterwards."""
    store = open_store(store_url(configured.settings, configured.root), now=now)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def offline_job(ways: Ways) -> Iterator[Job]:
    """A job that can look at the store only: no credentials needed, no request sent."""
    logs(ways)
    configured = configure(ways.root)
    with opened_store(configured, ways.now) as store:
        yield _job(ways, configured, store, {}, {}, new_run_id(ways.now()), Silent())


@contextmanager
def online_job(ways: Ways, command: str, options: Mapping[str, Any], *, writes: bool) -> Iterator[Job]:
    """A job with readers, and with writers when it may write and push is switched on.

    Keeps a row of the run in the store. Credentials are checked for presence before anything else.
    """
    logs(ways)
    configured = configure(ways.root)
    credentials = credentials_of(configured.settings, ways.environment)
    logs(ways, secrets_of(credentials))
    run_id = new_run_id(ways.now())
    with opened_store(configured, ways.now) as store, _progress(ways) as progress:
        caches = {name: RunCache(store.cache_for(name)) for name in configured.settings.trackers}
        readers, writers = open_trackers(
            configured.settings,
            credentials,
            caches.__getitem__,
            Waiting(now=ways.now, sleep=ways.sleep, on_wait=_tell_wait(run_id, progress)),
        )
        may_write = writes and configured.settings.push.enabled
        job = _job(ways, configured, store, readers, writers if may_write else {}, run_id, progress)
        store.start_run(run_id, command, options)
        try:
            yield job
        finally:
            for cache in caches.values():
                cache.flush()


def _job(
    ways: Ways,
    configured: Configured,
    store: Store,
    readers: Mapping[str, IssueReader],
    writers: Mapping[str, IssueWriter],
    run_id: str,
    progress: Progress,
) -> Job:
    return Job(
        run_id=run_id,
        settings=configured.settings,
        workspace=configured.workspace,
        store=store,
        readers=readers,
        writers=writers,
        now=ways.now,
        progress=progress,
        log=logger(run_id=run_id),
    )


def _progress(ways: Ways) -> AbstractContextManager[Any]:
    if sys.stderr.isatty() and "CI" not in ways.environment:
        return TerminalProgress(sys.stderr)
    return LineProgress(sys.stderr, time.monotonic)


def _tell_wait(run_id: str, progress: Progress) -> Callable[[Wait], None]:
    log = logger(run_id=run_id)

    def tell(wait: Wait) -> None:
        progress.step(waiting(wait))
        log.warning("request.waiting", tracker=wait.tracker, seconds=round(wait.seconds), reason=wait.reason)

    return tell
