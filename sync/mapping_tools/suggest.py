"""Suggested rules for the unplanned issues of a team: learned from its assigned issues and evaluated on them.

Candidates are learned five times, each time without one fifth (fold) of the assigned issues. A candidate is evaluated
on the folds without which it was found, too: these issues did not take part in finding it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from connectors.model import IssueRef
from sync.config.settings import Settings
from sync.mapping_tools.bootstrap import build_first_mapping, workspace_with
from sync.mapping_tools.dataset import MIN_GROUP_SIZE, Dataset, Feature, rule_condition
from sync.mapping_tools.evaluate import FOLDS, RuleQuality, assign_folds, issues_matching, measure_rule
from sync.mapping_tools.learner import Candidate, is_informative, learn
from sync.mapping_tools.rule_yaml import NewCapability, NewRule, load_suggested_rules, slug, unused_name

MIN_CORRECT: Final = 3
"""Assigned issues that a rule has to match correctly before its precision means anything."""
_MIN_LIFT: Final = 1.2
"""How many times more common than outside a rule's matches have to be inside its capability, unplanned issues included.
Where nearly all assigned issues belong to one capability, every rule is precise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """A rule to paste."""

    rule: NewRule
    measured: RuleQuality | None
    """None for a first mapping: there are no assigned issues to measure it on."""
    matches: tuple[IssueRef, ...]
    """Unplanned issues that it would assign, behind all existing rules and those suggested before it."""
    mismatches: tuple[IssueRef, ...] = ()
    """Assigned issues of other capabilities that it matches; existing rules take them first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamSuggestions:
    """Suggestions for one team."""

    team: str
    assigned: int
    unplanned: int
    is_first_mapping: bool
    """The team has no assigned issues, and a whole mapping is suggested."""
    suggestions: tuple[Suggestion, ...]
    capabilities: tuple[NewCapability, ...]
    """To be created in a plan before the rules can be used."""
    still_unplanned: int
    """Unplanned issues that no suggestion assigns."""


def suggest_for_team(
    root: Path, settings: Settings, dataset: Dataset, min_precision: float
) -> TeamSuggestions:
    """Suggest rules; each was loaded from its YAML and tried behind the existing rules of the team."""
    is_first_mapping = not dataset.assignments
    capabilities: tuple[NewCapability, ...] = ()
    if is_first_mapping:
        rules, capabilities = build_first_mapping(dataset)
        found = [Suggestion(rule=rule, measured=None, matches=()) for rule in rules]
    else:
        found = learn_rules(dataset, min_precision)
    matches: Mapping[str, Sequence[IssueRef]] = {}
    if found:
        new_rules = [each.rule for each in found]
        loaded = load_suggested_rules(root, settings, dataset.team, new_rules, capabilities)
        matches = dataset.matches_of(loaded, workspace_with(dataset, capabilities))
    suggestions = tuple(
        replace(each, matches=tuple(sorted(matches[each.rule.id])))
        for each in found
        if matches.get(each.rule.id)
    )
    targets = {each.rule.assign for each in suggestions}
    capabilities = tuple(each for each in capabilities if each.id in targets)
    assigned = {ref for each in suggestions for ref in each.matches}
    anchors = {str(each.anchor) for each in capabilities}
    return TeamSuggestions(
        team=dataset.team.team,
        assigned=len(dataset.assignments),
        unplanned=len(dataset.unplanned),
        is_first_mapping=is_first_mapping,
        suggestions=suggestions,
        capabilities=capabilities,
        still_unplanned=sum(ref not in assigned and str(ref) not in anchors for ref in dataset.unplanned),
    )


def learn_rules(dataset: Dataset, min_precision: float) -> list[Suggestion]:
    """Learn rules for the unplanned issues of a team, those with most matches first. Deterministic."""
    usable = _usable_features(dataset)
    if len(dataset.unplanned) < MIN_GROUP_SIZE or not usable:
        return []
    folds = assign_folds(dataset.targets)
    by_fold = [_learn(dataset, usable, min_precision, without=fold, folds=folds) for fold in range(FOLDS)]
    all_issues = _learn(dataset, usable, min_precision, without=None, folds=folds)
    open_capabilities = dataset.open_capabilities()
    candidates = sorted(
        each
        for each in all_issues
        if each.capability in open_capabilities and sum(each in found for found in by_fold) > FOLDS // 2
    )
    evaluated = _evaluate_candidates(dataset, candidates, by_fold, folds, min_precision)
    return list(_select_rules(evaluated, {rule.id for rule in dataset.team.rules}))


def _usable_features(dataset: Dataset) -> frozenset[Feature]:
    """Return the features that several unplanned issues have: rules made of others match none of them."""
    counts = Counter(feature for ref in dataset.unplanned for feature in dataset.features.by_issue[ref])
    return frozenset(
        feature for feature, count in counts.items() if count >= MIN_GROUP_SIZE and is_informative(feature)
    )


def _learn(
    dataset: Dataset,
    usable: frozenset[Feature],
    min_precision: float,
    *,
    without: int | None,
    folds: Mapping[IssueRef, int],
) -> frozenset[Candidate]:
    refs = sorted(ref for ref in dataset.targets if folds[ref] != without)
    facts = [dataset.features.by_issue[ref] for ref in refs]
    return learn(facts, [dataset.targets[ref] for ref in refs], usable, min_precision)


def _evaluate_candidates(
    dataset: Dataset,
    candidates: Sequence[Candidate],
    by_fold: Sequence[Collection[Candidate]],
    folds: Mapping[IssueRef, int],
    min_precision: float,
) -> list[tuple[Candidate, Suggestion]]:
    """Measure the candidates that can be written as a rule, and keep the good ones."""
    conditions = {
        each: when
        for each in candidates
        if (when := rule_condition(each.present, each.absent, dataset.features)) is not None
    }
    refs = sorted((*dataset.targets, *dataset.unplanned))
    matched = issues_matching(list(conditions.values()), refs, dataset)
    evaluated = []
    for (candidate, when), hits in zip(conditions.items(), matched, strict=True):
        capability = candidate.capability
        unseen_folds = [fold for fold, found in enumerate(by_fold) if candidate in found]
        measured = measure_rule(capability, hits, dataset.targets, folds, unseen_folds)
        unplanned = hits & frozenset(dataset.unplanned)
        if (
            len(unplanned) < MIN_GROUP_SIZE
            or measured.right < MIN_CORRECT
            or measured.precision < min_precision
            or not _is_distinctive(dataset, capability, hits)
        ):
            continue
        rule = NewRule(id=_rule_id(candidate), when=when, assign=capability)
        mismatches = sorted(ref for ref in hits if dataset.targets.get(ref, capability) != capability)
        suggestion = Suggestion(
            rule=_with_iteration(rule, dataset, hits),
            measured=measured,
            matches=tuple(sorted(unplanned)),
            mismatches=tuple(mismatches),
        )
        evaluated.append((candidate, suggestion))
    return evaluated


def _is_distinctive(dataset: Dataset, capability: str, hits: frozenset[IssueRef]) -> bool:
    inside = {ref for ref, target in dataset.targets.items() if target == capability}
    outside = (set(dataset.targets) - inside) | set(dataset.unplanned)
    return len(hits & inside) * len(outside) >= _MIN_LIFT * len(hits & outside) * len(inside)


def _with_iteration(rule: NewRule, dataset: Dataset, hits: frozenset[IssueRef]) -> NewRule:
    """Give a rule the iteration and the experiment flag of the assigned issues that it matches, if all agree."""
    values = {
        (each.iteration, each.experiment)
        for ref, each in dataset.assignments.items()
        if ref in hits and each.capability == rule.assign and each.by == "rule"
    }
    if len(values) != 1:
        return rule
    iteration, experiment = values.pop()
    return replace(rule, iteration=iteration, experiment=experiment)


def _select_rules(
    evaluated: Iterable[tuple[Candidate, Suggestion]], ids: Collection[str]
) -> Iterator[Suggestion]:
    """Yield the rule with most matches, then the one with most matches among the remaining issues, and so on."""
    remaining, used_ids = list(evaluated), set(ids)
    matched: frozenset[IssueRef] = frozenset()
    while remaining:
        best = min(remaining, key=lambda each: _rank(each[0], each[1], matched))
        remaining.remove(best)
        _, found = best
        new = frozenset(found.matches) - matched
        if len(new) < MIN_GROUP_SIZE:
            return
        rule = replace(found.rule, id=unused_name(found.rule.id, used_ids))
        used_ids.add(rule.id)
        yield replace(found, rule=rule, matches=tuple(sorted(new)))
        matched |= new


def _rank(
    candidate: Candidate, found: Suggestion, matched: frozenset[IssueRef]
) -> tuple[int, float, int, float, bool, Candidate]:
    measured = found.measured or RuleQuality(right=0, wrong=0, missed=0)
    only_title_words = all(feature.key == "title" for feature in candidate.present)
    new = len(frozenset(found.matches) - matched)
    return -new, -measured.precision, candidate.size, -measured.recall, only_title_words, candidate


def _rule_id(candidate: Candidate) -> str:
    first = candidate.present[0] if candidate.present[0].key != "type" else candidate.present[-1]
    return slug(f"{first.key} {first.value}") or "suggested"
