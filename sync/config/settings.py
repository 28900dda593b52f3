"""Settings of a workspace, from ``increment-sync.yaml``. They hold no secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from pydantic import Field, PrivateAttr, field_validator

from connectors.text import fold_name
from mappings.checks.labels import organisation_prefix_clashes
from mappings.checks.plans import is_zone
from mappings.defaults import merge_labels
from mappings.labels import DEFAULT_COLORS, DEFAULT_PREFIXES, LabelScheme
from mappings.load import read_defaults, read_yaml
from mappings.problems import InvalidWorkspace, Origin, Problem
from mappings.schema.labels import LabelEntries
from mappings.yaml.tree import Positions
from sync.config.sections import (
    Duration,
    Limits,
    MetricsSettings,
    Name,
    PushSettings,
    SettingsSection,
    TrackerSettings,
)

FILE_NAME = "increment-sync.yaml"


class Settings(SettingsSection):
    """Content of ``increment-sync.yaml``."""

    instance: str = Field(
        pattern="^[a-z0-9][a-z0-9._-]{0,39}$",
        description="Id of this installation, which marks its comments. Do not change it after the first write.",
        examples=["acme-ds"],
    )
    timezone: str = Field(
        default="UTC",
        description="IANA time zone for plans that name none and for dates in mappings.",
        examples=["Europe/Berlin"],
    )
    store: str = Field(
        default="sqlite:///.increment-sync/state.db",
        description="Database for the state between runs: an SQLite file, relative to the workspace, or PostgreSQL.",
        examples=["postgresql://increment_sync@db.example/increments"],
    )
    trackers: Mapping[Name, TrackerSettings] = Field(
        min_length=1,
        description="Trackers by name, as mappings and plans refer to them.",
        examples=[{"jira": {"kind": "jira-cloud", "url": "https://acme.atlassian.net"}}],
    )
    push: PushSettings = Field(default=PushSettings(), description="Scope of writes on the trackers.")
    labels: LabelEntries = Field(
        default={},
        description="Prefix and colour by label family. They override `defaults.yaml`.",
        examples=[{"capability": {"prefix": "capability:", "color": "1d76db"}}],
    )
    limits: Limits = Field(
        default=Limits(), description="Limits of a single run, beyond which the guard stops it."
    )
    metrics: MetricsSettings = Field(
        default=MetricsSettings(), description="Destinations of metrics about the runs."
    )
    census_every: Duration = Field(
        default=timedelta(hours=24),
        description="Interval of censuses: lists of all ids of a source, by which deleted issues are detected.",
    )
    counts_every: Duration = Field(
        default=timedelta(hours=24),
        description="Shortest interval of comment edits that change nothing but counts.",
    )
    unreadable_after: Duration = Field(
        default=timedelta(hours=24), description="Time after which comments mention an unreadable source."
    )
    overlap: Duration = Field(
        default=timedelta(minutes=10), description="Largest lag of a tracker's search index."
    )
    max_wait: Duration = Field(
        default=timedelta(minutes=2),
        description="Longest wait for a rate limit. Instead of a longer one, a run goes on without the source.",
    )

    @field_validator("trackers", mode="before")
    @classmethod
    def _check_tracker_names(cls, trackers: object) -> object:
        """Reject names that conditions and environment variables cannot tell apart."""
        first: dict[str, str] = {}
        for name in map(str, trackers if isinstance(trackers, dict) else ()):
            other = first.setdefault(fold_name(name), name)
            if other != name:
                raise ValueError(f"the trackers {other!r} and {name!r} differ only in case; rename one")
        return trackers

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, name: str) -> str:
        if not is_zone(name):
            raise ValueError(f"{name!r} is not an IANA time zone; write one like Europe/Berlin")
        return name

    @field_validator("store")
    @classmethod
    def _check_store_url(cls, url: str) -> str:
        # The URL may hold a password, so it is not repeated.
        if not url.startswith(("sqlite://", "postgresql://", "postgresql+psycopg://", "postgres://")):
            raise ValueError("write it as sqlite:///path/to/state.db or postgresql://user@host/database")
        if url == "sqlite:///":
            raise ValueError("name a file: sqlite:///path/to/state.db")
        return url

    _label_origins: dict[str, Origin] = PrivateAttr(default={})
    """Family -> location of its prefix."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def label_scheme(self) -> LabelScheme:
        """Prefixes and colours of the organisation. ``Workspace.labels`` adds those of the teams."""
        prefixes, colors = dict(DEFAULT_PREFIXES), dict(DEFAULT_COLORS)
        for family, chosen in self.labels.items():
            prefixes[family] = chosen.prefix or prefixes[family]
            colors[family] = (chosen.color or colors[family]).lower()
        former = {family: tuple(each.previously) for family, each in self.labels.items() if each.previously}
        return LabelScheme(
            prefixes=prefixes, colors=colors, former_prefixes=former, origins=self._label_origins
        )

    def may_push(self, team: str) -> bool:
        """Return True if the team's changes are planned. Writing them needs ``push.enabled`` as well."""
        return self.push.teams is None or team in self.push.teams


