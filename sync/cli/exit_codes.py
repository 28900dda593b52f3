"""Exit codes of the command line."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes; when several apply, the first of 3, 6, 5, 4, 1."""

    DONE = 0
    FAILED = 1
    """Failed, or partly failed."""
    CHANGES_PENDING = 2
    """There is something to change; only with ``--detailed-exitcode``."""
    INVALID = 3
    """Configuration, credentials or mapping tests are invalid, or push is switched off."""
    REFUSED = 4
    """The guard (the safety limits) refused the changes."""
    STALE = 5
    """The trackers changed after the change set was saved."""
    LOCKED = 6
    """Another run is running."""
    USAGE = 64
    """The command line is invalid."""
    OUTPUT_LOST = 74
    """Everything was done, but its output could not be written: the disk is full."""
    HUNG_UP = 129
    """The terminal was closed (SIGHUP)."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C (SIGINT)."""
    TERMINATED = 143
    """Stopped by a scheduler or ``kill`` (SIGTERM)."""
