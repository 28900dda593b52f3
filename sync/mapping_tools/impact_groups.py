"""Moves that go the same way, together: what people read instead of thousands of lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from connectors.model import IssueRef
from mappings.model import Assignment, Conflict, IssueState, Unplanned
from mappings.rules.trace import MatchOutcome
from sync.mapping_tools.impact import IssueMove, MoveKind

_ORDER: tuple[MoveKind, ...] = ("moved", "reread", "rule")


@dataclass(frozen=True, kw_only=True, slots=True)
class MoveGroup:
    """Issues that go the same way by the same rules. All texts are plain and come from plans and mappings."""

    kind: MoveKind
    before: str
    after: str
    by: str
    """Which rule does it, and which one did."""
    refs: tuple[IssueRef, ...]


def group_moves(moves: Iterable[IssueMove]) -> tuple[MoveGroup, ...]:
    """Issues that count elsewhere first, the largest groups first."""
    found: dict[tuple[MoveKind, str, str, str], list[IssueRef]] = {}
    for move in moves:
        words = _with_state if move.kind == "reread" else place_text
        key = move.kind, words(move.before), words(move.after), _by(move.before, move.after)
        found.setdefault(key, []).append(move.ref)
    groups = [
        MoveGroup(kind=kind, before=before, after=after, by=by, refs=tuple(refs))
        for (kind, before, after, by), refs in found.items()
    ]
    return tuple(sorted(groups, key=lambda each: (_ORDER.index(each.kind), -len(each.refs), each.before)))


def place_text(outcome: MatchOutcome) -> str:
    """``churn-model v2``, ``unplanned``, ``claimed by two teams``, ``nowhere``."""
    match outcome:
        case Assignment(capability=capability, iteration=iteration):
            return f"{capability} {iteration}" if iteration else capability
        case Unplanned(reason=reason):
            return "unplanned" if reason == "no-rule" else f"unplanned ({reason})"
        case Conflict(claims=claims):
            return f"claimed for {' and '.join(sorted({claim.capability for claim in claims}))}"
        case _:
            return "nowhere"


def rule_text(outcome: MatchOutcome) -> str:
    """``features of science``, ``a pin``; empty where no rule is at work."""
    match outcome:
        case Assignment(by="pin"):
            return "a pin"
        case Assignment(rule=rule, team=team):
            return f"{rule} of {team}"
        case Conflict(claims=claims):
            return " and ".join(f"{claim.rule} of {claim.team}" for claim in claims)
        case _:
            return ""


def _by(before: MatchOutcome, after: MatchOutcome) -> str:
    old, new = rule_text(before), rule_text(after)
    if old == new:
        return new
    if old and new:
        return f"{new} (before: {old})"
    return new or f"no rule (before: {old})"


def _with_state(outcome: MatchOutcome) -> str:
    if not isinstance(outcome, Assignment | Unplanned):
        return place_text(outcome)
    return f"{place_text(outcome)}: {state_text(outcome.state)}"


def state_text(state: IssueState) -> str:
    words = state.state if state.known else f"unknown, counted as {state.state}"
    words += ", blocked" if state.blocked else ""
    return words + (f", {state.answer}" if state.answer else "")
