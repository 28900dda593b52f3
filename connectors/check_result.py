"""Results of the checks of ``doctor``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CheckLevel = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Result of one check of ``doctor``."""

    level: CheckLevel
    check: str
    """Subject of the check: ``credentials``, ``tracker``, ``account``, ``clock``, ``source``, ``rights``,
    ``labels``; the command adds others."""
    subject: str
    """Name of the tracker or source, or a file and place."""
    text: str
    """One sentence for people; for a problem with what to do. Without secrets."""
