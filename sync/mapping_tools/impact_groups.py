"""Groups of issues that move from and to the same place by the same rules."""

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
    """Issues with the same move. All texts come from plans and mappings."""

    kind: MoveKind
    before: str
    after: str
    by: str
    """The rule that assigns them now, and the former one."""
    refs: tuple[IssueRef, ...]


def group_moves(moves: Iterable[IssueMove]) -> tuple[MoveGroup, ...]:
    """Group moves: those that count elsewhere first, the largest groups first."""
    found: dict[tuple[MoveKind, str, str, str], list[IssueRef]] = {}
    for move in moves:
        text = _place_and_state if move.kind == "reread" else place_text
        key = move.kind, text(move.before), text(move.after), _rules(move.before, move.after)
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
    """``features of science``, ``a pin``; empty without a rule."""
    match outcome:
        case Assignment(by="pin"):
            return "a pin"
        case Assignment(rule=rule, team=team):
            return f"{rule} of {team}"
        case Conflict(claims=claims):
            return " and ".join(f"{claim.rule} of {claim.team}" for claim in claims)
        case _:
            return ""


def _rules(before: MatchOutcome, after: MatchOutcome) -> str:
    old, new = rule_text(before), rule_text(after)
    if old == new:
        return new
    if old and new:
        return f"{new} (before: {old})"
    return new or f"no rule (before: {old})"


def _place_and_state(outcome: MatchOutcome) -> str:
    if not isinstance(outcome, Assignment | Unplanned):
        return place_text(outcome)
    return f"{place_text(outcome)}: {state_text(outcome.state)}"


def state_text(state: IssueState) -> str:
    """``doing, blocked``, ``unknown, counted as todo``, ``done, confirmed``."""
    text = state.state if state.known else f"unknown, counted as {state.state}"
    text += ", blocked" if state.blocked else ""
    return text + (f", {state.answer}" if state.answer else "")
