"""Sections of ``increment-sync.yaml``: trackers, push, limits and metrics."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
)

from connectors.http.url_policy import is_base_url, is_unencrypted
from connectors.text import normalize_text

TrackerKind = Literal["jira-cloud", "jira-dc", "github"]

_MAX_DURATION = timedelta(days=366)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _parse_duration(value: Any) -> Any:
    """Parse ``90s``, ``10m``, ``24h`` or ``7d``."""
    if isinstance(value, str) and value[-1:] in _UNITS and re.fullmatch("[0-9]{1,9}", value[:-1]):
        value = int(value[:-1]) * timedelta(**{_UNITS[value[-1]]: 1})
    if isinstance(value, timedelta) and value <= _MAX_DURATION:
        return value
    raise ValueError(f"write a duration as 90s, 10m, 24h or 7d, a year at most, not {value!r}")


Duration = Annotated[
    timedelta,
    BeforeValidator(_parse_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\d+[smhd]$"}),
]


Name = Annotated[str, AfterValidator(normalize_text)]
"""Name that the settings share with mappings, which are normalised, too."""


class SettingsSection(BaseModel):
    """Base of all sections: immutable, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def check_url_without_password(url: str | None, example: str) -> str | None:
    """Return the URL without trailing slash. Raises ValueError if it holds credentials or is incomplete.

    ``example`` is shown in the message.
    """
    if url is not None and "@" in url:
        # The URL may hold a password, so it is not repeated.
        raise ValueError(
            "write the URL without user and password (no @); credentials go into the environment"
        )
    if url is not None and not is_base_url(url):
        raise ValueError(f"write a whole URL such as {example}, not {url!r}")
    return url.rstrip("/") if url else url


class TrackerSettings(SettingsSection):
    """One Jira site or GitHub server."""

    kind: TrackerKind = Field(description="Jira Cloud, Jira Data Center, or GitHub.")
    url: str | None = Field(
        default=None,
        description="URL of the Jira site, or API URL of GitHub Enterprise Server. Default: from the environment.",
        examples=["https://acme.atlassian.net"],
        json_schema_extra={"pattern": "^https?://[^@]*$"},
    )
    cloud_id: str | None = Field(
        default=None,
        description="Jira Cloud: id of the site. Required for scoped tokens, which use the gateway.",
        examples=["11111111-2222-3333-4444-555555555555"],
    )
    gateway_url: str = Field(
        default="https://api.atlassian.com",
        description="Jira Cloud: URL of the gateway for scoped tokens.",
        json_schema_extra={"pattern": "^https?://[^@]*$"},
    )
    former_accounts: tuple[str, ...] = Field(
        default=(),
        description=(
            "Ids of accounts that this installation used earlier. Their comments and labels count as ours "
            "if the tracker lets us edit them."
        ),
        examples=[["41898282"]],
    )
    write_spacing: float | None = Field(
        default=None,
        ge=0,
        description="Seconds between two writes. Default: 1 on GitHub, 0.2 on Jira.",
        examples=[0.5],
    )
    content_per_minute: int | None = Field(
        default=None,
        ge=1,
        description="Labels and comments per minute, across all runs with the same token. Default: 80 on GitHub, "
        "unless `write_spacing` is 0.",
        examples=[80],
    )
    content_per_hour: int | None = Field(
        default=None,
        ge=1,
        description="The same per hour. Default: 500 on GitHub, unless `write_spacing` is 0.",
        examples=[500],
    )

    @field_validator("url", "gateway_url")
    @classmethod
    def _check_url(cls, url: str | None) -> str | None:
        clean = check_url_without_password(url, "https://acme.atlassian.net")
        if clean is not None and is_unencrypted(clean):
            raise ValueError("use https://: over http:// the token is sent unencrypted")
        return clean


class PushSettings(SettingsSection):
    """The ``push`` section."""

    enabled: bool = Field(default=False, description="True if `run` and `reconcile` may write.")
    teams: tuple[Name, ...] | None = Field(
        default=None,
        description="Write for these teams only. Default: all.",
        examples=[["churn-science"]],
    )
    share: tuple[Name, ...] = Field(
        default=(),
        description=(
            "Private sources, as `tracker:PROJECT` or `tracker:owner/repo`, whose issues may be named in public "
            "comments. Issues of other private sources are only counted there."
        ),
        examples=[["jira:DS"]],
    )


def _count(default: int, description: str) -> Any:
    return Field(default=default, ge=0, description=description)


def _share(default: float, description: str) -> Any:
    return Field(default=default, ge=0, le=1, description=description)


class Limits(SettingsSection):
    """Limits of a single run, beyond which the guard stops it.

    Of an absolute and a relative limit the larger one applies, but never more than half of a small source or three
    quarters of a few labels.
    """

    removals: int = _count(10, "Labels that one run may remove without replacing them.")
    removal_share: float = _share(0.2, "The same as a share of all pushed labels.")
    new_comments: int = _count(
        40, "Comments that one run may create. A first run leaves the rest to later runs."
    )
    new_comment_share: float = Field(
        default=0.1, ge=0, description="The same as a share of all status comments."
    )
    notified: int = _count(
        30,
        "People who may be notified because of one run, as far as they are known. A first run "
        "leaves the rest to later runs.",
    )
    notified_share: float = _share(0.5, "The same as a share of all people on known issues.")
    mails_each: int = _count(
        20, "Notifications to one person from one run. A first run leaves the rest to later runs."
    )
    overrides: int = _count(10, "New manual overrides that one run may find before the guard stops it.")
    override_share: float = _share(0.1, "The same as a share of all labelled issues.")
    shrink: int = _count(
        5, "Issues that may be missing at once; with more of them the source counts as failed."
    )
    shrink_share: float = _share(0.1, "The same as a share of the source.")


class MetricsSettings(SettingsSection):
    """The ``metrics`` section."""

    textfile: Path | None = Field(
        default=None,
        description="File for the textfile collector of node_exporter, which reads names that end in .prom. "
        "Relative to the workspace.",
        examples=["/var/lib/prometheus/node-exporter/increment-sync.prom"],
    )
    pushgateway: str | None = Field(
        default=None,
        description="URL of a Prometheus Pushgateway.",
        examples=["http://pushgateway.example:9091"],
        json_schema_extra={"pattern": "^https?://[^@]*$"},
    )
    interval: Duration = Field(
        default=timedelta(minutes=15),
        description="Interval at which cron starts `run`. The alert rules fire after three intervals without success.",
    )

    @field_validator("pushgateway")
    @classmethod
    def _check_url(cls, url: str | None) -> str | None:
        return check_url_without_password(url, "http://pushgateway.example:9091")
