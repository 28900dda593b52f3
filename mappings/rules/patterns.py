"""RE2 patterns and wildcards, bounded so that no pattern is slow."""

from __future__ import annotations

from typing import Any, Final

import re2

MAX_PATTERN_LENGTH: Final = 500
MAX_PATTERN_STEPS: Final = 3000
"""Size of a compiled pattern. RE2 never backtracks, but one character may take this number of steps."""


class PatternInvalid(ValueError):
    """Text is not a valid RE2 pattern; the message says why."""


def re2_options() -> Any:
    """Return RE2 options without logging and with bounded memory, so that a malicious pattern is rejected."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    return options


def compile_pattern(pattern: str) -> Any:
    """Compile an RE2 pattern over UTF-8 bytes. Raises PatternInvalid."""
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise PatternInvalid(f"the pattern is longer than {MAX_PATTERN_LENGTH} characters; shorten it.")
    try:
        compiled = re2.compile(to_bytes(pattern), re2_options())
    except re2.error as error:
        reason = error.args[0]
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise PatternInvalid(f"this is not an RE2 pattern ({text}); correct it.") from None
    if compiled.programsize > MAX_PATTERN_STEPS:
        raise PatternInvalid("the pattern repeats too much and would be slow; use smaller numbers in braces.")
    return compiled


def to_bytes(text: str) -> bytes:
    """Encode as UTF-8; a lone surrogate becomes ``?``."""
    return text.encode("utf-8", "replace")


def has_wildcard(text: str) -> bool:
    """Return True for a text with ``*`` or ``?``."""
    return "*" in text or "?" in text


def _glob_to_re2(glob: str) -> str:
    """Convert ``*`` and ``?`` to RE2. Unlike fnmatch: no character classes, and linear time."""
    parts = {"*": "(?s:.*)", "?": "(?s:.)"}
    return "".join(parts.get(char) or re2.escape(char) for char in glob)


def compile_glob(glob: str) -> Any:
    """Compile a text with wildcards."""
    return re2.compile(to_bytes(_glob_to_re2(glob)), re2_options())
