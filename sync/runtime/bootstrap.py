"""Build the parts of a run: the checked workspace, credentials, and the clients of each tracker.

Vendor clients are imported when the first tracker of their kind is opened.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from connectors.guard import open_guarded
from connectors.http.rate_limiter import RateLimiter
from connectors.http.retry import RetryPolicy, Wait
from connectors.http.usage import RequestStats
from connectors.ports import Cache, IssueReader, IssueWriter
from connectors.spec import ConnectorSpec, OpenArguments
from mappings.load import load_workspace
from mappings.problems import InvalidWorkspace
from sync.config.check_push import check_push_names
from sync.config.credentials import (
    Credentials,
    describe_missing_credentials,
    read_credentials,
)
from sync.config.evidence import check_all_evidence
from sync.config.secret_lookup import CredentialError, SecretLookup
from sync.config.settings import Settings, load_settings
from sync.config.trackers import TrackerSettings
from sync.config.workspace import LoadedWorkspace
from sync.model.broken_file import BrokenFile
from sync.store import LeaseHeld, LeaseLost, StoreError

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientOptions:
    """Clock, callbacks and adapter that all clients of a run share."""

    now: Callable[[], datetime]
    """Returns aware times."""
    sleep: Callable[[float], None]
    on_wait: Callable[[Wait], None] = lambda _: None
    on_smaller_page: Callable[[str, str], None] = lambda *_: None
    """Called with the tracker and a sentence when a client reduces its page size after a timeout."""
    deadline: datetime | None = None
    """End of the time for this run: no wait lasts beyond it."""
    random: Callable[[], float] = random.random
    """Returns a number in [0, 1) that adds jitter to waits."""
    adapter: BaseAdapter | None = None
    """Replaces the network in simulations."""
    request_stats: RequestStats = field(default_factory=RequestStats)
    """Counts the requests of this run."""
    page_size: int | None = None
    """Rows per page; None: the default of each client."""


def load_configuration(
    root: Path,
    *,
    settings: Settings | None = None,
    files_root: Path | None = None,
    broken_files: tuple[BrokenFile, ...] = (),
) -> LoadedWorkspace:
    """Read and check settings, plans and mappings.

    ``settings`` spares reading ``increment-sync.yaml`` again. ``files_root`` is a folder from which plans and
    mappings are read instead of ``root``; ``broken_files`` are the mapping files that it replaces or leaves out.
    Raises InvalidWorkspace with every problem of every file.
    """
    settings, files_root = settings or load_settings(root), files_root or root
    workspace = load_workspace(
        files_root,
        trackers=settings.specs,
        timezone=settings.timezone,
        labels=settings.label_scheme,
    )
    if not broken_files and (problems := check_push_names(settings, workspace)):
        raise InvalidWorkspace(problems)
    texts = {
        team.origin.file: (team.team, (files_root / team.origin.file).read_text(encoding="utf-8"))
        for team in workspace.teams
    }
    return LoadedWorkspace(
        root=root,
        settings=settings,
        workspace=workspace,
        evidence=check_all_evidence(root, workspace),
        mapping_files=texts,
        broken_files=broken_files,
    )


def load_credentials(settings: Settings, lookup: SecretLookup) -> dict[str, Credentials]:
    """Return the credentials of every tracker. Raises CredentialError that names all missing ones."""
    found = {
        name: read_credentials(name, tracker.kind, lookup, tracker.url)
        for name, tracker in settings.trackers.items()
    }
    sentences = (
        describe_missing_credentials(name, settings.trackers[name].kind, credentials)
        for name, credentials in found.items()
    )
    if missing := [sentence for sentence in sentences if sentence]:
        raise CredentialError("; ".join(missing))
    return found


def open_trackers(
    settings: Settings,
    credentials: Mapping[str, Credentials],
    caches: Callable[[str], Cache],
    client_options: ClientOptions,
    rate_limiters: Mapping[str, RateLimiter] | None = None,
) -> tuple[dict[str, IssueReader], dict[str, IssueWriter]]:
    """Build a reader and a writer for every tracker of the settings, without sending a request.

    ``caches`` returns the cache of a tracker. Pass ``rate_limiters`` if the writers are going to be used.
    """
    readers: dict[str, IssueReader] = {}
    writers: dict[str, IssueWriter] = {}
    policy = RetryPolicy(
        max_wait=settings.max_wait.total_seconds(),
        deadline=client_options.deadline,
        random=client_options.random,
    )
    for name, tracker in settings.trackers.items():
        spec = settings.spec(name)
        found = credentials[name]
        arguments = OpenArguments(
            tracker=name,
            kind=tracker.kind,
            url=_url_of(name, tracker, spec, found),
            options=tracker.options,
            credentials={
                part.name: text for part in spec.credentials.parts if (text := found.reveal(part.name))
            },
            cache=caches(name),
            policy=policy,
            overlap=settings.overlap,
            rate_limiter=(rate_limiters or {}).get(name),
            now=client_options.now,
            sleep=client_options.sleep,
            on_wait=client_options.on_wait,
            on_smaller_page=client_options.on_smaller_page,
            adapter=client_options.adapter,
            request_stats=client_options.request_stats,
            page_size=client_options.page_size,
        )
        readers[name], writers[name] = open_guarded(spec, arguments, _OWN_ERRORS)
    return readers, writers


_OWN_ERRORS: Final = (StoreError, LeaseHeld, LeaseLost)


def _url_of(name: str, tracker: TrackerSettings, spec: ConnectorSpec, credentials: Credentials) -> str | None:
    """Return the URL of a tracker. Raises CredentialError if it needs one and nothing names it."""
    url = credentials.address.url or tracker.url or spec.default_url
    if not url and spec.needs_url:
        raise CredentialError(f"no URL for {name}: write trackers.{name}.url in increment-sync.yaml")
    return url or None
