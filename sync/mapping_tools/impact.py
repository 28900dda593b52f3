"""What another mapping would change, on the issues that are stored. Pure: two thoughts in, differences out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal

from connectors.model import IssueRef, KnownIssue
from mappings.model import Assignment, Conflict, IssueState, MatchResult, Unplanned
from mappings.rules.trace import MatchOutcome
from sync.model.changes import ChangeSet
from sync.model.planning import PlanningResult
from sync.model.rollup import CapabilityRollup, Counts, GoalRollup, Rollup

MoveKind = Literal["moved", "reread", "rule"]


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueMove:
    """One issue that the two mappings judge differently."""

    ref: IssueRef
    title: str
    before: MatchOutcome
    after: MatchOutcome

    @property
    def kind(self) -> MoveKind:
        """``moved``: it counts elsewhere. ``reread``: there, but its status means something else. ``rule``: there
        and the same, but by another rule or team, or as an experiment or not."""
        if counted_in(self.before) != counted_in(self.after):
            return "moved"
        return "reread" if _state(self.before) != _state(self.after) else "rule"


@dataclass(frozen=True, kw_only=True, slots=True)
class SubjectStatus:
    """What a capability or goal comes to."""

    state: str
    health: str | None
    blocked: bool
    finished: int
    """Issues that are done; of a goal, required capabilities that are."""
    total: int
    counts: Counts


@dataclass(frozen=True, kw_only=True, slots=True)
class SubjectDifference:
    """A capability or goal that comes to something else. None where the plan does not have it."""

    subject: str
    """``capability:<id>`` or ``goal:<id>``."""
    before: SubjectStatus | None
    after: SubjectStatus | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Impact:
    """Everything that differs."""

    moves: tuple[IssueMove, ...]
    subjects: tuple[SubjectDifference, ...]
    writes_before: ChangeSet
    """What a run with the old mapping would write."""
    writes_after: ChangeSet
    issues: int
    """How many were looked at."""

    @property
    def is_empty(self) -> bool:
        return not self.moves and not self.subjects and self.writes_before == self.writes_after


def compute_impact(
    before: PlanningResult, after: PlanningResult, known: Mapping[IssueRef, KnownIssue]
) -> Impact:
    """The differences between two thoughts about the same issues. The same thought twice gives none."""
    return Impact(
        moves=tuple(_moves(before.matched, after.matched, known)),
        subjects=tuple(_subject_differences(before.rollup, after.rollup)),
        writes_before=before.changes,
        writes_after=after.changes,
        issues=len(known),
    )


def outcomes_by_issue(matched: MatchResult) -> dict[IssueRef, MatchOutcome]:
    """What became of each issue that was assigned, left over or claimed twice."""
    return {outcome.ref: outcome for outcome in _all(matched)}


def counted_in(outcome: MatchOutcome) -> tuple[str, ...]:
    """Where an issue counts: kind, and capability and iteration, reason, or the claimed capabilities."""
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
    """Without the words that say where it comes from: they name lines and files that may have moved."""
    return replace(outcome.state, because="") if isinstance(outcome, Assignment | Unplanned) else None


def _moves(
    before: MatchResult, after: MatchResult, known: Mapping[IssueRef, KnownIssue]
) -> Iterator[IssueMove]:
    old, new = _without(before, after), _without(after, before)
    for ref in sorted({**old, **new}):
        was, will_be = old.get(ref), new.get(ref)
        if _without_reasons(was) != _without_reasons(will_be):
            yield IssueMove(ref=ref, title=known[ref].issue.title, before=was, after=will_be)


def _without(matched: MatchResult, other: MatchResult) -> dict[IssueRef, MatchOutcome]:
    """The outcomes that are not the very same values as in the other: of 100,000 most are, and nothing is quicker
    to compare."""
    same = {id(outcome) for outcome in _all(other)}
    return {outcome.ref: outcome for outcome in _all(matched) if id(outcome) not in same}


def _all(matched: MatchResult) -> Iterator[Assignment | Unplanned | Conflict]:
    return chain(matched.assignments, matched.unplanned, matched.conflicts)


def _without_reasons(outcome: MatchOutcome) -> MatchOutcome:
    """What counts as a difference: everything but the reason for a state."""
    match outcome:
        case Assignment() | Unplanned():
            return replace(outcome, state=replace(outcome.state, because=""))
        case Conflict(claims=claims):
            return replace(outcome, claims=tuple(_without_because(claim) for claim in claims))
        case _:
            return None


def _without_because(claim: Assignment) -> Assignment:
    return replace(claim, state=replace(claim.state, because=""))


def _subject_differences(before: Rollup, after: Rollup) -> Iterator[SubjectDifference]:
    old, new = _subject_statuses(before), _subject_statuses(after)
    for subject in dict.fromkeys([*new, *old]):
        if old.get(subject) != new.get(subject):
            yield SubjectDifference(subject=subject, before=old.get(subject), after=new.get(subject))


def _subject_statuses(rollup: Rollup) -> dict[str, SubjectStatus]:
    """By subject, each goal before its capabilities."""
    found = {}
    for goal in rollup.goals:
        found[goal.subject] = _goal(goal)
        found.update((each.subject, _capability(each)) for each in goal.capabilities)
    return found


def _goal(goal: GoalRollup) -> SubjectStatus:
    return SubjectStatus(
        state=goal.state,
        health=goal.health,
        blocked=goal.blocked,
        finished=goal.required_done,
        total=goal.required_total,
        counts=goal.counts,
    )


def _capability(capability: CapabilityRollup) -> SubjectStatus:
    return SubjectStatus(
        state=capability.state,
        health=capability.health,
        blocked=capability.blocked,
        finished=capability.counts.done,
        total=capability.counts.scope,
        counts=capability.counts,
    )
