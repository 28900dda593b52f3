"""What one team makes of an issue, and where unfinished work of closed increments is counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from connectors.model import Issue
from mappings.model import Assignment, Capability, IssueState, Rule
from mappings.rules.placement import CapabilityTimeline, Placement
from mappings.rules.team_rules import TeamRules


@dataclass(kw_only=True, slots=True)
class Claim:
    """What one team makes of an issue."""

    team: TeamRules
    named: str
    """The capability that the rule or the pin names."""
    placement: Placement
    state: IssueState
    rule: Rule | None

    @property
    def is_open(self) -> bool:
        return self.state.state in ("todo", "doing")

    @property
    def is_carried_over(self) -> bool:
        """The capability that is named is closed and does not hold the issue any more."""
        return self.placement.kind == "homeless" or self.placement.capability.id != self.named

    def assignment(
        self, issue: Issue, by: Literal["rule", "pin"], to: Capability | None = None
    ) -> Assignment:
        """Without ``to`` to the capability where the issue belongs now."""
        capability, iteration = to or self.placement.capability, self.rule.iteration if self.rule else None
        # A successor need not have the iterations of the capability that it continues.
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
        )


def owners_first(claims: Sequence[Claim]) -> Claim:
    """Claims for one capability: that of its owner, else the first team's."""
    if len(claims) == 1:
        return claims[0]
    return min(claims, key=lambda claim: claim.team.team != claim.placement.capability.team)


def unfinished_at_close(
    issue: Issue, claims: Sequence[Claim], by: Literal["rule", "pin"], timeline: CapabilityTimeline
) -> tuple[Assignment, ...]:
    """The closed capabilities in which an issue was not finished in time, though its labels follow a successor.

    Empty when teams disagree about it: such an issue was counted nowhere before the close either.
    """
    if not all(claim.is_carried_over for claim in claims) or len({claim.named for claim in claims}) > 1:
        return ()
    claim = owners_first(claims)
    passed = timeline.closed_over(claim.named, claim.placement, issue)
    return tuple(claim.assignment(issue, by, capability) for capability in passed)
