"""Puts the parts together. The only place that names vendor classes; they are imported when first needed."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
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


def utc_now() -> datetime:
    """The clock that is passed to everything."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientOptions:
    """How requests wait and travel: the clock, the sleeping, who is told, and what a rehearsal puts in between."""

    now: Callable[[], datetime] = utc_now
    sleep: Callable[[float], None] = time.sleep
    on_wait: Callable[[Wait], None] = lambda _: None
    on_smaller_page: Callable[[str, str], None] = lambda *_: None
    """Hears a tracker and a sentence when less is asked of it at once, because more was too much for it."""
    deadline: datetime | None = None
    """When the time for this run is over: no wait goes beyond it."""
    random: Callable[[], float] = random.random
    """Gives [0, 1); spreads waits."""
    adapter: BaseAdapter | None = None
    """Carries requests instead of the network."""
    request_stats: RequestStats = field(default_factory=RequestStats)
    """Counts requests."""
    page_size: int | None = None
    """Rows of a page, where it is to be smaller than usual."""


def load_configuration(
    root: Path, *, files_root: Path | None = None, broken_files: tuple[BrokenFile, ...] = ()
) -> LoadedWorkspace:
    """Read settings, plans and mappings. Raises MappingInvalid with every problem of every file.

    ``files_root``: where plans and mappings are read instead, while those that are ``broken_files`` are broken.
    """
    settings = load_settings(root)
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
    """Credentials of every tracker. Raises CredentialError naming all that are missing."""
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


def credential_secrets(credentials: Mapping[str, Credentials]) -> list[str]:
    """Every secret, to be kept out of logs."""
    return [
        secret.get_secret_value()
        for each in credentials.values()
        for secret in (each.token, each.pat, each.app_private_key)
        if secret
    ]


def build_write_limits(tracker: TrackerSettings) -> WriteLimits:
    """What a tracker asks of those who write on it: its own numbers where the settings name none.

    A spacing of 0 says that the server has no such limits (a sandbox, a GitHub of one's own).
    """
    is_github = tracker.kind == "github"
    spacing = (1.0 if is_github else 0.2) if tracker.write_spacing is None else tracker.write_spacing
    counted = is_github and spacing > 0
    return WriteLimits(
        spacing=spacing,
        per_minute=tracker.content_per_minute or (80 if counted else None),
        per_hour=tracker.content_per_hour or (500 if counted else None),
    )


def build_rate_limiters(
    settings: Settings, credentials: Mapping[str, Credentials], ledger: WriteLedger
) -> dict[str, RateLimiter]:
    """Tracker -> how its writes are paced. Trackers that share an address and a credential share their pace."""
    by_credential: dict[str, RateLimiter] = {}
    paces: dict[str, RateLimiter] = {}
    for name, tracker in settings.trackers.items():
        who = _credential_id(tracker, credentials[name])
        pace = RateLimiter(build_write_limits(tracker), tracker=name, credential=who, ledger=ledger)
        paces[name] = by_credential.setdefault(who, pace)
    return paces


def _credential_id(tracker: TrackerSettings, credentials: Credentials) -> str:
    """Address and a mark of the credential: four digits tell it from others and are too few to guess it from."""
    secrets = (credentials.token, credentials.pat, credentials.app_private_key)
    parts = [credentials.email or "", credentials.app_id or "", credentials.app_installation_id or ""]
    parts += [secret.get_secret_value() if secret else "" for secret in secrets]
    mark = hashlib.sha256("\n".join(parts).encode(errors="replace")).hexdigest()[:4]
    default = GITHUB_API if tracker.kind == "github" else ""
    return f"{tracker.url or credentials.url or default} {mark}"


def open_trackers(
    settings: Settings,
    credentials: Mapping[str, Credentials],
    caches: Callable[[str], Cache],
    client_options: ClientOptions,
    rate_limiters: Mapping[str, RateLimiter] | None = None,
) -> tuple[dict[str, IssueReader], dict[str, IssueWriter]]:
    """A reader and a writer for every tracker of the settings. No request is sent. Without ``rate_limiters`` nothing is
    to be written."""
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
