"""Words for numbers in sentences."""

from __future__ import annotations


def pluralize(count: int, noun: str) -> str:
    """``1 error``, ``2 errors``, ``2 capabilities``."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun[:-1]}ies" if noun.endswith("ty") else f"{count} {noun}s"
