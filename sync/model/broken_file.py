"""Broken mapping files of single teams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mappings.problems import Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokenFile:
    """A file below ``mappings/`` with errors, which does not stop the runs for other teams."""

    file: str
    problems: tuple[Problem, ...]
    uses_last_known_good: bool
    """True if the run uses its last known good version; False for a new file, which is left out."""

    def describe(self) -> list[str]:
        """Return lines for people: what the run uses instead, and every problem."""
        fallback = "its last known good version is used" if self.uses_last_known_good else "it is left out"
        return [
            f"{self.file} is broken: {fallback} until it is corrected:",
            *(f"  {each}" for each in self.problems),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the JSON value for programs."""
        holds = "former rules" if self.uses_last_known_good else "nothing"
        return {"file": self.file, "holds": holds, "problems": [str(each) for each in self.problems]}
