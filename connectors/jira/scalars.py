"""The small change of Jira's answers: texts, times, names and people, read with suspicion."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from connectors.errors import BadPayload

_MAX_SECONDS: Final = 100_000_000_000
"""A number of seconds below this is before the year 5138; of milliseconds, before 1973."""


def clean_text(text: Any) -> str:
    """Text that every store and every other tracker takes: no NUL, no half of a surrogate pair."""
    kept = str(text).replace("\x00", "")
    return kept.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def require(raw: Any, key: str, what: str) -> Any:
    value = raw.get(key) if isinstance(raw, dict) else None
    if value is None:
        raise BadPayload(f'Jira\'s answer about {what} has no "{key}"; nothing of it is used.')
    return value


def require_objects(listed: Any, what: str) -> list[dict[str, Any]]:
    if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
        raise BadPayload(f"Jira's answer to {what} is not a list of objects; nothing of it is used.")
    return listed


def parse_iso_time(text: Any, what: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise BadPayload(f"Jira's answer about {what} holds {text!r} where a time belongs.") from None
    if at.tzinfo is None:
        raise BadPayload(f"Jira's answer about {what} holds the time {text!r} without its offset.")
    return at.astimezone(UTC)


def person_name(raw: Any) -> str:
    """A readable name to match rules against: the login on Data Center, the display name on Cloud (which
    hides logins and mail addresses, and whose account ids say nothing to people)."""
    if not isinstance(raw, dict):
        return ""
    login = None if raw.get("accountId") else raw.get("name")
    return clean_text(login or raw.get("displayName") or raw.get("accountId") or "")


def person_id(raw: Any) -> str:
    """Cloud accountId, Data Center name; empty when the account was deleted or is hidden."""
    return str(raw.get("accountId") or raw.get("name") or "") if isinstance(raw, dict) else ""


def name_of(raw: Any) -> str | None:
    return clean_text(raw["name"]) if isinstance(raw, dict) and raw.get("name") else None


def names_of(raw: Any) -> tuple[str, ...]:
    return tuple(name for each in raw or () if (name := name_of(each)))


def field_texts(value: Any) -> tuple[str, ...]:
    """Whatever a custom field holds, as the texts that people see."""
    if value is None or value == "":
        return ()
    if isinstance(value, (list, tuple)):
        return tuple(text for each in value for text in field_texts(each))
    if isinstance(value, dict):
        for known in ("value", "name", "displayName", "key", "id"):
            if value.get(known) is not None:
                return (clean_text(value[known]), *field_texts(value.get("child")))
        return ()
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, float) and value.is_integer():
        return (str(int(value)),)
    return (clean_text(value),)


def parse_time(value: Any, what: str) -> datetime:
    """A time as text, or (in bulk) as a number of milliseconds; documented examples have seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return parse_iso_time(value, what)
    try:
        return datetime.fromtimestamp(value if value < _MAX_SECONDS else value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        raise BadPayload(f"Jira's answer about {what} holds {value!r} where a time belongs.") from None
