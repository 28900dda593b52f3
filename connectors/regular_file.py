"""Reading of files that somebody names: a pipe, a device or a huge file is an error and keeps nobody waiting."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path

MEGABYTE = 1_000_000


class NotRegularFile(OSError):
    """The path names a folder, a pipe, a socket or a device."""


class FileTooLarge(OSError):
    """The file has more bytes than allowed."""


def open_regular_file(path: Path) -> io.BufferedReader:
    """Open a file for reading. Raises NotRegularFile, and OSError if it is missing or unreadable."""
    # Non-blocking, because opening a pipe would wait for its writer.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotRegularFile(errno.EINVAL, "not a regular file (a folder, pipe or device)", str(path))
    return os.fdopen(handle, "rb")


def read_regular_file(path: Path, limit: int) -> bytes:
    """Return the content of a file of at most ``limit`` bytes.

    Raises NotRegularFile, FileTooLarge, and OSError if it is missing or unreadable.
    """
    with open_regular_file(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        size = f"{limit // MEGABYTE} MB" if limit >= MEGABYTE else f"{limit // 1000} kB"
        raise FileTooLarge(errno.EFBIG, f"larger than {size}", str(path))
    return content
