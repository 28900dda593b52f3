"""Decide what happens to one issue: assigned, unplanned, in conflict, or neither counted nor unplanned.

A pin decides before the rules. A veto removes the issue from the capability, and no other rule is tried. Claims of
several teams for different capabilities are a conflict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from connectors.model import Issue
from mappings.model import Assignment, Conflict, IssueState, Overrides, Rule, Unplanned
from mappings.rules.claims import Claim, owners_first, unfinished_at_close
from mappings.rules.placement import CapabilityTimeline, Placement
from mappings.rules.subject import RuleSubject
from mappings.rules.team_rules import CandidateTeams, TeamRules
from mappings.rules.trace import MatchOutcome


@dataclass(kw_only=True, slots=True)
class Decision:
    """Outcome of one issue with its reason."""

    outcome: MatchOutcome
    because: str
    claim_without_successor: Claim | None = None
    """Claim of open work on a closed increment that nothing continues."""
    unfinished_at_close: tuple[Assignment, ...] = ()
    """Assignments as unfinished work of closed increments."""


class Decider:
    """Decides the outcome of issues by rules, pins and vetoes."""

    def __init__(self, timeline: CapabilityTimeline) -> None:
        self._timeline = timeline

    def decide(self, subject: RuleSubject, candidates: CandidateTeams, overrides: Overrides) -> Decision:
        """Decide on an issue that is not an anchor. ``candidates``: teams that have a source of it."""
        issue, teams = subject.issue, candidates.teams
        if not teams:
            return Decision(outcome=None, because="No team has a source that contains it.")
        pin = self._timeline.current_id(overrides.pins.get(issue.ref, "")) if overrides.pins else None
        if pin is not None:
            return self._decide_pinned(issue, pin, candidates.first_rules(subject))
        first_rules = candidates.first(subject).items()
        claims = [self._claim(issue, teams[position], rule.assign, rule) for position, rule in first_rules]
        if not claims:
            return self._decide_without_rule(issue, teams)
        decision = self._decide_by_rules(issue, teams, claims, overrides)
        if unfinished := unfinished_at_close(issue, claims, "rule", self._timeline):
            vetoes = self._vetoes(issue, overrides)
            decision.unfinished_at_close = tuple(
                each for each in unfinished if vetoes.isdisjoint((claims[0].named, each.capability))
            )
        return decision

    def _claim(self, issue: Issue, team: TeamRules, named: str, rule: Rule | None) -> Claim:
        state = team.states.resolve(issue, experiment=rule.experiment if rule else False)
        placement = self._timeline.place(named, issue, state)
        return Claim(team=team, named=named, placement=placement, state=state, rule=rule)

    def _vetoes(self, issue: Issue, overrides: Overrides) -> set[str | None]:
        """Return the current ids of capabilities from which a person removed the issue."""
        return {self._timeline.current_id(each) for each in overrides.vetoes.get(issue.ref, ())}

    def _decide_pinned(
        self, issue: Issue, pin: str, rules: Sequence[tuple[TeamRules, Rule | None]]
    ) -> Decision:
        agreeing = [
            self._claim(issue, team, pin, rule)
            for team, rule in rules
            if rule is not None and rule.assign == pin
        ]
        claims = agreeing or [self._claim(issue, team, pin, None) for team, _ in rules]
        decision = self._decide_pinned_claim(issue, [team for team, _ in rules], owners_first(claims))
        decision.unfinished_at_close = unfinished_at_close(issue, claims, "pin", self._timeline)
        return decision

    def _decide_pinned_claim(self, issue: Issue, teams: Sequence[TeamRules], claim: Claim) -> Decision:
        if claim.placement.kind == "finished-before":
            return _too_old(claim.placement)
        if claim.placement.kind == "no-successor":
            return self._decide_without_successor(issue, teams, claim)
        capability = claim.placement.capability.id
        return Decision(
            outcome=claim.assignment(issue, "pin"), because=f"A person pinned it to {capability}."
        )

    def _decide_by_rules(
        self, issue: Issue, teams: Sequence[TeamRules], claims: Sequence[Claim], overrides: Overrides
    ) -> Decision:
        claimed = [claim for claim in claims if claim.placement.kind != "finished-before"]
        if not claimed:
            return _too_old(claims[0].placement)
        vetoes = self._vetoes(issue, overrides)
        vetoed = (
            [c for c in claimed if c.named in vetoes or c.placement.capability.id in vetoes] if vetoes else []
        )
        if vetoed:
            because = f"A person removed it from {vetoed[0].placement.capability.id}."
            return self._decide_unassigned(issue, teams, vetoed[0].state, "veto", because)
        current = [claim for claim in claimed if claim.placement.kind == "current"]
        if not current:
            return self._decide_without_successor(issue, teams, claimed[0])
        capabilities = {claim.placement.capability.id for claim in current}
        if len(capabilities) > 1:
            outcome = Conflict(
                ref=issue.ref, claims=tuple(claim.assignment(issue, "rule") for claim in current)
            )
            because = f"Teams claim it for different capabilities: {', '.join(sorted(capabilities))}."
            return Decision(outcome=outcome, because=because)
        claim = owners_first(current)
        assignment = claim.assignment(issue, "rule")
        because = f'The rule "{assignment.rule}" of {assignment.team} matched it.'
        return Decision(outcome=assignment, because=because)

    def _decide_without_rule(self, issue: Issue, teams: Sequence[TeamRules]) -> Decision:
        state = teams[0].states.resolve(issue, experiment=False)
        if self._timeline.is_current(issue, state):
            because = "No rule matches it."
            return Decision(outcome=_unplanned(issue, teams, state, "no-rule"), because=because)
        because = "No rule matches it, and it is neither in progress nor from a running increment."
        return Decision(outcome=None, because=because)

    def _decide_without_successor(self, issue: Issue, teams: Sequence[TeamRules], claim: Claim) -> Decision:
        capability, increment = claim.placement.capability.id, claim.placement.increment.id
        because = f"The increment {increment} of {capability} is closed and nothing continues {capability}."
        decision = self._decide_unassigned(issue, teams, claim.state, "closed-increment", because)
        if not claim.is_open:
            return decision
        return Decision(outcome=decision.outcome, because=because, claim_without_successor=claim)

    def _decide_unassigned(
        self,
        issue: Issue,
        teams: Sequence[TeamRules],
        state: IssueState,
        reason: Literal["veto", "closed-increment"],
        because: str,
    ) -> Decision:
        """Return unplanned for open work, and for finished work of a running increment; else no outcome."""
        if state.state in ("todo", "doing") or self._timeline.is_current(issue, state):
            return Decision(outcome=_unplanned(issue, teams, state, reason), because=because)
        return Decision(outcome=None, because=because)


def _unplanned(
    issue: Issue,
    teams: Sequence[TeamRules],
    state: IssueState,
    reason: Literal["no-rule", "veto", "closed-increment"],
) -> Unplanned:
    return Unplanned(ref=issue.ref, teams=tuple(team.team for team in teams), state=state, reason=reason)


def _too_old(placement: Placement) -> Decision:
    because = (
        f"It was finished before the increment {placement.increment.id} of {placement.capability.id} started."
    )
    return Decision(outcome=None, because=because)
