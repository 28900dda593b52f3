"""Thinking a second time about the same issues, after plans or mappings changed.

What ``again.py`` does not name is judged as before, issue by issue; figures are summed up anew.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from connectors.model import IssueRef
from mappings.model import Assignment, Conflict, Matched, Unplanned
from sync.compare import LabelOutcome

if TYPE_CHECKING:
    from sync.think import Thought

_Told = TypeVar("_Told", Assignment, Unplanned, Conflict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """A thought that differs from the one to come in nothing but plans and mappings."""

    thought: Thought
    again: frozenset[IssueRef]
    """The known issues that may be judged in another way now."""

    def matched(self, fresh: Matched) -> Matched:
        """With ``fresh`` for the issues that are looked at again. Warnings are those of the fresh ones."""
        before = self.thought.matched
        return Matched(
            assignments=self._joined(before.assignments, fresh.assignments),
            unplanned=self._joined(before.unplanned, fresh.unplanned),
            conflicts=self._joined(before.conflicts, fresh.conflicts),
            left_open=self._joined(before.left_open, fresh.left_open),
            warnings=fresh.warnings,
        )

    def labels(self, fresh: LabelOutcome, looked_at: Collection[IssueRef]) -> LabelOutcome:
        """With ``fresh`` for everything that was ``looked_at``, anchors among it."""
        before = self.thought
        changes = [each for each in before.changes.labels if each.ref not in looked_at]
        return LabelOutcome(
            changes=tuple(sorted([*changes, *fresh.changes], key=lambda each: each.ref)),
            suspicions=(
                *(each for each in before.suspicions if each.ref not in looked_at),
                *fresh.suspicions,
            ),
            observations=fresh.observations,
        )

    def _joined(self, before: tuple[_Told, ...], fresh: tuple[_Told, ...]) -> tuple[_Told, ...]:
        kept: list[_Told] = [each for each in before if each.ref not in self.again]
        return tuple(kept + list(fresh))
