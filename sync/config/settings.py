"""Settings of a workspace, from ``increment-sync.yaml`` and variables that override it. They hold no secrets."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from pydantic import Field, PrivateAttr, ValidationError, field_validator

from connectors.registry import spec_or_stand_in
from connectors.spec import ConnectorSpec
from connectors.text import fold_name
from mappings.checks.labels import organisation_prefix_clashes
from mappings.checks.plans import is_zone
from mappings.defaults import merge_labels
from mappings.labels import DEFAULT_COLORS, DEFAULT_PREFIXES, LabelScheme
from mappings.load import read_defaults
from mappings.problems import InvalidWorkspace, Origin, Problem
from mappings.schema.labels import LabelEntries
from mappings.schema.mapping import DEFAULTS_FILE
from mappings.yaml.document import describe_errors
from mappings.yaml.tree import KeyPath, Node, Positions, read_tree
from sync.config.sections import (
    Duration,
    Limits,
    MetricsSettings,
    Name,
    PushSettings,
)
from sync.config.settings_sources import (
    EnvironmentSource,
    FileSource,
    SettingsOrigins,
    blame,
    name_in_variable,
    read_variables,
    variable_name,
)
from sync.config.sourced_settings import SourcedSettings, reading_from
from sync.config.trackers import Tracker

FILE_NAME = "increment-sync.yaml"


class Settings(SourcedSettings):
    """Content of ``increment-sync.yaml``.

    Environment variables override keys: ``INCREMENT_SYNC_SET_PUSH__ENABLED=true`` overrides ``push.enabled``.
    """

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
    trackers: Mapping[Name, Tracker] = Field(
        min_length=1,
        description="Trackers by name, as mappings and plans refer to them.",
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
            if f"{name_in_variable(name)}_".startswith("SET_"):
                raise ValueError(f"the tracker {name!r} would share its variables with settings; rename it")
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

    _origins: SettingsOrigins = PrivateAttr(default=SettingsOrigins(positions=Positions(file=FILE_NAME)))
    _default_labels: Positions = PrivateAttr(default=Positions(file=DEFAULTS_FILE))
    """Positions in ``defaults.yaml``."""

    def origin_of(self, path: KeyPath) -> Origin | None:
        """Return the variable or position from which the value of a key comes; None if it is a default."""
        if origin := self._origins.origin_of(path):
            return origin
        in_defaults = path[:1] == ("labels",) and self._default_labels.resolve(path) == path
        return self._default_labels.key_origin(path) if in_defaults else None

    def nearest_origin(self, path: KeyPath) -> Origin:
        """Return the origin of a key, or that of the nearest key around it."""
        return self.origin_of(path) or self._origins.nearest_origin(path)

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
            prefixes=prefixes, colors=colors, former_prefixes=former, origins=self._prefix_origins()
        )

    def _prefix_origins(self) -> dict[str, Origin]:
        """Return family -> location of its prefix."""
        found = {family: self.origin_of(("labels", family, "prefix")) for family in self.labels}
        return {family: origin for family, origin in found.items() if origin}

    @property
    def specs(self) -> dict[str, ConnectorSpec]:
        """Specification of each tracker's connector, by the name of the tracker."""
        return {name: self.spec(name) for name in self.trackers}

    def spec(self, tracker: str) -> ConnectorSpec:
        """Return the specification of a tracker's connector; a stand-in if the connector cannot be used."""
        return spec_or_stand_in(self.trackers[tracker].kind)

    def may_push(self, team: str) -> bool:
        """Return True if the team's changes are planned. Writing them needs ``push.enabled`` as well."""
        return self.push.teams is None or team in self.push.teams


def find_workspace_root(start: Path) -> Path:
    """Return the folder at or above ``start`` with an ``increment-sync.yaml``; ``start`` without one."""
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder
    return start


def load_settings(root: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Read ``increment-sync.yaml``, the variables that override it, and the labels of ``defaults.yaml``.

    Raises InvalidWorkspace with all problems of the settings. Problems of the defaults are reported with the mappings.
    """
    path = root / FILE_NAME
    if not path.is_file():
        raise InvalidWorkspace([_missing_file_problem(path)])
    tree, problems = read_tree(path, FILE_NAME)
    if tree is None:
        raise InvalidWorkspace(problems)
    settings, more = _read_settings(tree, environment or {})
    if problems or more or settings is None:
        raise InvalidWorkspace([*problems, *more])
    for defaults in read_defaults(root):
        if defaults.partial_model is not None:
            labels = merge_labels(settings.labels, defaults.partial_model.labels)
            settings = settings.model_copy(update={"labels": labels})
            settings._default_labels = defaults.positions
    if problems := _prefix_clash_problems(settings):
        raise InvalidWorkspace(problems)
    return settings


def _read_settings(tree: Node, environment: Mapping[str, str]) -> tuple[Settings | None, list[Problem]]:
    """Return the settings of file and variables, None with the problems if they are invalid."""
    positions = Positions(file=FILE_NAME, root=tree)
    if not isinstance(tree.value, dict):
        error = _validation_error(Settings.model_validate, tree.value)
        return None, describe_errors(error, positions, Settings) if error else []
    found, problems = read_variables(Settings, tree, environment)
    file, variables = FileSource(Settings, tree), EnvironmentSource(Settings, found)
    origins = SettingsOrigins(
        positions=positions, variables={key: variable_name(key) for key in found}, values=variables()
    )
    try:
        with reading_from(variables, file):
            settings = Settings()
    except ValidationError as error:
        with reading_from(file):
            of_file = _validation_error(Settings)
        return None, problems + describe_errors(error, positions, Settings, partial(blame, origins, of_file))
    settings._origins = origins
    return settings, problems


def _validation_error(validate: Callable[..., object], *arguments: object) -> ValidationError | None:
    try:
        validate(*arguments)
    except ValidationError as error:
        return error
    return None


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
            origin=settings.nearest_origin(("labels", family, "prefix")),
            path=f"labels.{family}.prefix",
            message=sentence,
            severity="error",
            check="label-prefix",
        )
        for family, sentence in organisation_prefix_clashes(settings.label_scheme)
    ]
