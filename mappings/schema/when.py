"""Schema of a rule's conditions (``when``). Its keys come from ``mappings/rules/fields.py``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Self, cast

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, create_model, model_validator

from mappings.rules.fields import CONDITION_FIELDS, Comparison
from mappings.schema.types import ConditionEntry, Names, Text, described

NonEmpty = Annotated[list[Text], Field(min_length=1)]


class ChoiceEntry(ConditionEntry):
    """Conditions on a set of names. Case and blanks at the ends are ignored; ``*`` and ``?`` are wildcards."""

    any: Names | None = described(
        "At least one of these is present.", ["features"], default=None, min_length=1
    )
    all: Names | None = described(
        "Each of these is present.", ["features", "urgent"], default=None, min_length=1
    )
    none: Names | None = described("None of these is present.", ["wontfix"], default=None, min_length=1)

    @model_validator(mode="after")
    def _has_a_value(self, info: ValidationInfo) -> Self:
        if not is_lenient(info) and self.any is self.all is self.none is None:
            raise ValueError("name at least one value under `any`, `all` or `none`")
        return self


def is_lenient(info: ValidationInfo) -> bool:
    """Return True while a file with known errors is validated for its remaining content."""
    return bool(info.context and info.context.get("lenient"))


def _expand_short_form(value: Any) -> Any:
    if isinstance(value, str):
        return {"any": [value]}
    return {"any": value} if isinstance(value, list) else value


Choice = Annotated[
    ChoiceEntry, BeforeValidator(_expand_short_form, json_schema_input_type=Text | NonEmpty | ChoiceEntry)
]
"""One name, a list of names (any of them), or ``{any: [...], all: [...], none: [...]}``."""


def _parse_moment(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
    except ValueError:
        example = "2026-10-01 or 2026-10-01T09:00:00Z"
        raise ValueError(f'"{value[:40]}" is neither a date nor a time; write it as {example}') from None


_MOMENT_PATTERN: Final = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$"
Moment = Annotated[
    date | datetime,
    BeforeValidator(_parse_moment),
    WithJsonSchema({"type": "string", "pattern": _MOMENT_PATTERN}),
]
"""Day, written as 2026-10-01, or time, written as 2026-10-01T09:00:00Z."""


class RangeEntry(ConditionEntry):
    """Time range. Days begin at 00:00 in the settings' time zone, which also applies to times without a zone."""

    after: Moment | None = described(
        "At this time or later; a day counts from its start.", "2026-10-01", default=None
    )
    before: Moment | None = described(
        "Before this time; a day itself is not included.", "2027-01-01", default=None
    )

    @model_validator(mode="after")
    def _has_a_limit(self, info: ValidationInfo) -> Self:
        if not is_lenient(info) and self.after is None and self.before is None:
            raise ValueError("set `after`, `before` or both")
        if self._is_reversed():
            raise ValueError("`before` is not later than `after`, so nothing can match; correct one of them")
        return self

    def _is_reversed(self) -> bool:
        """Compare limits of one kind only: comparing a day with a time needs a zone, which is unknown here."""
        limits = [limit for limit in (self.after, self.before) if limit is not None]
        kinds = {limit.tzinfo is None if isinstance(limit, datetime) else "day" for limit in limits}
        return len(limits) == 2 and len(kinds) == 1 and limits[0] >= limits[1]


class _WhenBase(ConditionEntry):
    """Conditions of a rule; all of them have to hold."""

    @model_validator(mode="after")
    def _has_a_condition(self, info: ValidationInfo) -> Self:
        if not is_lenient(info) and not self.model_fields_set:
            raise ValueError("`when` is empty and would match every issue; add at least one condition")
        return self

    def choice(self, key: str) -> ChoiceEntry | None:
        """Return the condition of a key that is compared by name; None if it is not set."""
        return cast("ChoiceEntry | None", getattr(self, key))

    def custom_fields(self) -> Mapping[str, ChoiceEntry] | None:
        """Return the conditions on custom fields by name; None if there are none."""
        return cast("Mapping[str, ChoiceEntry] | None", getattr(self, "field", None))

    def text(self, key: str) -> str | None:
        """Return the pattern of a key, or the expression of ``cel``; None if it is not set."""
        return cast("str | None", getattr(self, key))


_VALUE_TYPES: Final[Mapping[Comparison, Any]] = {
    "names": Choice,
    "custom": Annotated[dict[str, Choice], Field(min_length=1)],
    "time": RangeEntry,
    "pattern": Text,
}


def _conditions() -> dict[str, Any]:
    """Return the pydantic fields of ``when``, in the order in which conditions are evaluated."""
    fields: dict[str, Any] = {}
    for key, each in CONDITION_FIELDS.items():
        info = described(each.condition_description, each.example, default=None)
        fields[key] = (_VALUE_TYPES[each.comparison] | None, info)
    fields["cel"] = (
        Text | None,
        described(
            "Expression in CEL, the Common Expression Language, for all other conditions.",
            'labels.exists(l, l.startsWith("area/")) && size(assignees) == 0',
            default=None,
        ),
    )
    return fields


if TYPE_CHECKING:
    When = _WhenBase
else:
    When = create_model("When", __base__=_WhenBase, __doc__=_WhenBase.__doc__, **_conditions())
