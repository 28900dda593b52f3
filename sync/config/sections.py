"""Sections of ``increment-sync.yaml``: push, limits and metrics. ``trackers.py`` has that of the trackers."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
)

from connectors.http.url_policy import is_base_url
from connectors.text import normalize_text

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
        examples=[["tracker:DS"]],
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
