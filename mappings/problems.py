"""Problems in workspace files: origin, message, and the closest valid name for a typo."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from connectors.text import fold_name, show_invisible

_LONGEST_NAME: Final = 100
"""Longer names are never typos; comparing them is slow."""


@dataclass(frozen=True, kw_only=True, order=True, slots=True)
class Origin:
    """Position in a workspace file, or an environment variable. Line and column start at 1."""

    file: str
    """Name of the file, or of the variable."""
    line: int = 1
    """0 for a variable, as is the column."""
    column: int = 1

    @classmethod
    def of_variable(cls, name: str) -> Origin:
        """Return the origin of a value that comes from the environment."""
        return cls(file=show_invisible(name), line=0, column=0)

    @property
    def is_variable(self) -> bool:
        return self.line == 0

    def __str__(self) -> str:
        return self.file if self.is_variable else f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Error or warning at one position in one file."""

    origin: Origin
    path: str
    """Key path in the file: ``rules[2].assign``. Empty for the whole file."""
    message: str
    """One sentence: what is wrong and what to do."""
    severity: Literal["error", "warning"] = "error"
    check: str = "shape"
    """Name of the check that reports it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", show_invisible(self.message))

    def __str__(self) -> str:
        place = f" {self.path}:" if self.path else ""
        return f"{self.origin}: {self.severity}:{place} {self.message}"


def sort_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems sorted by file, line and column, without duplicates."""
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda each: (each.origin, each.path, each.message)))


class InvalidWorkspace(Exception):
    """Workspace files have errors. ``problems`` holds all problems of all files, sorted, including warnings."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sort_problems(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def closest_name(name: str, valid: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the valid name that resembles ``name`` most, or None below the similarity ``cutoff`` of difflib."""
    if len(name) > _LONGEST_NAME:
        return None  # comparing takes quadratic time
    by_folded = {fold_name(each): each for each in sorted(valid)}
    close = difflib.get_close_matches(fold_name(name), by_folded, n=1, cutoff=cutoff)
    return by_folded[close[0]] if close else None


def suggestion(name: str, valid: Iterable[str], *, kind: str) -> str:
    """Return a hint for an unknown name: ``did you mean "x"?`` or a list of valid names."""
    names = sorted(each for each in set(valid) if len(each) <= _LONGEST_NAME)
    meant = closest_name(name, names)
    if meant is not None:
        return f'did you mean "{meant}"?'
    if not names:
        return f"there are no {kind} yet."
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"known {kind}: {shown}."
