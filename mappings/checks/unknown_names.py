"""Warnings about names that no issue ever had, and about resolutions whose meaning is unknown.

A mistyped name is no error: it only never matches. Every name under ``states`` and every resolution should have been
seen once. Names of rules may be meant for later, so one is reported only if it resembles a name that issues have.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from connectors.model import IssueChange, IssueRef, KnownIssue
from connectors.text import fold_name
from mappings.checks.rule_reach import LocatedTeam
from mappings.checks.rules import located_names
from mappings.model import TeamMapping
from mappings.parsed import ParsedDefaults, ParsedTeam, YamlLocation
from mappings.problems import Problem, closest_name
from mappings.rules.fields import CONDITION_FIELDS, LOCATION_KEYS
from mappings.rules.flow_state import normalize_resolution, unknown_resolution
from mappings.rules.patterns import has_wildcard
from mappings.rules.subject import FIELD_PREFIX, ISSUE_KEYS, RuleSubject

_MAX_RESOLUTIONS: Final = 20
_RESEMBLANCE: Final = 0.8
"""Least similarity of a rule's name and a name that issues have, as difflib counts it."""
_KEY_OF_KIND: Final = {"statuses": "status", "labels": "labels", "types": "type"}
_NOUNS: Final = {"labels": "label", "components": "component", "fix_version": "fix version"}
_NAME_KEYS: Final = tuple(
    key
    for key, each in CONDITION_FIELDS.items()
    if each.comparison == "names" and key not in LOCATION_KEYS | ISSUE_KEYS
)
_DIGITS: Final = re.compile(r"\d+")

