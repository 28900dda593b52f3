"""The shape of a rule's conditions."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, model_validator

from mappings.schema.types import ConditionEntry, Names, Text

NonEmpty = Annotated[list[Text], Field(min_length=1)]


class ChoiceEntry(ConditionEntry):
    """Conditions on a set of names. Compared without regard to case; ``*`` and ``?`` are wildcards."""

    any: Names | None = Field(
        default=None, min_length=1, description="At least one of these is there.", examples=[["features"]]
    )
    all: Names | None = Field(
        default=None, min_length=1, description="Each of these is there.", examples=[["features", "urgent"]]
    )
    none: Names | None = Field(
        default=None, min_length=1, description="None of these is there.", examples=[["wontfix"]]
    )

    @model_validator(mode="after")
    def _has_a_value(self, info: ValidationInfo) -> Self:
        if not is_lenient(info) and self.any is self.all is self.none is None:
            raise ValueError("name at least one value under `any`, `all` or `none`")
        return self


def is_lenient(info: ValidationInfo) -> bool:
    """True while a file that is known to be broken is read for what it still says."""
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
"""A day written as 2026-10-01, or a time as 2026-10-01T09:00:00Z."""


class RangeEntry(ConditionEntry):
    """A span of time. Days begin at 00:00 in the settings' zone, which also holds for times without one."""

    after: Moment | None = Field(
        default=None,
        description="At this moment or later; a day counts from its beginning.",
        examples=["2026-10-01"],
    )
    before: Moment | None = Field(
        default=None,
        description="Earlier than this moment; a day is not included itself.",
        examples=["2027-01-01"],
    )

    @model_validator(mode="after")
    def _has_a_limit(self, info: ValidationInfo) -> Self:
        if not is_lenient(info) and self.after is None and self.before is None:
            raise ValueError("give `after`, `before` or both")
        if self._is_reversed():
            raise ValueError("`before` is not later than `after`, so nothing can match; correct one of them")
        return self

    def _is_reversed(self) -> bool:
        """Only for limits of one kind: a day and a time compare in a zone that is not known here."""
        limits = [limit for limit in (self.after, self.before) if limit is not None]
        kinds = {limit.tzinfo is None if isinstance(limit, datetime) else "day" for limit in limits}
        return len(limits) == 2 and len(kinds) == 1 and limits[0] >= limits[1]


class When(ConditionEntry):
    """Conditions of a rule; all of them have to hold."""

    tracker: Choice | None = Field(
        default=None, description="Name of the tracker in the settings.", examples=["jira"]
    )
    project: Choice | None = Field(
        default=None, description="Jira project key, or `owner/repo` on GitHub.", examples=["DS"]
    )
    repo: Choice | None = Field(default=None, description="GitHub repository.", examples=["acme/*"])
    type: Choice | None = Field(default=None, description="Issue type.", examples=[["Experiment", "Task"]])
    labels: Choice | None = Field(
        default=None,
        description="Labels; our own are not seen by rules.",
        examples=[{"any": ["features", "area/features-*"]}],
    )
    components: Choice | None = Field(default=None, description="Jira components.", examples=["Scoring"])
    milestone: Choice | None = Field(default=None, description="GitHub milestone.", examples=["Q4*"])
    fix_version: Choice | None = Field(default=None, description="Jira fix version.", examples=["1.10"])
    sprint: Choice | None = Field(default=None, description="Name of the sprint.", examples=["Blue 12"])
    parent: Choice | None = Field(default=None, description="Key of any ancestor.", examples=["DS-140"])
    status: Choice | None = Field(default=None, description="Name of the status.", examples=["In review"])
    author: Choice | None = Field(
        default=None, description="Who created the issue, by login.", examples=["mona"]
    )
    assignee: Choice | None = Field(default=None, description="Who works on it, by login.", examples=["mona"])
    field: dict[str, Choice] | None = Field(
        default=None, min_length=1, description="Custom fields by name.", examples=[{"Model": ["churn*"]}]
    )
    created: RangeEntry | None = Field(
        default=None, description="When it was created.", examples=[{"after": "2026-10-01"}]
    )
    updated: RangeEntry | None = Field(
        default=None, description="When somebody but us last changed it.", examples=[{"before": "2026-12-01"}]
    )
    title: Text | None = Field(
        default=None,
        description="RE2 pattern found anywhere in the title; `(?i)` ignores case.",
        examples=["(?i)\\bchurn model\\b"],
    )
    body: Text | None = Field(
        default=None,
        description="RE2 pattern found anywhere in the description.",
        examples=["(?m)^Team: churn"],
    )
    cel: Text | None = Field(
        default=None,
        description="An expression in CEL, the Common Expression Language, for what the other keys cannot say.",
        examples=['labels.exists(l, l.startsWith("area/")) && size(assignees) == 0'],
    )

    @model_validator(mode="after")
    def _has_a_condition(self, info: ValidationInfo) -> Self:
        if not is_lenient(info) and not self.model_fields_set:
            raise ValueError("`when` is empty and would take every issue; name at least one condition")
        return self
