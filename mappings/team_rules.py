"""The rules of one team, compiled and indexed so that most of them need not be tried on most issues."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import re2

from mappings.conditions import (
    ChoiceCondition,
    Condition,
    PatternCondition,
    Subject,
    compile_conditions,
    re2_options,
    to_bytes,
)
from mappings.model import Rule, TeamMapping

# The most telling keys first: few issues share a parent, many share a project.
_INDEX_KEYS: Final = (
    "parent",
    "labels",
    "components",
    "milestone",
    "fix_version",
    "sprint",
    "assignee",
    "author",
    "status",
    "type",
    "repo",
    "project",
    "tracker",
)
_SET_MEMORY: Final = 32 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class CompiledRule:
    rule: Rule
    conditions: tuple[Condition, ...]

    def holds(self, subject: Subject) -> bool:
        return all(condition.holds(subject) for condition in self.conditions)


class TeamRules:
    """A team's mapping, ready to say which rule takes an issue. Raises PatternInvalid."""

    def __init__(self, mapping: TeamMapping) -> None:
        self.mapping = mapping
        self.rules = tuple(
            CompiledRule(rule=rule, conditions=compile_conditions(rule.when)) for rule in mapping.rules
        )
        self._always: list[int] = []
        self._by_value: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        patterns: dict[str, list[tuple[int, str]]] = {"title": [], "body": []}
        for index, compiled in enumerate(self.rules):
            self._file(index, compiled.conditions, patterns)
        self._titles = _PatternSet(patterns["title"])
        self._bodies = _PatternSet(patterns["body"])

    @property
    def team(self) -> str:
        return self.mapping.team

    def first(self, subject: Subject) -> Rule | None:
        """The first rule in file order whose conditions all hold."""
        for index in self._candidates(subject):
            if self.rules[index].holds(subject):
                return self.rules[index].rule
        return None

    def _file(
        self, index: int, conditions: Iterable[Condition], patterns: dict[str, list[tuple[int, str]]]
    ) -> None:
        needed = {
            each.key: names
            for each in conditions
            if isinstance(each, ChoiceCondition) and (names := each.needs_one_of()) is not None
        }
        for key in _INDEX_KEYS:
            if key in needed:
                for name in needed[key]:
                    self._by_value[key][name].append(index)
                return
        for each in conditions:
            if isinstance(each, PatternCondition):
                patterns[each.key].append((index, each.text))
                return
        self._always.append(index)

    def _candidates(self, subject: Subject) -> list[int]:
        found = set(self._always)
        for key, by_name in self._by_value.items():
            for value in subject.folded(key):
                if value in by_name:
                    found.update(by_name[value])
        found.update(self._titles.matches(subject.issue.title))
        found.update(self._bodies.matches(subject.issue.body))
        return sorted(found)


class _PatternSet:
    """Says for many patterns at once which of them may be found in a text."""

    def __init__(self, patterns: Sequence[tuple[int, str]]) -> None:
        self._indexes = [index for index, _ in patterns]
        self._set = _compile_set([text for _, text in patterns]) if len(patterns) > 1 else None

    def matches(self, text: str) -> list[int]:
        if self._set is None:
            return self._indexes
        hits = self._set.Match(to_bytes(text))
        # A set that runs out of memory answers "nothing found". The first pattern, which is found in every
        # text, tells the difference: without it, each rule is tried on its own.
        if 0 not in hits:
            return self._indexes
        return [self._indexes[hit - 1] for hit in hits if hit > 0]


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
