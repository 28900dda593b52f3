"""What commands share: the workspace, the store, the trackers, and the end of a run."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.http.retry import Wait
from connectors.ports import IssueReader, IssueWriter
from mappings.problems import MappingInvalid
from sync.config.credentials import CredentialError, Credentials, secrets_in
from sync.config.settings import load_settings, store_url
from sync.config.workspace import Configured
from sync.model.broken_file import UnusableFile
from sync.runtime.bootstrap import (
    Waiting,
    configure,
    credentials_of,
    open_trackers,
    paces_of,
    secrets_of,
    utc_now,
)
from sync.runtime.context import Job, Progress, RunCache, Silent
from sync.runtime.invocation import Ways, holder, new_run_id
from sync.runtime.last_known_good import configured_despite, former_files, may_go_on
from sync.runtime.logging import logger, set_up_logs
from sync.runtime.progress import LineProgress, TerminalProgress, waiting
from sync.store import Store, open_store
from sync.store.snapshot_file import store_from


class NothingRead(Exception):
    """The store holds no issues yet."""

    def __init__(self) -> None:
        super().__init__("nothing has been read yet: run `increment-sync run` (or preview) first")


class DoneDespite(Exception):
    """A command did its work with what broken mapping files said in the last run."""

    def __init__(self, unusable: tuple[UnusableFile, ...]) -> None:
        super().__init__("\n".join(line for each in unusable for line in each.lines()))


def logs(ways: Ways, secrets: list[str] | None = None) -> None:
    """On a terminal the progress tells what happens, so logs there begin with warnings."""
    default = "warning" if sys.stderr.isatty() else "info"
    set_up_logs(
        sys.stderr,
        level=ways.log_level or default,
        secrets=[*(secrets or ()), *secrets_in(ways.environment)],
        color=ways.color,
    )


@contextmanager
def opened_store(configured: Configured, now: Callable[[], datetime] = utc_now) -> Iterator[Store]:
    """The workspace's store, closed afterwards."""
    store = open_store(store_url(configured.settings, configured.root), now=now)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def offline_job(ways: Ways, snapshot: Path | None = None, *, waits_for_all: bool = True) -> Iterator[Job]:
    """A job that can look at the store only, or at an exported one: no credentials needed, no request sent.

    Not ``waits_for_all``: a broken mapping file of one team does not stop the others; raises DoneDespite at the end.
    """
    logs(ways)
    configured = configure(ways.root) if waits_for_all else _whatever_is_sound(ways)
    opened = store_from(snapshot, ways.now) if snapshot else opened_store(configured, ways.now)
    with opened as store:
        yield _job(ways, configured, store, {}, {}, new_run_id(ways.now()), Silent())
    if configured.unusable:
        raise DoneDespite(configured.unusable)


@contextmanager
def with_snapshot(ways: Ways, snapshot: Path | None = None, *, waits_for_all: bool = True) -> Iterator[Job]:
    """An offline job over a store that holds something. Raises NothingRead."""
    with offline_job(ways, snapshot, waits_for_all=waits_for_all) as job:
        if not job.store.sources():
            raise NothingRead
        yield job


@contextmanager
def online_job(
    ways: Ways,
    command: str,
    options: Mapping[str, Any],
    *,
    writes: bool,
    max_duration: timedelta | None = None,
    waits_for_all: bool = True,
) -> Iterator[Job]:
    """A job with readers, and with writers when it may write and push is switched on.

    ``max_duration``: no wait for a quota goes beyond it. Not ``waits_for_all``: a broken mapping file of one team does
    not stop the others.

    Keeps a row of the run in the store. Credentials are checked for presence before anything else.
    """
    logs(ways)
    configured = configure(ways.root) if waits_for_all else _whatever_is_sound(ways)
    credentials = credentials_of(configured.settings, ways.environment)
    logs(ways, secrets_of(credentials))
    began = ways.now()
    run_id, until = new_run_id(began), began + max_duration if max_duration is not None else None
    with opened_store(configured, ways.now) as store, progress_of(ways) as progress:
        waiting = Waiting(
            now=ways.now,
            sleep=ways.sleep,
            on_wait=_tell_wait(run_id, progress),
            on_lighter=_tell_lighter(run_id),
            until=until,
        )
        with working(
            configured, credentials, store, waiting, run_id, writes=writes, progress=progress
        ) as job:
            store.start_run(run_id, command, options, holder())
            yield job


