"""Compiled conditions of rules: names, RE2 patterns, time ranges and CEL expressions.

``Rule.when`` holds plain values: ``{"any": (...), "all": (...), "none": (...)}`` for names, ``{"after": datetime,
"before": datetime}`` (aware, UTC) for time ranges, a text for patterns and expressions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from connectors.model import FieldSelection
from connectors.text import fold_name, normalize_text, show_invisible
from mappings.model import TeamMapping
from mappings.rules.cel_syntax import parse_cel
from mappings.rules.fields import CONDITION_FIELDS
from mappings.rules.patterns import compile_glob, compile_pattern, has_wildcard, to_bytes
from mappings.rules.subject import FIELD_PREFIX, RuleSubject


class Condition(Protocol):
    """Compiled condition of one key of ``when``."""

    @property
    def key(self) -> str:
        """``labels``, ``title``, ``field.Team``."""

    @property
    def expected(self) -> str:
        """Description of what the rule requires."""

    def holds(self, subject: RuleSubject) -> bool:
        """Return True if the issue satisfies the condition."""

    def actual(self, subject: RuleSubject) -> tuple[str, ...]:
        """Return the values of the issue."""


@dataclass(frozen=True, slots=True)
class NamePattern:
    """Name of a choice: exact, or a pattern if it has wildcards. Both folded by ``fold_name``."""

    text: str
    pattern: Any

    def matches_any(self, values: frozenset[str]) -> bool:
        if self.pattern is None:
            return self.text in values
        return any(self.pattern.fullmatch(to_bytes(value)) is not None for value in values)


def _compile_name(text: str) -> NamePattern:
    folded = fold_name(text)
    return NamePattern(folded, compile_glob(folded) if has_wildcard(folded) else None)


@dataclass(frozen=True, kw_only=True, slots=True)
class _FieldCondition:
    """Condition on the values of one key."""

    key: str

    def actual(self, subject: RuleSubject) -> tuple[str, ...]:
        return subject.values(self.key)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChoiceCondition(_FieldCondition):
    """``any``, ``all`` and ``none`` over the values of a key; all that are set must hold."""

    expected: str
    any_of: tuple[NamePattern, ...]
    all_of: tuple[NamePattern, ...]
    none_of: tuple[NamePattern, ...]

    def holds(self, subject: RuleSubject) -> bool:
        values = subject.folded(self.key)
        if self.any_of and not any(name.matches_any(values) for name in self.any_of):
            return False
        if not all(name.matches_any(values) for name in self.all_of):
            return False
        return not any(name.matches_any(values) for name in self.none_of)

    def required_names(self) -> tuple[NamePattern, ...]:
        """Return names of which the issue must have one; empty if the condition only excludes names."""
        return self.any_of or self.all_of[:1]

    @property
    def is_satisfied_by_one(self) -> bool:
        """True if having one of ``required_names()`` is sufficient."""
        return len(self.all_of) <= (0 if self.any_of else 1) and not self.none_of


@dataclass(frozen=True, kw_only=True, slots=True)
class PatternCondition(_FieldCondition):
    """RE2 pattern found anywhere in a text."""

    text: str
    pattern: Any

    @property
    def expected(self) -> str:
        return f"matches {show_invisible(self.text)}"

    def holds(self, subject: RuleSubject) -> bool:
        return self.pattern.search(to_bytes(subject.text(self.key))) is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeRangeCondition(_FieldCondition):
    """Time range: ``after`` <= time < ``before``."""

    expected: str
    after: datetime | None
    before: datetime | None

    def holds(self, subject: RuleSubject) -> bool:
        moment = subject.time(self.key)
        if self.after is not None and moment < self.after:
            return False
        return self.before is None or moment < self.before


def compile_conditions(when: Mapping[str, Any]) -> tuple[Condition, ...]:
    """Compile ``Rule.when``, in the order of its keys. Raises PatternInvalid, CelInvalid."""
    return tuple(condition for key, value in when.items() for condition in _compile_key(key, value))


def _compile_key(key: str, value: Any) -> list[Condition]:
    if key == "cel":
        from mappings.rules.cel import compile_cel  # importing the CEL library is slow

        return [compile_cel(value)]
    match CONDITION_FIELDS[key].comparison:
        case "custom":
            return [_compile_choice(f"{FIELD_PREFIX}{name}", choice) for name, choice in value.items()]
        case "pattern":
            text = normalize_text(value)
            return [PatternCondition(key=key, text=text, pattern=compile_pattern(text))]
        case "time":
            return [_compile_time_range(key, value)]
        case _:
            return [_compile_choice(key, value)]


def _compile_choice(key: str, value: Mapping[str, Iterable[str]]) -> ChoiceCondition:
    lists = {part: tuple(value.get(part) or ()) for part in ("any", "all", "none")}
    words = {"any": "any of", "all": "all of", "none": "none of"}
    expected = "; ".join(
        f"{words[part]} {', '.join(map(show_invisible, names))}" for part, names in lists.items() if names
    )
    any_of, all_of, none_of = (tuple(map(_compile_name, names)) for names in lists.values())
    return ChoiceCondition(key=key, expected=expected, any_of=any_of, all_of=all_of, none_of=none_of)


def _compile_time_range(key: str, value: Mapping[str, datetime | None]) -> TimeRangeCondition:
    after, before = value.get("after"), value.get("before")
    parts = [f"at or after {after.isoformat()}"] if after else []
    parts += [f"before {before.isoformat()}"] if before else []
    return TimeRangeCondition(key=key, expected=" and ".join(parts), after=after, before=before)


def field_selection_for(teams: Iterable[TeamMapping]) -> FieldSelection:
    """Return the optional data that these teams need: bodies, custom fields, dependencies, and labels of states."""
    keys: set[str] = set()
    fields: set[str] = set()
    labels: set[str] = set()
    links: set[str] = set()
    for team in teams:
        labels.update(fold_name(label) for rule in team.states.values() for label in rule.labels)
        for state in team.states.values():
            links.update(state.dependencies or ())
        for rule in team.rules:
            keys.update(rule.when)
            fields.update(rule.when.get("field", ()))
            if "cel" in rule.when:
                read = parse_cel(rule.when["cel"])
                keys.update(read.names)
                fields.update(read.fields)
    return FieldSelection(
        body="body" in keys,
        fields=tuple(sorted(fields)),
        state_labels=frozenset(labels),
        dependencies=bool(links) or "blocked_by" in keys,
        link_types=tuple(sorted(links - {""})),
    )
