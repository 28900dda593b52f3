"""What issues have in common that a rule could name: labels, components, ancestors, words of titles and so on."""

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
_LONGEST: Final = 200
_PLAIN: Final = re.compile(r"[0-9a-z]+")


@dataclass(frozen=True, slots=True, order=True)
class Feature:
    """One thing that issues say. ``value`` is case-folded; of a title it is a word, or two with a blank."""

    key: str
    value: str

    @property
    def name(self) -> str:
        return f"{self.key}\0{self.value}"

    @classmethod
    def from_name(cls, name: str) -> Feature:
        key, _, value = name.partition("\0")
        return cls(key, value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Features:
    """What each issue says, and how people spell it."""

    by_issue: Mapping[IssueRef, frozenset[Feature]]
    spelling: Mapping[Feature, str] = field(default_factory=dict)

    def spelling_of(self, feature: Feature) -> str:
        return self.spelling.get(feature, feature.value)


def extract_features(
    items: Iterable[KnownIssue], ancestry: Ancestry, scheme: LabelScheme, team: TeamMapping
) -> Features:
    """The features of these issues. Labels that are ours, or that say a state or an answer, are none."""
    spellings: defaultdict[Feature, Counter[str]] = defaultdict(Counter)
    of: dict[IssueRef, frozenset[Feature]] = {}
    silent = _labels_about_states(team)
    for item in items:
        said = [
            (key, value)
            for key, value in _raw_features(item.issue, ancestry, scheme)
            if key == "title"
            or (_is_writable(value) and not (key == "labels" and value.casefold() in silent))
        ]
        for key, value in said:
            spellings[Feature(key, value.casefold())][value] += 1
        of[item.issue.ref] = frozenset(Feature(key, value.casefold()) for key, value in said)
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
    words = [word for word in _WORD.findall(issue.title.casefold()) if len(word) <= _LONGEST]
    yield from (("title", word) for word in words)
    yield from (("title", f"{one} {two}") for one, two in pairwise(words))


def _is_writable(value: str) -> bool:
    """A name with invisible characters cannot be shown as it would have to be written; a wildcard means more."""
    return (
        0 < len(value) <= _LONGEST and escape_terminal(value, _LONGEST) == value and not has_wildcard(value)
    )


def _labels_about_states(team: TeamMapping) -> frozenset[str]:
    labels = {label for rule in team.states.values() for label in rule.labels}
    return frozenset(label.casefold() for label in (*labels, *team.answers.values()))


def rule_condition(
    features: Iterable[Feature], absent: Iterable[Feature], spelled: Features
) -> dict[str, Any] | None:
    """The ``when`` of a rule that asks for all of ``features`` and none of ``absent``.

    None when no rule can say so: only one pattern can stand under ``title``, and none of what must not be there.
    """
    when: dict[str, Any] = {}
    for key, parts in _by_key(features, absent).items():
        present, missing = parts
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
    """An RE2 pattern that finds these words as words. RE2's ``\\b`` knows ASCII letters alone."""
    parts = words.split(" ")
    if all(_PLAIN.fullmatch(part) for part in parts):
        return r"(?i)\b" + r"\W+".join(parts) + r"\b"
    return r"(?i)(?:^|[^\pL\pN])" + r"[^\pL\pN]+".join(parts) + r"(?:$|[^\pL\pN])"