def find_workspace_root(start: Path) -> Path:
    """Return the folder at or above ``start`` with an ``increment-sync.yaml``; ``start`` without one."""
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder
    return start


def load_settings(root: Path) -> Settings:
    """Read ``increment-sync.yaml`` and the labels of ``defaults.yaml``.

    Raises InvalidWorkspace with all problems of the settings. Problems of the defaults are reported with the mappings.
    """
    path = root / FILE_NAME
    if not path.is_file():
        raise InvalidWorkspace([_missing_file_problem(path)])
    settings, problems, where = read_yaml(path, Settings, file=FILE_NAME)
    if problems or settings is None:
        raise InvalidWorkspace(problems)
    origins = _label_origins(settings.labels, where)
    for defaults in read_defaults(root):
        if defaults.partial_model is not None:
            origins = {**_label_origins(defaults.partial_model.labels, defaults.positions), **origins}
            labels = merge_labels(settings.labels, defaults.partial_model.labels)
            settings = settings.model_copy(update={"labels": labels})
    settings._label_origins = origins
    if problems := _prefix_clash_problems(settings):
        raise InvalidWorkspace(problems)
    return settings


def _label_origins(labels: LabelEntries, where: Positions) -> dict[str, Origin]:
    return {
        family: where.key_origin(("labels", family, "prefix"))
        for family, chosen in labels.items()
        if chosen.prefix
    }


def store_url(settings: Settings, root: Path) -> str:
    """Return the store's URL, with the absolute path of an SQLite file.

    The path is quoted: a character of the workspace's path such as % or ? would have a meaning in the URL.
    """
    file = store_file(settings, root)
    if file is None:
        return settings.store
    _, mark, options = settings.store.partition("?")
    return f"{_SQLITE}{quote(os.fsencode(file))}{mark}{options}"


def store_file(settings: Settings, root: Path) -> Path | None:
    """Return the file of an SQLite store, a relative one below the workspace; None for other stores."""
    path = unquote(settings.store.removeprefix(_SQLITE).partition("?")[0], errors="surrogateescape")
    if not settings.store.startswith(_SQLITE) or path in ("", ":memory:"):
        return None
    return (root / path).resolve()


_SQLITE: Final = "sqlite:///"


def _missing_file_problem(path: Path) -> Problem:
    return Problem(
        origin=Origin(file=path.name),
        path="",
        message=f"there is no {FILE_NAME} in {path.parent} or above it; run `increment-sync init` to write one",
        severity="error",
        check="settings-file",
    )


def _prefix_clash_problems(settings: Settings) -> list[Problem]:
    """Return a problem for each prefix that starts another one: a label would belong to two families."""
    return [
        Problem(
            origin=settings._label_origins.get(family, Origin(file=FILE_NAME)),
            path=f"labels.{family}.prefix",
            message=sentence,
            severity="error",
            check="label-prefix",
        )
        for family, sentence in organisation_prefix_clashes(settings.label_scheme)
    ]
