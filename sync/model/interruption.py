"""Interruption of a command by a signal."""

from __future__ import annotations

import signal


class Interrupted(KeyboardInterrupt):
    """A signal asked the command to stop: Ctrl-C, a scheduler that ends a job, or a closed terminal."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__(number)
        self.number = number
        self.outcome = "interrupted"
        """What had been done, for people; a recorded run replaces it."""

    @property
    def exit_code(self) -> int:
        """Exit code as shells report the signal: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP."""
        return 128 + self.number


def as_interruption(error: BaseException | None) -> Interrupted:
    """Return the interruption behind an error; one by Ctrl-C if the signal is unknown."""
    while error is not None:
        if isinstance(error, Interrupted):
            return error
        error = error.__cause__ or error.__context__
    return Interrupted()
