"""Words for numbers in sentences."""

from __future__ import annotations

from typing import Final

_IRREGULAR: Final = {"person": "people"}


def pluralize(count: float, noun: str) -> str:
    """``1 error``, ``2 errors``, ``2 capabilities``, ``1 new comment``, ``3 people``."""
    return f"{count} {noun if count == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """Return the plural of a noun, which may stand behind an adjective."""
    if noun in _IRREGULAR:
        return _IRREGULAR[noun]
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def are(count: int, noun: str) -> str:
    """``1 issue is``, ``2 issues are``."""
    return f"{pluralize(count, noun)} {'is' if count == 1 else 'are'}"
