"""The rules of several teams, indexed so that most of them need not be tried on most issues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import re2

from mappings.model import Rule
from mappings.rules.conditions import (
    ChoiceCondition,
    Condition,
    NamePattern,
    PatternCondition,
    RuleSubject,
    re2_options,
    to_bytes,
    value_reader,
)

# The most telling keys first: few issues share a parent, many share a project.
_SELECTIVITY: Final = (
    "parent",
    "labels",
    "components",
    "milestone",
    "fix_version",
    "sprint",
    "field",
    "assignee",
    "author",
    "title",
    "body",
    "status",
    "type",
    "repo",
    "project",
    "tracker",
)
_SET_MEMORY: Final = 32 << 20
_CACHE_SIZE: Final = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class CompiledRule:
    rule: Rule
    conditions: tuple[Condition, ...]

    def holds(self, subject: RuleSubject) -> bool:
        return all(condition.holds(subject) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class _IndexedRule:
    team: int
    rule: Rule
    remaining: tuple[Condition, ...]
    """The conditions that remain to be tried when the index has named the rule."""

    def holds(self, subject: RuleSubject) -> bool:
        return not self.remaining or all(condition.holds(subject) for condition in self.remaining)


class RuleIndex:
    """Says for each of some teams which of its rules takes an issue first.

    Every rule is filed under its most telling condition. An issue is compared with those rules only that
    stand under something it says, and with the few that can be filed under nothing.
    """

    def __init__(self, teams: Sequence[Sequence[CompiledRule]]) -> None:
        self._entries: list[_IndexedRule] = []
        self._always: list[int] = []
        self._values: dict[str, _ValueIndex] = {}
        patterns: dict[str, list[tuple[int, PatternCondition]]] = {"title": [], "body": []}
        for team, rules in enumerate(teams):
            for compiled in rules:
                found_by = self._add(len(self._entries), compiled.conditions, patterns)
                rest = tuple(each for each in compiled.conditions if each is not found_by)
                self._entries.append(_IndexedRule(team, compiled.rule, rest))
        self._titles = _PatternSet(patterns["title"])
        self._bodies = _PatternSet(patterns["body"])

    def first(self, subject: RuleSubject) -> dict[int, Rule]:
        """The first rule in file order whose conditions all hold, by the position of its team; teams without one
        are left out."""
        winners: dict[int, Rule] = {}
        settled = -1
        for position in self._candidates(subject):
            entry = self._entries[position]
            if entry.team != settled and entry.holds(subject):
                winners[entry.team] = entry.rule
                settled = entry.team
        return winners

    def _add(
        self,
        position: int,
        conditions: Sequence[Condition],
        patterns: dict[str, list[tuple[int, PatternCondition]]],
    ) -> Condition | None:
        """The condition that certainly holds when the index names the rule, if there is one."""
        telling = [
            each
            for each in conditions
            if isinstance(each, PatternCondition)
            or (isinstance(each, ChoiceCondition) and each.required_names())
        ]
        if not telling:
            self._always.append(position)
            return None
        best = min(telling, key=lambda each: _SELECTIVITY.index(each.key.partition(".")[0]))
        if isinstance(best, ChoiceCondition):
            self._values.setdefault(best.key, _ValueIndex(best.key)).add(best.required_names(), position)
            return best if best.is_satisfied_by_one else None
        patterns[best.key].append((position, best))
        return best

    def _candidates(self, subject: RuleSubject) -> list[int]:
        """Positions in the order of teams and rules; one may come twice."""
        found = list(self._always)
        for values in self._values.values():
            found += values.positions(subject)
        for patterns, text in ((self._titles, subject.issue.title), (self._bodies, subject.issue.body)):
            if patterns:
                found += patterns.positions(text)
        found.sort()
        return found


class _ValueIndex:
    """Which rules ask for a value of one key, by name or by wildcard."""

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
        """Of the rules that ask for something that the issue says. Issues say the same again and again."""
        said = self._read(subject)
        if self._key == "parent":
            said = (subject.issue.ref.tracker, *said)
        known = self._cache.get(said)
        if known is None:
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            known = self._cache[said] = self._look_up(subject.casefolded(self._key))
        return known

    def _look_up(self, values: frozenset[str]) -> list[int]:
        exact = [position for value in values for position in self._exact.get(value, ())]
        return exact + [position for name, position in self._wildcards if name.matches_any(values)]


class _PatternSet:
    """Says for many patterns at once which of them are found in a text."""

    def __init__(self, patterns: Sequence[tuple[int, PatternCondition]]) -> None:
        self._patterns = patterns
        self._set = _compile_set([each.text for _, each in patterns]) if len(patterns) > 1 else None

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def positions(self, text: str) -> list[int]:
        """Of the rules whose pattern is found."""
        data = to_bytes(text)
        if self._set is not None:
            hits = self._set.Match(data)
            # A set that runs out of memory answers "nothing found". The first pattern, which is found in every
            # text, tells the difference: without it, each pattern is tried on its own.
            if 0 in hits:
                return [self._patterns[hit - 1][0] for hit in hits if hit > 0]
        return [position for position, each in self._patterns if each.pattern.search(data) is not None]


def _compile_set(patterns: Sequence[str]) -> Any:
    """A set whose number 0 is found everywhere, or None when the patterns are too much for one set."""
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
