"""The parts of ``increment-sync.yaml``: a tracker, push, limits, metrics, and how durations are written."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
)

from connectors.http.url_policy import is_unencrypted

TrackerKind = Literal["jira-cloud", "jira-dc", "github"]

_MAX_DURATION = timedelta(days=366)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _parse_duration(value: Any) -> Any:
    """``90s``, ``10m``, ``24h``, ``7d`` -> timedelta; anything else is left to pydantic."""
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


class SettingsSection(BaseModel):
    """A part of the settings: keys that nobody knows are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def check_url_without_password(url: str | None, example: str) -> str | None:
    """The url itself. ValueError when it holds credentials; ``example`` shows how it should look."""
    if url is not None and "@" in url:
        # The URL may hold a password, so it is not repeated.
        raise ValueError(
            "write the URL without user and password (no @); credentials go into the environment"
        )
    if url is not None and not url.startswith(("https://", "http://")):
        raise ValueError(f"write a whole URL such as {example}, not {url!r}")
    return url.rstrip("/") if url else url


class TrackerSettings(SettingsSection):
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
    def _check_url(cls, url: str | None) -> str | None:
        clean = check_url_without_password(url, "https://acme.atlassian.net")
        if clean is not None and is_unencrypted(clean):
            raise ValueError("write it with https://: over http:// anybody on the way could read the token")
        return clean


class PushSettings(SettingsSection):
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


class Limits(SettingsSection):
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


class MetricsSettings(SettingsSection):
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
    def _check_url(cls, url: str | None) -> str | None:
        return check_url_without_password(url, "http://pushgateway.example:9091")
