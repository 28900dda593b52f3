"""Section ``trackers`` of ``increment-sync.yaml``: keys that all trackers have, and those of each connector."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
    field_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError, PydanticKnownError

from connectors.http.url_policy import describe_bad_url
from connectors.registry import ConnectorUnusable, UnknownKind, installed_kinds, spec_of
from connectors.spec import Option
from sync.config.sections import SettingsSection


class TrackerSettings(SettingsSection):
    """One tracker: a site or server. Its connector may have more keys."""

    kind: str = Field(description="Kind of the tracker.")
    url: str | None = Field(
        default=None,
        description="URL of the site, or of the server's API. Default: from the environment, or that of the connector.",
        examples=["https://acme.example"],
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
        description="Seconds between two writes. Default: as the vendor asks for it.",
        examples=[0.5],
    )
    content_per_minute: int | None = Field(
        default=None,
        ge=1,
        description="Labels and comments per minute, across all runs with the same token. Default: the vendor's "
        "published limit, unless `write_spacing` is 0.",
        examples=[80],
    )
    content_per_hour: int | None = Field(
        default=None,
        ge=1,
        description="The same per hour. Default: the vendor's published limit, unless `write_spacing` is 0.",
        examples=[500],
    )

    @field_validator("kind")
    @classmethod
    def _check_kind(cls, kind: str) -> str:
        try:
            spec_of(kind)
        except UnknownKind:
            kinds = ", ".join(repr(each) for each in installed_kinds())
            raise PydanticKnownError("literal_error", {"expected": kinds}) from None
        except ConnectorUnusable:
            pass  # the tracker fails when it is opened, and the others go on
        return kind

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str | None) -> str | None:
        if url is not None and (problem := describe_bad_url(url, "https://acme.example")):
            raise ValueError(problem)
        return url.rstrip("/") if url else url

    @property
    def options(self) -> dict[str, Any]:
        """Values of the keys that only its connector has."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in values.items() if name not in TrackerSettings.model_fields}

    @staticmethod
    def model_for(entry: object) -> type[TrackerSettings]:
        """Return the model of a tracker's entry: with the keys that the connector of its kind has."""
        kind = entry.get("kind") if isinstance(entry, Mapping) else None
        try:
            return _model_with(spec_of(kind).settings) if isinstance(kind, str) else TrackerSettings
        except UnknownKind:
            return TrackerSettings
        except ConnectorUnusable:
            return _TrackerWithAnyKeys


class _TrackerWithAnyKeys(TrackerSettings):
    """Tracker whose connector cannot say which keys it has."""

    model_config = ConfigDict(extra="allow")


@cache
def _model_with(options: tuple[Option, ...]) -> type[TrackerSettings]:
    fields: dict[str, Any] = {option.name: _option_field(option) for option in options}
    return create_model("TrackerSettings", __base__=TrackerSettings, **fields)


def _option_field(option: Option) -> tuple[Any, Any]:
    def check(text: str) -> str:
        for finding in option.check(text):
            raise ValueError(finding.sentence)
        return option.normalize(text)

    return Annotated[str, AfterValidator(check)] | None, option.default


def _validate_tracker(entry: object, _: ValidatorFunctionWrapHandler) -> TrackerSettings:
    if isinstance(entry, TrackerSettings):
        return entry
    model = TrackerSettings.model_for(entry)
    try:
        return model.model_validate(entry)
    except ValidationError as error:
        # An unknown key is compared with those of this kind of tracker.
        known = {"known": sorted(model.model_fields)}
        found = [
            {**each, "type": PydanticCustomError("extra_forbidden", "unknown key", known)}
            if each["type"] == "extra_forbidden"
            else each
            for each in error.errors(include_url=False)
        ]
        raise ValidationError.from_exception_data(
            error.title, cast("list[InitErrorDetails]", found)
        ) from None


Tracker = Annotated[TrackerSettings, WrapValidator(_validate_tracker)]
"""Entry of ``trackers``, checked with the keys of its kind."""
