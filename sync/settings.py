"""The workspace's ``increment-sync.yaml``: trackers, store, push policy, limits. No secrets live here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    WithJsonSchema,
    field_validator,
)

from connectors.addresses import is_open_to_listeners
from mappings.checks_labels import clash_of
from mappings.checks_plans import is_zone
from mappings.defaults import inherited_labels
from mappings.labels import DEFAULT_COLORS, DEFAULT_PREFIXES, LabelScheme
from mappings.load import read_defaults, read_yaml
from mappings.model import Origin
from mappings.problems import MappingInvalid, Problem
from mappings.schema_labels import LabelEntries
from mappings.yaml_tree import Positions

FILE_NAME = "increment-sync.yaml"
TrackerKind = Literal["jira-cloud", "jira-dc", "github"]

_LONGEST = timedelta(days=366)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _duration(value: Any) -> Any:
    """``90s``, ``10m``, ``24h``, ``7d`` -> timedelta; anything else is left to pydantic."""
    if isinstance(value, str) and value[-1:] in _UNITS and re.fullmatch("[0-9]{1,9}", value[:-1]):
        value = int(value[:-1]) * timedelta(**{_UNITS[value[-1]]: 1})
    if isinstance(value, timedelta) and value <= _LONGEST:
        return value
    raise ValueError(f"write a duration as 90s, 10m, 24h or 7d, a year at most, not {value!r}")


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\d+[smhd]$"}),
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _url_without_password(url: str | None, example: str) -> str | None:
    if url is not None and "@" in url:
        # The URL may hold a password, so it is not repeated.
        raise ValueError(
            "write the URL without user and password (no @); credentials go into the environment"
        )
    if url is not None and not url.startswith(("https://", "http://")):
        raise ValueError(f"write a whole URL such as {example}, not {url!r}")
    return url.rstrip("/") if url else url


class TrackerSettings(_Strict):
    """One Jira site or GitHub server."""

    kind: TrackerKind = Field(description="What it is: a Jira in the cloud, a Jira of your own, or a GitHub.")
    url: str | None = Field(
        default=None,
        description="URL of the Jira site, or API URL of GitHub Enterprise Server; else the environment's.",
        examples=["https://acme.atlassian.net"],
        json_schema_extra={"pattern": "^https?://[^@]*$"},
    )
    cloud_id: str | None = Field(
        default=None,
        description="Jira Cloud: the site's id, needed for scoped tokens, which use the gateway.",
        examples=["11111111-2222-3333-4444-555555555555"],
    )
    gateway_url: str = Field(
        default="https://api.atlassian.com",
        description="Jira Cloud: the gateway for scoped tokens.",
        json_schema_extra={"pattern": "^https?://[^@]*$"},
    )
    former_accounts: tuple[str, ...] = Field(
        default=(),
        description=(
            "Ids of accounts by which this installation wrote before: their comments and labels count as ours, "
            "where the tracker lets us edit them."
        ),
        examples=[["41898282"]],
    )
    write_spacing: float | None = Field(
        default=None,
        ge=0,
        description="Seconds between two writes; without it 1 on GitHub and 0.2 on Jira.",
        examples=[0.5],
    )
    content_per_minute: int | None = Field(
        default=None,
        ge=1,
        description="Labels and comments that all runs of one token may write in a minute; without it 80 on GitHub, "
        "unless `write_spacing` is 0.",
        examples=[80],
    )
    content_per_hour: int | None = Field(
        default=None,
        ge=1,
        description="The same in an hour; without it 500 on GitHub, unless `write_spacing` is 0.",
        examples=[500],
    )

    @field_validator("url", "gateway_url")
    @classmethod
    def _http(cls, url: str | None) -> str | None:
        clean = _url_without_password(url, "https://acme.atlassian.net")
        if clean is not None and is_open_to_listeners(clean):
            raise ValueError("write it with https://: over http:// anybody on the way could read the token")
        return clean


class PushSettings(_Strict):
    """Whether anything is written on the trackers."""

    enabled: bool = Field(default=False, description="Whether `run` and `reconcile` may write.")
    teams: tuple[str, ...] | None = Field(
        default=None,
        description="Write for these teams only; without it for all.",
        examples=[["churn-science"]],
    )
    share: tuple[str, ...] = Field(
        default=(),
        description=(
            "Private sources whose issues comments may name where anybody can read them, as `tracker:PROJECT` or "
            "`tracker:owner/repo`; the issues of others are only counted there."
        ),
        examples=[["jira:DS"]],
    )


class Limits(_Strict):
    """What a single run may do before the guard stops it. Of an absolute and a relative limit the larger holds, but
    where there is little, not all of it may go: at most half of a source, three quarters of the labels."""

    removals: int = Field(
        default=10, ge=0, description="Labels that one run may remove without putting another in their place."
    )
    removal_share: float = Field(
        default=0.2, ge=0, le=1, description="The same as a share of all labels that we pushed."
    )
    new_comments: int = Field(
        default=40,
        ge=0,
        description="Comments that one run may create; a first run leaves more to the runs after it.",
    )
    new_comment_share: float = Field(
        default=0.1, ge=0, description="The same as a share of the status comments that there are."
    )
    notified: int = Field(
        default=30,
        ge=0,
        description="People whom one run may cause the trackers to mail, as far as we know them; a first run "
        "leaves more to the runs after it.",
    )
    notified_share: float = Field(
        default=0.5, ge=0, le=1, description="The same as a share of all people who stand on known issues."
    )
    mails_each: int = Field(
        default=20, ge=0, description="Mails that one person may get from one run; a first run spreads them."
    )
    overrides: int = Field(
        default=10, ge=0, description="New decisions of people that one run may find before it stops to ask."
    )
    override_share: float = Field(
        default=0.1, ge=0, le=1, description="The same as a share of all issues that we labelled."
    )
    shrink: int = Field(
        default=5, ge=0, description="Issues that may be missing from a source at once before it is doubted."
    )
    shrink_share: float = Field(default=0.1, ge=0, le=1, description="The same as a share of the source.")


class MetricsSettings(_Strict):
    """Where figures about the runs go, for those who watch the cron job."""

    textfile: Path | None = Field(
        default=None,
        description="File for node_exporter's textfile collector, which reads names that end in .prom; relative to "
        "the workspace.",
        examples=["/var/lib/prometheus/node-exporter/increment-sync.prom"],
    )
    pushgateway: str | None = Field(
        default=None,
        description="Address of a Prometheus Pushgateway.",
        examples=["http://pushgateway.example:9091"],
        json_schema_extra={"pattern": "^https?://[^@]*$"},
    )
    interval: Duration = Field(
        default=timedelta(minutes=15),
        description="How often cron starts `run`; the alert rules call three of these without success too long.",
    )

    @field_validator("pushgateway")
    @classmethod
    def _http(cls, url: str | None) -> str | None:
        return _url_without_password(url, "http://pushgateway.example:9091")


class Settings(_Strict):
    """The whole of ``increment-sync.yaml``."""

    instance: str = Field(
        pattern="^[a-z0-9][a-z0-9._-]{0,39}$",
        description="Id of this installation. It marks our comments: keep it once anything was written.",
        examples=["acme-ds"],
    )
    timezone: str = Field(
        default="UTC",
        description="IANA zone in which days begin, for plans that name none and for days in mappings.",
        examples=["Europe/Berlin"],
    )
    store: str = Field(
        default="sqlite:///.increment-sync/state.db",
        description="Where we keep what we know: an SQLite file, relative to the workspace, or a PostgreSQL.",
        examples=["postgresql://increment_sync@db.example/increments"],
    )
    trackers: Mapping[str, TrackerSettings] = Field(
        min_length=1,
        description="The trackers by name; mappings and plans use these names.",
        examples=[{"jira": {"kind": "jira-cloud", "url": "https://acme.atlassian.net"}}],
    )
    push: PushSettings = Field(default=PushSettings(), description="Whether anything is written on trackers.")
    labels: LabelEntries = Field(
        default={},
        description="Prefix and colour by family of labels; they win over those of `defaults.yaml`.",
        examples=[{"capability": {"prefix": "capability:", "color": "1d76db"}}],
    )
    limits: Limits = Field(
        default=Limits(), description="What one run may do before the guard stops it and asks a person."
    )
    metrics: MetricsSettings = Field(
        default=MetricsSettings(), description="Where figures about the runs go, for alerts."
    )
    census_every: Duration = Field(
        default=timedelta(hours=24),
        description="How often a run asks each source for all its ids, so that deleted issues are seen.",
    )
    counts_every: Duration = Field(
        default=timedelta(hours=24), description="How often at most a comment is edited for counts alone."
    )
    unreadable_after: Duration = Field(
        default=timedelta(hours=24), description="When a comment says that a source cannot be read."
    )
    overlap: Duration = Field(
        default=timedelta(minutes=10), description="How far the search index of a tracker may lag behind."
    )
    max_wait: Duration = Field(
        default=timedelta(minutes=2),
        description="The longest wait for a quota; a run that would wait longer goes on without that source.",
    )

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        if not is_zone(name):
            raise ValueError(f"{name!r} is not an IANA time zone; write one like Europe/Berlin")
        return name

    @field_validator("store")
    @classmethod
    def _store_of_a_known_kind(cls, url: str) -> str:
        # The URL may hold a password, so it is not repeated.
        if not url.startswith(("sqlite://", "postgresql://", "postgresql+psycopg://", "postgres://")):
            raise ValueError("write it as sqlite:///path/to/state.db or postgresql://user@host/database")
        if url == "sqlite:///":
            raise ValueError("name a file: sqlite:///path/to/state.db")
        return url

    _label_origins: dict[str, Origin] = PrivateAttr(default={})
    """By family, where its prefix was written."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def scheme(self) -> LabelScheme:
        """The organisation's prefixes and colours; ``Workspace.labels`` has those of the teams besides."""
        prefixes, colors = dict(DEFAULT_PREFIXES), dict(DEFAULT_COLORS)
        for family, chosen in self.labels.items():
            prefixes[family] = chosen.prefix or prefixes[family]
            colors[family] = (chosen.color or colors[family]).lower()
        former = {family: tuple(each.previously) for family, each in self.labels.items() if each.previously}
        return LabelScheme(prefixes=prefixes, colors=colors, former=former, origins=self._label_origins)

    def may_push(self, team: str) -> bool:
        """Whether changes are made up for a team; that they are also written needs ``push.enabled``."""
        return self.push.teams is None or team in self.push.teams


