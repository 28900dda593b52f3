"""Choice of the sprint that counts for an issue, from the sprints that Jira lists for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from connectors.errors import BadPayload
from connectors.jira.scalars import list_or_empty, parse_iso_time
from connectors.scalars import text_or_empty

_TEXT_FIELD: Final = re.compile(r"[\[,](\w+)=(.*?)(?=,\w+=|\]$)", re.DOTALL)
"""One field in the text of a Java object, as which old Data Centers send each sprint."""
_UNDATED: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sprint:
    name: str
    state: str
    """In lower case; empty if Jira names none."""
    start: datetime | None
    end: datetime | None
    """Time of its completion, else its planned end."""


def choose_sprint(raw: Any) -> str | None:
    """Return the name of the active sprint, else of the next future one, else of the one that was closed last.

    Of several active sprints the one that started last counts. Sprints without a readable date come after those with
    one (closed: before them); equal ones keep Jira's order, in which later sprints come later.
    """
    sprints = list(_parse_sprints(raw))
    active = [each for each in sprints if each.state == "active"]
    future = [each for each in sprints if each.state == "future"]
    if active:
        return _latest(active, lambda sprint: sprint.start).name
    if future:
        return min(future, key=lambda sprint: sprint.start or _UNDATED).name
    return _latest(sprints, lambda sprint: sprint.end).name if sprints else None


def _latest(sprints: list[_Sprint], time_of: Callable[[_Sprint], datetime | None]) -> _Sprint:
    """Return the sprint with the latest time, and of equal ones the one that is listed last."""
    dated = [(at, index) for index, each in enumerate(sprints) if (at := time_of(each)) is not None]
    return sprints[max(dated)[1]] if dated else sprints[-1]


def _parse_sprints(raw: Any) -> Iterator[_Sprint]:
    for each in list_or_empty(raw):
        fields: Mapping[str, Any] = each if isinstance(each, dict) else dict(_fields_in_text(each))
        if name := text_or_empty(fields.get("name")):
            yield _Sprint(
                name=name,
                state=text_or_empty(fields.get("state")).casefold(),
                start=_time(fields.get("startDate")),
                end=_time(fields.get("completeDate")) or _time(fields.get("endDate")),
            )


def _fields_in_text(text: Any) -> list[tuple[str, str]]:
    return _TEXT_FIELD.findall(text) if isinstance(text, str) else []


def _time(value: Any) -> datetime | None:
    """Return a time, or None if it is missing or unreadable: no figure needs the dates of sprints."""
    try:
        return parse_iso_time(value, "a sprint")
    except BadPayload:
        return None
