"""Which rules would take in unplanned issues, learned from the assigned ones and measured on them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from connectors.model import IssueRef
from sync.mapping_tools.dataset import Dataset
from sync.mapping_tools.evaluate import FOLDS, RuleQuality, assign_folds, issues_matching, measure_rule
from sync.mapping_tools.features import Feature, rule_condition
from sync.mapping_tools.learner import Candidate, Learner
from sync.mapping_tools.rule_yaml import NewCapability, NewRule

MIN_GROUP_SIZE: Final = 2
"""A rule that takes in a single issue is a pin in disguise."""
MIN_CORRECT: Final = 3
"""So many assigned issues a rule has to get right before its precision says anything."""
_MIN_LIFT: Final = 1.2
"""So many times as common in its capability as in everything else, unplanned issues included, a rule has to be:
where nearly everything that is assigned is of one capability, any rule is precise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    rule: NewRule
    measured: RuleQuality | None
    """None for a first mapping: nothing is assigned yet that it could be measured on."""
    matches: tuple[IssueRef, ...]
    """Unplanned issues that it would take, behind all rules that are there and those suggested before it."""
    mismatches: tuple[IssueRef, ...] = ()
    """Assigned issues that it would count elsewhere, were it asked first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamSuggestions:
    team: str
    assigned: int
    unplanned: int
    is_first_mapping: bool
    """True for a team without assigned issues, whose whole mapping is suggested."""
    suggestions: tuple[Suggestion, ...]
    capabilities: tuple[NewCapability, ...]
    """To be created in a plan before the rules can be used."""
    still_unplanned: int
    """Unplanned issues that would stay so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _EvaluatedRule:
    """A candidate that was measured."""

    candidate: Candidate
    rule: NewRule
    measured: RuleQuality
    unplanned: frozenset[IssueRef]
    wrong: tuple[IssueRef, ...]


def learn_rules(dataset: Dataset, learner: Learner, min_precision: float) -> list[Suggestion]:
    """Rules for the unplanned issues of a team, those first that take in most. Deterministic."""
    usable = _usable_features(dataset, learner)
    if len(dataset.unplanned) < MIN_GROUP_SIZE or not usable:
        return []
    folds = assign_folds(dataset.targets)
    learned = [
        _learn(dataset, learner, usable, min_precision, without=fold, folds=folds) for fold in range(FOLDS)
    ]
    everything = _learn(dataset, learner, usable, min_precision, without=None, folds=folds)
    capabilities = dataset.open_capabilities()
    candidates = sorted(
        each
        for each in everything
        if each.capability in capabilities and sum(each in fold for fold in learned) > FOLDS // 2
    )
    proved = _evaluate_candidates(dataset, candidates, learned, folds, min_precision)
    return list(_select_rules(proved, {rule.id for rule in dataset.team.rules}))


def _usable_features(dataset: Dataset, learner: Learner) -> frozenset[Feature]:
    """Features of several unplanned issues: a rule made of others takes in none of them."""
    counted = Counter(feature for ref in dataset.unplanned for feature in dataset.features.by_issue[ref])
    return frozenset(
        feature
        for feature, count in counted.items()
        if count >= MIN_GROUP_SIZE and learner.is_informative(feature)
    )


def _learn(
    dataset: Dataset,
    learner: Learner,
    usable: frozenset[Feature],
    min_precision: float,
    *,
    without: int | None,
    folds: Mapping[IssueRef, int],
) -> frozenset[Candidate]:
    refs = sorted(ref for ref in dataset.targets if folds[ref] != without)
    facts = [dataset.features.by_issue[ref] for ref in refs]
    return learner.learn(facts, [dataset.targets[ref] for ref in refs], usable, min_precision)


