"""How much a search asks for at once: less, once a server proved that it cannot cope with more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

FALLBACK_SIZES: Final = (250, 50, 10)
"""What is asked for instead, one after the other."""
MAX_UNEXPANDED_PAGES: Final = 2
"""So many pages in a row without what they were to be expanded by: then a run asks for it no more."""


class PageSize(NamedTuple):
    rows: int
    expanded: bool
    """With what is expensive, or without."""


class PageSizeBackoff:
    """Shared by the searches of a run: what proved too much is not asked for again. May be used by several threads."""

    def __init__(
        self,
        rows: int,
        *,
        min_rows: int = 50,
        can_expand: bool = True,
        on_shrink: Callable[[str], None] | None = None,
    ) -> None:
        """``rows`` to begin with, ``min_rows`` to end with. ``on_shrink`` hears a sentence when less is asked for from
        now on. ``can_expand``: False when it is known already that expanded pages are too much."""
        self.rows = rows
        self._min_rows = min_rows
        self._on_shrink = on_shrink or (lambda _: None)
        self._unexpanded_in_a_row = 0 if can_expand else MAX_UNEXPANDED_PAGES
        self._all_sizes_failed = False
        self._lock = threading.Lock()

    @property
    def can_expand(self) -> bool:
        """Whether anything is to be expanded still."""
        return self._unexpanded_in_a_row < MAX_UNEXPANDED_PAGES

    def candidates(self, *, expand: bool, max_rows: int) -> list[PageSize]:
        """What to ask for, and then what to fall back to, in this order; never for more than ``max_rows`` rows."""
        with self._lock:
            expanded = expand and self.can_expand
            most = min(self.rows, max_rows)
            sizes = [most, *(each for each in FALLBACK_SIZES if self._min_rows <= each < most)]
            found = [PageSize(rows, expanded) for rows in sizes]
            if expanded:
                found.append(PageSize(sizes[-1], False))
            return found[:1] if self._all_sizes_failed else found

    def record_answer(self, candidates: Sequence[PageSize], index: int) -> PageSize:
        """The server gave an answer to this one of ``to_try``, which is returned, and to none before it."""
        first, taken = candidates[0], candidates[index]
        said = []
        with self._lock:
            self._all_sizes_failed = False
            if taken.rows < min(first.rows, self.rows):
                self.rows = taken.rows
                said.append(f"{taken.rows} issues at a time")
            if first.expanded and self.can_expand:
                self._unexpanded_in_a_row = 0 if taken.expanded else self._unexpanded_in_a_row + 1
                if not self.can_expand:
                    said.append("no changelogs with the issues")
        if said:
            self._on_shrink(f"more is too much for the server, so from now on: {', and '.join(said)}")
        return taken

    def record_failure(self) -> None:
        """Not the size is to blame, then: until a request is answered nothing is tried in smaller portions."""
        with self._lock:
            self._all_sizes_failed = True