_Named = tuple[str, str, YamlLocation]
"""Key of a condition or ``resolution``, name, and its location."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamesOfThePast:
    """Names that no current issue has, but that existed, and the sources whose issues are all stored."""

    changes: Collection[IssueChange] = ()
    statuses: Collection[str] = ()
    """Names of statuses that a tracker lists, or that earlier runs saw."""
    sources: frozenset[str] | None = None
    """Names of the sources that were read completely; None: those with issues."""


@dataclass(kw_only=True, slots=True)
class _Seen:
    """Names that the issues of a team have or had."""

    names: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    """Key -> folded name -> its spelling, without blanks at the ends."""
    resolutions: Counter[str] = field(default_factory=Counter)
    """Unknown resolution, folded -> number of closed issues."""
    is_complete: bool = True
    """False if a source was not read yet."""

    def add(self, key: str, names: Iterable[str]) -> None:
        fold = normalize_resolution if key == "resolution" else fold_name
        for name in filter(None, names):
            self.names[key].setdefault(fold(name), name.strip())

    def has(self, key: str, name: str) -> bool:
        return (normalize_resolution if key == "resolution" else fold_name)(name) in self.names[key]

    def closest(self, key: str, name: str, cutoff: float = 0.6) -> str | None:
        return closest_name(name, self.names[key].values(), cutoff=cutoff)


def unknown_names(
    teams: Sequence[LocatedTeam],
    mappings: Mapping[str, TeamMapping],
    defaults: ParsedDefaults | None,
    known: Sequence[KnownIssue],
    past: NamesOfThePast,
    deciding_rules: Mapping[str, Collection[str]],
) -> Iterator[Problem]:
    """Warn about unknown names. ``known``: vanished issues included. ``deciding_rules``: by team, those that match."""
    changes: dict[IssueRef, list[IssueChange]] = defaultdict(list)
    for change in past.changes:
        changes[change.ref].append(change)
    seen = {team.name: _collect(team, mappings[team.name], known, changes, past) for team in teams}
    for team in teams:
        yield from _unmatched(_declared_names(team.parsed), [seen[team.name]])
        yield from _mistyped(_rule_names(team, deciding_rules[team.name]), seen[team.name])
        yield from _unknown_resolutions(team.parsed, seen[team.name])
    if defaults is not None:
        yield from _unmatched(_declared_names(defaults), list(seen.values()))


def _collect(
    team: LocatedTeam,
    mapping: TeamMapping,
    known: Iterable[KnownIssue],
    changes: Mapping[IssueRef, Sequence[IssueChange]],
    past: NamesOfThePast,
) -> _Seen:
    names = frozenset(source.name for source in team.sources)
    fields = {key for rule in team.rules for key in rule.conditions if key.startswith(FIELD_PREFIX)}
    seen, with_issues = _Seen(), set[str]()
    seen.add("status", past.statuses)
    for source in team.sources:
        seen.add("status", source.fixed_statuses)
    for item in known:
        if not (sources := item.sources & names):
            continue
        with_issues |= sources
        issue = item.issue
        subject = RuleSubject(issue=issue, labels=tuple(issue.labels))
        for key in (*_NAME_KEYS, *fields):
            seen.add(key, subject.values(key))
        seen.add("resolution", [issue.resolution or ""])
        for change in changes.get(issue.ref, ()):
            seen.add(
                {"status": "status", "label": "labels"}.get(change.kind, ""), [change.before, change.after]
            )
            seen.add("resolution", [change.resolution or ""])
        if item.vanished is None and (resolution := unknown_resolution(issue, mapping)):
            seen.resolutions[normalize_resolution(resolution)] += 1
    seen.is_complete = names <= (with_issues if past.sources is None else past.sources)
    return seen


def _declared_names(file: ParsedTeam | ParsedDefaults) -> Iterator[_Named]:
    """Yield the names that a file gives to states: statuses, labels, types and resolutions."""
    for state, entry in file.entry.states:
        for kind, key in _KEY_OF_KIND.items():
            for name, at in (file.location / "states" / state).items(kind, getattr(entry, kind)):
                yield key, name, at
    for setting in ("done_resolutions", "dropped_resolutions"):
        for name, at in file.location.items(setting, getattr(file.entry, setting)):
            yield "resolution", name, at


def _rule_names(team: LocatedTeam, deciding_rules: Collection[str]) -> Iterator[_Named]:
    """Yield the names in rules that match issues. Of other rules, `unmatched-rule` reports the whole."""
    for index, rule in enumerate(team.parsed.entry.rules):
        location = team.parsed.location / "rules" / index
        if rule.id not in deciding_rules:
            continue
        for key in _NAME_KEYS:
            yield from ((key, name, at) for name, at in located_names(rule, location, key))
        for custom, choice in (rule.when.custom_fields() or {}).items():
            at_field = location / "when" / "field" / custom
            for part, names in choice:
                yield from (
                    (f"{FIELD_PREFIX}{custom}", name, at) for name, at in at_field.items(part, names or ())
                )
    for answer in team.parsed.entry.answers.model_fields_set:
        yield "labels", getattr(team.parsed.entry.answers, answer), team.parsed.location / "answers" / answer


def _unmatched(named: Iterable[_Named], teams: Sequence[_Seen]) -> Iterator[Problem]:
    """Warn about names that nothing in these teams ever had, if all their sources were read."""
    if not teams or not all(seen.is_complete for seen in teams):
        return
    for key, name, at in named:
        if not any(seen.has(key, name) for seen in teams):
            closest = next(filter(None, (seen.closest(key, name) for seen in teams)), None)
            yield _warning(key, name, at, closest)


def _mistyped(named: Iterable[_Named], seen: _Seen) -> Iterator[Problem]:
    """Warn about names that nothing ever had and that resemble a name of issues in more than its numbers."""
    for key, name, at in named:
        if has_wildcard(name) or seen.has(key, name):
            continue
        closest = seen.closest(key, name, _RESEMBLANCE)
        if closest and _DIGITS.sub("", fold_name(closest)) != _DIGITS.sub("", fold_name(name)):
            yield _warning(key, name, at, closest)


def _warning(key: str, name: str, at: YamlLocation, closest: str | None) -> Problem:
    noun = _NOUNS.get(key, key.removeprefix(FIELD_PREFIX))
    action = f'did you mean "{closest}"?' if closest else "correct or remove it."
    return at.warning("unmatched-name", f'no issue ever had the {noun} "{name}"; {action}')


def _unknown_resolutions(team: ParsedTeam, seen: _Seen) -> Iterator[Problem]:
    """Warn about resolutions of closed issues that neither the program nor the team knows."""
    for name, count in seen.resolutions.most_common(_MAX_RESOLUTIONS):
        issues = "1 closed issue" if count == 1 else f"{count} closed issues"
        spelled = seen.names["resolution"][name]
        message = (
            f'the resolution "{spelled}" ({issues}) is unknown and counts as done; add it to `done_resolutions` or '
            "`dropped_resolutions`."
        )
        yield (team.location / "team").warning("unknown-resolution", message, on_key=True)
