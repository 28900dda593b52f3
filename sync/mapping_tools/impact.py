"""Differences between the planning results of two mappings over the same issues. No I/O."""

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


def outcomes_by_issue(matched: MatchResult) -> dict[IssueRef, MatchOutcome]:
    """Issue -> its assignment, conflict or unplanned entry."""
    return {outcome.ref: outcome for outcome in _all(matched)}


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
    """Return the state without its reason, which names lines and files that may have moved."""
    return replace(outcome.state, because="") if isinstance(outcome, Assignment | Unplanned) else None


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
    """Return the outcome without the reasons of its states: they are no difference."""
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
    """Subject -> its roll-up, each goal before its capabilities."""
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
