"""Dataset of one team for suggestions: its issues, what they count towards, and their features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from connectors.model import IssueRef, KnownIssue
from mappings.labels import LabelScheme
from mappings.model import Assignment, MatchResult, Overrides, Rule, TeamMapping, Workspace
from mappings.rules.matcher import Ancestry, Matcher
from sync.mapping_tools.features import Features, extract_features

MIN_GROUP_SIZE: Final = 2
"""Unplanned issues that a rule has to match: a rule for a single issue is a pin in disguise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """Issues of one team's sources."""

    workspace: Workspace
    team: TeamMapping
    known: Mapping[IssueRef, KnownIssue]
    unplanned: tuple[IssueRef, ...]
    """Issues that no rule matches; without those that people removed from a capability."""
    targets: Mapping[IssueRef, str]
    """Assigned issue -> its capability; "" for issues that people removed from one."""
    assignments: Mapping[IssueRef, Assignment]
    features: Features
    overrides: Overrides
    scheme: LabelScheme
    now: datetime

    def items(self, refs: Iterable[IssueRef]) -> list[KnownIssue]:
        """Return the issues of these references."""
        return [self.known[ref] for ref in refs]

    def open_capabilities(self) -> frozenset[str]:
        """Return the ids of capabilities that new work can still count towards."""
        return frozenset(
            capability.id
            for increment in self.workspace.increments
            if increment.phase(self.now) != "closed"
            for goal in increment.goals
            for capability in goal.capabilities
            if not (capability.cancelled or goal.cancelled)
        )

    def matches_of(
        self, rules: Iterable[Rule], workspace: Workspace | None = None
    ) -> dict[str, list[IssueRef]]:
        """Rule id -> unplanned issues that it assigns when these rules stand behind the existing ones of the team."""
        workspace = workspace or self.workspace
        extended = replace(self.team, rules=(*self.team.rules, *rules))
        teams = tuple(extended if each.team == extended.team else each for each in workspace.teams)
        matcher = Matcher(replace(workspace, teams=teams), self.scheme, self.now)
        unplanned = set(self.unplanned)
        matches: dict[str, list[IssueRef]] = {}
        for each in matcher.match(self.known.values(), self.overrides).assignments:
            if each.ref in unplanned and each.team == extended.team and each.rule is not None:
                matches.setdefault(each.rule, []).append(each.ref)
        return matches


def build_dataset(
    team: TeamMapping,
    workspace: Workspace,
    known: Mapping[IssueRef, KnownIssue],
    matched: MatchResult,
    overrides: Overrides,
    *,
    scheme: LabelScheme,
    now: datetime,
) -> Dataset:
    """Select the issues of one team's sources. ``known``: all issues of the store."""
    sources = {source.name for source in team.sources}
    assigned = {each.ref: each for each in matched.assignments if known[each.ref].sources & sources}
    targets = {ref: each.capability for ref, each in assigned.items()}
    unplanned = []
    for work in matched.unplanned:
        if team.team in work.teams and work.reason == "veto":
            targets[work.ref] = ""
        elif team.team in work.teams and work.reason == "no-rule":
            unplanned.append(work.ref)
    ancestry = Ancestry(known.values())
    ours = [known[ref] for ref in (*targets, *unplanned)]
    return Dataset(
        workspace=workspace,
        team=team,
        known=known,
        unplanned=tuple(sorted(unplanned)),
        targets=targets,
        assignments=assigned,
        features=extract_features(ours, ancestry, scheme, team),
        overrides=overrides,
        scheme=scheme,
        now=now,
    )
