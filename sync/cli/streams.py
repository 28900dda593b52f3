"""Standard streams that never end a command: any encoding, closed, full, or left by their reader.

What cannot be written is dropped and the command goes on, because a run has more to do than to talk.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import Any, BinaryIO, Final, TextIO, cast

_DESCRIPTORS: Final = {0: os.O_RDONLY, 1: os.O_WRONLY, 2: os.O_WRONLY}


class _LenientFile(io.FileIO):
    """File that accepts every write, and keeps the first error of one."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        rest = memoryview(data)
        while rest and self.error is None:
            try:
                written: int | None = super().write(rest)
            except OSError as error:
                self.error = error
                break
            if written is None:
                # The process at the other end made the pipe non-blocking, and it is full.
                select.select((), (self.fileno(),), ())
            else:
                rest = rest[written:]
        return len(data)


class StandardStreams:
    """Lenient stdout and stderr of this process, in place of those of the interpreter."""

    def __init__(self) -> None:
        """Replace ``sys.stdin``, ``sys.stdout`` and ``sys.stderr``.

        A closed descriptor becomes the null device: otherwise the first file that is opened, such as the store, would
        take its number and receive the output.
        """
        for descriptor, mode in _DESCRIPTORS.items():
            try:
                os.fstat(descriptor)
            except OSError:
                _open_null_device(descriptor, mode)
        if sys.stdin is None:
            sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for the life of the process
        self._files: list[_LenientFile] = []
        sys.stdout, sys.stderr = self._replace(sys.stdout, 1), self._replace(sys.stderr, 2)

    def close(self) -> str | None:
        """Flush both streams. Return why output was lost; None if all was written or its reader left."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        errors = (file.error for file in self._files if file.error is not None)
        lost = [error for error in errors if error.errno not in (errno.EPIPE, errno.EBADF)]
        return str(lost[0].strerror or lost[0]) if lost else None

    def _replace(self, before: TextIO | None, descriptor: int) -> TextIO:
        file = _LenientFile(descriptor)
        self._files.append(file)
        return io.TextIOWrapper(
            cast("BinaryIO", file),
            encoding=before.encoding if before else "utf-8",
            errors="replace",
            # Line by line, so that stdout and stderr in one log keep their order.
            line_buffering=True,
        )


def _open_null_device(descriptor: int, mode: int) -> None:
    opened = os.open(os.devnull, mode)
    if opened != descriptor:
        os.dup2(opened, descriptor)
        os.close(opened)
