"""Parsing of single values from Jira's JSON: texts, times, names and people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from connectors.errors import BadPayload

_MAX_SECONDS: Final = 100_000_000_000
"""Smaller numbers are seconds (before the year 5138), larger ones milliseconds (after 1973)."""


def clean_text(text: Any) -> str:
    """Return the text without NUL and lone surrogates, which databases and other trackers refuse."""
    without_nul = str(text).replace("\x00", "")
    return without_nul.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def require(raw: Any, key: str, subject: str) -> Any:
    """Return a value of a JSON object. BadPayload, which names ``subject``, if it is missing or null."""
    value = raw.get(key) if isinstance(raw, dict) else None
    if value is None:
        raise BadPayload(f'Jira\'s answer about {subject} has no "{key}"; nothing of it is used.')
    return value


def require_objects(raw: Any, subject: str) -> list[dict[str, Any]]:
    """Return the value as a list of JSON objects, or raise BadPayload."""
    if not isinstance(raw, list) or not all(isinstance(row, dict) for row in raw):
        raise BadPayload(f"Jira's answer to {subject} is not a list of objects; nothing of it is used.")
    return raw


def parse_iso_time(text: Any, subject: str) -> datetime:
    """Return an ISO 8601 time with offset in UTC, or raise BadPayload."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise BadPayload(f"Jira's answer about {subject} holds {text!r} where a time belongs.") from None
    if at.tzinfo is None:
        raise BadPayload(f"Jira's answer about {subject} holds the time {text!r} without its offset.")
    return at.astimezone(UTC)


def parse_time(value: Any, subject: str) -> datetime:
    """Return a time in UTC from ISO text or a number.

    Bulk responses send milliseconds; Atlassian's documented examples show seconds.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return parse_iso_time(value, subject)
    try:
        return datetime.fromtimestamp(value if value < _MAX_SECONDS else value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        raise BadPayload(f"Jira's answer about {subject} holds {value!r} where a time belongs.") from None


def person_name(raw: Any) -> str:
    """Return the name that rules match: the login on Data Center, the display name on Cloud.

    Cloud hides logins and mail addresses, and its account ids are not readable.
    """
    if not isinstance(raw, dict):
        return ""
    login = None if raw.get("accountId") else raw.get("name")
    return clean_text(login or raw.get("displayName") or raw.get("accountId") or "")


def person_id(raw: Any) -> str:
    """Return Cloud's accountId or Data Center's name; empty if the account is deleted or hidden."""
    return str(raw.get("accountId") or raw.get("name") or "") if isinstance(raw, dict) else ""


def name_of(raw: Any) -> str | None:
    """Return the name of an object such as a component, or None."""
    return clean_text(raw["name"]) if isinstance(raw, dict) and raw.get("name") else None


def names_of(raw: Any) -> tuple[str, ...]:
    return tuple(name for each in raw or () if (name := name_of(each)))


def field_texts(value: Any) -> tuple[str, ...]:
    """Return the values of a custom field of any type as the texts that people see."""
    if value is None or value == "":
        return ()
    if isinstance(value, (list, tuple)):
        return tuple(text for each in value for text in field_texts(each))
    if isinstance(value, dict):
        for key in ("value", "name", "displayName", "key", "id"):
            if value.get(key) is not None:
                return (clean_text(value[key]), *field_texts(value.get("child")))
        return ()
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, float) and value.is_integer():
        return (str(int(value)),)
    return (clean_text(value),)
