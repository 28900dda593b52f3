"""Asks the matcher which issues candidates for rules take, and measures them on issues that learning did not see."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from connectors.model import IssueRef, KnownIssue, Source
from mappings.labels import LabelScheme
from mappings.model import (
    Assignment,
    Capability,
    Conflict,
    Goal,
    Increment,
    Overrides,
    Rule,
    TeamMapping,
    Workspace,
)
from mappings.problems import Origin
from mappings.rules.matcher import Matcher

FOLDS: Final = 5
_NOWHERE: Final = Origin(file="(suggested)")


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleQuality:
    """How a rule did on assigned issues that were kept from its learning."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Of the assigned issues that it takes, the share that belongs to its capability."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 0.0

    @property
    def recall(self) -> float:
        """Of the issues of its capability, the share that it takes."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 0.0


def issues_matching(
    whens: Sequence[Mapping[str, Any]],
    items: Sequence[KnownIssue],
    known: Iterable[KnownIssue],
    sources: Sequence[Source],
    scheme: LabelScheme,
    now: datetime,
) -> list[frozenset[IssueRef]]:
    """For each condition the issues that a rule with it would take, were it the only one.

    The matcher decides. To ask for all conditions in one go, each stands in a team of its own, for a
    capability of its own, in an increment that holds all time.
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
            sources=tuple(sources),
            rules=(Rule(id=name, when=when, assign=name, origin=_NOWHERE),),
        )
        for name, when in zip(names, whens, strict=True)
    )
    matcher = Matcher(Workspace(increments=(always,), teams=teams, digest=""), scheme, now)
    matched = matcher.match(_with_ancestors(items, known), Overrides())
    wanted = {item.issue.ref for item in items}
    taken: defaultdict[str, set[IssueRef]] = defaultdict(set)
    outcomes: tuple[Assignment | Conflict, ...] = (*matched.assignments, *matched.conflicts)
    for outcome in outcomes:
        if outcome.ref in wanted:
            for claim in _claims(outcome):
                taken[claim.capability].add(outcome.ref)
    return [frozenset(taken[name]) for name in names]


def _claims(outcome: Assignment | Conflict) -> tuple[Assignment, ...]:
    return outcome.claims if isinstance(outcome, Conflict) else (outcome,)


def _with_ancestors(items: Sequence[KnownIssue], known: Iterable[KnownIssue]) -> list[KnownIssue]:
    by_key = {(item.issue.ref.tracker, item.issue.ref.key): item for item in known}
    found = {item.issue.ref: item for item in items}
    for item in items:
        parent = item.issue.parent
        while parent is not None:
            ancestor = by_key.get((item.issue.ref.tracker, parent))
            if ancestor is None or ancestor.issue.ref in found:
                break
            found[ancestor.issue.ref] = ancestor
            parent = ancestor.issue.parent
    return list(found.values())


def assign_folds(targets: Mapping[IssueRef, str]) -> dict[IssueRef, int]:
    """Which fold an issue is in: the issues of each target are dealt out in an order that chance made once."""
    by_target: defaultdict[str, list[IssueRef]] = defaultdict(list)
    for ref, target in targets.items():
        by_target[target].append(ref)
    return {
        ref: number % FOLDS
        for refs in by_target.values()
        for number, ref in enumerate(sorted(refs, key=_shuffled))
    }


def _shuffled(ref: IssueRef) -> tuple[str, IssueRef]:
    return hashlib.sha256(f"{ref.tracker}\0{ref.id}".encode()).hexdigest(), ref


def measure_rule(
    capability: str,
    matched: frozenset[IssueRef],
    targets: Mapping[IssueRef, str],
    folds: Mapping[IssueRef, int],
    found_without: Iterable[int],
) -> RuleQuality:
    """Count in those folds without which the rule was learned, too."""
    fair = frozenset(found_without)
    right = wrong = missed = 0
    for ref, target in targets.items():
        if folds[ref] not in fair:
            continue
        if ref in matched:
            right += target == capability
            wrong += target != capability
        else:
            missed += target == capability
    return RuleQuality(right=right, wrong=wrong, missed=missed)
