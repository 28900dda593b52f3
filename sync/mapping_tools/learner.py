"""Learns from assigned issues which combinations of features tell a capability. Needs scikit-learn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sync.mapping_tools.features import Feature

if TYPE_CHECKING:
    import numpy as np

_MAX_FEATURES: Final = 150
"""So many features, those with the highest chi-squared, are looked at for a capability."""
_MAX_ROOTS: Final = 12
"""So many of them, the most common ones that are not enough alone, are looked at together with others."""
_MAX_DEPTH: Final = 2
_MIN_SAMPLES: Final = 2
"""So many assigned issues at least must speak for a rule while it is learned."""


class LearnerUnavailable(LookupError):
    """The extra that learning needs is not installed."""


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """A rule that the data speaks for: all of ``present``, none of ``absent``."""

    capability: str
    present: tuple[Feature, ...]
    absent: tuple[Feature, ...] = ()

    @property
    def size(self) -> int:
        return len(self.present) + len(self.absent)


class Learner:
    """Imports the library once; LearningMissing says what to install."""

    def __init__(self) -> None:
        try:
            from sklearn.feature_extraction import DictVectorizer, text
            from sklearn.feature_selection import SelectKBest, chi2
            from sklearn.tree import DecisionTreeClassifier
        except ModuleNotFoundError:
            raise LearnerUnavailable(
                "`mappings suggest` learns with scikit-learn, which is not installed; "
                "install it with `pip install 'increment-sync[suggest]'`"
            ) from None
        self._vectorizer, self._select, self._chi2 = DictVectorizer, SelectKBest, chi2
        self._tree, self._stop_words = DecisionTreeClassifier, text.ENGLISH_STOP_WORDS

    def is_informative(self, feature: Feature) -> bool:
        """False for words that stand in every title, and for numbers."""
        if feature.key != "title":
            return True
        words = feature.value.split(" ")
        return not any(word in self._stop_words or word.isdigit() or len(word) < 3 for word in words)

    def learn(
        self,
        facts: Sequence[frozenset[Feature]],
        targets: Sequence[str],
        usable: frozenset[Feature],
        min_precision: float,
    ) -> frozenset[Candidate]:
        """Candidates for every target but the empty one, made of usable features.

        ``facts`` and ``targets`` belong together, an issue each; "" is an issue that no capability may have.
        """
        rows = [{feature.name: 1.0 for feature in fact & usable} for fact in facts]
        if not any(rows):
            return frozenset()
        vectorizer = self._vectorizer(sparse=True)
        table = vectorizer.fit_transform(rows)
        names = [Feature.from_name(name) for name in vectorizer.get_feature_names_out()]
        found: set[Candidate] = set()
        for capability in sorted(set(targets) - {""}):
            found |= self._learn_capability(capability, table, names, targets, min_precision)
        return frozenset(found)

    def _learn_capability(
        self,
        capability: str,
        table: Any,
        names: Sequence[Feature],
        targets: Sequence[str],
        min_precision: float,
    ) -> set[Candidate]:
        import numpy as np

        wanted = np.array([target == capability for target in targets])
        if wanted.all():
            kept = np.arange(len(names))
        else:
            chosen = self._select(self._chi2, k=min(_MAX_FEATURES, len(names))).fit(table, wanted)
            kept = np.flatnonzero(chosen.get_support())
        dense = np.asarray(table[:, kept].todense()) > 0
        features = [names[int(column)] for column in kept]
        columns = _Columns(dense=dense, wanted=wanted)
        paths: list[_Path] = [((column, True),) for column in range(len(features))]
        for column in columns.roots(min_precision):
            paths += [((column, True), *path) for path in self._branches(columns, column)]
        return {
            candidate
            for path in paths
            if (candidate := _candidate(capability, path, features, columns, min_precision)) is not None
        }

    def _branches(self, columns: _Columns, root: int) -> list[_Path]:
        """What has to be there, or not, beside a feature: the ways down a tree of the issues that have it."""
        rows = columns.dense[:, root]
        tree = self._tree(
            max_depth=_MAX_DEPTH, min_samples_leaf=_MIN_SAMPLES, class_weight="balanced", random_state=0
        )
        return _paths(tree.fit(columns.dense[rows], columns.wanted[rows]).tree_)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Columns:
    dense: np.ndarray
    wanted: np.ndarray

    def roots(self, min_precision: float) -> list[int]:
        """Features that are common in the capability, but not in it alone."""
        right = (self.dense & self.wanted[:, None]).sum(axis=0)
        order = sorted(range(len(right)), key=lambda column: (-int(right[column]), column))
        mixed = [column for column in order if right[column] >= _MIN_SAMPLES]
        return [column for column in mixed if not self.is_good(((column, True),), min_precision)][:_MAX_ROOTS]

    def right_and_wrong(self, path: Iterable[tuple[int, bool]]) -> tuple[int, int]:
        import numpy as np

        hit = np.ones(len(self.wanted), dtype=bool)
        for column, there in path:
            hit &= self.dense[:, column] == there
        return int((hit & self.wanted).sum()), int((hit & ~self.wanted).sum())

    def is_good(self, path: Sequence[tuple[int, bool]], min_precision: float) -> bool:
        right, wrong = self.right_and_wrong(path)
        return right >= _MIN_SAMPLES and right >= min_precision * (right + wrong)


_Path = tuple[tuple[int, bool], ...]


def _paths(tree: Any) -> list[_Path]:
    """The ways from the root of a decision tree to its leaves."""
    found: list[_Path] = []
    ways: list[tuple[int, _Path]] = [(0, ())]
    while ways:
        node, path = ways.pop()
        left, right = int(tree.children_left[node]), int(tree.children_right[node])
        if left == right:
            found.append(path)
            continue
        column = int(tree.feature[node])
        ways += [(left, (*path, (column, False))), (right, (*path, (column, True)))]
    return found


def _candidate(
    capability: str, path: _Path, features: Sequence[Feature], columns: _Columns, min_precision: float
) -> Candidate | None:
    """The smallest part of a path that is precise enough, as a rule; None when there is none."""
    if not columns.is_good(path, min_precision):
        return None
    for step in path:
        smaller = tuple(each for each in path if each != step)
        if smaller and columns.is_good(smaller, min_precision) and any(there for _, there in smaller):
            path = smaller
    present = tuple(sorted(features[column] for column, there in path if there))
    absent = tuple(sorted(features[column] for column, there in path if not there))
    # What is only not there, and a type alone, would take in whatever comes along.
    if all(feature.key == "type" for feature in present):
        return None
    return Candidate(capability, present, absent)
