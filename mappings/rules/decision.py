"""Decide what happens to one issue: assigned, unplanned, in conflict, or neither counted nor unplanned.

A pin decides before the rules. A veto removes the issue from the capability, and no other rule is tried. Claims of
several teams for different capabilities are a conflict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from connectors.model import Issue
from mappings.model import Assignment, Capability, Conflict, IssueState, Overrides, Rule, Unplanned
from mappings.rules.placement import CapabilityTimeline, ClosingTimes, Placement, earliest_close
from mappings.rules.subject import RuleSubject
from mappings.rules.team_rules import CandidateTeams, TeamRules
from mappings.rules.trace import MatchOutcome


@dataclass(kw_only=True, slots=True)
class Claim:
    """Claim of one team on an issue for a capability."""

    team: TeamRules
    named: str
    """Capability id that the rule or the pin names."""
    placement: Placement
    state: IssueState
    closed: datetime | None
    """Time of the closing; None while it is open, or if nothing says when."""
    rule: Rule | None

    @property
    def is_carried_over(self) -> bool:
        """True if the named capability is closed and the issue moved on to a successor, or has none."""
        return self.placement.kind == "no-successor" or self.placement.capability.id != self.named

    def assignment(
        self, issue: Issue, by: Literal["rule", "pin"], to: Capability | None = None
    ) -> Assignment:
        """Return the assignment to ``to``, by default to the capability of the placement."""
        capability, iteration = to or self.placement.capability, self.rule.iteration if self.rule else None
        # A successor may lack the iterations of the capability that it continues.
        if capability.id != self.named and iteration not in capability.iterations:
            iteration = None
        return Assignment(
            ref=issue.ref,
            team=self.team.team,
            capability=capability.id,
            state=self.state,
            by=by,
            rule=self.rule.id if self.rule else None,
            iteration=iteration,
            experiment=self.rule.experiment if self.rule else False,
            closed=self.closed,
        )


@dataclass(kw_only=True, slots=True)
class Decision:
    """Outcome of one issue with its reason."""

    outcome: MatchOutcome = None
    because: str
    claim_without_successor: Claim | None = None
    """Claim of open work on a closed increment that nothing continues."""
    closed_some_time: bool = False
    """True for closed work that counts as finished before the increment because nothing says when it was closed."""
    unfinished_at_close: tuple[Assignment, ...] = ()
    """Assignments as unfinished work of closed increments."""


class Decider:
    """Decides the outcome of issues by rules, pins and vetoes."""

    def __init__(self, timeline: CapabilityTimeline, closing_times: ClosingTimes) -> None:
        self._timeline = timeline
        self._closing_times = closing_times

    def decide(self, subject: RuleSubject, candidates: CandidateTeams, overrides: Overrides) -> Decision:
        """Decide on an issue that is not an anchor. ``candidates``: teams that have a source of it."""
        issue, teams = subject.issue, candidates.teams
        if not teams:
            return Decision(because="No team has a source that contains it.")
        pin = self._timeline.current_id(overrides.pins.get(issue.ref, "")) if overrides.pins else None
        if pin is not None:
            return self._decide_pinned(subject, candidates, pin)
        first_rules = candidates.first(subject).items()
        claims = [self._claim(issue, teams[position], rule.assign, rule) for position, rule in first_rules]
        if not claims:
            return self._decide_without_rule(issue, teams)
        vetoes = {self._timeline.current_id(each) for each in overrides.vetoes.get(issue.ref, ())}
        decision = self._decide_by_rules(issue, teams, claims, vetoes)
        if unfinished := self._unfinished_at_close(issue, claims, "rule"):
            decision.unfinished_at_close = tuple(
                each for each in unfinished if vetoes.isdisjoint((claims[0].named, each.capability))
            )
        return decision

    def _claim(self, issue: Issue, team: TeamRules, named: str, rule: Rule | None) -> Claim:
        state = team.states.resolve(issue, experiment=rule.experiment if rule else False)
        closed = self._closed_at(issue, team, state, experiment=rule.experiment if rule else False)
        placement = self._timeline.place(named, earliest_close(issue, state, closed))
        return Claim(team=team, named=named, placement=placement, state=state, closed=closed, rule=rule)

    def _closed_at(
        self, issue: Issue, team: TeamRules, state: IssueState, *, experiment: bool
    ) -> datetime | None:
        if state.is_open:
            return None
        return self._closing_times.closed_at(issue, team.states, experiment=experiment)

    def _decide_pinned(self, subject: RuleSubject, candidates: CandidateTeams, pin: str) -> Decision:
        issue, rules = subject.issue, candidates.first_rules(subject)
        agreeing = [(team, rule) for team, rule in rules if rule is not None and rule.assign == pin]
        claims = [self._claim(issue, team, pin, rule) for team, rule in agreeing]
        claims = claims or [self._claim(issue, team, pin, None) for team in candidates.teams]
        claim = _owners_first(claims)
        if claim.placement.kind == "finished-before":
            decision = _too_old(claim)
        elif claim.placement.kind == "no-successor":
            decision = self._decide_without_successor(issue, candidates.teams, claim)
        else:
            because = f"A person pinned it to {claim.placement.capability.id}."
            decision = Decision(outcome=claim.assignment(issue, "pin"), because=because)
        decision.unfinished_at_close = self._unfinished_at_close(issue, claims, "pin")
        return decision

    def _decide_by_rules(
        self, issue: Issue, teams: Sequence[TeamRules], claims: Sequence[Claim], vetoes: set[str | None]
    ) -> Decision:
        claimed = [claim for claim in claims if claim.placement.kind != "finished-before"]
        if not claimed:
            return _too_old(claims[0])
        for claim in claimed if vetoes else ():
            capability = claim.placement.capability.id
            if claim.named in vetoes or capability in vetoes:
                because = f"A person removed it from {capability}."
                return self._decide_unassigned(issue, teams, claim.state, claim.closed, "veto", because)
        current = [claim for claim in claimed if claim.placement.kind == "current"]
        if not current:
            return self._decide_without_successor(issue, teams, claimed[0])
        capabilities = {claim.placement.capability.id for claim in current}
        if len(capabilities) > 1:
            assignments = tuple(claim.assignment(issue, "rule") for claim in current)
            because = f"Teams claim it for different capabilities: {', '.join(sorted(capabilities))}."
            return Decision(outcome=Conflict(ref=issue.ref, claims=assignments), because=because)
        assignment = _owners_first(current).assignment(issue, "rule")
        because = f'The rule "{assignment.rule}" of {assignment.team} matched it.'
        return Decision(outcome=assignment, because=because)

    def _decide_without_rule(self, issue: Issue, teams: Sequence[TeamRules]) -> Decision:
        state = teams[0].states.resolve(issue, experiment=False)
        closed = self._closed_at(issue, teams[0], state, experiment=False)
        if self._timeline.is_current(issue, state, earliest_close(issue, state, closed)):
            return self._decide_unassigned(issue, teams, state, closed, "no-rule", "No rule matches it.")
        because = "No rule matches it, and it is neither in progress nor from a running increment."
        return Decision(because=because)

    def _decide_without_successor(self, issue: Issue, teams: Sequence[TeamRules], claim: Claim) -> Decision:
        capability, increment = claim.placement.capability.id, claim.placement.increment.id
        because = f"The increment {increment} of {capability} is closed and nothing continues {capability}."
        decision = self._decide_unassigned(
            issue, teams, claim.state, claim.closed, "closed-increment", because
        )
        decision.claim_without_successor = claim if claim.state.is_open else None
        return decision

    def _decide_unassigned(
        self,
        issue: Issue,
        teams: Sequence[TeamRules],
        state: IssueState,
        closed: datetime | None,
        reason: Literal["no-rule", "veto", "closed-increment"],
        because: str,
    ) -> Decision:
        """Return unplanned for open work, and for finished work of a running increment; else no outcome."""
        finished = earliest_close(issue, state, closed)
        if not state.is_open and not self._timeline.is_current(issue, state, finished):
            return Decision(because=because)
        names = tuple(team.team for team in teams)
        outcome = Unplanned(ref=issue.ref, teams=names, state=state, reason=reason, closed=closed)
        return Decision(outcome=outcome, because=because)

    def _unfinished_at_close(
        self, issue: Issue, claims: Sequence[Claim], by: Literal["rule", "pin"]
    ) -> tuple[Assignment, ...]:
        """Return assignments to the closed capabilities in which the issue was not finished in time.

        Empty if teams disagree: such an issue was not counted before the close either.
        """
        if not all(claim.is_carried_over for claim in claims) or len({claim.named for claim in claims}) > 1:
            return ()
        claim = _owners_first(claims)
        capabilities = self._timeline.closed_over(claim.named, claim.placement, issue)
        return tuple(claim.assignment(issue, by, capability) for capability in capabilities)


def _owners_first(claims: Sequence[Claim]) -> Claim:
    """Return the claim of the team that owns the capability, else the first one."""
    if len(claims) == 1:
        return claims[0]
    return min(claims, key=lambda claim: claim.team.team != claim.placement.capability.team)


def _too_old(claim: Claim) -> Decision:
    increment, capability = claim.placement.increment.id, claim.placement.capability.id
    if claim.closed is None:
        because = (
            f"It is closed and nothing says since when; it counts as finished before {increment} started."
        )
        return Decision(because=because, closed_some_time=True)
    return Decision(because=f"It was finished before the increment {increment} of {capability} started.")
