"""Absurd values, and payloads of trackers into which they are put at random places."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from connectors.scalars import EARLIEST, LATEST

TIMES = (
    "0001-01-01T00:00:00.000+0100",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999-0800",
    "9999-12-31T23:59:59Z",
    "2026-10-01T00:00:00+14:59",
    "2026-10-01T00:00:00.123456789Z",
    "2026-12-31T23:59:60Z",
    "2026-10-01T24:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-10-01",
    "2026-10-01T08:00:00",
    "1899-12-31T23:59:59Z",
    "yesterday",
    "-1",
    "1790000000",
)
TEXTS = (
    "",
    " ",
    "\x00",
    "\ud83d",
    "é" * 3,
    "\u200b",
    "x" * 5000,
    "DS-1",
    "http://[bad",
    "../..",
    "[]",
    "null",
    "²",
)
NUMBERS = (0, -1, 1, 7, 2**31, 2**63, 10**30, 1.5, -0.0, 1e18, 1e300, 1790000000, 1790000000000)
OTHERS = (None, True, False, [], {}, [None], [[]], {"": None}, {"id": None}, [{"name": None}], [[[[[7]]]]])
VALUES = (*TIMES, *TEXTS, *NUMBERS, *OTHERS)

HEADERS = (
    *("900000000000", "-5", "0", "1e300", "nan", "inf", "soon", "", " ", ";", ",", "9" * 5000, "²", "٣"),
    *(
        "Mon, 31 Dec 9999 23:59:59 -0800",
        "Mon, 01 Jan 0001 00:00:00 +1459",
        "Thu, 99 Foo 9999999999 99:99:99 GMT",
    ),
    *(
        "Sat, 31 Dec 2026 23:59:60 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 20 Nov 2026 12:00:00 GMT",
        "1790000000",
    ),
    *(
        'W/"a"',
        '"é"',
        'W/"\x07"',
        "x" * 5000,
        '<http://[bad>; rel="next"',
        '<<>>;;rel="next"',
        '<>; rel="next"',
    ),
    *('<https://other.example/page>; rel="next"', "*", "anonymous", "AUTHENTICATED_FAILED", "core", "\x00"),
    *TIMES,
)

absurd: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(VALUES),
    st.text(max_size=6),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.datetimes().map(lambda at: f"{at.isoformat()}+00:00"),
    st.lists(st.sampled_from(VALUES), max_size=3),
    st.dictionaries(
        st.sampled_from(("id", "name", "key", "value", "data")), st.sampled_from(VALUES), max_size=3
    ),
)
absurd_header: st.SearchStrategy[str] = st.one_of(
    st.sampled_from(HEADERS), st.text(st.characters(max_codepoint=255), max_size=8), st.integers().map(str)
)

Path = tuple[str | int, ...]


def paths_in(value: Any, start: Path = ()) -> Iterator[Path]:
    """Yield the path of every value in a JSON document, its own first."""
    yield start
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from paths_in(each, (*start, key))


def changed_at(document: Any, path: Path, operation: str, value: Any) -> Any:
    """Return a copy of a JSON document with one value dropped, doubled, wrapped in a list, or replaced by another."""
    if not path:
        return {"drop": None, "double": [document, document], "wrap": [document]}.get(operation, value)
    changed = copy.deepcopy(document)
    *above, last = path
    holder = changed
    for step in above:
        holder = holder[step]
    if operation == "drop":
        del holder[last]
    elif operation == "double" and isinstance(holder, list):
        holder.append(holder[last])
    elif operation == "wrap":
        holder[last] = [holder[last]]
    else:
        holder[last] = value
    return changed


Change = tuple[int, str, Any]
"""Number of the value that is changed, kind of change, and the value that replaces it."""

absurd_changes: st.SearchStrategy[list[Change]] = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.sampled_from(("replace", "replace", "replace", "drop", "double", "wrap")),
        absurd,
    ),
    min_size=1,
    max_size=3,
)


def garbled(document: Any, changes: Iterable[Change]) -> Any:
    """Return a JSON document with absurd changes."""
    for number, operation, value in changes:
        paths = list(paths_in(document))
        document = changed_at(document, paths[number % len(paths)], operation, value)
    return document


def assert_well_formed(value: Any) -> None:
    """Fail unless a value of a connector holds only storable texts, possible times, and values of the model."""
    if dataclasses.is_dataclass(value):
        for each in dataclasses.fields(value):
            assert_well_formed(getattr(value, each.name))
    elif isinstance(value, str):
        assert "\x00" not in value
        value.encode()
    elif isinstance(value, datetime):
        assert EARLIEST <= value < LATEST
        assert value.utcoffset() is not None
    elif isinstance(value, Mapping):
        assert_well_formed([*value.keys(), *value.values()])
    elif isinstance(value, tuple | frozenset | list):
        for each in value:
            assert_well_formed(each)
    else:
        assert value is None or isinstance(value, bool | int | float), value