def find_root(start: Path) -> Path:
    """The folder at or above ``start`` that holds ``increment-sync.yaml``; ``start`` when there is none."""
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder
    return start


def load_settings(root: Path) -> Settings:
    """Read ``increment-sync.yaml``, with the labels that ``defaults.yaml`` adds to it.

    Raises MappingInvalid with every problem of the settings; those of the defaults are found with the mappings'.
    """
    path = root / FILE_NAME
    if not path.is_file():
        raise MappingInvalid([_missing_file(path)])
    settings, problems, where = read_yaml(path, Settings, file=FILE_NAME)
    if problems or settings is None:
        raise MappingInvalid(problems)
    origins = _label_origins(settings.labels, where)
    for defaults in read_defaults(root):
        if defaults.partial is not None:
            origins = {**_label_origins(defaults.partial.labels, defaults.where), **origins}
            labels = inherited_labels(settings.labels, defaults.partial.labels)
            settings = settings.model_copy(update={"labels": labels})
    settings._label_origins = origins
    if problems := _clashing_prefixes(settings):
        raise MappingInvalid(problems)
    return settings


def _label_origins(labels: LabelEntries, where: Positions) -> dict[str, Origin]:
    return {
        family: where.key(("labels", family, "prefix")) for family, chosen in labels.items() if chosen.prefix
    }


def store_url(settings: Settings, root: Path) -> str:
    """The store's URL with a relative SQLite path made relative to the workspace."""
    prefix = "sqlite:///"
    if settings.store.startswith(prefix) and not settings.store.startswith(prefix + "/"):
        return prefix + str((root / settings.store.removeprefix(prefix)).resolve())
    return settings.store


def _missing_file(path: Path) -> Problem:
    return Problem(
        origin=Origin(file=path.name),
        path="",
        message=f"there is no {FILE_NAME} in {path.parent} or above it; run `increment-sync init` to write one",
        severity="error",
        check="settings-file",
    )


def _clashing_prefixes(settings: Settings) -> list[Problem]:
    """One prefix must not start another: a label would belong to two families."""
    return [
        Problem(
            origin=settings._label_origins.get(family, Origin(file=FILE_NAME)),
            path=f"labels.{family}.prefix",
            message=sentence,
            severity="error",
            check="label-prefix",
        )
        for family, sentence in clash_of(settings.scheme)
    ]
