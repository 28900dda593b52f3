"""Build the parts of a run: the checked workspace, credentials, rate limiters, and a client for each tracker.

Vendor clients are imported when the first tracker of their kind is opened.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.http.rate_limiter import RateLimiter, WriteLedger, WriteLimits
from connectors.http.retry import RetryPolicy, Wait
from connectors.http.usage import RequestStats
from connectors.ports import Cache, IssueReader, IssueWriter
from mappings.load import load_workspace
from mappings.problems import InvalidWorkspace
from sync.config.check_push import check_push_names
from sync.config.credentials import (
    CredentialError,
    Credentials,
    describe_missing_credentials,
    read_credentials,
)
from sync.config.evidence import check_all_evidence
from sync.config.sections import TrackerSettings
from sync.config.settings import Settings, load_settings
from sync.config.workspace import LoadedWorkspace
from sync.model.broken_file import BrokenFile

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

GITHUB_API = "https://api.github.com"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientOptions:
    """Clock, callbacks and transport that all clients of a run share."""

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
    settings = settings or load_settings(root)
    workspace = load_workspace(
        files_root or root,
        trackers={name: tracker.kind for name, tracker in settings.trackers.items()},
        timezone=settings.timezone,
        labels=settings.label_scheme,
    )
    if not broken_files and (problems := check_push_names(settings, workspace)):
        raise InvalidWorkspace(problems)
    return LoadedWorkspace(
        root=root,
        settings=settings,
        workspace=workspace,
        evidence=check_all_evidence(root, workspace),
        mapping_files={
            team.origin.file: (
                team.team,
                ((files_root or root) / team.origin.file).read_text(encoding="utf-8"),
            )
            for team in workspace.teams
        },
        broken_files=broken_files,
    )


def load_credentials(settings: Settings, environment: Mapping[str, str]) -> dict[str, Credentials]:
    """Return the credentials of every tracker. Raises CredentialError that names all missing ones."""
    found = {
        name: read_credentials(name, tracker.kind, environment) for name, tracker in settings.trackers.items()
    }
    missing = [
        sentence
        for name, credentials in found.items()
        if (sentence := describe_missing_credentials(name, settings.trackers[name].kind, credentials))
    ]
    if missing:
        raise CredentialError("; ".join(missing))
    return found


def build_write_limits(tracker: TrackerSettings) -> WriteLimits:
    """Return the limits for writes on a tracker: those of the settings, else the vendor's published ones.

    A spacing of 0 means a server without such limits, for example a sandbox or GitHub Enterprise Server.
    """
    is_github = tracker.kind == "github"
    spacing = (1.0 if is_github else 0.2) if tracker.write_spacing is None else tracker.write_spacing
    has_content_limit = is_github and spacing > 0
    return WriteLimits(
        spacing=spacing,
        per_minute=tracker.content_per_minute or (80 if has_content_limit else None),
        per_hour=tracker.content_per_hour or (500 if has_content_limit else None),
    )


def build_rate_limiters(
    settings: Settings, credentials: Mapping[str, Credentials], ledger: WriteLedger
) -> dict[str, RateLimiter]:
    """Return tracker -> rate limiter. Trackers with the same address and credential share one."""
    by_credential: dict[str, RateLimiter] = {}
    by_tracker: dict[str, RateLimiter] = {}
    for name, tracker in settings.trackers.items():
        credential = _credential_id(tracker, credentials[name])
        limiter = RateLimiter(build_write_limits(tracker), tracker=name, credential=credential, ledger=ledger)
        by_tracker[name] = by_credential.setdefault(credential, limiter)
    return by_tracker


def _credential_id(tracker: TrackerSettings, credentials: Credentials) -> str:
    """Return the address and a short digest of the credential.

    Four hexadecimal digits tell credentials apart and reveal too little to guess one.
    """
    secrets = (credentials.token, credentials.pat, credentials.app_private_key)
    parts = [credentials.email or "", credentials.app_id or "", credentials.app_installation_id or ""]
    parts += [secret.get_secret_value() if secret else "" for secret in secrets]
    digest = hashlib.sha256("\n".join(parts).encode(errors="replace")).hexdigest()[:4]
    default = GITHUB_API if tracker.kind == "github" else ""
    return f"{tracker.url or credentials.url or default} {digest}"


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
        opener = _open_github if tracker.kind == "github" else _open_jira
        readers[name], writers[name] = opener(
            name,
            tracker,
            credentials[name],
            caches(name),
            settings,
            policy,
            client_options,
            (rate_limiters or {}).get(name),
        )
    return readers, writers


def _open_github(
    name: str,
    tracker: TrackerSettings,
    credentials: Credentials,
    cache: Cache,
    settings: Settings,
    policy: RetryPolicy,
    client_options: ClientOptions,
    rate_limiter: RateLimiter | None,
) -> tuple[IssueReader, IssueWriter]:
    from connectors.github.auth import GithubApp
    from connectors.github.connect import open_github

    app = None
    if credentials.app_id and credentials.app_private_key and credentials.app_installation_id:
        app = GithubApp(
            app_id=credentials.app_id,
            private_key=credentials.app_private_key.get_secret_value(),
            installation_id=_parse_installation_id(name, credentials.app_installation_id),
        )
    return open_github(
        tracker=name,
        url=tracker.url or credentials.url or GITHUB_API,
        token=credentials.token.get_secret_value() if credentials.token else None,
        app=app,
        cache=cache,
        policy=policy,
        now=client_options.now,
        sleep=client_options.sleep,
        on_wait=client_options.on_wait,
        overlap=settings.overlap,
        rate_limiter=rate_limiter,
        adapter=client_options.adapter,
        request_stats=client_options.request_stats,
        page_size=client_options.page_size or 100,
    )


def _open_jira(
    name: str,
    tracker: TrackerSettings,
    credentials: Credentials,
    cache: Cache,
    settings: Settings,
    policy: RetryPolicy,
    client_options: ClientOptions,
    rate_limiter: RateLimiter | None,
) -> tuple[IssueReader, IssueWriter]:
    from connectors.jira.connect import open_jira

    url = tracker.url or credentials.url
    if url is None:
        raise CredentialError(f"no site URL for {name}: write trackers.{name}.url in increment-sync.yaml")
    if tracker.kind == "github":
        raise ValueError("not a Jira tracker")
    return open_jira(
        tracker=name,
        kind=tracker.kind,
        url=url,
        cloud_id=tracker.cloud_id or credentials.cloud_id,
        gateway_url=tracker.gateway_url,
        email=credentials.email,
        api_token=credentials.token.get_secret_value() if credentials.token else None,
        pat=credentials.pat.get_secret_value() if credentials.pat else None,
        cache=cache,
        policy=policy,
        now=client_options.now,
        sleep=client_options.sleep,
        on_wait=client_options.on_wait,
        overlap=settings.overlap,
        rate_limiter=rate_limiter,
        adapter=client_options.adapter,
        request_stats=client_options.request_stats,
        page_size=client_options.page_size or 1000,
        on_smaller_page=client_options.on_smaller_page,
    )


def _parse_installation_id(tracker: str, text: str) -> int:
    if not text.isdigit():
        raise CredentialError(
            f"the installation id of the GitHub App for {tracker} must be a number, not {text!r}"
        )
    return int(text)
