"""Candidate rules, learned from assigned issues by counting which features come with which capability.

The assigned issues are numbered. A set of issues is an integer whose bit N stands for issue N: intersecting two sets
is one ``&``, their size is ``int.bit_count()``, and thousands of combinations are counted in milliseconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sync.mapping_tools.dataset import Feature

_MAX_FEATURES: Final = 150
"""Features that are looked at for one capability: those that its issues differ in most from the others."""
_MAX_ROOTS: Final = 12
"""Features that are combined with others: the most common ones of a capability that are not precise alone."""
_MAX_DEPTH: Final = 2
"""Conditions that are added to such a feature."""
_MIN_SAMPLES: Final = 2
"""Assigned issues that a condition has to be based on."""
_STOP_WORD_LIST: Final = """
about after all also and any are because been before being between both but can could did does doing down
during each few for from further get had has have having her here him his how into its itself just more most
not now off once only other our out over own per please same she should some such than that the their them
then there these they this those through too under until upon use used using very via was were what when where
which while who whom why will with without within would yet you your
"""
_STOP_WORDS: Final = frozenset(_STOP_WORD_LIST.split())


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """A rule that the data supports: all features of ``present``, none of ``absent``."""

    capability: str
    present: tuple[Feature, ...]
    absent: tuple[Feature, ...] = ()

    @property
    def size(self) -> int:
        """Number of conditions."""
        return len(self.present) + len(self.absent)


_Path = tuple[tuple[Feature, bool], ...]
"""Conditions that all have to hold: a feature, and whether it is there."""


def is_informative(feature: Feature) -> bool:
    """Return False for title words that say nothing about the work: stop words, numbers, very short words."""
    if feature.key != "title":
        return True
    return not any(
        word in _STOP_WORDS or word.isdigit() or len(word) < 3 for word in feature.value.split(" ")
    )


def learn(
    facts: Sequence[frozenset[Feature]],
    targets: Sequence[str],
    usable: frozenset[Feature],
    min_precision: float,
) -> frozenset[Candidate]:
    """Return the candidates of every capability, made of usable features.

    ``facts`` and ``targets`` hold one entry for each issue; the target "" is an issue that no capability may have.
    """
    having: defaultdict[Feature, int] = defaultdict(int)
    wanted: defaultdict[str, int] = defaultdict(int)
    for number, (fact, target) in enumerate(zip(facts, targets, strict=True)):
        wanted[target] |= 1 << number
        for feature in fact & usable:
            having[feature] |= 1 << number
    everything = (1 << len(facts)) - 1
    found: set[Candidate] = set()
    for capability, inside in sorted(wanted.items()):
        if capability:
            table = _Table.of(having, inside, everything & ~inside)
            found.update(_candidates(capability, table, min_precision))
    return frozenset(found)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Table:
    """The most distinctive features of one capability, as sets of issues."""

    having: Mapping[Feature, int]
    inside: int
    """The issues of the capability."""
    outside: int

    @classmethod
    def of(cls, having: Mapping[Feature, int], inside: int, outside: int) -> _Table:
        """Choose the features that differ most between inside and outside."""
        share = inside.bit_count() / (inside | outside).bit_count()

        def distance(feature: Feature) -> float:
            """The chi-squared statistic, but for a factor that is the same for all features."""
            count = having[feature].bit_count()
            return ((having[feature] & inside).bit_count() - count * share) ** 2 / count

        chosen = sorted(having, key=lambda each: (-distance(each), each))[:_MAX_FEATURES]
        return cls(having={each: having[each] for each in sorted(chosen)}, inside=inside, outside=outside)

    def matching(self, path: _Path) -> int:
        """The issues for which every condition holds."""
        rows = self.inside | self.outside
        for feature, present in path:
            rows &= self.having[feature] if present else ~self.having[feature]
        return rows

    def is_precise(self, path: _Path, min_precision: float) -> bool:
        """Return whether enough matching issues belong to the capability."""
        rows = self.matching(path)
        right = (rows & self.inside).bit_count()
        return right >= _MIN_SAMPLES and right >= min_precision * rows.bit_count()

    def roots(self, min_precision: float) -> list[Feature]:
        """Features that are common in the capability, but not in it alone."""
        right = {feature: (rows & self.inside).bit_count() for feature, rows in self.having.items()}
        mixed = [
            feature
            for feature, count in right.items()
            if count >= _MIN_SAMPLES and not self.is_precise(((feature, True),), min_precision)
        ]
        return sorted(mixed, key=lambda each: (-right[each], each))[:_MAX_ROOTS]

    def branches(self, path: _Path, weights: tuple[float, float], depth: int = _MAX_DEPTH) -> Iterator[_Path]:
        """Grow a decision tree below a path, and yield the path to each of its leaves."""
        rows = self.matching(path)
        best = (
            self._best_split(rows, weights) if depth and rows & self.inside and rows & self.outside else None
        )
        if best is None:
            yield path
            return
        for present in (True, False):
            yield from self.branches((*path, (best, present)), weights, depth - 1)

    def _best_split(self, rows: int, weights: tuple[float, float]) -> Feature | None:
        """The feature that parts the issues into the purest halves; None when none leaves enough in both."""
        found = None
        least = float("inf")
        for feature, having in self.having.items():
            halves = rows & having, rows & ~having
            if min(half.bit_count() for half in halves) < _MIN_SAMPLES:
                continue
            impurity = sum(self._impurity(half, weights) for half in halves)
            if impurity < least:
                found, least = feature, impurity
        return found

    def _impurity(self, rows: int, weights: tuple[float, float]) -> float:
        """Gini impurity, weighted with the size."""
        right = weights[0] * (rows & self.inside).bit_count()
        wrong = weights[1] * (rows & self.outside).bit_count()
        return right * wrong / (right + wrong)

    def balance(self, rows: int) -> tuple[float, float]:
        """Weights of an issue inside and outside, by which both kinds weigh the same in these rows."""
        return 1 / (rows & self.inside).bit_count(), 1 / (rows & self.outside).bit_count()


def _candidates(capability: str, table: _Table, min_precision: float) -> Iterator[Candidate]:
    paths: list[_Path] = [((feature, True),) for feature in table.having]
    for root in table.roots(min_precision):
        start: _Path = ((root, True),)
        paths += table.branches(start, table.balance(table.matching(start)))
    for path in paths:
        if table.is_precise(path, min_precision) and (
            found := _candidate(capability, path, table, min_precision)
        ):
            yield found


def _candidate(capability: str, path: _Path, table: _Table, min_precision: float) -> Candidate | None:
    """The shortest part of a path that is precise enough, as a rule."""
    for step in path:
        shorter = tuple(each for each in path if each != step)
        if any(present for _, present in shorter) and table.is_precise(shorter, min_precision):
            path = shorter
    present = tuple(sorted(feature for feature, there in path if there))
    absent = tuple(sorted(feature for feature, there in path if not there))
    # A type alone, or only features that are not there, would match whatever comes along.
    if all(feature.key == "type" for feature in present):
        return None
    return Candidate(capability, present, absent)
