"""Pieces that the schemas of plan and mapping files share."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

_ISO_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_YEARS: Final = range(1970, 2200)
"""Days at the edges of the calendar have no instant in every time zone."""


class Entry(BaseModel):
    """A mapping in a YAML file: unknown keys are refused, values cannot be changed afterwards."""

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
    """Part of a rule's conditions. An empty key would silently widen the rule, so it is refused."""

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
        raise ValueError(f'"{value}" is no day of a plan; write a year from {_YEARS[0]} to {_YEARS[-1]}')
    return value


Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
"""A text that is not empty."""


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names = Annotated[list[Text], BeforeValidator(_as_list, json_schema_input_type=Text | list[Text])]
"""One name or a list of names."""

Day = Annotated[
    date,
    BeforeValidator(_check_iso_day),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}),
]
"""A day written as 2026-10-01."""

Silence = Annotated[
    list[Text],
    Field(
        description="Warnings of `mappings check` that are meant to be so here, by their names.",
        examples=[["plain-pattern"]],
    ),
]
