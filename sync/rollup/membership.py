"""Members of capabilities: which issues count where, and with which state.

Starts from assignments and applies time (work closed before the increment or after its grace days), missing issues, and
hierarchy (a parent does not count beside its children).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain, repeat
from typing import Final

from connectors.model import IssueRef, KnownIssue
from mappings.model import Assignment, FlowState, Increment, IssueState
from mappings.rules.ancestry import Ancestry
from sync.model.rollup import Answers, CapabilityState, CountedIssue, Counts

VANISHED_GRACE: Final = timedelta(days=7)
"""A missing issue keeps its last state for this time, because missing permissions look the same."""

VANISHED: Final = "vanished"


@dataclass(frozen=True, kw_only=True, slots=True)
class CapabilityMembers:
    """Issues of one capability: those that count, and parents replaced by their children."""

    counted: tuple[CountedIssue, ...] = ()
    replaced_parents: frozenset[IssueRef] = frozenset()


@dataclass(frozen=True, slots=True)
class IssueHierarchy:
    """Ancestors of known issues. A parent is on the same tracker as its children."""

    known: Mapping[IssueRef, KnownIssue]
    _parents: dict[IssueRef, IssueRef] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        ancestry = Ancestry(self.known.values())
        named = {
            ref: (ref.tracker, parent.lower())
            for ref, each in self.known.items()
            if (parent := ancestry.parent_of(each.issue))
        }
        wanted = frozenset(named.values())
        by_place = {
            place: ref
            for ref, each in self.known.items()
            if (place := (ref.tracker, each.issue.ref.key.lower())) in wanted
        }
        self._parents.update((ref, by_place[place]) for ref, place in named.items() if place in by_place)

    def ancestors(self, ref: IssueRef) -> frozenset[IssueRef]:
        """Return all known ancestors; empty for an issue that is part of a cycle."""
        visited: set[IssueRef] = set()
        parent = self._parents.get(ref)
        while parent is not None and parent not in visited:
            if parent == ref:
                return frozenset()
            visited.add(parent)
            parent = self._parents.get(parent)
        return frozenset(visited)


def members_by_capability(
    assignments: Iterable[Assignment],
    known: Mapping[IssueRef, KnownIssue],
    increments: Mapping[str, Increment],
    now: datetime,
    *,
    left_open: Iterable[Assignment] = (),
) -> dict[str, CapabilityMembers]:
    """Return the members of each capability.

    ``increments``: capability id -> its increment; assignments to other capabilities are left out. Every assigned issue
    must be in ``known``. ``left_open``: assignments that were open when their increment closed, whatever happened
    since.
    """
    by_capability: defaultdict[str, list[CountedIssue]] = defaultdict(list)
    both = chain(zip(assignments, repeat(False)), zip(left_open, repeat(True)))
    for assignment, was_open in both:
        increment = increments.get(assignment.capability)
        issue = increment and _counted_issue(
            assignment, known[assignment.ref], increment, now, was_open=was_open
        )
        if issue:
            by_capability[assignment.capability].append(issue)
    family = IssueHierarchy(known)
    return {capability: _leaves(issues, family) for capability, issues in by_capability.items()}


def _leaves(issues: list[CountedIssue], hierarchy: IssueHierarchy) -> CapabilityMembers:
    members = {issue.ref for issue in issues}
    parents = frozenset().union(
        *(hierarchy.ancestors(issue.ref) & members for issue in issues if issue.in_scope)
    )
    leaves = sorted((issue for issue in issues if issue.ref not in parents), key=_natural_order)
    return CapabilityMembers(counted=tuple(leaves), replaced_parents=parents)


def _natural_order(issue: CountedIssue) -> tuple[str, str, int, str]:
    """Sort key that puts DS-9 before DS-10."""
    name = issue.ref.key.rstrip("0123456789")
    number = issue.ref.key[len(name) :]
    return issue.ref.tracker, name, int(number or 0), issue.ref.id


def _counted_issue(
    assignment: Assignment, known: KnownIssue, increment: Increment, now: datetime, *, was_open: bool
) -> CountedIssue | None:
    """Return the issue as counted; None for work that was closed before the increment started."""
    issue, state = known.issue, assignment.state
    is_closed = state.state in ("done", "dropped")
    closed = assignment.closed if is_closed else None
    if closed and closed < increment.starts_at:
        return None
    if was_open or (closed and closed >= increment.closes_at):
        state, closed = _state_at_close(known, increment, state), None
    if known.vanished and now - known.vanished > VANISHED_GRACE:
        state = replace(state, state="dropped", known=True, blocked=False, because=VANISHED)
    return CountedIssue(
        ref=issue.ref,
        title=issue.title,
        url=issue.url,
        state=state,
        team=assignment.team,
        rule=assignment.rule,
        by=assignment.by,
        iteration=assignment.iteration,
        experiment=assignment.experiment,
        vanished=known.vanished,
        reopened=known.reopened,
        closed=closed,
        late=bool(state.state == "done" and closed and closed >= increment.ends_at),
    )


def _state_at_close(known: KnownIssue, increment: Increment, state: IssueState) -> IssueState:
    """Return the state at the close of the increment. Work closed after the grace days was still open then."""
    started, is_doing = known.issue.started, state.state == "doing"
    was_started = started < increment.closes_at if started else is_doing
    state_then: FlowState = "doing" if was_started else "todo"
    return replace(state, state=state_then, answer=None, because=f"not closed before {increment.id} was")


def count_states(issues: Iterable[CountedIssue]) -> Counts:
    """Count the issues by state."""
    return Counts(**Counter(issue.state.state if issue.state.known else "unknown" for issue in issues))


def count_answers(issues: Iterable[CountedIssue]) -> Answers:
    """Count the experiments among the issues by result."""
    experiments = (issue for issue in issues if issue.experiment and issue.in_scope)
    return Answers(
        **Counter(
            (issue.answer or "missing") if issue.state.state == "done" else "open" for issue in experiments
        )
    )


def capability_state(counts: Counts) -> CapabilityState:
    """Derive the state of a capability from its counts. Dropped issues alone count as none."""
    if counts.scope == 0:
        return "empty"
    if counts.remaining == 0:
        return "done"
    return "in-progress" if counts.doing or counts.done else "planned"
