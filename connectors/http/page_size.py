"""How much a search asks for at once: less, once a server proved that it cannot cope with more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

SIZES: Final = (250, 50, 10)
"""What is asked for instead, one after the other."""
ENOUGH: Final = 2
"""So many pages in a row without what they were to be expanded by: then a run asks for it no more."""


class Portion(NamedTuple):
    rows: int
    expanded: bool
    """With what is expensive, or without."""


class Portions:
    """Shared by the searches of a run: what proved too much is not asked for again. May be used by several threads."""

    def __init__(
        self,
        rows: int,
        *,
        smallest: int = 50,
        expands: bool = True,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """``rows`` to begin with, ``smallest`` to end with. ``tell`` hears a sentence when less is asked for from
        now on. ``expands``: False when it is known already that expanded pages are too much."""
        self.rows = rows
        self._smallest = smallest
        self._tell = tell or (lambda _: None)
        self._without = 0 if expands else ENOUGH
        self._hopeless = False
        self._lock = threading.Lock()

    @property
    def expands(self) -> bool:
        """Whether anything is to be expanded still."""
        return self._without < ENOUGH

    def to_try(self, *, expand: bool, at_most: int) -> list[Portion]:
        """What to ask for, and then what to fall back to, in this order; never for more than ``at_most`` rows."""
        with self._lock:
            expanded = expand and self.expands
            most = min(self.rows, at_most)
            sizes = [most, *(each for each in SIZES if self._smallest <= each < most)]
            found = [Portion(rows, expanded) for rows in sizes]
            if expanded:
                found.append(Portion(sizes[-1], False))
            return found[:1] if self._hopeless else found

    def took(self, tried: Sequence[Portion], number: int) -> Portion:
        """The server gave an answer to this one of ``to_try``, which is returned, and to none before it."""
        first, taken = tried[0], tried[number]
        said = []
        with self._lock:
            self._hopeless = False
            if taken.rows < min(first.rows, self.rows):
                self.rows = taken.rows
                said.append(f"{taken.rows} issues at a time")
            if first.expanded and self.expands:
                self._without = 0 if taken.expanded else self._without + 1
                if not self.expands:
                    said.append("no changelogs with the issues")
        if said:
            self._tell(f"more is too much for the server, so from now on: {', and '.join(said)}")
        return taken

    def none_worked(self) -> None:
        """Not the size is to blame, then: until a request is answered nothing is tried in smaller portions."""
        with self._lock:
            self._hopeless = True
