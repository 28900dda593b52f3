"""Context managers that give a command its run context: the workspace, the store and, if needed, the trackers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.http.retry import Wait
from mappings.problems import InvalidWorkspace
from sync.config.credentials import Credentials, collect_file_secrets
from sync.config.secret_lookup import CredentialError, SecretLookup
from sync.config.settings import Settings, store_url
from sync.config.workspace import LoadedWorkspace
from sync.model.broken_file import BrokenFile
from sync.runtime.bootstrap import ClientOptions, load_configuration, load_credentials, open_trackers
from sync.runtime.context import Progress, RunCache, RunContext
from sync.runtime.invocation import Invocation, describe_process, new_run_id
from sync.runtime.last_known_good import (
    can_use_last_known_good,
    load_last_known_good,
    load_with_last_known_good,
)
from sync.runtime.logging import bound_logger, configure_logging
from sync.runtime.progress import describe_wait, open_progress
from sync.runtime.rate_limiters import build_rate_limiters
from sync.store import Store, open_store
from sync.store.snapshot_file import open_snapshot


class EmptyStore(Exception):
    """The store holds no issues yet."""

    def __init__(self) -> None:
        super().__init__("nothing has been read yet: run `increment-sync run` (or preview) first")


class BrokenMappingFiles(Exception):
    """A command did its work, but with last known good versions of broken mapping files or without them."""

    def __init__(self, broken_files: tuple[BrokenFile, ...]) -> None:
        super().__init__("\n".join(line for each in broken_files for line in each.describe()))


def start_logging(invocation: Invocation, *, online: bool = False) -> None:
    """Send logs to stderr. On a terminal, which shows progress instead, they begin with warnings.

    A command that goes ``online`` reads credentials from files, which are then redacted, too.
    """
    if online:
        invocation.redactor.add(collect_file_secrets(invocation.secrets))
    default = "warning" if sys.stderr.isatty() else "info"
    level = invocation.log_level or default
    configure_logging(sys.stderr, level=level, redactor=invocation.redactor, color=invocation.color)


def open_workspace_store(loaded: LoadedWorkspace, now: Callable[[], datetime]) -> closing[Store]:
    """Open the store of a workspace; a context manager that closes it."""
    store = open_store(store_url(loaded.settings, loaded.root), now=now)
    if store.is_read_only:
        bound_logger().warning("store.read_only", reason="what it holds can be shown, nothing can be saved")
    return closing(store)


@contextmanager
def offline_context(
    invocation: Invocation, snapshot: Path | None = None, *, require_all_files: bool = True
) -> Iterator[RunContext]:
    """Open a context without trackers over the store, or over an exported ``snapshot``.

    Needs no credentials and sends no request. ``require_all_files=False`` goes on despite broken mapping files and
    raises BrokenMappingFiles at the end.
    """
    start_logging(invocation)
    loaded = _load_workspace(invocation, require_all_files=require_all_files)
    now = invocation.now
    with open_snapshot(snapshot, now) if snapshot else open_workspace_store(loaded, now) as store:
        yield _store_context(loaded, store, new_run_id(now()), now)
    if loaded.broken_files:
        raise BrokenMappingFiles(loaded.broken_files)


@contextmanager
def pulled_context(
    invocation: Invocation, snapshot: Path | None = None, *, require_all_files: bool = True
) -> Iterator[RunContext]:
    """Open an offline context. Raises EmptyStore before the first pull."""
    with offline_context(invocation, snapshot, require_all_files=require_all_files) as context:
        if not context.store.source_states():
            raise EmptyStore
        yield context


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
    """Open a context with readers, and with writers if ``writes`` and push is switched on.

    Records the run (``command``, ``options``) in the store. No wait for a rate limit exceeds ``max_duration``.
    ``require_all_files=False`` goes on despite broken mapping files. Raises CredentialError before any request.
    """
    start_logging(invocation, online=True)
    loaded = _load_workspace(invocation, require_all_files=require_all_files)
    credentials = load_credentials(loaded.settings, invocation.secrets)
    _redact_secrets_of(invocation, credentials)
    started = invocation.now()
    run_id = new_run_id(started)
    log = bound_logger(run_id=run_id)
    with open_workspace_store(loaded, invocation.now) as store, open_progress(invocation) as progress:
        client_options = ClientOptions(
            now=invocation.now,
            sleep=invocation.sleep,
            on_wait=_wait_reporter(run_id, progress),
            on_smaller_page=lambda tracker, text: log.info("pages.smaller", tracker=tracker, reason=text),
            deadline=None if max_duration is None else started + max_duration,
        )
        with tracker_context(
            loaded, credentials, store, client_options, run_id, writes=writes, progress=progress
        ) as context:
            store.start_run(run_id, command, options, describe_process())
            yield context


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
    """Open a context with readers over an open store, and with writers if ``writes`` and push is switched on.

    At the end, even after an error, saves to the store's cache what the clients learned about the trackers.
    """
    caches = {name: RunCache(store.cache_for(name)) for name in loaded.settings.trackers}
    limiters = build_rate_limiters(loaded.settings, credentials, store)
    readers, writers = open_trackers(
        loaded.settings, credentials, caches.__getitem__, client_options, limiters
    )
    offline = _store_context(loaded, store, run_id, client_options.now)
    try:
        yield replace(
            offline,
            readers=readers,
            writers=writers if writes and loaded.settings.push.enabled else {},
            rate_limiters=limiters,
            request_stats=client_options.request_stats,
            progress=progress,
            log=log or offline.log,
            parallel_reads=parallel_reads,
        )
    finally:
        for cache in caches.values():
            cache.flush()


@contextmanager
def read_only_context(invocation: Invocation) -> Iterator[RunContext]:
    """Open a context with readers for the trackers whose credentials are set. Records no run.

    Raises CredentialError if no tracker has credentials.
    """
    start_logging(invocation, online=True)
    loaded = _load_workspace(invocation, require_all_files=True)
    reachable, credentials = _reachable_trackers(loaded.settings, invocation.secrets)
    _redact_secrets_of(invocation, credentials)
    run_id = new_run_id(invocation.now())
    with open_workspace_store(loaded, invocation.now) as store, open_progress(invocation) as progress:
        caches = {name: RunCache(store.cache_for(name)) for name in credentials}
        client_options = ClientOptions(
            now=invocation.now, sleep=invocation.sleep, on_wait=_wait_reporter(run_id, progress)
        )
        readers, _ = open_trackers(reachable, credentials, caches.__getitem__, client_options)
        offline = _store_context(loaded, store, run_id, invocation.now)
        yield replace(offline, readers=readers, progress=progress)


def _redact_secrets_of(invocation: Invocation, credentials: Mapping[str, Credentials]) -> None:
    """Hide also the secrets of variables whose names do not tell that they hold one."""
    invocation.redactor.add(secret for each in credentials.values() for secret in each.secrets())


def _reachable_trackers(settings: Settings, lookup: SecretLookup) -> tuple[Settings, dict[str, Credentials]]:
    """Return the settings with only those trackers whose credentials are set, and the credentials."""
    found: dict[str, Credentials] = {}
    missing: list[str] = []
    for name, tracker in settings.trackers.items():
        try:
            found |= load_credentials(settings.model_copy(update={"trackers": {name: tracker}}), lookup)
        except CredentialError as error:
            missing.append(str(error))
    if not found:
        raise CredentialError("; ".join(missing))
    trackers = {name: tracker for name, tracker in settings.trackers.items() if name in found}
    return settings.model_copy(update={"trackers": trackers}), found


def _load_workspace(invocation: Invocation, *, require_all_files: bool) -> LoadedWorkspace:
    root = invocation.root
    try:
        return load_configuration(root, settings=invocation.settings)
    except InvalidWorkspace as error:
        if require_all_files or not can_use_last_known_good(root, error):
            raise
        with closing(open_store(store_url(invocation.settings, root), now=invocation.now)) as store:
            last_known_good = load_last_known_good(store)
        return load_with_last_known_good(root, invocation.settings, error, last_known_good)


def _store_context(
    loaded: LoadedWorkspace, store: Store, run_id: str, now: Callable[[], datetime]
) -> RunContext:
    workspace = {each.name: getattr(loaded, each.name) for each in fields(loaded)}
    return RunContext(**workspace, run_id=run_id, store=store, now=now, log=bound_logger(run_id=run_id))


def _wait_reporter(run_id: str, progress: Progress) -> Callable[[Wait], None]:
    log = bound_logger(run_id=run_id)

    def report(wait: Wait) -> None:
        progress.step(describe_wait(wait))
        log.warning("request.waiting", tracker=wait.tracker, seconds=round(wait.seconds), reason=wait.reason)

    return report
