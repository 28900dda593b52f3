"""What suggestions for one team are made from: its issues, where they count, and what they say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from connectors.model import IssueRef, KnownIssue
from mappings.labels import LabelScheme
from mappings.model import Assignment, MatchResult, Overrides, Rule, TeamMapping, Workspace
from mappings.rules.matcher import Ancestry, Matcher
from sync.mapping_tools.features import Features, extract_features


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """What suggestions for one team are made from."""

    workspace: Workspace
    team: TeamMapping
    known: Mapping[IssueRef, KnownIssue]
    unplanned: tuple[IssueRef, ...]
    """Those that no rule takes; what people took out is not among them."""
    targets: Mapping[IssueRef, str]
    """Assigned issue of the team's sources -> its capability; "" for those that people took out of one."""
    assignments: Mapping[IssueRef, Assignment]
    features: Features
    overrides: Overrides
    scheme: LabelScheme
    now: datetime

    def items(self, refs: Iterable[IssueRef]) -> list[KnownIssue]:
        return [self.known[ref] for ref in refs]

    def open_capabilities(self) -> frozenset[str]:
        """Those that new work can still count towards."""
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
        """Rule id -> unplanned issues that go to it when these rules stand behind the team's others."""
        old = workspace or self.workspace
        grown = replace(self.team, rules=(*self.team.rules, *rules))
        teams = tuple(grown if each.team == grown.team else each for each in old.teams)
        matcher = Matcher(replace(old, teams=teams), self.scheme, self.now)
        wanted = set(self.unplanned)
        taken: dict[str, list[IssueRef]] = {}
        for each in matcher.match(self.known.values(), self.overrides).assignments:
            if each.ref in wanted and each.team == grown.team and each.rule is not None:
                taken.setdefault(each.rule, []).append(each.ref)
        return taken


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
    """What is known about the issues of one team's sources. ``known`` is the whole snapshot."""
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
