"""A stored snapshot as a file: JSON Lines, gzipped when the name ends in ``.gz``.

The first line says what it is, then comes one line for each row, and the last line says how many there were, so
that a file that was cut off is seen. It holds titles, people's names and labels of issues, but no token and no
text that was longer than a title, unless bodies were asked for.
"""

from __future__ import annotations

import gzip
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from sync.store import SnapshotRow, Store, StoreError, open_store
from sync.store.codec import dumps

FORMAT: Final = "increment-sync-snapshot"
VERSION: Final = 1
MAX_LINE: Final = 8 << 20
"""Characters. A baseline of 100,000 issues is one line."""

_GZIP: Final = b"\x1f\x8b"


class UnreadableSnapshot(StoreError):
    """The file is no snapshot that this program can read; the sentence says why and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotHead:
    """What a snapshot file says of itself."""

    instance: str
    taken: datetime
    """When it was exported (aware, UTC)."""
    bodies: bool
    """Whether the texts of issues are in it."""


def write_snapshot(path: Path, head: SnapshotHead, rows: Iterable[SnapshotRow]) -> int:
    """Write a file whole or not at all. Out: how many rows. OSError when that cannot be done."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    count = 0
    try:
        with _opened_to_write(draft, zipped=path.name.endswith(".gz")) as stream:
            first = {"format": FORMAT, "version": VERSION, "instance": head.instance}
            stream.write(dumps({**first, "taken": head.taken.isoformat(), "bodies": head.bodies}) + "\n")
            for table, values in rows:
                stream.write(dumps([table, values]) + "\n")
                count += 1
            stream.write(dumps({"rows": count}) + "\n")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return count


def read_head(path: Path) -> SnapshotHead:
    """What the file says of itself. Raises UnreadableSnapshot, OSError."""
    with _lines(path) as lines:
        return _head(path, next(lines, ""))


def read_rows(path: Path) -> Iterator[SnapshotRow]:
    """Every row of the file. Raises UnreadableSnapshot, at the latest after the last row: whoever keeps the
    rows waits for the end. OSError when the file cannot be read."""
    decode = json.JSONDecoder().decode
    count = 0
    with _lines(path) as lines:
        _head(path, next(lines, ""))
        for number, line in enumerate(lines, start=2):
            try:
                said = decode(line)
            except ValueError:
                raise _broken(path, f"line {number} is no JSON") from None
            match said:
                case [str(table), dict(values)]:
                    count += 1
                    yield table, values
                case {"rows": told} if told == count:
                    return
                case _:
                    raise _broken(path, f"line {number} is not what it should be")
    raise _broken(path, "it ends too early")


@contextmanager
def store_from(path: Path, now: Callable[[], datetime]) -> Iterator[Store]:
    """A store in memory that holds what the file says, to be looked at. Raises UnreadableSnapshot, OSError."""
    store = open_store("sqlite://", now=now)
    try:
        store.load_snapshot(read_rows(path))
        yield store
    finally:
        store.close()


def _head(path: Path, line: str) -> SnapshotHead:
    try:
        said = json.loads(line)
        is_ours = said["format"] == FORMAT
    except (ValueError, KeyError, TypeError):
        is_ours = False
    if not is_ours:
        raise UnreadableSnapshot(
            f"{path} is no snapshot: make one with `increment-sync snapshot export {path.name}`."
        )
    if said.get("version") != VERSION:
        raise UnreadableSnapshot(
            f"{path} is a snapshot of version {said.get('version')} and this program reads version {VERSION}: "
            "export it with the same version of increment-sync that reads it."
        )
    try:
        taken = datetime.fromisoformat(said["taken"])
        return SnapshotHead(instance=str(said["instance"]), taken=taken, bodies=bool(said["bodies"]))
    except (ValueError, KeyError, TypeError):
        raise _broken(path, "its first line lacks something") from None


def _broken(path: Path, why: str) -> UnreadableSnapshot:
    return UnreadableSnapshot(f"{path} is damaged ({why}): export or download it again.")


@contextmanager
def _opened_to_write(path: Path, *, zipped: bool) -> Iterator[IO[str]]:
    if zipped:
        # Level 6 takes twice the time of level 4 for a few percent.
        with gzip.open(path, "wt", compresslevel=4, encoding="utf-8", newline="\n") as stream:
            yield stream
    else:
        with path.open("w", encoding="utf-8", newline="\n") as stream:
            yield stream


@contextmanager
def _lines(path: Path) -> Iterator[Iterator[str]]:
    with path.open("rb") as raw:
        zipped = raw.read(2) == _GZIP
        raw.seek(0)
        with io.TextIOWrapper(gzip.GzipFile(fileobj=raw) if zipped else raw, encoding="utf-8") as stream:
            yield _bounded(path, stream)


def _bounded(path: Path, stream: IO[str]) -> Iterator[str]:
    try:
        while line := stream.readline(MAX_LINE):
            if len(line) == MAX_LINE:
                raise _broken(path, "a line is too long")
            yield line
    except (EOFError, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise _broken(path, str(error)) from None
