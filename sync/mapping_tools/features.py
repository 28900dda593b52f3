"""Features of issues that rules can test: labels, components, ancestors, versions, words of titles and others."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from connectors.model import Issue, IssueRef, KnownIssue
from mappings.labels import LabelScheme
from mappings.model import TeamMapping
from mappings.rules.fields import SUGGESTED_KEYS
from mappings.rules.matcher import Ancestry
from mappings.rules.patterns import has_wildcard
from mappings.rules.subject import RuleSubject
from sync.config.escape import escape_terminal

_WORD: Final = re.compile(r"[^\W_]+")
_MAX_LENGTH: Final = 200
_ASCII_WORD: Final = re.compile(r"[0-9a-z]+")


@dataclass(frozen=True, slots=True, order=True)
class Feature:
    """One property of an issue. ``value`` is case-folded; for a title it is one word, or two with a space."""

    key: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Features:
    """Features of issues, and the usual spelling of their values."""

    by_issue: Mapping[IssueRef, frozenset[Feature]]
    spelling: Mapping[Feature, str] = field(default_factory=dict)

    def spelling_of(self, feature: Feature) -> str:
        """Return the most common spelling of a value."""
        return self.spelling.get(feature, feature.value)


def extract_features(
    items: Iterable[KnownIssue], ancestry: Ancestry, scheme: LabelScheme, team: TeamMapping
) -> Features:
    """Extract the features of issues. Labels of ours, and labels for states and answers, are left out."""
    spellings: defaultdict[Feature, Counter[str]] = defaultdict(Counter)
    of: dict[IssueRef, frozenset[Feature]] = {}
    state_labels = _state_labels(team)
    for item in items:
        values = [
            (key, value)
            for key, value in _raw_features(item.issue, ancestry, scheme)
            if key == "title"
            or (_is_writable(value) and not (key == "labels" and value.casefold() in state_labels))
        ]
        for key, value in values:
            spellings[Feature(key, value.casefold())][value] += 1
        of[item.issue.ref] = frozenset(Feature(key, value.casefold()) for key, value in values)
    spelling = {
        feature: min(names, key=lambda name: (-names[name], name)) for feature, names in spellings.items()
    }
    return Features(by_issue=of, spelling=spelling)


def _raw_features(issue: Issue, ancestry: Ancestry, scheme: LabelScheme) -> Iterator[tuple[str, str]]:
    subject = RuleSubject(
        issue=issue,
        labels=tuple(scheme.unmanaged(issue.labels)),
        ancestors=ancestry.ancestors_of(issue),
    )
    yield from ((key, value) for key in SUGGESTED_KEYS for value in subject.values(key))
    words = [word for word in _WORD.findall(issue.title.casefold()) if len(word) <= _MAX_LENGTH]
    yield from (("title", word) for word in words)
    yield from (("title", f"{one} {two}") for one, two in pairwise(words))


def _is_writable(value: str) -> bool:
    """Return whether a value can stand in a rule: no invisible characters, no wildcards."""
    return (
        0 < len(value) <= _MAX_LENGTH
        and escape_terminal(value, _MAX_LENGTH) == value
        and not has_wildcard(value)
    )


def _state_labels(team: TeamMapping) -> frozenset[str]:
    labels = {label for rule in team.states.values() for label in rule.labels}
    return frozenset(label.casefold() for label in (*labels, *team.answers.values()))


def rule_condition(
    features: Iterable[Feature], absent: Iterable[Feature], spelled: Features
) -> dict[str, Any] | None:
    """Return the ``when`` of a rule that needs all of ``features`` and none of ``absent``.

    None when no rule can express it: ``title`` takes only one pattern, and none for absent words.
    """
    when: dict[str, Any] = {}
    for key, (present, missing) in _by_key(features, absent).items():
        if key == "title":
            if len(present) != 1 or missing:
                return None
            when[key] = title_pattern(present[0].value)
            continue
        choice: dict[str, tuple[str, ...]] = {}
        if present:
            choice["any" if len(present) == 1 else "all"] = tuple(map(spelled.spelling_of, present))
        if missing:
            choice["none"] = tuple(map(spelled.spelling_of, missing))
        when[key] = choice
    return when


def _by_key(
    features: Iterable[Feature], absent: Iterable[Feature]
) -> dict[str, tuple[list[Feature], list[Feature]]]:
    found: defaultdict[str, tuple[list[Feature], list[Feature]]] = defaultdict(lambda: ([], []))
    for feature in sorted(features):
        found[feature.key][0].append(feature)
    for feature in sorted(absent):
        found[feature.key][1].append(feature)
    return dict(found)


def title_pattern(words: str) -> str:
    """Return an RE2 pattern that matches whole words. ``\\b`` of RE2 knows only ASCII letters."""
    parts = words.split(" ")
    if all(_ASCII_WORD.fullmatch(part) for part in parts):
        return r"(?i)\b" + r"\W+".join(parts) + r"\b"
    return r"(?i)(?:^|[^\pL\pN])" + r"[^\pL\pN]+".join(parts) + r"(?:$|[^\pL\pN])"
