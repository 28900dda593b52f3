"""Progress on stderr: a spinner on a terminal, a line every ten seconds otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from connectors.escape import escape_terminal
from connectors.http.retry import Wait
from sync.runtime.context import Progress
from sync.runtime.invocation import Invocation

LINE_INTERVAL_SECONDS = 10.0
"""Seconds between two lines without a terminal."""


def open_progress(invocation: Invocation) -> AbstractContextManager[Progress]:
    """Return the progress display for stderr. CI systems get lines even if they provide a terminal."""
    if sys.stderr.isatty() and "CI" not in invocation.environment:
        return TerminalProgress(sys.stderr, shares_stdout=sys.stdout.isatty())
    return nullcontext(LineProgress(sys.stderr, time.monotonic))


class TerminalProgress:
    """Spinner with the current step. A context manager."""

    def __init__(self, stream: TextIO, *, shares_stdout: bool) -> None:
        """Pass ``shares_stdout`` if stdout is the same terminal: its lines are then printed above the spinner.

        Otherwise stdout must not be redirected: rich would send it to ``stream``, and a file or pipe stays empty.
        """
        self._spinner = Spinner("dots")
        self._live = Live(
            self._spinner,
            console=Console(file=stream, soft_wrap=True, markup=False, highlight=False, emoji=False),
            transient=True,
            redirect_stdout=shares_stdout,
        )

    def __enter__(self) -> TerminalProgress:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def step(self, text: str, done: int = 0, total: int = 0) -> None:
        self._spinner.update(text=Text(_format_line(text, done, total)))

    @contextmanager
    def paused(self) -> Iterator[None]:
        self._live.stop()
        try:
            yield
        finally:
            self._live.start()


class LineProgress:
    """Plain lines, one every ten seconds at most."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream, self._clock = stream, clock
        self._last = clock()

    def step(self, text: str, done: int = 0, total: int = 0) -> None:
        if self._clock() - self._last >= LINE_INTERVAL_SECONDS:
            self._last = self._clock()
            self._stream.write(_format_line(text, done, total) + "\n")
            self._stream.flush()

    def paused(self) -> AbstractContextManager[None]:
        return nullcontext()


def describe_wait(wait: Wait) -> str:
    """Return for example ``waiting 43 s for rate limit (tracker)``."""
    return f"waiting {wait.seconds:.0f} s for {wait.reason} ({wait.tracker})"


def _format_line(text: str, done: int, total: int) -> str:
    count = f" ({done} of {total})" if total else ""
    return escape_terminal(text) + count
