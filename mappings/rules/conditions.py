"""The conditions of a rule, compiled: each compares what an issue says with what the rule names.

The compiled form is made from ``Rule.when``, which holds plain values: ``{"any": (...), "all": (...), "none":
(...)}`` for names, ``{"after": datetime, "before": datetime}`` (aware, UTC) for spans, a text for patterns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Protocol

import re2

from connectors.model import FieldSelection, Issue
from mappings.model import TeamMapping
from mappings.rules.cel_syntax import parse_cel

MAX_PATTERN_LENGTH: Final = 500
MAX_PATTERN_STEPS: Final = 3000
"""Of the compiled pattern. RE2 never goes back, but looking at one character may take as many steps."""

FIELD_PREFIX: Final = "field."


class PatternInvalid(ValueError):
    """The pattern is no RE2 pattern; the message says why."""


def re2_options() -> Any:
    """Silent, and bounded in memory so that a hostile pattern is refused."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    return options


def compile_pattern(pattern: str) -> Any:
    """A compiled RE2 pattern over UTF-8 bytes. Raises PatternInvalid."""
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise PatternInvalid(f"the pattern is longer than {MAX_PATTERN_LENGTH} characters; shorten it.")
    try:
        compiled = re2.compile(to_bytes(pattern), re2_options())
    except re2.error as error:
        reason = error.args[0]
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise PatternInvalid(f"this is no RE2 pattern ({text}); correct it.") from None
    if compiled.programsize > MAX_PATTERN_STEPS:
        raise PatternInvalid("the pattern repeats too much and would be slow; use smaller numbers in braces.")
    return compiled


def to_bytes(text: str) -> bytes:
    """UTF-8; a lone surrogate becomes ``?``."""
    return text.encode("utf-8", "replace")


def has_wildcard(text: str) -> bool:
    return "*" in text or "?" in text


def _glob_to_pattern(glob: str) -> str:
    """RE2 rather than fnmatch: no character classes to surprise people, and linear time."""
    parts = {"*": "(?s:.*)", "?": "(?s:.)"}
    return "".join(parts.get(char) or re2.escape(char) for char in glob)


@dataclass(kw_only=True, slots=True)
class RuleSubject:
    """An issue as rules see it: without our labels, with its ancestors."""

    issue: Issue
    labels: tuple[str, ...]
    """Those that are not ours."""
    ancestors: tuple[str, ...] = ()
    """Keys, nearest first."""
    _casefolded: dict[str, frozenset[str]] = field(default_factory=dict)

    def values(self, key: str) -> tuple[str, ...]:
        """What the issue says under a key of ``when``; empty when it says nothing."""
        values = value_reader(key)(self)
        return tuple(filter(None, values)) if "" in values else values

    def casefolded(self, key: str) -> frozenset[str]:
        """The same for comparing without regard to case; ancestors also as ``tracker:key``."""
        known = self._casefolded.get(key)
        if known is None:
            if key == "parent":
                known = _casefold_ancestors(self.issue.ref.tracker, self.ancestors)
            else:
                known = _casefold_values(self.values(key))
            self._casefolded[key] = known
        return known


# Issues of one team say the same few things again and again.
@lru_cache(maxsize=8192)
def _casefold_values(values: tuple[str, ...]) -> frozenset[str]:
    return frozenset(value.casefold() for value in values)


@lru_cache(maxsize=8192)
def _casefold_ancestors(tracker: str, keys: tuple[str, ...]) -> frozenset[str]:
    folded = _casefold_values(tuple(filter(None, keys)))
    return folded | {f"{tracker.casefold()}:{key}" for key in folded}


def _field_values(issue: Issue, name: str) -> tuple[str, ...]:
    if name in issue.fields:
        return tuple(value for value in issue.fields[name] if value)
    folded = name.casefold()
    return tuple(
        value for key, values in issue.fields.items() if key.casefold() == folded for value in values if value
    )


def _zero_or_one(value: str | None) -> tuple[str, ...]:
    return (value,) if value else ()


_READERS: Final[Mapping[str, Callable[[RuleSubject], tuple[str, ...]]]] = {
    "tracker": lambda subject: (subject.issue.ref.tracker,),
    "project": lambda subject: (subject.issue.project,),
    "repo": lambda subject: (subject.issue.container,) if "/" in subject.issue.container else (),
    "type": lambda subject: _zero_or_one(subject.issue.type),
    "labels": lambda subject: subject.labels,
    "components": lambda subject: subject.issue.components,
    "milestone": lambda subject: _zero_or_one(subject.issue.milestone),
    "fix_version": lambda subject: subject.issue.fix_versions,
    "sprint": lambda subject: _zero_or_one(subject.issue.sprint),
    "parent": lambda subject: subject.ancestors,
    "status": lambda subject: _zero_or_one(subject.issue.status),
    "author": lambda subject: _zero_or_one(subject.issue.author),
    "assignee": lambda subject: subject.issue.assignees,
    "created": lambda subject: (subject.issue.created.isoformat(),),
    "updated": lambda subject: (subject.issue.updated.isoformat(),),
    "title": lambda subject: _zero_or_one(subject.issue.title),
    "body": lambda subject: _zero_or_one(subject.issue.body),
}


def value_reader(key: str) -> Callable[[RuleSubject], tuple[str, ...]]:
    """What reads the values of a key from an issue; there may be empty texts among them."""
    if key.startswith(FIELD_PREFIX):
        name = key.removeprefix(FIELD_PREFIX)
        return lambda subject: _field_values(subject.issue, name)
    return _READERS[key]


CHOICE_KEYS: Final = tuple(key for key in _READERS if key not in ("created", "updated", "title", "body"))


