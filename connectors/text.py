"""Text of trackers and workspace files: its normal form, comparison of names, and characters that nobody sees.

The same letters can be sent as different code points ("ö" as one or as two), so text is normalised (Unicode NFC) where
it enters, and names are compared by ``fold_name``. Characters without a shape (zero-width space, soft hyphen, no-break
space inside a name) are not equal to nothing: trackers tell such names apart. Messages show them by ``show_invisible``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from unicodedata import category, is_normalized, normalize

_JOINERS: Final = "\u200c\u200d"
_EMOJI_STYLES: Final = "\ufe0e\ufe0f"
_WITHOUT_SHAPE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_SPACE_TO_SHOW: Final = re.compile(r"^ | $|(?<= ) ")


def normalize_text(text: str) -> str:
    """Return the text in Unicode's normal form C.

    The few texts that would become ASCII (the Kelvin sign for K) stay: a tracker may know them as another name.
    """
    if text.isascii() or is_normalized("NFC", text):
        return text
    normal = normalize("NFC", text)
    return text if normal.isascii() else normal


@lru_cache(maxsize=16_384)
def fold_name(name: str) -> str:
    """Return the form in which names are equal: normalised, without case, without blanks at the ends."""
    if name.isascii():
        return name.strip().casefold()
    return normalize("NFC", normalize("NFD", name).casefold()).strip()


def show_invisible(text: str) -> str:
    r"""Return the text with an escape such as ``\u200b`` for every character that nobody sees.

    Blanks at the ends and repeated blanks are shown, too. Joiners and styles of emoji and of scripts that need them
    stay.
    """
    shown = _SPACE_TO_SHOW.sub(r"\\u0020", text)
    if shown.isascii() and shown.isprintable():
        return shown
    return "".join(
        char if _is_seen(char, shown[:index][-1:], shown[index + 1 : index + 2]) else _escape(char)
        for index, char in enumerate(shown)
    )


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"


def _is_seen(char: str, before: str, after: str) -> bool:
    if char in _JOINERS:
        return is_joinable(before) and is_joinable(after)
    if char in _EMOJI_STYLES:
        return bool(before) and not before.isalpha()
    is_selector = "\ufe00" <= char <= "\ufe0d" or char >= "\U000e0000"
    return char == " " or not (is_selector or char in _WITHOUT_SHAPE or category(char)[0] in "CZ")


def is_joinable(char: str) -> bool:
    """Return True for characters that a joiner may connect: letters of some scripts, and emoji."""
    return char > "\x7f" and category(char)[0] in "LMS"
