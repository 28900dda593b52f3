"""Files that hold issues, state or traces of secrets: created for their owner only, whatever the umask."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700


def make_private_folder(folder: Path) -> None:
    """Create a folder and those above it that are missing. Those that exist stay as they are. Raises OSError."""
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=_FOLDER_MODE, exist_ok=True)


def create_private_file(file: Path, mode: int = FILE_MODE) -> None:
    """Create an empty file unless there is one. Raises OSError."""
    # Non-blocking, because opening a pipe would wait for its other end.
    os.close(os.open(file, os.O_CREAT | os.O_RDONLY | os.O_NONBLOCK, mode))


@contextmanager
def private_draft(file: Path) -> Iterator[Path]:
    """Give a draft to write, which takes the place of ``file`` at the end of the block; after an error nothing changes.

    An existing file keeps its permissions, so that its owner may share it. Raises OSError.
    """
    if file.exists() and not file.is_file():  # a device, a pipe
        yield file
        return
    place = file.resolve()
    draft = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        create_private_file(draft)
        if place.exists():
            draft.chmod(stat.S_IMODE(place.stat().st_mode))
        yield draft
        draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)


def write_private(file: Path, text: str) -> None:
    """Write a text file as it is, in UTF-8. Raises OSError."""
    with private_draft(file) as draft:
        draft.write_text(text, encoding="utf-8", errors="replace", newline="")


def is_shared(file: Path) -> bool:
    """Return True if others than the owner may read or change a file."""
    return bool(file.stat().st_mode & 0o077)
