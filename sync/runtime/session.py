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
from mappings.problems import InvalidWorkspace
from sync.config.credentials import CredentialError, Credentials, collect_secrets
from sync.config.settings import load_settings, store_url
from sync.config.workspace import LoadedWorkspace
from sync.model.broken_file import BrokenFile
from sync.runtime.bootstrap import (
    ClientOptions,
    build_rate_limiters,
    credential_secrets,
    load_configuration,
    load_credentials,
    open_trackers,
    utc_now,
)
from sync.runtime.context import NoProgress, Progress, RunCache, RunContext
from sync.runtime.invocation import Invocation, describe_process, new_run_id
from sync.runtime.last_known_good import (
    can_use_last_known_good,
    load_last_known_good,
    load_with_last_known_good,
)
from sync.runtime.logging import bound_logger, configure_logging
from sync.runtime.progress import LineProgress, TerminalProgress, describe_wait
from sync.store import Store, open_store
from sync.store.snapshot_file import open_snapshot


class EmptyStore(Exception):
    """The store holds no issues yet."""

    def __init__(self) -> None:
        super().__init__("nothing has been read yet: run `increment-sync run` (or preview) first")


class BrokenMappingFiles(Exception):
    """A command did its work with what broken mapping files said in the last run."""

    def __init__(self, broken_files: tuple[BrokenFile, ...]) -> None:
        super().__init__("\n".join(line for each in broken_files for line in each.describe()))


def start_logging(invocation: Invocation, secrets: list[str] | None = None) -> None:
    """On a terminal the progress tells what happens, so logs there begin with warnings."""
    default = "warning" if sys.stderr.isatty() else "info"
    configure_logging(
        sys.stderr,
        level=invocation.log_level or default,
        secrets=[*(secrets or ()), *collect_secrets(invocation.environment)],
        color=invocation.color,
    )


@contextmanager
def open_workspace_store(loaded: LoadedWorkspace, now: Callable[[], datetime] = utc_now) -> Iterator[Store]:
    """The workspace's store, closed afterwards."""
    store = open_store(store_url(loaded.settings, loaded.root), now=now)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def offline_context(
    invocation: Invocation, snapshot: Path | None = None, *, require_all_files: bool = True
) -> Iterator[RunContext]:
    """A job that can look at the store only, or at an exported one: no credentials needed, no request sent.

    Not ``require_all_files``: a broken mapping file of one team does not stop the others; raises DoneDespite at the end.
    """
    start_logging(invocation)
    configured = load_configuration(invocation.root) if require_all_files else _load_sound_files(invocation)
    opened = (
        open_snapshot(snapshot, invocation.now)
        if snapshot
        else open_workspace_store(configured, invocation.now)
    )
    with opened as store:
        yield _build_context(
            invocation, configured, store, {}, {}, new_run_id(invocation.now()), NoProgress()
        )
    if configured.broken_files:
        raise BrokenMappingFiles(configured.broken_files)


@contextmanager
def pulled_context(
    invocation: Invocation, snapshot: Path | None = None, *, require_all_files: bool = True
) -> Iterator[RunContext]:
    """An offline job over a store that holds something. Raises NothingRead."""
    with offline_context(invocation, snapshot, require_all_files=require_all_files) as job:
        if not job.store.source_states():
            raise EmptyStore
        yield job


@contextmanager
def online_context(
    invocation: Invocation,
    command: str,
    options: Mapping[str, Any],
    *,
    writes: bool,
    max_duration: timedelta | None = None,
    require_all_files: bool = True,
) -> Iterator[RunContext]:
    """A job with readers, and with writers when it may write and push is switched on.

    ``max_duration``: no wait for a quota goes beyond it. Not ``require_all_files``: a broken mapping file of one team does
    not stop the others.

    Keeps a row of the run in the store. Credentials are checked for presence before anything else.
    """
    start_logging(invocation)
    configured = load_configuration(invocation.root) if require_all_files else _load_sound_files(invocation)
    credentials = load_credentials(configured.settings, invocation.environment)
    start_logging(invocation, credential_secrets(credentials))
    began = invocation.now()
    run_id, until = new_run_id(began), began + max_duration if max_duration is not None else None
    with open_workspace_store(configured, invocation.now) as store, open_progress(invocation) as progress:
        waiting = ClientOptions(
            now=invocation.now,
            sleep=invocation.sleep,
            on_wait=_wait_reporter(run_id, progress),
            on_smaller_page=_page_size_reporter(run_id),
            deadline=until,
        )
        with tracker_context(
            configured, credentials, store, waiting, run_id, writes=writes, progress=progress
        ) as job:
            store.start_run(run_id, command, options, describe_process())
            yield job


