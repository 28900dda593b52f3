"""Differences between the planning results of two mappings over the same issues. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal, TypeVar

from connectors.model import IssueRef, KnownIssue
from mappings.model import Assignment, Conflict, IssueState, MatchResult, Unplanned
from mappings.rules.trace import MatchOutcome
from sync.model.changes import ChangeSet
from sync.model.planning import PlanningResult
from sync.model.rollup import CapabilityRollup, Counts, GoalRollup, Rollup

MoveKind = Literal["moved", "reread", "rule"]
_Stated = TypeVar("_Stated", bound=Assignment | Unplanned)


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueMove:
    """One issue that the two mappings treat differently."""

    ref: IssueRef
    title: str
    before: MatchOutcome
    after: MatchOutcome

    @property
    def kind(self) -> MoveKind:
        """Return the kind of difference.

        ``moved``: it counts elsewhere. ``reread``: it counts there, but its status means something else. ``rule``: only
        the rule, the team or the experiment flag differs.
        """
        if counted_in(self.before) != counted_in(self.after):
            return "moved"
        return "reread" if _state(self.before) != _state(self.after) else "rule"


@dataclass(frozen=True, kw_only=True, slots=True)
class SubjectStatus:
    """Roll-up of a capability or goal."""

    state: str
    health: str | None
    blocked: bool
    finished: int
    """Issues that are done; for a goal required capabilities."""
    total: int
    counts: Counts


@dataclass(frozen=True, kw_only=True, slots=True)
class SubjectDifference:
    """A capability or goal whose roll-up differs; None where the plan does not have it."""

    subject: str
    """``capability:<id>`` or ``goal:<id>``."""
    before: SubjectStatus | None
    after: SubjectStatus | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Impact:
    """Differences between two mappings."""

    moves: tuple[IssueMove, ...]
    subjects: tuple[SubjectDifference, ...]
    writes_before: ChangeSet
    """Change set of a run with the old mapping."""
    writes_after: ChangeSet
    issues: int
    """Number of issues that were compared."""

    @property
    def is_empty(self) -> bool:
        """True if nothing differs."""
        return not self.moves and not self.subjects and self.writes_before == self.writes_after


def compute_impact(
    before: PlanningResult, after: PlanningResult, known: Mapping[IssueRef, KnownIssue]
) -> Impact:
    """Compute the differences between two planning results for the same issues."""
    return Impact(
        moves=tuple(_moves(before.matched, after.matched, known)),
        subjects=tuple(_subject_differences(before.rollup, after.rollup)),
        writes_before=before.changes,
        writes_after=after.changes,
        issues=len(known),
    )


def counted_in(outcome: MatchOutcome) -> tuple[str, ...]:
    """Return what an issue counts towards: a kind, then capability and iteration, reason, or claimed capabilities."""
    match outcome:
        case Assignment(capability=capability, iteration=iteration):
            return ("assigned", capability, iteration or "")
        case Unplanned(reason=reason):
            return ("unplanned", reason)
        case Conflict(claims=claims):
            return ("conflict", *sorted({claim.capability for claim in claims}))
        case _:
            return ("none",)


def _state(outcome: MatchOutcome) -> IssueState | None:
    return _without_because(outcome).state if isinstance(outcome, Assignment | Unplanned) else None


def _moves(
    before: MatchResult, after: MatchResult, known: Mapping[IssueRef, KnownIssue]
) -> Iterator[IssueMove]:
    old, new = _distinct_outcomes(before, after), _distinct_outcomes(after, before)
    for ref in sorted({**old, **new}):
        was, will_be = old.get(ref), new.get(ref)
        if _without_reasons(was) != _without_reasons(will_be):
            yield IssueMove(ref=ref, title=known[ref].issue.title, before=was, after=will_be)


def _distinct_outcomes(matched: MatchResult, other: MatchResult) -> dict[IssueRef, MatchOutcome]:
    """Return the outcomes that are not the same objects in the other result.

    Unaffected issues share their outcome objects, so that most of 100,000 are skipped without a comparison.
    """
    same = {id(outcome) for outcome in _all(other)}
    return {outcome.ref: outcome for outcome in _all(matched) if id(outcome) not in same}


def _all(matched: MatchResult) -> Iterator[Assignment | Unplanned | Conflict]:
    return chain(matched.assignments, matched.unplanned, matched.conflicts)


def _without_reasons(outcome: MatchOutcome) -> MatchOutcome:
    """Return the outcome without the reasons of its states: they name lines and files, and are no difference."""
    if isinstance(outcome, Conflict):
        return replace(outcome, claims=tuple(map(_without_because, outcome.claims)))
    return _without_because(outcome) if outcome else None


def _without_because(outcome: _Stated) -> _Stated:
    return replace(outcome, state=replace(outcome.state, because=""))


def _subject_differences(before: Rollup, after: Rollup) -> Iterator[SubjectDifference]:
    old, new = _subject_statuses(before), _subject_statuses(after)
    for subject in dict.fromkeys([*new, *old]):
        if old.get(subject) != new.get(subject):
            yield SubjectDifference(subject=subject, before=old.get(subject), after=new.get(subject))


def _subject_statuses(rollup: Rollup) -> dict[str, SubjectStatus]:
    """Subject -> its roll-up, each goal before its capabilities."""
    found = {}
    for goal in rollup.goals:
        found[goal.subject] = _status(goal, goal.required_done, goal.required_total)
        for each in goal.capabilities:
            found[each.subject] = _status(each, each.counts.done, each.counts.scope)
    return found


def _status(part: GoalRollup | CapabilityRollup, finished: int, total: int) -> SubjectStatus:
    return SubjectStatus(
        state=part.state,
        health=part.health,
        blocked=part.blocked,
        finished=finished,
        total=total,
        counts=part.counts,
    )


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