class Condition(Protocol):
    """One key of a rule's ``when``."""

    @property
    def key(self) -> str:
        """``labels``, ``title``, ``field.Team``."""

    @property
    def expected(self) -> str:
        """What the rule asks for, in words."""

    def holds(self, subject: RuleSubject) -> bool:
        """Whether the issue says so."""

    def actual(self, subject: RuleSubject) -> tuple[str, ...]:
        """What the issue says."""


@dataclass(frozen=True, slots=True)
class NamePattern:
    """One name of a choice: exact, or a pattern when it has wildcards. Both folded."""

    text: str
    pattern: Any

    def matches_any(self, values: frozenset[str]) -> bool:
        if self.pattern is None:
            return self.text in values
        return any(self.pattern.fullmatch(to_bytes(value)) is not None for value in values)


def _compile_name(text: str) -> NamePattern:
    folded = text.casefold()
    pattern = re2.compile(to_bytes(_glob_to_pattern(folded)), re2_options()) if has_wildcard(folded) else None
    return NamePattern(folded, pattern)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChoiceCondition:
    """``any``, ``all`` and ``none`` over a set of names; those that are given have to hold together."""

    key: str
    expected: str
    any_of: tuple[NamePattern, ...]
    all_of: tuple[NamePattern, ...]
    none_of: tuple[NamePattern, ...]

    def actual(self, subject: RuleSubject) -> tuple[str, ...]:
        return subject.values(self.key)

    def holds(self, subject: RuleSubject) -> bool:
        values = subject.casefolded(self.key)
        if self.any_of and not any(name.matches_any(values) for name in self.any_of):
            return False
        if not all(name.matches_any(values) for name in self.all_of):
            return False
        return not any(name.matches_any(values) for name in self.none_of)

    def required_names(self) -> tuple[NamePattern, ...]:
        """Names of which the issue has to carry one; empty when the condition only excludes names."""
        return self.any_of or self.all_of[:1]

    @property
    def is_satisfied_by_one(self) -> bool:
        """Carrying one of ``needs_one_of()`` is all that it asks."""
        return len(self.all_of) <= (0 if self.any_of else 1) and not self.none_of


@dataclass(frozen=True, kw_only=True, slots=True)
class PatternCondition:
    """An RE2 pattern found anywhere in the title or body."""

    key: str
    text: str
    pattern: Any

    @property
    def expected(self) -> str:
        return f"matches {self.text}"

    def actual(self, subject: RuleSubject) -> tuple[str, ...]:
        return subject.values(self.key)

    def holds(self, subject: RuleSubject) -> bool:
        text = subject.issue.title if self.key == "title" else subject.issue.body
        return self.pattern.search(to_bytes(text)) is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeRangeCondition:
    """``after`` <= moment < ``before``."""

    key: str
    expected: str
    after: datetime | None
    before: datetime | None

    def actual(self, subject: RuleSubject) -> tuple[str, ...]:
        return subject.values(self.key)

    def holds(self, subject: RuleSubject) -> bool:
        moment = subject.issue.created if self.key == "created" else subject.issue.updated
        if self.after is not None and moment < self.after:
            return False
        return self.before is None or moment < self.before


def compile_conditions(when: Mapping[str, Any]) -> tuple[Condition, ...]:
    """The conditions of ``Rule.when`` in the order of their keys there. Raises PatternInvalid, CelInvalid."""
    conditions: list[Condition] = []
    for key, value in when.items():
        if key == "field":
            conditions += [_compile_choice(f"{FIELD_PREFIX}{name}", choice) for name, choice in value.items()]
        elif key in ("title", "body"):
            conditions.append(PatternCondition(key=key, text=value, pattern=compile_pattern(value)))
        elif key in ("created", "updated"):
            conditions.append(_compile_time_range(key, value))
        elif key == "cel":
            from mappings.rules.cel import compile_cel  # its library takes long to start

            conditions.append(compile_cel(value))
        else:
            conditions.append(_compile_choice(key, value))
    return tuple(conditions)


def _compile_choice(key: str, value: Mapping[str, Iterable[str]]) -> ChoiceCondition:
    lists = {part: tuple(value.get(part) or ()) for part in ("any", "all", "none")}
    words = {"any": "any of", "all": "all of", "none": "none of"}
    expected = "; ".join(f"{words[part]} {', '.join(names)}" for part, names in lists.items() if names)
    any_of, all_of, none_of = (tuple(map(_compile_name, names)) for names in lists.values())
    return ChoiceCondition(key=key, expected=expected, any_of=any_of, all_of=all_of, none_of=none_of)


def _compile_time_range(key: str, value: Mapping[str, datetime | None]) -> TimeRangeCondition:
    after, before = value.get("after"), value.get("before")
    parts = [f"at or after {after.isoformat()}"] if after else []
    parts += [f"before {before.isoformat()}"] if before else []
    return TimeRangeCondition(key=key, expected=" and ".join(parts), after=after, before=before)


def field_selection_for(teams: Iterable[TeamMapping]) -> FieldSelection:
    """What these teams need a pull to bring along: bodies, custom fields by name, labels that are states."""
    body = False
    fields: set[str] = set()
    labels: set[str] = set()
    for team in teams:
        labels.update(label.casefold() for rule in team.states.values() for label in rule.labels)
        for rule in team.rules:
            body = body or "body" in rule.when
            fields.update(rule.when.get("field", ()))
            if "cel" in rule.when:
                read = parse_cel(rule.when["cel"])
                body = body or "body" in read.names
                fields.update(read.fields)
    return FieldSelection(body=body, fields=tuple(sorted(fields)), state_labels=frozenset(labels))
