"""Reading and validating the YAML file that the sandbox starts from.

::

    now: 2026-11-20T09:00:00Z        # optional: the clock stands here; without it, it follows the real one
    trackers:
      github: {kind: github, ...}    # keys: ``sandbox/github/seed_model.py``
      jira: {kind: jira-cloud, ...}  # or jira-dc; keys: ``sandbox/jira/seed_model.py``

Times are ISO 8601 (UTC where no zone is given), a date, or relative to now: ``3d ago``, ``2h ago``,
``30m ago``, ``1w ago``, ``in 5d``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from connectors.regular_file import read_regular_file
from connectors.sandbox.core.tracker import TrackerKind
from connectors.sandbox.core.validation import InputModel, describe_error
from connectors.scalars import in_utc, quote_value

_RELATIVE_TIME: Final = re.compile(
    r"(?:(?P<ahead>in) )?(?P<n>\d+(?:\.\d+)?) ?(?P<unit>[mhdw])(?P<back> ago)?"
)
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class SeedError(Exception):
    """The seed is invalid; ``str(error)`` is one sentence with the place and what to do."""


class SeedModel(InputModel):
    """A mapping of the seed. Numbers are accepted where text is expected."""

    model_config = ConfigDict(coerce_numbers_to_str=True)


class _TrackerEntry(BaseModel):
    """Keys that every tracker of a seed has; the tracker itself validates the others."""

    kind: TrackerKind


class _Seed(SeedModel):
    now: Any = None
    trackers: dict[str, _TrackerEntry]


Model = TypeVar("Model", bound=BaseModel)


def read_seed(source: Mapping[str, Any] | str | Path) -> Mapping[str, Any]:
    """Return the seed of a YAML file or of a mapping, with its outer keys validated. SeedError."""
    data = source if isinstance(source, Mapping) else _parse_yaml(Path(source))
    for name in validate_seed(_Seed, data, place="").trackers:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
            raise SeedError(
                f"The tracker name '{name}' becomes part of a URL; use lowercase letters, digits and hyphens."
            )
    return data


_MAX_BYTES: Final = 100_000_000


def _parse_yaml(path: Path) -> Mapping[str, Any]:
    try:
        data = YAML(typ="safe", pure=True).load(read_regular_file(path, _MAX_BYTES).decode())
    except (OSError, UnicodeDecodeError) as error:
        raise SeedError(
            f"The seed {path} cannot be read: {getattr(error, 'strerror', None) or error}."
        ) from error
    except YAMLError as error:
        reason = " ".join(str(error).split())
        raise SeedError(f"The seed {path} is not valid YAML: {reason}.") from error
    if not isinstance(data, Mapping):
        raise SeedError(f"The seed {path} has to be a mapping with the key 'trackers'.")
    return data


def validate_seed(
    model: type[Model], data: Mapping[str, Any], *, place: str, now: datetime | None = None
) -> Model:
    """Return the data as a model. SeedError for the first problem, with the path of its key below ``place``.

    ``now`` (aware) is what relative times count from.
    """
    try:
        return model.model_validate(data, context={"now": now})
    except ValidationError as error:
        raise SeedError(describe_error(error, place=place, root="The seed")) from error


def parse_time(value: object, now: datetime) -> datetime:
    """Return a time of the seed, aware, in UTC, in whole seconds. ValueError for anything else."""
    with suppress(ValueError, OverflowError):
        read = _read_time(value, now)
        if read and (at := in_utc(read.replace(tzinfo=read.tzinfo or UTC))):
            return at.replace(microsecond=0)
    raise ValueError(
        f"is {quote_value(value)}, which is not a time; write ISO 8601 like 2026-11-20T09:00:00Z or '3d ago'."
    )


def _read_time(value: object, now: datetime) -> datetime | None:
    """Return a time as it is written. ValueError or OverflowError if it is none."""
    if isinstance(value, str) and (found := _RELATIVE_TIME.fullmatch(value.strip())):
        if bool(found["ahead"]) == bool(found["back"]):
            return None
        distance = timedelta(**{_UNITS[found["unit"]]: float(found["n"])})
        return now + distance if found["ahead"] else now - distance
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return datetime.fromisoformat(value.strip()) if isinstance(value, str) else None


def _parse_seed_time(value: Any, info: ValidationInfo) -> datetime | None:
    return value if value is None or info.context is None else parse_time(value, info.context["now"])


SeedTime = Annotated[datetime | None, BeforeValidator(_parse_seed_time)]
"""A time that may be absent; relative ones count from the ``now`` of ``validate_seed``."""