def _evaluate_candidates(
    dataset: Dataset,
    candidates: Sequence[Candidate],
    learned: Sequence[Collection[Candidate]],
    folds: Mapping[IssueRef, int],
    min_precision: float,
) -> list[_EvaluatedRule]:
    written = [
        (each, when)
        for each in candidates
        if (when := rule_condition(each.present, each.absent, dataset.features)) is not None
    ]
    refs = sorted((*dataset.targets, *dataset.unplanned))
    taken = issues_matching(
        [when for _, when in written],
        dataset.items(refs),
        dataset.known.values(),
        dataset.team.sources,
        dataset.scheme,
        dataset.now,
    )
    unplanned = frozenset(dataset.unplanned)
    proved = []
    for (candidate, when), hits in zip(written, taken, strict=True):
        fair = [fold for fold, found in enumerate(learned) if candidate in found]
        measured = measure_rule(candidate.capability, hits, dataset.targets, folds, fair)
        group = hits & unplanned
        if (
            len(group) < MIN_GROUP_SIZE
            or measured.right < MIN_CORRECT
            or measured.precision < min_precision
            or not _is_distinctive(dataset, candidate.capability, hits)
        ):
            continue
        rule = NewRule(id=_rule_id(candidate), when=when, assign=candidate.capability)
        wrong = tuple(
            sorted(
                ref for ref in hits if dataset.targets.get(ref, candidate.capability) != candidate.capability
            )
        )
        proved.append(
            _EvaluatedRule(
                candidate=candidate,
                rule=_with_iteration(rule, dataset, hits),
                measured=measured,
                unplanned=group,
                wrong=wrong,
            )
        )
    return proved


def _is_distinctive(dataset: Dataset, capability: str, hits: frozenset[IssueRef]) -> bool:
    inside = {ref for ref, target in dataset.targets.items() if target == capability}
    outside = (set(dataset.targets) - inside) | set(dataset.unplanned)
    return len(hits & inside) * len(outside) >= _MIN_LIFT * len(hits & outside) * len(inside)


def _with_iteration(rule: NewRule, dataset: Dataset, hits: frozenset[IssueRef]) -> NewRule:
    """Iteration and experiment as on the assigned issues that it takes, when they all agree."""
    alike = {
        (each.iteration, each.experiment)
        for ref, each in dataset.assignments.items()
        if ref in hits and each.capability == rule.assign and each.by == "rule"
    }
    if len(alike) != 1:
        return rule
    iteration, experiment = alike.pop()
    return replace(rule, iteration=iteration, experiment=experiment)


def _select_rules(proved: Iterable[_EvaluatedRule], ids: Collection[str]) -> Iterator[Suggestion]:
    """The rule that takes in most, then the one that takes in most of the rest, and so on."""
    left, used = list(proved), set(ids)
    gone: frozenset[IssueRef] = frozenset()
    while left:
        best = min(left, key=lambda each: _rank(each, gone))
        group = best.unplanned - gone
        if len(group) < MIN_GROUP_SIZE:
            return
        rule = replace(best.rule, id=unused_name(best.rule.id, used))
        used.add(rule.id)
        yield Suggestion(
            rule=rule, measured=best.measured, matches=tuple(sorted(group)), mismatches=best.wrong
        )
        left.remove(best)
        gone |= group


def _rank(
    each: _EvaluatedRule, gone: frozenset[IssueRef]
) -> tuple[float, float, int, float, bool, Candidate]:
    word_alone = all(feature.key == "title" for feature in each.candidate.present)
    return (
        -len(each.unplanned - gone),
        -each.measured.precision,
        each.candidate.size,
        -each.measured.recall,
        word_alone,
        each.candidate,
    )


def _rule_id(candidate: Candidate) -> str:
    first = candidate.present[0] if candidate.present[0].key != "type" else candidate.present[-1]
    return slug(f"{first.key} {first.value}") or "suggested"


def slug(text: str, longest: int = 40) -> str:
    """``Churn model: v2!`` -> ``churn-model-v2``; may come out empty."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:longest].strip("-")


def unused_name(name: str, used: Collection[str]) -> str:
    """The name, or with the first number behind it that makes it new."""
    if name not in used:
        return name
    return next(
        numbered for number in range(2, len(used) + 3) if (numbered := f"{name}-{number}") not in used
    )
