"""Issue as rules see it, and the values that it has for each condition key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, cast

from connectors.model import Issue
from connectors.text import fold_name, normalize_text
from mappings.rules.fields import CONDITION_FIELDS, RuleField

FIELD_PREFIX: Final = "field."
"""Start of the key of a custom field: ``field.Team``."""

ISSUE_KEYS: Final = frozenset({"parent", "blocked_by"})
"""Condition keys whose values are keys of issues of the same tracker, also written as ``tracker:key``."""


@dataclass(kw_only=True, slots=True)
class RuleSubject:
    """Issue without the labels that increment-sync manages, with its ancestors."""

    issue: Issue
    labels: tuple[str, ...]
    """Labels that increment-sync does not manage."""
    ancestors: tuple[str, ...] = ()
    """Keys, parent first, each followed by its former keys."""
    other_containers: tuple[str, ...] = ()
    """Other names of its project or repository, if that was renamed."""
    _folded: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def repo(self) -> str:
        """Container, if it is a path such as ``owner/name``; empty otherwise."""
        return self.issue.container if "/" in self.issue.container else ""

    @property
    def blocked_by(self) -> tuple[str, ...]:
        """Keys of its open blockers."""
        return open_blockers(self.issue)

    def values(self, key: str) -> tuple[str, ...]:
        """Return the values of a condition key, without empty texts."""
        values = value_reader(key)(self)
        return tuple(filter(None, values)) if "" in values else values

    def folded(self, key: str) -> frozenset[str]:
        """Return the values folded by ``fold_name``; ancestors and blockers also as ``tracker:key``."""
        known = self._folded.get(key)
        if known is None:
            if key in ISSUE_KEYS:
                known = _fold_keys(self.issue.ref.tracker, self.values(key))
            else:
                known = _fold_values(self.values(key))
            self._folded[key] = known
        return known

    def text(self, key: str) -> str:
        """Return the text of a key that is compared with a pattern."""
        return normalize_text(cast("str", _RAW_READERS[key](self)))

    def time(self, key: str) -> datetime:
        """Return the time (UTC) of a key that is compared with a time range."""
        return cast("datetime", _RAW_READERS[key](self))


def open_blockers(issue: Issue) -> tuple[str, ...]:
    """Return the keys of the open issues that block an issue, as far as they can be read."""
    return tuple(each.ref.key for each in issue.blocked_by if each.is_open and each.ref.key)


# Issues of one team share few different values.
@lru_cache(maxsize=8192)
def _fold_values(values: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(fold_name, values))


@lru_cache(maxsize=8192)
def _fold_keys(tracker: str, keys: tuple[str, ...]) -> frozenset[str]:
    folded = _fold_values(tuple(filter(None, keys)))
    return folded | {f"{fold_name(tracker)}:{key}" for key in folded}


def _field_values(issue: Issue, name: str) -> tuple[str, ...]:
    if name in issue.fields:
        return tuple(value for value in issue.fields[name] if value)
    folded = fold_name(name)
    return tuple(
        value for key, values in issue.fields.items() if fold_name(key) == folded for value in values if value
    )


def _value_reader(field: RuleField) -> Callable[[RuleSubject], tuple[str, ...]]:
    read = attrgetter(field.path)
    if field.many:
        return read
    if field.comparison == "time":
        return lambda subject: (read(subject).isoformat(),)
    return lambda subject: (value,) if (value := read(subject)) else ()


_RAW_READERS: Final[Mapping[str, Callable[[RuleSubject], Any]]] = {
    key: attrgetter(each.path) for key, each in CONDITION_FIELDS.items()
}
_VALUE_READERS: Final[Mapping[str, Callable[[RuleSubject], tuple[str, ...]]]] = {
    key: _value_reader(each) for key, each in CONDITION_FIELDS.items() if each.comparison != "custom"
} | {
    "project": lambda subject: (subject.issue.container, *subject.other_containers),
    "repo": lambda subject: (subject.repo, *subject.other_containers) if subject.repo else (),
}


def value_reader(key: str) -> Callable[[RuleSubject], tuple[str, ...]]:
    """Return the function that reads the values of a condition key; the values may include empty texts."""
    if key.startswith(FIELD_PREFIX):
        name = key.removeprefix(FIELD_PREFIX)
        return lambda subject: _field_values(subject.issue, name)
    return _VALUE_READERS[key]
