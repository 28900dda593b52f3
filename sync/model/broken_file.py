"""A team's mapping file that cannot be used, and what holds in its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mappings.problems import Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokenFile:
    """One file below ``mappings/`` with errors, which the others do not wait for."""

    file: str
    problems: tuple[Problem, ...]
    uses_last_known_good: bool
    """Its rules of the last run hold. False: it is new, and left out."""

    def describe(self) -> list[str]:
        """For people: what holds, and every problem."""
        holds = "its rules of the last run hold" if self.uses_last_known_good else "it is new and left out"
        return [
            f"{self.file} cannot be used; until it is corrected {holds}:",
            *(f"  {each}" for each in self.problems),
        ]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        holds = "former rules" if self.uses_last_known_good else "nothing"
        return {"file": self.file, "holds": holds, "problems": [str(each) for each in self.problems]}
