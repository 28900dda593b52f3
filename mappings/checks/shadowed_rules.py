"""Rules that can never decide, as far as their conditions alone can prove it.

A rule is shadowed when whatever it asks for implies what an earlier rule asks for. Only what is certain is
said: where two conditions cannot be compared, nothing is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from mappings.checks.rule_reach import LocatedRule, LocatedTeam
from mappings.problems import Problem
from mappings.rules.conditions import (
    ChoiceCondition,
    Condition,
    NamePattern,
    PatternCondition,
    TimeRangeCondition,
)

_SINGLE_VALUED: Final = frozenset(
    {"tracker", "project", "repo", "type", "milestone", "sprint", "status", "author"}
)
"""Keys of which an issue has one value at most."""
_LOCATION_KEYS: Final = frozenset({"tracker", "project", "repo"})
_SPECIAL: Final = re.compile(r"[\\.^$*+?()\[\]{}|]")
_MAX_ALTERNATIVES: Final = 50


def impossible_rule(team: LocatedTeam) -> Iterator[Problem]:
    """A rule that asks for something and forbids it, or that no source of the team can satisfy."""
    for each in team.rules:
        for key, condition in each.conditions.items():
            if isinstance(condition, ChoiceCondition) and _contradicts_itself(condition):
                message = (
                    f"no issue can satisfy `{key}` ({condition.expected}); correct it or remove the rule."
                )
                yield (each.location / "when").problem(
                    "impossible-rule", message, severity="warning", on_key=True
                )
        if team.sources and not each.reachable_sources:
            message = (
                "none of the team's sources has issues like that; correct the conditions or remove the rule."
            )
            yield (each.location / "when").problem(
                "impossible-rule", message, severity="warning", on_key=True
            )


def _contradicts_itself(condition: ChoiceCondition) -> bool:
    def forbidden(name: NamePattern) -> bool:
        return any(covers(each, name) for each in condition.none_of)

    if any(map(forbidden, condition.all_of)):
        return True
    if condition.any_of and all(map(forbidden, condition.any_of)):
        return True
    exact = {name.text for name in condition.all_of if name.pattern is None}
    return condition.key in _SINGLE_VALUED and len(exact) > 1


def shadowed_rule(team: LocatedTeam) -> Iterator[Problem]:
    """A rule that can never decide because earlier ones take everything that it could take."""
    for index, later in enumerate(team.rules):
        if not later.reachable_sources:
            continue
        takers = _shadowing_rules(team.rules[:index], later)
        if not takers or (len(takers) == 1 and takers[0].rule.when == later.rule.when):
            continue  # the same conditions are a check of their own, which every command runs
        names = " and ".join(f'"{each.rule.id}" ({each.rule.origin})' for each in takers)
        verb = "takes" if len(takers) == 1 else "take"
        message = f"this rule never decides: {names} before it {verb} everything; move it up or remove it."
        yield later.location.problem("shadowed-rule", message, severity="warning", on_key=True)


def is_shadowed(earlier: Sequence[LocatedRule], later: LocatedRule) -> bool:
    """Whether the conditions alone prove that earlier rules take everything."""
    return bool(_shadowing_rules(earlier, later))


def _shadowing_rules(earlier: Sequence[LocatedRule], later: LocatedRule) -> list[LocatedRule]:
    """The earlier rules which together leave nothing; empty when that cannot be proved."""
    near = [each for each in earlier if _may_be_implied(each, later)]
    if not near:
        return []
    for each in near:
        if implies(later, each):
            return [each]
    for key, condition in later.conditions.items():
        if isinstance(condition, ChoiceCondition) and 1 < len(condition.any_of) <= _MAX_ALTERNATIVES:
            found = _shadowed_name_by_name(near, later, key, condition)
            if found:
                return found
    return []


def _may_be_implied(earlier: LocatedRule, later: LocatedRule) -> bool:
    """A quick look before the real comparison."""
    if earlier.cel is not None and earlier.cel != later.cel:
        return False
    return all(key in later.conditions or key in _LOCATION_KEYS for key in earlier.conditions)


def _shadowed_name_by_name(
    near: Sequence[LocatedRule], later: LocatedRule, key: str, condition: ChoiceCondition
) -> list[LocatedRule]:
    """A rule that asks for any of several names is as many rules as there are names."""
    takers: list[LocatedRule] = []
    for name in condition.any_of:
        part = {**later.conditions, key: replace(condition, any_of=(name,))}
        taker = next((each for each in near if implies(later, each, part)), None)
        if taker is None:
            return []
        if taker not in takers:
            takers.append(taker)
    return takers


def implies(
    later: LocatedRule, earlier: LocatedRule, conditions: Mapping[str, Condition] | None = None
) -> bool:
    """Whether every issue that ``later`` takes fits ``earlier`` too. False when that is not certain."""
    asked = later.conditions if conditions is None else conditions
    if earlier.cel is not None and earlier.cel != later.cel:
        return False
    if not later.reachable_sources <= earlier.reachable_sources:
        return False
    # That the places agree is known from the sources of the team.
    return all(
        key in _LOCATION_KEYS or (key in asked and _condition_implies(asked[key], weaker))
        for key, weaker in earlier.conditions.items()
    )


def _condition_implies(one: Condition, other: Condition) -> bool:
    if isinstance(one, ChoiceCondition) and isinstance(other, ChoiceCondition):
        return _choice_implies(one, other)
    if isinstance(one, PatternCondition) and isinstance(other, PatternCondition):
        return _pattern_implies(one.text, other.text)
    if isinstance(one, TimeRangeCondition) and isinstance(other, TimeRangeCondition):
        later_start = other.after is None or (one.after is not None and one.after >= other.after)
        earlier_end = other.before is None or (one.before is not None and one.before <= other.before)
        return later_start and earlier_end
    return False


def _choice_implies(one: ChoiceCondition, other: ChoiceCondition) -> bool:
    def certain(wanted: Sequence[NamePattern]) -> bool:
        """Whether what ``one`` asks for always brings one of these names along."""
        by_any = bool(one.any_of) and all(any(covers(w, n) for w in wanted) for n in one.any_of)
        return by_any or any(covers(w, n) for w in wanted for n in one.all_of)

    if other.any_of and not certain(other.any_of):
        return False
    if not all(certain((name,)) for name in other.all_of):
        return False
    return all(_excludes(one, name) for name in other.none_of)


def _excludes(one: ChoiceCondition, name: NamePattern) -> bool:
    """Whether an issue that fits ``one`` never carries a name."""
    if any(covers(each, name) for each in one.none_of):
        return True
    required = one.any_of or one.all_of[:1]
    return (
        one.key in _SINGLE_VALUED
        and bool(required)
        and all(each.pattern is None and not covers(name, each) for each in required)
    )


def covers(wide: NamePattern, narrow: NamePattern) -> bool:
    """Whether everything that ``narrow`` names is named by ``wide``, too.

    A ``*`` of the wide name may stand for a wildcard of the narrow one; a ``?`` may not, because the narrow
    one's ``*`` may be several characters.
    """
    if wide.text == narrow.text:
        return True
    if "?" in wide.text and narrow.pattern is not None:
        return False
    return wide.matches_any(frozenset({narrow.text}))


def is_plain(pattern: str) -> bool:
    """A pattern without anything that a pattern can do."""
    return _SPECIAL.search(pattern) is None


def _pattern_implies(one: str, other: str) -> bool:
    if one == other or other == ".*":
        return True
    words, ignoring = _plain_text(one)
    wanted, also_ignoring = _plain_text(other)
    if words is None or wanted is None or (ignoring and not also_ignoring):
        return False
    if also_ignoring and words.isascii() and wanted.isascii():
        return wanted.lower() in words.lower()
    return wanted in words


def _plain_text(pattern: str) -> tuple[str | None, bool]:
    """The text that a plain pattern looks for, and whether without regard to case."""
    ignoring = pattern.startswith("(?i)")
    text = pattern.removeprefix("(?i)")
    return (text if is_plain(text) else None), ignoring