def _load_sound_files(invocation: Invocation) -> LoadedWorkspace:
    try:
        return load_configuration(invocation.root)
    except InvalidWorkspace as error:
        if not can_use_last_known_good(invocation.root, error):
            raise
        settings = load_settings(invocation.root)
        store = open_store(store_url(settings, invocation.root), now=invocation.now)
        try:
            former = load_last_known_good(store)
        finally:
            store.close()
        return load_with_last_known_good(invocation.root, error, former)


@contextmanager
def tracker_context(
    loaded: LoadedWorkspace,
    credentials: Mapping[str, Credentials],
    store: Store,
    client_options: ClientOptions,
    run_id: str,
    *,
    writes: bool,
    progress: Progress,
    log: Any = None,
    parallel_reads: int = 8,
) -> Iterator[RunContext]:
    """A job over a store that is open: what it learned about the trackers is kept at its end, however that comes.

    ``writes``: with writers, when push is switched on.
    """
    caches = {name: RunCache(store.cache_for(name)) for name in loaded.settings.trackers}
    paces = build_rate_limiters(loaded.settings, credentials, store)
    readers, writers = open_trackers(loaded.settings, credentials, caches.__getitem__, client_options, paces)
    try:
        yield RunContext(
            run_id=run_id,
            settings=loaded.settings,
            workspace=loaded.workspace,
            evidence=loaded.evidence,
            mapping_files=loaded.mapping_files,
            broken_files=loaded.broken_files,
            store=store,
            readers=readers,
            writers=writers if writes and loaded.settings.push.enabled else {},
            rate_limiters=paces,
            request_stats=client_options.request_stats,
            now=client_options.now,
            progress=progress,
            log=log or bound_logger(run_id=run_id),
            parallel_reads=parallel_reads,
        )
    finally:
        for cache in caches.values():
            cache.flush()


@contextmanager
def read_only_context(invocation: Invocation) -> Iterator[RunContext]:
    """A job that can read from the trackers whose credentials are there, and leaves no trace of a run.

    A tracker without credentials is missing among the readers. CredentialError when there is none at all.
    """
    start_logging(invocation)
    configured = load_configuration(invocation.root)
    settings = configured.settings
    found: dict[str, Credentials] = {}
    missing: list[str] = []
    for name, tracker in settings.trackers.items():
        try:
            found |= load_credentials(
                settings.model_copy(update={"trackers": {name: tracker}}), invocation.environment
            )
        except CredentialError as error:
            missing.append(str(error))
    if not found:
        raise CredentialError("; ".join(missing))
    start_logging(invocation, credential_secrets(found))
    reachable = settings.model_copy(
        update={"trackers": {name: each for name, each in settings.trackers.items() if name in found}}
    )
    run_id = new_run_id(invocation.now())
    with open_workspace_store(configured, invocation.now) as store, open_progress(invocation) as progress:
        caches = {name: RunCache(store.cache_for(name)) for name in found}
        waiting = ClientOptions(
            now=invocation.now, sleep=invocation.sleep, on_wait=_wait_reporter(run_id, progress)
        )
        readers, _ = open_trackers(reachable, found, caches.__getitem__, waiting)
        yield _build_context(invocation, configured, store, readers, {}, run_id, progress)


def _build_context(
    invocation: Invocation,
    loaded: LoadedWorkspace,
    store: Store,
    readers: Mapping[str, IssueReader],
    writers: Mapping[str, IssueWriter],
    run_id: str,
    progress: Progress,
) -> RunContext:
    return RunContext(
        run_id=run_id,
        settings=loaded.settings,
        workspace=loaded.workspace,
        evidence=loaded.evidence,
        broken_files=loaded.broken_files,
        store=store,
        readers=readers,
        writers=writers,
        now=invocation.now,
        progress=progress,
        log=bound_logger(run_id=run_id),
    )


def open_progress(invocation: Invocation) -> AbstractContextManager[Any]:
    """A spinner on a terminal, a line every ten seconds otherwise, on stderr."""
    if sys.stderr.isatty() and "CI" not in invocation.environment:
        return TerminalProgress(sys.stderr, shares_stdout=sys.stdout.isatty())
    return LineProgress(sys.stderr, time.monotonic)


def _wait_reporter(run_id: str, progress: Progress) -> Callable[[Wait], None]:
    log = bound_logger(run_id=run_id)

    def tell(wait: Wait) -> None:
        progress.step(describe_wait(wait))
        log.warning("request.waiting", tracker=wait.tracker, seconds=round(wait.seconds), reason=wait.reason)

    return tell


def _page_size_reporter(run_id: str) -> Callable[[str, str], None]:
    log = bound_logger(run_id=run_id)
    return lambda tracker, text: log.info("pages.smaller", tracker=tracker, reason=text)
