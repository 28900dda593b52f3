"""Edits of plans that weaken a commitment. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from sync.model.attribution import PlanFacts, current_id


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanEdit:
    """One edit of a plan."""

    subject: str
    """``goal:<id>`` or ``capability:<id>``, by its latest name."""
    title: str
    increment: str
    what: str
    """``cancelled``, ``renamed``, ``removed from the plan``..."""
    detail: str
    at: datetime
    """Time of the run that recorded it."""
    run_id: str


def find_plan_edits(history: Sequence[PlanFacts]) -> Iterator[PlanEdit]:
    """Yield renamed, cancelled, removed, weakened, postponed or moved goals and capabilities, oldest first."""
    names = history[-1].names if history else {}
    for before, after in pairwise(history):
        for kind, entries in (("goal", "goals"), ("capability", "capabilities")):
            new = {current_id(names, kind, name): (name, each) for name, each in after.body[entries].items()}
            for name, each in before.body[entries].items():
                current = current_id(names, kind, name)
                now = new.get(current)
                for what, detail in _edits(kind, name, each, now):
                    yield PlanEdit(
                        subject=f"{kind}:{current}",
                        title=str((now[1] if now else each)["title"]),
                        increment=str(each["increment"]),
                        what=what,
                        detail=detail,
                        at=after.at,
                        run_id=after.run_id,
                    )


_WEAKENED_VALUES: Final[Mapping[str, tuple[Any, Any, str, str]]] = {
    "commitment": ("committed", "stretch", "changed to a stretch goal", "commitment: committed -> stretch"),
    "cancelled": (False, True, "cancelled", "cancelled: true"),
    "required": (True, False, "no longer required", "required: true -> false"),
}


def _edits(
    kind: str, name: str, before: Mapping[str, Any], now: tuple[str, Mapping[str, Any]] | None
) -> Iterator[tuple[str, str]]:
    if now is None:
        yield "removed from the plan", f"{kind} {name} is no longer in the plan"
        return
    new_name, after = now
    if new_name != name:
        yield "renamed", f"id: {name} -> {new_name}"
    if before["title"] != after["title"]:
        yield "renamed", f"title: {before['title']} -> {after['title']}"
    for key, (was, is_now, what, detail) in _WEAKENED_VALUES.items():
        if key in before and before[key] == was and after.get(key) == is_now:
            yield what, detail
    if kind == "capability" and before["goal"] != after["goal"]:
        yield "moved to another goal", f"goal: {before['goal']} -> {after['goal']}"
    if kind == "capability" and (after["target"] or "9999") > (before["target"] or "9999"):
        yield "postponed", f"target: {before['target']} -> {after['target'] or 'the end of the increment'}"
