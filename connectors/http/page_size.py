"""Page sizes of searches, reduced when a server cannot deliver larger pages."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from connectors.wording import pluralize

FALLBACK_SIZES: Final = (250, 50, 10)
"""Rows to request instead, in this order."""
MAX_UNEXPANDED_PAGES: Final = 2
"""Pages in a row that only came without their expansion; after that the run stops requesting expanded pages."""


class PageSize(NamedTuple):
    rows: int
    expanded: bool
    """True to request the expensive parts (changelogs), too."""


class PageSizeBackoff:
    """Page sizes that all searches of a run share: a size that failed is not requested again. Thread-safe."""

    def __init__(
        self,
        rows: int,
        *,
        min_rows: int = 50,
        can_expand: bool = True,
        on_shrink: Callable[[str], None] | None = None,
    ) -> None:
        """Start with ``rows`` and go down to ``min_rows``.

        ``can_expand``: False when expanded pages are known to be too expensive. ``on_shrink`` gets a sentence
        whenever later requests become smaller.
        """
        self.rows = rows
        self._min_rows = min_rows
        self._on_shrink = on_shrink or (lambda _: None)
        self._unexpanded_in_a_row = 0 if can_expand else MAX_UNEXPANDED_PAGES
        self._all_sizes_failed = False
        self._lock = threading.Lock()

    @property
    def can_expand(self) -> bool:
        """True while expanded pages are still requested."""
        return self._unexpanded_in_a_row < MAX_UNEXPANDED_PAGES

    def candidates(self, *, expand: bool, max_rows: int) -> list[PageSize]:
        """Return the size to request and its fallbacks, in order, none above ``max_rows`` rows."""
        with self._lock:
            expanded = expand and self.can_expand
            first = min(self.rows, max_rows)
            sizes = [first, *(size for size in FALLBACK_SIZES if self._min_rows <= size < first)]
            found = [PageSize(rows, expanded) for rows in sizes]
            if expanded:
                found.append(PageSize(sizes[-1], False))
            return found[:1] if self._all_sizes_failed else found

    def record_answer(self, candidates: Sequence[PageSize], index: int) -> PageSize:
        """Note that the server answered ``candidates[index]`` and none before it. Return that size."""
        first, answered = candidates[0], candidates[index]
        reductions = []
        with self._lock:
            self._all_sizes_failed = False
            if answered.rows < min(first.rows, self.rows):
                self.rows = answered.rows
                reductions.append(f"{pluralize(answered.rows, 'issue')} per page")
            if first.expanded and self.can_expand:
                self._unexpanded_in_a_row = 0 if answered.expanded else self._unexpanded_in_a_row + 1
                if not self.can_expand:
                    reductions.append("no changelogs with the issues")
        if reductions:
            self._on_shrink(f"larger pages overload the server, so from now on: {' and '.join(reductions)}")
        return answered

    def record_failure(self) -> None:
        """Note that no size worked, so size is not the cause. No fallbacks until a request is answered."""
        with self._lock:
            self._all_sizes_failed = True