def _whatever_is_sound(ways: Ways) -> Configured:
    try:
        return configure(ways.root)
    except MappingInvalid as error:
        if not may_go_on(ways.root, error):
            raise
        settings = load_settings(ways.root)
        store = open_store(store_url(settings, ways.root), now=ways.now)
        try:
            former = former_files(store)
        finally:
            store.close()
        return configured_despite(ways.root, error, former)


@contextmanager
def working(
    configured: Configured,
    credentials: Mapping[str, Credentials],
    store: Store,
    waiting: Waiting,
    run_id: str,
    *,
    writes: bool,
    progress: Progress,
    log: Any = None,
    at_once: int = 8,
) -> Iterator[Job]:
    """A job over a store that is open: what it learned about the trackers is kept at its end, however that comes.

    ``writes``: with writers, when push is switched on.
    """
    caches = {name: RunCache(store.cache_for(name)) for name in configured.settings.trackers}
    paces = paces_of(configured.settings, credentials, store)
    readers, writers = open_trackers(configured.settings, credentials, caches.__getitem__, waiting, paces)
    try:
        yield Job(
            run_id=run_id,
            settings=configured.settings,
            workspace=configured.workspace,
            proofs=configured.proofs,
            mapping_files=configured.mapping_files,
            unusable=configured.unusable,
            store=store,
            readers=readers,
            writers=writers if writes and configured.settings.push.enabled else {},
            paces=paces,
            traffic=waiting.traffic,
            now=waiting.now,
            progress=progress,
            log=log or logger(run_id=run_id),
            at_once=at_once,
        )
    finally:
        for cache in caches.values():
            cache.flush()


@contextmanager
def asking_job(ways: Ways) -> Iterator[Job]:
    """A job that can read from the trackers whose credentials are there, and leaves no trace of a run.

    A tracker without credentials is missing among the readers. CredentialError when there is none at all.
    """
    logs(ways)
    configured = configure(ways.root)
    settings = configured.settings
    found: dict[str, Credentials] = {}
    missing: list[str] = []
    for name, tracker in settings.trackers.items():
        try:
            found |= credentials_of(
                settings.model_copy(update={"trackers": {name: tracker}}), ways.environment
            )
        except CredentialError as error:
            missing.append(str(error))
    if not found:
        raise CredentialError("; ".join(missing))
    logs(ways, secrets_of(found))
    reachable = settings.model_copy(
        update={"trackers": {name: each for name, each in settings.trackers.items() if name in found}}
    )
    run_id = new_run_id(ways.now())
    with opened_store(configured, ways.now) as store, progress_of(ways) as progress:
        caches = {name: RunCache(store.cache_for(name)) for name in found}
        waiting = Waiting(now=ways.now, sleep=ways.sleep, on_wait=_tell_wait(run_id, progress))
        readers, _ = open_trackers(reachable, found, caches.__getitem__, waiting)
        yield _job(ways, configured, store, readers, {}, run_id, progress)


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
        proofs=configured.proofs,
        unusable=configured.unusable,
        store=store,
        readers=readers,
        writers=writers,
        now=ways.now,
        progress=progress,
        log=logger(run_id=run_id),
    )


def progress_of(ways: Ways) -> AbstractContextManager[Any]:
    """A spinner on a terminal, a line every ten seconds otherwise, on stderr."""
    if sys.stderr.isatty() and "CI" not in ways.environment:
        return TerminalProgress(sys.stderr, shares_stdout=sys.stdout.isatty())
    return LineProgress(sys.stderr, time.monotonic)


def _tell_wait(run_id: str, progress: Progress) -> Callable[[Wait], None]:
    log = logger(run_id=run_id)

    def tell(wait: Wait) -> None:
        progress.step(waiting(wait))
        log.warning("request.waiting", tracker=wait.tracker, seconds=round(wait.seconds), reason=wait.reason)

    return tell


def _tell_lighter(run_id: str) -> Callable[[str, str], None]:
    log = logger(run_id=run_id)
    return lambda tracker, text: log.info("pages.smaller", tracker=tracker, reason=text)
