"""Parsing of single values from Jira's JSON: texts, times, names and people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from connectors.errors import BadPayload
from connectors.scalars import clean_text, id_or_none, in_utc, quote_value, text_or_empty

_MAX_SECONDS: Final = 100_000_000_000
"""Smaller numbers are seconds (before the year 5138), larger ones milliseconds (after 1973)."""


def require(raw: Any, key: str, subject: str) -> Any:
    """Return a value of a JSON object. BadPayload, which names ``subject``, if it is missing or null."""
    value = raw.get(key) if isinstance(raw, dict) else None
    if value is None:
        raise BadPayload(f'Jira\'s answer about {subject} has no "{key}"; nothing of it is used')
    return value


def require_id(raw: Any, key: str, subject: str) -> str:
    """Return an id of a JSON object, which is a whole number. BadPayload, which names ``subject``, for other values."""
    value = require(raw, key, subject)
    found = id_or_none(value)
    if found is None:
        raise BadPayload(f"Jira's answer about {subject} holds {quote_value(value)} where an id belongs")
    return found


def require_text(raw: Any, key: str, subject: str) -> str:
    """Return a text of a JSON object. BadPayload, which names ``subject``, for other values."""
    value = require(raw, key, subject)
    text = text_or_empty(value)
    if not text:
        raise BadPayload(f'Jira\'s answer about {subject} holds {quote_value(value)} as its "{key}"')
    return text


def require_object(raw: Any, key: str, subject: str) -> dict[str, Any]:
    """Return a JSON object in a JSON object. BadPayload, which names ``subject``, for other values."""
    value = require(raw, key, subject)
    if not isinstance(value, dict):
        raise BadPayload(f'Jira\'s answer about {subject} holds {quote_value(value)} as its "{key}"')
    return value


def require_count(raw: Any, key: str, subject: str) -> int:
    """Return a number of rows of a JSON object. BadPayload, which names ``subject``, for other values."""
    return int(require_id(raw, key, subject))


def object_or_empty(value: Any) -> Mapping[str, Any]:
    """Return a JSON object; an empty one for every other value."""
    return value if isinstance(value, dict) else {}


def list_or_empty(value: Any) -> list[Any]:
    """Return a JSON list; an empty one for every other value."""
    return value if isinstance(value, list) else []


def require_objects(raw: Any, subject: str) -> list[dict[str, Any]]:
    """Return the value as a list of JSON objects, or raise BadPayload."""
    if not isinstance(raw, list) or not all(isinstance(row, dict) for row in raw):
        raise BadPayload(f"Jira's answer to {subject} is not a list of objects; nothing of it is used")
    return raw


def parse_iso_time(text: Any, subject: str) -> datetime:
    """Return an ISO 8601 time with offset in UTC, or raise BadPayload."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise _no_time(text, subject) from None
    if at.tzinfo is None:
        raise BadPayload(f"Jira's answer about {subject} holds the time {text!r} without its offset")
    return _plausible(at, text, subject)


def parse_time(value: Any, subject: str) -> datetime:
    """Return a time in UTC from ISO text or a number.

    Bulk responses send milliseconds; Atlassian's documented examples show seconds.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return parse_iso_time(value, subject)
    try:
        at = datetime.fromtimestamp(value if value < _MAX_SECONDS else value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        raise _no_time(value, subject) from None
    return _plausible(at, value, subject)


def _plausible(at: datetime, value: Any, subject: str) -> datetime:
    found = in_utc(at)
    if found is None:
        raise _no_time(value, subject)
    return found


def _no_time(value: Any, subject: str) -> BadPayload:
    return BadPayload(f"Jira's answer about {subject} holds {quote_value(value)} where a time belongs")


def person_name(raw: Any) -> str:
    """Return the name that rules match: the login on Data Center, the display name on Cloud.

    Cloud hides logins and mail addresses, and its account ids are not readable.
    """
    fields = object_or_empty(raw)
    login = None if fields.get("accountId") else fields.get("name")
    return text_or_empty(login or fields.get("displayName") or fields.get("accountId"))


def person_id(raw: Any) -> str:
    """Return Cloud's accountId or Data Center's name; empty if the account is deleted or hidden."""
    fields = object_or_empty(raw)
    return text_or_empty(fields.get("accountId") or fields.get("name"))


def name_in(fields: Mapping[str, Any], key: str, subject: str) -> str | None:
    """Return the name of an object such as a resolution; None if it is missing or null. BadPayload for other values."""
    value = fields.get(key)
    return None if value is None else text_or_empty(require_object(fields, key, subject).get("name")) or None


def names_in(fields: Mapping[str, Any], key: str, subject: str) -> tuple[str, ...]:
    """Return the names of a list of objects such as components. BadPayload if it is something else."""
    value = fields.get(key)
    rows = [] if value is None else require_objects(value, f"{key} of {subject}")
    return tuple(name for row in rows if (name := text_or_empty(row.get("name"))))


def field_texts(value: Any) -> tuple[str, ...]:
    """Return the values of a custom field of any type as the texts that people see."""
    if value is None or value == "":
        return ()
    if isinstance(value, (list, tuple)):
        return tuple(text for each in value for text in field_texts(each))
    if isinstance(value, dict):
        for key in ("value", "name", "displayName", "key", "id"):
            if value.get(key) is not None:
                return (*field_texts(value[key]), *field_texts(value.get("child")))
        return ()
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, float) and value.is_integer():
        return (str(int(value)),)
    return (clean_text(value),)
