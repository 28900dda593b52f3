"""What a waiting person sees on stderr: one line that changes on a terminal, a line every ten seconds otherwise."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.status import Status

from connectors.retry import Wait
from sync.neutral import neutral_terminal

EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


class TerminalProgress:
    """A spinner with what is under way. Used as a context manager."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream)
        self._status = Status("", console=self._console)

    def __enter__(self) -> TerminalProgress:
        self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()

    def step(self, text: str, done: int = 0, total: int = 0) -> None:
        self._status.update(_line(text, done, total))


class LineProgress:
    """A plain line, at most every ten seconds. Used as a context manager."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream, self._clock = stream, clock
        self._last = clock()

    def __enter__(self) -> LineProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def step(self, text: str, done: int = 0, total: int = 0) -> None:
        if self._clock() - self._last >= EVERY:
            self._last = self._clock()
            self._stream.write(_line(text, done, total) + "\n")
            self._stream.flush()


def waiting(wait: Wait) -> str:
    """``waiting 43 s for GitHub quota (github)``."""
    return f"waiting {wait.seconds:.0f} s for {wait.reason} ({wait.tracker})"


def _line(text: str, done: int, total: int) -> str:
    counted = f" ({done} of {total})" if total else ""
    return neutral_terminal(text) + counted
