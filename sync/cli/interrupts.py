"""Signals that ask a command to stop."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Final, NoReturn

from sync.model.interruption import Interrupted

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SIGNALLED: Final = 128
"""Exit codes above it name a signal."""


def raise_interrupts() -> None:
    """Make the first signal raise ``Interrupted``, which ends the command in order.

    The second one says that this takes a moment, the third one ends the process at once: journal and store survive
    that. An ignored signal stays ignored, as under ``nohup``.
    """
    received: list[int] = []

    def interrupt(number: int, _: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1:
            raise Interrupted(number)
        if len(received) == 2:
            # Not by sys.stderr, whose buffer the interrupted code may be writing to.
            os.write(2, b"increment-sync: is stopping; once more ends it at once\n")
            return
        os._exit(128 + number)

    for each in _SIGNALS:
        if signal.getsignal(each) != signal.SIG_IGN:
            signal.signal(each, interrupt)


def leave(code: int) -> NoReturn:
    """End the process. After a signal, threads that still wait for a tracker are not waited for."""
    if code > _SIGNALLED:
        os._exit(code)
    sys.exit(code)
