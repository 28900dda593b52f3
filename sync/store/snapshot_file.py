"""Snapshot files: an exported store as JSON Lines, gzipped if the name ends in ``.gz``.

The first line is the header, each further line a row, and the last line the number of rows, by which truncation is
detected. A snapshot holds titles, labels and people's names. It holds no credentials, and texts of issues only on
request.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from pydantic_core import from_json

from connectors.regular_file import open_regular_file
from sync.config.private_files import private_draft
from sync.store.codec import dump_json
from sync.store.errors import StoreError
from sync.store.snapshot_histories import parse_utc
from sync.store.snapshot_transfer import SNAPSHOT_TABLE_NAMES, SnapshotRow
from sync.store.snapshot_view import VIEW_TABLE_NAMES, open_snapshot_view
from sync.store.store import Store

FORMAT: Final = "increment-sync-snapshot"
VERSION: Final = 1
MAX_LINE: Final = 8 << 20
"""Bytes. The baseline of 100,000 issues is one line."""

_GZIP: Final = b"\x1f\x8b"


class UnreadableSnapshot(StoreError):
    """The file is not a snapshot that this version can read; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotHeader:
    """Header of a snapshot file."""

    instance: str
    exported_at: datetime
    """Aware, UTC."""
    has_bodies: bool
    """True if the texts of issues are included."""


def write_snapshot(path: Path, header: SnapshotHeader, rows: Iterable[SnapshotRow]) -> int:
    """Write a snapshot file atomically and return the number of rows. Raises OSError."""
    count = 0
    with (
        private_draft(path) as draft,
        _open_for_writing(draft, zipped=path.name.endswith(".gz")) as stream,
    ):
        first = {"format": FORMAT, "version": VERSION, "instance": header.instance}
        first |= {"taken": header.exported_at.isoformat(), "bodies": header.has_bodies}
        stream.write(dump_json(first) + "\n")
        for table, values in rows:
            stream.write(dump_json([table, values]) + "\n")
            count += 1
        stream.write(dump_json({"rows": count}) + "\n")
    return count


def read_header(path: Path) -> SnapshotHeader:
    """Read the header. Raises UnreadableSnapshot, OSError."""
    with _open_lines(path) as lines:
        return _parse_header(path, next(lines, b""))


def read_rows(path: Path, skipped_tables: Collection[str] = ()) -> Iterator[SnapshotRow]:
    """Yield the rows of a file; those of ``skipped_tables`` are only counted.

    Raises UnreadableSnapshot, possibly only after the last row: save nothing before the end. Raises OSError.
    """
    skipped = tuple(f'["{table}",'.encode() for table in skipped_tables)
    count = 0
    with _open_lines(path) as lines:
        _parse_header(path, next(lines, b""))
        for number, line in enumerate(lines, start=2):
            if line.startswith(skipped):
                count += 1
                continue
            try:
                # Twice as fast as the standard library.
                row = from_json(line, cache_strings="keys")
            except ValueError:
                raise _damaged_file(path, f"line {number} is not JSON") from None
            if isinstance(row, list) and list(map(type, row)) == [str, dict]:
                count += 1
                yield tuple(row)
            elif row == {"rows": count}:
                return
            else:
                raise _damaged_file(path, f"line {number} is neither a row nor the end")
    raise _damaged_file(path, "it ends too early")


@contextmanager
def open_snapshot(path: Path, now: Callable[[], datetime]) -> Iterator[Store]:
    """Open a snapshot file for reading (see ``SnapshotView``). Raises UnreadableSnapshot, StoreError, OSError."""
    rows = read_rows(path, skipped_tables=SNAPSHOT_TABLE_NAMES - VIEW_TABLE_NAMES)
    with closing(open_snapshot_view(rows, now=now)) as store:
        yield store


def _parse_header(path: Path, line: bytes) -> SnapshotHeader:
    try:
        fields = json.loads(line)
        is_snapshot = fields["format"] == FORMAT
    except (ValueError, KeyError, TypeError):
        is_snapshot = False
    if not is_snapshot:
        raise UnreadableSnapshot(
            f"{path} is not a snapshot: export one with `increment-sync snapshot export {path.name}`."
        )
    if fields.get("version") != VERSION:
        raise UnreadableSnapshot(
            f"{path} is a snapshot of version {fields.get('version')} and this program reads version {VERSION}: "
            "export it with the same version of increment-sync that reads it."
        )
    try:
        exported_at = parse_utc(fields["taken"])
        return SnapshotHeader(
            instance=str(fields["instance"]), exported_at=exported_at, has_bodies=bool(fields["bodies"])
        )
    except (ValueError, KeyError, TypeError):
        raise _damaged_file(path, "its header is incomplete") from None


def _damaged_file(path: Path, why: str) -> UnreadableSnapshot:
    return UnreadableSnapshot(f"{path} is damaged ({why}): export or download it again.")


def _open_for_writing(path: Path, *, zipped: bool) -> IO[str]:
    if zipped:
        # Level 6 takes twice the time of level 4 for a few percent.
        return gzip.open(path, "wt", compresslevel=4, encoding="utf-8", newline="\n")
    return path.open("w", encoding="utf-8", newline="\n")


@contextmanager
def _open_lines(path: Path) -> Iterator[Iterator[bytes]]:
    with open_regular_file(path) as raw:
        zipped = raw.read(len(_GZIP)) == _GZIP
        raw.seek(0)
        yield _read_lines(path, io.BufferedReader(gzip.GzipFile(fileobj=raw)) if zipped else raw)


def _read_lines(path: Path, stream: io.BufferedReader) -> Iterator[bytes]:
    try:
        while line := stream.readline(MAX_LINE):
            if len(line) == MAX_LINE:
                raise _damaged_file(path, "a line is too long")
            yield line
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _damaged_file(path, str(error)) from None
