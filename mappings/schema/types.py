"""Shared types of the plan and mapping schemas."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from connectors.text import normalize_text

_ISO_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_YEARS: Final = range(1970, 2200)
"""Years in which every day has an instant in every time zone."""


def described(description: str, *examples: Any, default: Any = ..., **limits: Any) -> Any:
    """Return a pydantic field with the text and examples of the published schema; required without a default."""
    return Field(default=default, description=description, examples=list(examples) or None, **limits)


class Entry(BaseModel):
    """Mapping in a YAML file. Unknown keys are rejected; values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _drop_null_options(schema: dict[str, Any]) -> None:
    schema["minProperties"] = 1
    for name, each in schema["properties"].items():
        filled = [option for option in each.get("anyOf", ()) if option != {"type": "null"}]
        if len(filled) == 1:
            rest = {key: value for key, value in each.items() if key != "anyOf"}
            schema["properties"][name] = {**filled[0], **rest}
        elif filled:
            each["anyOf"] = filled


class ConditionEntry(Entry):
    """Part of a rule's conditions. An empty key is rejected because it would silently widen the rule."""

    model_config = ConfigDict(json_schema_extra=_drop_null_options)

    @field_validator("*", mode="before")
    @classmethod
    def _not_empty(cls, value: Any, info: ValidationInfo) -> Any:
        if value is None:
            raise ValueError(f'"{info.field_name}" is empty; give it a value or remove the key')
        return value


def _check_iso_day(value: Any) -> Any:
    if isinstance(value, str) and not _ISO_DAY.fullmatch(value):
        raise ValueError(f'"{value[:40]}" is not a date; write it as 2026-10-01')
    if isinstance(value, str) and int(value[:4]) not in _YEARS:
        raise ValueError(f'"{value}" is not a valid day; use a year from {_YEARS[0]} to {_YEARS[-1]}')
    return value


Text = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(normalize_text)]
"""Non-empty text, normalised as that of the trackers."""


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names = Annotated[list[Text], BeforeValidator(_as_list, json_schema_input_type=Text | list[Text])]
"""One name or a list of names."""

Day = Annotated[
    date,
    BeforeValidator(_check_iso_day),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}),
]
"""Day, written as 2026-10-01."""

Silence = Annotated[
    list[Text],
    Field(
        description="Names of warnings of `mappings check` that are intended here.",
        examples=[["plain-pattern"]],
    ),
]
