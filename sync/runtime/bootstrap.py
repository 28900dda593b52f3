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

from connectors.http.rate_limiter import Ledger, Pace, WriteLimits
from connectors.http.retry import RetryPolicy, Wait
from connectors.http.usage import Traffic
from connectors.ports import Cache, IssueReader, IssueWriter
from mappings.load import load_workspace
from mappings.problems import MappingInvalid
from sync.config.check_push import unknown_in_push
from sync.config.credentials import CredentialError, Credentials, read_credentials, what_is_missing
from sync.config.evidence import read_proofs
from sync.config.sections import TrackerSettings
from sync.config.settings import Settings, load_settings
from sync.config.workspace import Configured
from sync.model.broken_file import UnusableFile

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

GITHUB_API = "https://api.github.com"


def utc_now() -> datetime:
    """The clock that is passed to everything."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """How requests wait and travel: the clock, the sleeping, who is told, and what a rehearsal puts in between."""

    now: Callable[[], datetime] = utc_now
    sleep: Callable[[float], None] = time.sleep
    on_wait: Callable[[Wait], None] = lambda _: None
    on_lighter: Callable[[str, str], None] = lambda *_: None
    """Hears a tracker and a sentence when less is asked of it at once, because more was too much for it."""
    until: datetime | None = None
    """When the time for this run is over: no wait goes beyond it."""
    random: Callable[[], float] = random.random
    """Gives [0, 1); spreads waits."""
    adapter: BaseAdapter | None = None
    """Carries requests instead of the network."""
    traffic: Traffic = field(default_factory=Traffic)
    """Counts requests."""
    page: int | None = None
    """Rows of a page, where it is to be smaller than usual."""


def configure(
    root: Path, *, files: Path | None = None, unusable: tuple[UnusableFile, ...] = ()
) -> Configured:
    """Read settings, plans and mappings. Raises MappingInvalid with every problem of every file.

    ``files``: where plans and mappings are read instead, while those that are ``unusable`` are broken.
    """
    settings = load_settings(root)
    workspace = load_workspace(
        files or root,
        trackers={name: tracker.kind for name, tracker in settings.trackers.items()},
        timezone=settings.timezone,
        labels=settings.scheme,
    )
    if not unusable and (problems := unknown_in_push(settings, workspace)):
        raise MappingInvalid(problems)
    return Configured(
        root=root,
        settings=settings,
        workspace=workspace,
        proofs=read_proofs(root, workspace),
        mapping_files={
            team.origin.file: (team.team, ((files or root) / team.origin.file).read_text(encoding="utf-8"))
            for team in workspace.teams
        },
        unusable=unusable,
    )


def credentials_of(settings: Settings, environment: Mapping[str, str]) -> dict[str, Credentials]:
    """Credentials of every tracker. Raises CredentialError naming all that are missing."""
    found = {
        name: read_credentials(name, tracker.kind, environment) for name, tracker in settings.trackers.items()
    }
    missing = [
        sentence
        for name, credentials in found.items()
        if (sentence := what_is_missing(name, settings.trackers[name].kind, credentials))
    ]
    if missing:
        raise CredentialError("; ".join(missing))
    return found


def secrets_of(credentials: Mapping[str, Credentials]) -> list[str]:
    """Every secret, to be kept out of logs."""
    return [
        secret.get_secret_value()
        for each in credentials.values()
        for secret in (each.token, each.pat, each.app_private_key)
        if secret
    ]


def write_limits(tracker: TrackerSettings) -> WriteLimits:
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


def paces_of(settings: Settings, credentials: Mapping[str, Credentials], ledger: Ledger) -> dict[str, Pace]:
    """Tracker -> how its writes are paced. Trackers that share an address and a credential share their pace."""
    by_credential: dict[str, Pace] = {}
    paces: dict[str, Pace] = {}
    for name, tracker in settings.trackers.items():
        who = _who_writes(tracker, credentials[name])
        pace = Pace(write_limits(tracker), tracker=name, credential=who, ledger=ledger)
        paces[name] = by_credential.setdefault(who, pace)
    return paces


def _who_writes(tracker: TrackerSettings, found: Credentials) -> str:
    """Address and a mark of the credential: four digits tell it from others and are too few to guess it from."""
    secrets = (found.token, found.pat, found.app_private_key)
    parts = [found.email or "", found.app_id or "", found.app_installation_id or ""]
    parts += [secret.get_secret_value() if secret else "" for secret in secrets]
    mark = hashlib.sha256("\n".join(parts).encode(errors="replace")).hexdigest()[:4]
    default = GITHUB_API if tracker.kind == "github" else ""
    return f"{tracker.url or found.url or default} {mark}"


def open_trackers(
    settings: Settings,
    credentials: Mapping[str, Credentials],
    caches: Callable[[str], Cache],
    waiting: Waiting,
    paces: Mapping[str, Pace] | None = None,
) -> tuple[dict[str, IssueReader], dict[str, IssueWriter]]:
    """A reader and a writer for every tracker of the settings. No request is sent. Without ``paces`` nothing is
    to be written."""
    readers: dict[str, IssueReader] = {}
    writers: dict[str, IssueWriter] = {}
    policy = RetryPolicy(
        max_wait=settings.max_wait.total_seconds(), until=waiting.until, random=waiting.random
    )
    for name, tracker in settings.trackers.items():
        opener = _open_github if tracker.kind == "github" else _open_jira
        readers[name], writers[name] = opener(
            name, tracker, credentials[name], caches(name), settings, policy, waiting, (paces or {}).get(name)
        )
    return readers, writers


def _open_github(
    name: str,
    tracker: TrackerSettings,
    credentials: Credentials,
    cache: Cache,
    settings: Settings,
    policy: RetryPolicy,
    waiting: Waiting,
    pace: Pace | None,
) -> tuple[IssueReader, IssueWriter]:
    from connectors.github.auth import GithubApp
    from connectors.github.connect import open_github

    app = None
    if credentials.app_id and credentials.app_private_key and credentials.app_installation_id:
        app = GithubApp(
            app_id=credentials.app_id,
            private_key=credentials.app_private_key.get_secret_value(),
            installation_id=_installation_id(name, credentials.app_installation_id),
        )
    return open_github(
        tracker=name,
        url=tracker.url or credentials.url or GITHUB_API,
        token=credentials.token.get_secret_value() if credentials.token else None,
        app=app,
        cache=cache,
        policy=policy,
        now=waiting.now,
        sleep=waiting.sleep,
        on_wait=waiting.on_wait,
        overlap=settings.overlap,
        pace=pace,
        adapter=waiting.adapter,
        traffic=waiting.traffic,
        pull_page=waiting.page or 100,
    )


def _open_jira(
    name: str,
    tracker: TrackerSettings,
    credentials: Credentials,
    cache: Cache,
    settings: Settings,
    policy: RetryPolicy,
    waiting: Waiting,
    pace: Pace | None,
) -> tuple[IssueReader, IssueWriter]:
    from connectors.jira.reader import open_jira

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
        now=waiting.now,
        sleep=waiting.sleep,
        on_wait=waiting.on_wait,
        overlap=settings.overlap,
        pace=pace,
        adapter=waiting.adapter,
        traffic=waiting.traffic,
        page_size=waiting.page or 1000,
        on_lighter=waiting.on_lighter,
    )


def _installation_id(tracker: str, text: str) -> int:
    if not text.isdigit():
        raise CredentialError(
            f"the installation id of the GitHub App for {tracker} must be a number, not {text!r}"
        )
    return int(text)
