"""Claims of teams on issues, including unfinished work of closed increments."""

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
    """Claim of one team on an issue for a capability."""

    team: TeamRules
    named: str
    """Capability id that the rule or the pin names."""
    placement: Placement
    state: IssueState
    rule: Rule | None

    @property
    def is_open(self) -> bool:
        return self.state.state in ("todo", "doing")

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
        )


def owners_first(claims: Sequence[Claim]) -> Claim:
    """Return the claim of the team that owns the capability, else the first one."""
    if len(claims) == 1:
        return claims[0]
    return min(claims, key=lambda claim: claim.team.team != claim.placement.capability.team)


def unfinished_at_close(
    issue: Issue, claims: Sequence[Claim], by: Literal["rule", "pin"], timeline: CapabilityTimeline
) -> tuple[Assignment, ...]:
    """Return assignments to the closed capabilities in which the issue was not finished in time.

    Empty if teams disagree: such an issue was not counted before the close either.
    """
    if not all(claim.is_carried_over for claim in claims) or len({claim.named for claim in claims}) > 1:
        return ()
    claim = owners_first(claims)
    capabilities = timeline.closed_over(claim.named, claim.placement, issue)
    return tuple(claim.assignment(issue, by, capability) for capability in capabilities)
