"""Parsing of single values, whatever a tracker sends in their place: texts, times and ids."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from reprlib import Repr
from typing import Any, Final

from connectors.text import normalize_text

EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""Times outside of these are errors of data. Inside of them, no zone and no duration leads to an overflow."""

_MAX_QUOTE: Final = 60
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_ID: Final = re.compile(r"[0-9]{1,20}")

_QUOTE: Final = Repr()
_QUOTE.maxstring = _QUOTE.maxother = _QUOTE.maxlong = _MAX_QUOTE
_QUOTE.maxlevel = _QUOTE.maxdict = _QUOTE.maxlist = 2


def quote_value(value: Any) -> str:
    """Return any value of a response in a form that is short and printable, for messages."""
    text = _QUOTE.repr(value)
    return text if len(text) <= _MAX_QUOTE else f"{text[: _MAX_QUOTE - 1]}…"


def clean_text(text: Any) -> str:
    """Return the text normalised, without NUL and lone surrogates, which databases and other trackers refuse."""
    return normalize_text(_storable(text))


def text_or_empty(value: Any, *, normalized: bool = True) -> str:
    """Return a text or number as clean text; empty for everything else.

    ``normalized``: False for a text that is written back with the words of other people.
    """
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return ""
    return clean_text(value) if normalized else _storable(value)


def _storable(text: Any) -> str:
    return _LONE_SURROGATE.sub("\ufffd", str(text).replace("\x00", ""))


def id_or_none(value: Any) -> str | None:
    """Return the id of an issue, comment or event, which is a whole number on all trackers; None for other values."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if _ID.fullmatch(text) else None


def in_utc(at: datetime) -> datetime | None:
    """Return an aware time in UTC, or None if it is not between EARLIEST and LATEST."""
    try:
        return at.astimezone(UTC) if EARLIEST <= at < LATEST else None
    except OverflowError:  # an offset leads out of the years 1 to 9999
        return None
