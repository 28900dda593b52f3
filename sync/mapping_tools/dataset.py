"""Dataset of one team for suggestions: its issues, what they count towards, and the features that rules can test."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from connectors.escape import escape_terminal
from connectors.model import Issue, IssueRef, KnownIssue
from connectors.text import fold_name
from mappings.labels import LabelScheme
from mappings.model import Assignment, Overrides, Rule, TeamMapping, Workspace
from mappings.rules.ancestry import Ancestry
from mappings.rules.fields import SUGGESTED_KEYS
from mappings.rules.matcher import Matcher
from mappings.rules.patterns import has_wildcard
from mappings.rules.placement import ClosingTimes
from mappings.rules.subject import RuleSubject
from sync.model.planning import PlanningResult

_WORD: Final = re.compile(r"[^\W_]+")
_MAX_LENGTH: Final = 200
_ASCII_WORD: Final = re.compile(r"[0-9a-z]+")


@dataclass(frozen=True, slots=True, order=True)
class Feature:
    """One property of an issue. ``value`` is folded; for a title it is one word, or two with a space."""

    key: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Features:
    """Features of issues, and the usual spelling of their values."""

    by_issue: Mapping[IssueRef, frozenset[Feature]]
    spelling: Mapping[Feature, str]
    """The most common spelling of a value."""


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
            or (_is_writable(value) and not (key == "labels" and fold_name(value) in state_labels))
        ]
        for key, value in values:
            spellings[Feature(key, fold_name(value))][value] += 1
        of[item.issue.ref] = frozenset(Feature(key, fold_name(value)) for key, value in values)
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
    words = [word for word in _WORD.findall(fold_name(issue.title)) if len(word) <= _MAX_LENGTH]
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
    return frozenset(map(fold_name, (*labels, *team.answers.values())))


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
            choice["any" if len(present) == 1 else "all"] = tuple(map(spelled.spelling.__getitem__, present))
        if missing:
            choice["none"] = tuple(map(spelled.spelling.__getitem__, missing))
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


MIN_GROUP_SIZE: Final = 2
"""Unplanned issues that a rule has to match: a rule for a single issue is a pin in disguise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """Issues of one team's sources."""

    workspace: Workspace
    team: TeamMapping
    known: Mapping[IssueRef, KnownIssue]
    unplanned: tuple[IssueRef, ...]
    """Issues that no rule matches; without those that people removed from a capability."""
    targets: Mapping[IssueRef, str]
    """Assigned issue -> its capability; "" for issues that people removed from one."""
    assignments: Mapping[IssueRef, Assignment]
    features: Features
    overrides: Overrides
    now: datetime
    closing_times: ClosingTimes | None = None

    def open_capabilities(self) -> frozenset[str]:
        """Return the ids of capabilities that new work can still count towards."""
        return frozenset(
            capability.id
            for increment in self.workspace.increments
            if increment.phase(self.now) != "closed"
            for goal in increment.goals
            for capability in goal.capabilities
            if not (capability.cancelled or goal.cancelled)
        )

    def matches_of(self, rules: Iterable[Rule], workspace: Workspace) -> dict[str, list[IssueRef]]:
        """Rule id -> unplanned issues that it assigns when these rules stand behind the existing ones of the team."""
        extended = replace(self.team, rules=(*self.team.rules, *rules))
        teams = tuple(extended if each.team == extended.team else each for each in workspace.teams)
        matcher = Matcher(
            replace(workspace, teams=teams),
            workspace.labels,
            self.now,
            closing_times=self.closing_times,
        )
        unplanned = set(self.unplanned)
        matches: defaultdict[str, list[IssueRef]] = defaultdict(list)
        for each in matcher.match(self.known.values(), self.overrides).assignments:
            if each.ref in unplanned and each.team == extended.team and each.rule is not None:
                matches[each.rule].append(each.ref)
        return matches


def build_dataset(
    team: TeamMapping,
    workspace: Workspace,
    known: Mapping[IssueRef, KnownIssue],
    planning: PlanningResult,
    now: datetime,
    closing_times: ClosingTimes | None = None,
) -> Dataset:
    """Select the issues of one team's sources. ``known``: all issues of the store."""
    matched = planning.matched
    sources = {source.name for source in team.sources}
    assigned = {each.ref: each for each in matched.assignments if known[each.ref].sources & sources}
    targets = {ref: each.capability for ref, each in assigned.items()}
    unplanned = []
    for work in matched.unplanned:
        if team.team in work.teams and work.reason == "veto":
            targets[work.ref] = ""
        elif team.team in work.teams and work.reason == "no-rule":
            unplanned.append(work.ref)
    ancestry = Ancestry(known.values())
    ours = [known[ref] for ref in (*targets, *unplanned)]
    return Dataset(
        workspace=workspace,
        team=team,
        known=known,
        unplanned=tuple(sorted(unplanned)),
        targets=targets,
        assignments=assigned,
        features=extract_features(ours, ancestry, workspace.labels, team),
        overrides=planning.overrides,
        now=now,
        closing_times=closing_times,
    )
