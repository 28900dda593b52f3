"""The past of each team, as forecasts and backtests take it."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.model import IssueRef, KnownIssue
from mappings.model import MatchResult
from sync.model.flow import IssueFlow
from sync.model.forecast import PastIssue


def team_issue_histories(
    matched: MatchResult,
    known: Mapping[IssueRef, KnownIssue],
    flow: Mapping[IssueRef, IssueFlow],
    owners: Mapping[IssueRef, str],
) -> dict[str, list[PastIssue]]:
    """Each team's issues, whatever they count towards; capabilities and milestones are the groups of its past."""
    capabilities = {each.ref: each.capability for each in matched.assignments}
    found: dict[str, list[PastIssue]] = {}
    for ref, way in flow.items():
        team = owners.get(ref)
        if team is None:
            continue
        issue = known[ref].issue
        milestones = {*issue.fix_versions, *([issue.milestone] if issue.milestone else [])}
        found.setdefault(team, []).append(
            PastIssue(
                created=way.created,
                closed=way.closed,
                labels=(capabilities[ref],) if ref in capabilities else (),
                milestones=tuple(sorted(milestones)),
            )
        )
    return found
