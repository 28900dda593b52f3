"""Precision and recall of candidate rules on assigned issues that were not used for learning."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any, Final

from connectors.model import IssueRef, KnownIssue
from mappings.model import Capability, Goal, Increment, Overrides, Rule, TeamMapping, Workspace
from mappings.problems import Origin
from mappings.rules.matcher import Matcher
from sync.mapping_tools.dataset import Dataset
from sync.model.anchors import issues_by_place

FOLDS: Final = 5
_NOWHERE: Final = Origin(file="(suggested)")


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleQuality:
    """Results of a rule on assigned issues that were not used for learning it."""

    right: int
    """Matched issues of its capability."""
    wrong: int
    """Matched issues of others."""
    missed: int
    """Issues of its capability that it does not match."""

    @property
    def precision(self) -> float:
        """Share of the matched issues that belong to its capability."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 0.0

    @property
    def recall(self) -> float:
        """Share of the issues of its capability that it matches."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 0.0


def issues_matching(
    whens: Sequence[Mapping[str, Any]], refs: Sequence[IssueRef], dataset: Dataset
) -> list[frozenset[IssueRef]]:
    """Return for each condition the issues that match a rule with it as the only rule.

    The matcher of the runs decides. To test all conditions in one pass, each becomes the only rule of a team and
    capability of its own, in an increment without end.
    """
    names = [f"c{number}" for number in range(len(whens))]
    capabilities = tuple(Capability(id=name, title=name, team=name, origin=_NOWHERE) for name in names)
    goal = Goal(id="all", title="all", origin=_NOWHERE, capabilities=capabilities)
    always = Increment(
        id="always",
        start=date(1970, 1, 1),
        end=date(2999, 12, 31),
        timezone="UTC",
        origin=_NOWHERE,
        goals=(goal,),
    )
    teams = tuple(
        TeamMapping(
            team=name,
            origin=_NOWHERE,
            sources=dataset.team.sources,
            rules=(Rule(id=name, when=when, assign=name, origin=_NOWHERE),),
        )
        for name, when in zip(names, whens, strict=True)
    )
    matcher = Matcher(
        Workspace(increments=(always,), teams=teams, digest=""), dataset.workspace.labels, dataset.now
    )
    matched = matcher.match(_with_ancestors([dataset.known[ref] for ref in refs], dataset), Overrides())
    wanted = frozenset(refs)
    found: defaultdict[str, set[IssueRef]] = defaultdict(set)
    claims = chain(matched.assignments, *(conflict.claims for conflict in matched.conflicts))
    for claim in claims:
        if claim.ref in wanted:
            found[claim.capability].add(claim.ref)
    return [frozenset(found[name]) for name in names]


def _with_ancestors(items: Sequence[KnownIssue], dataset: Dataset) -> list[KnownIssue]:
    by_key = issues_by_place(dataset.known.values())
    found = {item.issue.ref: item for item in items}
    for item in items:
        parent = item.issue.parent
        while parent is not None:
            ancestor = by_key.get((item.issue.ref.tracker, parent.lower()))
            if ancestor is None or ancestor.issue.ref in found:
                break
            found[ancestor.issue.ref] = ancestor
            parent = ancestor.issue.parent
    return list(found.values())


def assign_folds(targets: Mapping[IssueRef, str]) -> dict[IssueRef, int]:
    """Issue -> number of its fold. The issues of each target are spread evenly, in a random but fixed order."""
    by_target: defaultdict[str, list[IssueRef]] = defaultdict(list)
    for ref, target in targets.items():
        by_target[target].append(ref)
    return {
        ref: number % FOLDS
        for refs in by_target.values()
        for number, ref in enumerate(sorted(refs, key=_shuffle_key))
    }


def _shuffle_key(ref: IssueRef) -> tuple[str, IssueRef]:
    return hashlib.sha256(f"{ref.tracker}\0{ref.id}".encode()).hexdigest(), ref


def measure_rule(
    capability: str,
    matched: frozenset[IssueRef],
    targets: Mapping[IssueRef, str],
    folds: Mapping[IssueRef, int],
    counted_folds: Iterable[int],
) -> RuleQuality:
    """Count right, wrong and missed issues in the given folds."""
    counted = frozenset(counted_folds)
    results = Counter(
        (ref in matched, target == capability) for ref, target in targets.items() if folds[ref] in counted
    )
    return RuleQuality(right=results[True, True], wrong=results[True, False], missed=results[False, True])
