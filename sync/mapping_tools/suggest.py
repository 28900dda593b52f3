"""Which rules would take in unplanned issues, learned from the assigned ones and measured on them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from connectors.model import IssueRef
from sync.mapping_tools.dataset import Material
from sync.mapping_tools.evaluate import FOLDS, Measured, folds_of, measure, taken_by
from sync.mapping_tools.features import Feature, condition
from sync.mapping_tools.learner import Candidate, Learner
from sync.mapping_tools.rule_yaml import NewCapability, NewRule

SMALLEST_GROUP: Final = 2
"""A rule that takes in a single issue is a pin in disguise."""
LEAST_PROOF: Final = 3
"""So many assigned issues a rule has to get right before its precision says anything."""
_MORE_TELLING: Final = 1.2
"""So many times as common in its capability as in everything else, unplanned issues included, a rule has to be:
where nearly everything that is assigned is of one capability, any rule is precise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    rule: NewRule
    measured: Measured | None
    """None for a first mapping: nothing is assigned yet that it could be measured on."""
    takes: tuple[IssueRef, ...]
    """Unplanned issues that it would take, behind all rules that are there and those suggested before it."""
    wrong: tuple[IssueRef, ...] = ()
    """Assigned issues that it would count elsewhere, were it asked first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamSuggestions:
    team: str
    assigned: int
    unplanned: int
    first: bool
    """True for a team without assigned issues, whose whole mapping is suggested."""
    suggestions: tuple[Suggestion, ...]
    capabilities: tuple[NewCapability, ...]
    """To be created in a plan before the rules can be used."""
    left: int
    """Unplanned issues that would stay so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Proved:
    """A candidate that was measured."""

    candidate: Candidate
    rule: NewRule
    measured: Measured
    unplanned: frozenset[IssueRef]
    wrong: tuple[IssueRef, ...]


def learned_rules(material: Material, learner: Learner, min_precision: float) -> list[Suggestion]:
    """Rules for the unplanned issues of a team, those first that take in most. Deterministic."""
    usable = _usable(material, learner)
    if len(material.unplanned) < SMALLEST_GROUP or not usable:
        return []
    folds = folds_of(material.targets)
    learned = [
        _learn(material, learner, usable, min_precision, without=fold, folds=folds) for fold in range(FOLDS)
    ]
    everything = _learn(material, learner, usable, min_precision, without=None, folds=folds)
    capabilities = material.open_capabilities()
    candidates = sorted(
        each
        for each in everything
        if each.capability in capabilities and sum(each in fold for fold in learned) > FOLDS // 2
    )
    proved = _prove(material, candidates, learned, folds, min_precision)
    return list(_chosen(proved, {rule.id for rule in material.team.rules}))


def _usable(material: Material, learner: Learner) -> frozenset[Feature]:
    """Features of several unplanned issues: a rule made of others takes in none of them."""
    counted = Counter(feature for ref in material.unplanned for feature in material.features.of[ref])
    return frozenset(
        feature
        for feature, count in counted.items()
        if count >= SMALLEST_GROUP and learner.is_telling(feature)
    )


def _learn(
    material: Material,
    learner: Learner,
    usable: frozenset[Feature],
    min_precision: float,
    *,
    without: int | None,
    folds: Mapping[IssueRef, int],
) -> frozenset[Candidate]:
    refs = sorted(ref for ref in material.targets if folds[ref] != without)
    facts = [material.features.of[ref] for ref in refs]
    return learner.learn(facts, [material.targets[ref] for ref in refs], usable, min_precision)


def _prove(
    material: Material,
    candidates: Sequence[Candidate],
    learned: Sequence[Collection[Candidate]],
    folds: Mapping[IssueRef, int],
    min_precision: float,
) -> list[_Proved]:
    written = [
        (each, when)
        for each in candidates
        if (when := condition(each.present, each.absent, material.features)) is not None
    ]
    refs = sorted((*material.targets, *material.unplanned))
    taken = taken_by(
        [when for _, when in written],
        material.items(refs),
        material.known.values(),
        material.team.sources,
        material.scheme,
        material.now,
    )
    unplanned = frozenset(material.unplanned)
    proved = []
    for (candidate, when), hits in zip(written, taken, strict=True):
        fair = [fold for fold, found in enumerate(learned) if candidate in found]
        measured = measure(candidate.capability, hits, material.targets, folds, fair)
        group = hits & unplanned
        if (
            len(group) < SMALLEST_GROUP
            or measured.right < LEAST_PROOF
            or measured.precision < min_precision
            or not _is_more_telling(material, candidate.capability, hits)
        ):
            continue
        rule = NewRule(id=_rule_id(candidate), when=when, assign=candidate.capability)
        wrong = tuple(
            sorted(
                ref for ref in hits if material.targets.get(ref, candidate.capability) != candidate.capability
            )
        )
        proved.append(
            _Proved(
                candidate=candidate,
                rule=_with_iteration(rule, material, hits),
                measured=measured,
                unplanned=group,
                wrong=wrong,
            )
        )
    return proved


def _is_more_telling(material: Material, capability: str, hits: frozenset[IssueRef]) -> bool:
    inside = {ref for ref, target in material.targets.items() if target == capability}
    outside = (set(material.targets) - inside) | set(material.unplanned)
    return len(hits & inside) * len(outside) >= _MORE_TELLING * len(hits & outside) * len(inside)


def _with_iteration(rule: NewRule, material: Material, hits: frozenset[IssueRef]) -> NewRule:
    """Iteration and experiment as on the assigned issues that it takes, when they all agree."""
    alike = {
        (each.iteration, each.experiment)
        for ref, each in material.assignments.items()
        if ref in hits and each.capability == rule.assign and each.by == "rule"
    }
    if len(alike) != 1:
        return rule
    iteration, experiment = alike.pop()
    return replace(rule, iteration=iteration, experiment=experiment)


def _chosen(proved: Iterable[_Proved], ids: Collection[str]) -> Iterator[Suggestion]:
    """The rule that takes in most, then the one that takes in most of the rest, and so on."""
    left, used = list(proved), set(ids)
    gone: frozenset[IssueRef] = frozenset()
    while left:
        best = min(left, key=lambda each: _rank(each, gone))
        group = best.unplanned - gone
        if len(group) < SMALLEST_GROUP:
            return
        rule = replace(best.rule, id=unused(best.rule.id, used))
        used.add(rule.id)
        yield Suggestion(rule=rule, measured=best.measured, takes=tuple(sorted(group)), wrong=best.wrong)
        left.remove(best)
        gone |= group


def _rank(each: _Proved, gone: frozenset[IssueRef]) -> tuple[float, float, int, float, bool, Candidate]:
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


def unused(name: str, used: Collection[str]) -> str:
    """The name, or with the first number behind it that makes it new."""
    if name not in used:
        return name
    return next(
        numbered for number in range(2, len(used) + 3) if (numbered := f"{name}-{number}") not in used
    )
