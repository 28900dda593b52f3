"""Index of the rules of several teams: only rules that can match are evaluated on an issue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import re2

from mappings.model import Rule
from mappings.rules.conditions import ChoiceCondition, Condition, NamePattern, PatternCondition
from mappings.rules.fields import FIELDS, PATTERN_KEYS, base_key
from mappings.rules.patterns import re2_options, to_bytes
from mappings.rules.subject import ISSUE_KEYS, RuleSubject, value_reader

_SELECTIVITY: Final = {each.key: each.selectivity for each in FIELDS if each.selectivity is not None}
_SET_MEMORY: Final = 32 << 20
_CACHE_SIZE: Final = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class CompiledRule:
    """Rule with its compiled conditions."""

    rule: Rule
    conditions: tuple[Condition, ...]

    def holds(self, subject: RuleSubject) -> bool:
        return not self.conditions or all(condition.holds(subject) for condition in self.conditions)

    def names(self, key: str) -> list[str]:
        """Return the names without wildcards that the rule compares a key with, case-folded."""
        conditions = (
            each for each in self.conditions if isinstance(each, ChoiceCondition) and each.key == key
        )
        return [
            name.text
            for each in conditions
            for name in (*each.any_of, *each.all_of, *each.none_of)
            if name.pattern is None
        ]


class RuleIndex:
    """Finds the first matching rule of each team.

    Every rule is indexed by its most selective condition. An issue is compared only with rules that are indexed under
    one of its values, and with the few rules that cannot be indexed.
    """

    def __init__(self, teams: Sequence[Sequence[CompiledRule]]) -> None:
        self._entries: list[tuple[int, CompiledRule]] = []
        """Position of the team, and the rule with the conditions that the index does not cover."""
        self._always: list[int] = []
        self._values: dict[str, _ValueIndex] = {}
        patterns: dict[str, list[tuple[int, PatternCondition]]] = {key: [] for key in PATTERN_KEYS}
        for team, rules in enumerate(teams):
            for compiled in rules:
                covered = self._add(len(self._entries), compiled.conditions, patterns)
                remaining = tuple(each for each in compiled.conditions if each is not covered)
                self._entries.append((team, CompiledRule(rule=compiled.rule, conditions=remaining)))
        self._patterns = {key: _PatternSet(found) for key, found in patterns.items() if found}

    def first(self, subject: RuleSubject) -> dict[int, Rule]:
        """Return the first rule in file order whose conditions all hold, by team position.

        Teams without a matching rule are left out."""
        first: dict[int, Rule] = {}
        decided = -1
        for position in self._candidates(subject):
            team, compiled = self._entries[position]
            if team != decided and compiled.holds(subject):
                first[team] = compiled.rule
                decided = team
        return first

    def _add(
        self,
        position: int,
        conditions: Sequence[Condition],
        patterns: dict[str, list[tuple[int, PatternCondition]]],
    ) -> Condition | None:
        """Index a rule. Return the condition that the index fully covers, if any."""
        usable = [
            each
            for each in conditions
            if isinstance(each, PatternCondition)
            or (isinstance(each, ChoiceCondition) and each.required_names())
        ]
        if not usable:
            self._always.append(position)
            return None
        best = min(usable, key=lambda each: _SELECTIVITY[base_key(each.key)])
        if isinstance(best, ChoiceCondition):
            self._values.setdefault(best.key, _ValueIndex(best.key)).add(best.required_names(), position)
            return best if best.is_satisfied_by_one else None
        patterns[best.key].append((position, best))
        return best

    def _candidates(self, subject: RuleSubject) -> list[int]:
        """Return rule positions in the order of teams and rules; duplicates are possible."""
        found = list(self._always)
        for values in self._values.values():
            found += values.positions(subject)
        for key, patterns in self._patterns.items():
            found += patterns.positions(subject.text(key))
        found.sort()
        return found


class _ValueIndex:
    """Rules by the value that they require of one key, by name or by wildcard."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._read = value_reader(key)
        self._exact: dict[str, list[int]] = {}
        self._wildcards: list[tuple[NamePattern, int]] = []
        self._cache: dict[tuple[str, ...], list[int]] = {}

    def add(self, names: Sequence[NamePattern], position: int) -> None:
        for name in names:
            if name.pattern is None:
                self._exact.setdefault(name.text, []).append(position)
            else:
                self._wildcards.append((name, position))

    def positions(self, subject: RuleSubject) -> list[int]:
        """Return positions of the rules that require a value of the issue. Cached, since issues share values."""
        values = self._read(subject)
        if self._key in ISSUE_KEYS:
            values = (subject.issue.ref.tracker, *values)
        positions = self._cache.get(values)
        if positions is None:
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            positions = self._cache[values] = self._find_positions(subject.folded(self._key))
        return positions

    def _find_positions(self, values: frozenset[str]) -> list[int]:
        exact = [position for value in values for position in self._exact.get(value, ())]
        return exact + [position for name, position in self._wildcards if name.matches_any(values)]


class _PatternSet:
    """Set of patterns that are searched in a text together."""

    def __init__(self, patterns: Sequence[tuple[int, PatternCondition]]) -> None:
        self._patterns = patterns
        self._set = _compile_set([each.text for _, each in patterns]) if len(patterns) > 1 else None

    def positions(self, text: str) -> list[int]:
        """Return positions of the rules whose pattern is found."""
        data = to_bytes(text)
        if self._set is not None:
            hits = self._set.Match(data)
            # A set that runs out of memory reports no matches. The empty pattern 0 matches every text: if it is
            # missing from the hits, each pattern is searched separately.
            if 0 in hits:
                return [self._patterns[hit - 1][0] for hit in hits if hit > 0]
        return [position for position, each in self._patterns if each.pattern.search(data) is not None]


def _compile_set(patterns: Sequence[str]) -> Any:
    """Return a set whose pattern 0 matches everything; None if the patterns are too large for one set."""
    options = re2_options()
    options.max_mem = _SET_MEMORY
    compiled = re2.Set.SearchSet(options)
    try:
        for pattern in ("", *patterns):
            compiled.Add(to_bytes(pattern))
        compiled.Compile()
    except re2.error:
        return None
    return compiled
