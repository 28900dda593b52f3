"""JSON without the liberties of Python's reader, on whose results trackers, proxies and libraries disagree."""

from __future__ import annotations

import json
from math import isinf
from typing import Any


def decode_json(body: bytes) -> Any:
    """Return the value of a UTF-8 document; a byte order mark is skipped.

    Raise ValueError for anything else, also for a repeated key, NaN, and numbers that Python cannot hold.
    """
    try:
        return _DECODER.decode(body.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key occurs twice")
    return fields


def _finite(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise ValueError("a number is too large")
    return number


def _reject(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_constant=_reject, parse_float=_finite)
