"""Thinking a second time about the same issues, after the mappings of some teams changed.

Whatever no changed team reads is judged as before, issue by issue; figures are summed up anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from connectors.model import IssueRef, KnownIssue
from mappings.model import Assignment, Conflict, Matched, Unplanned, Workspace
from sync.compare import LabelOutcome

if TYPE_CHECKING:
    from sync.think import Thought

_Told = TypeVar("_Told", Assignment, Unplanned, Conflict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """A thought that differs from the one to come in nothing but the mappings of some teams."""

    thought: Thought
    again: frozenset[IssueRef]
    """The issues that those teams read, or read before."""

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


def read_by_changed_teams(
    before: Workspace, after: Workspace, known: Mapping[IssueRef, KnownIssue]
) -> frozenset[IssueRef] | None:
    """The issues that have to be looked at again; None for all, when more than mappings of teams changed."""
    if replace(before, teams=(), digest="") != replace(after, teams=(), digest=""):
        return None
    if [team.team for team in before.teams] != [team.team for team in after.teams]:
        return None
    changed = {
        source.name
        for old, new in zip(before.teams, after.teams, strict=True)
        if old != new
        for source in (*old.sources, *new.sources)
    }
    return frozenset(ref for ref, item in known.items() if not changed.isdisjoint(item.sources))
