"""Find rules that never match first, as far as their conditions prove it.

A rule is shadowed if its conditions imply those of an earlier rule. Only certain cases are reported: conditions that
cannot be compared are assumed to differ.
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
from mappings.rules.fields import LOCATION_KEYS, SINGLE_VALUED_KEYS

_SPECIAL: Final = re.compile(r"[\\.^$*+?()\[\]{}|]")
_MAX_ALTERNATIVES: Final = 50


def impossible_rule(team: LocatedTeam) -> Iterator[Problem]:
    """Warn about rules that contradict themselves or that no source of the team can satisfy."""
    for each in team.rules:
        for key, condition in each.conditions.items():
            if isinstance(condition, ChoiceCondition) and _contradicts_itself(condition):
                message = (
                    f"no issue can satisfy `{key}` ({condition.expected}); correct it or remove the rule."
                )
                yield (each.location / "when").warning("impossible-rule", message, on_key=True)
        if team.sources and not each.reachable_sources:
            message = "no source of the team has such issues; correct the conditions or remove the rule."
            yield (each.location / "when").warning("impossible-rule", message, on_key=True)


def _contradicts_itself(condition: ChoiceCondition) -> bool:
    def forbidden(name: NamePattern) -> bool:
        return any(covers(each, name) for each in condition.none_of)

    if any(map(forbidden, condition.all_of)) or (condition.any_of and all(map(forbidden, condition.any_of))):
        return True
    exact = {name.text for name in condition.all_of if name.pattern is None}
    return condition.key in SINGLE_VALUED_KEYS and len(exact) > 1


def shadowed_rule(team: LocatedTeam) -> Iterator[Problem]:
    """Warn about rules that never match first because earlier rules match all their issues."""
    for index, later in enumerate(team.rules):
        if not later.reachable_sources:
            continue
        shadowing = _shadowing_rules(team.rules[:index], later)
        if not shadowing or (len(shadowing) == 1 and shadowing[0].rule.when == later.rule.when):
            continue  # identical conditions are reported by `identical_rules`
        names = " and ".join(f'"{each.rule.id}" ({each.rule.origin})' for each in shadowing)
        verb = "matches" if len(shadowing) == 1 else "match"
        message = f"this rule never matches first: {names} before it {verb} all its issues; move it up or remove it."
        yield later.location.warning("shadowed-rule", message, on_key=True)


def is_shadowed(earlier: Sequence[LocatedRule], later: LocatedRule) -> bool:
    """Return True if the conditions prove that earlier rules match all issues of this one."""
    return bool(_shadowing_rules(earlier, later))


def _shadowing_rules(earlier: Sequence[LocatedRule], later: LocatedRule) -> list[LocatedRule]:
    """Return the earlier rules that together match all issues of ``later``; empty if that is not certain."""
    candidates = [each for each in earlier if _may_be_implied(each, later)]
    for each in candidates:
        if _implies(later, each, later.conditions):
            return [each]
    for key, condition in later.conditions.items():
        if isinstance(condition, ChoiceCondition) and 1 < len(condition.any_of) <= _MAX_ALTERNATIVES:
            found = _shadowed_name_by_name(candidates, later, key, condition)
            if found:
                return found
    return []


def _may_be_implied(earlier: LocatedRule, later: LocatedRule) -> bool:
    """Cheap filter before the full comparison."""
    return earlier.cel in (None, later.cel) and all(
        key in later.conditions or key in LOCATION_KEYS for key in earlier.conditions
    )


def _shadowed_name_by_name(
    candidates: Sequence[LocatedRule], later: LocatedRule, key: str, condition: ChoiceCondition
) -> list[LocatedRule]:
    """Split a rule with several names under ``any`` into one rule per name and look for a match for each."""
    shadowing: list[LocatedRule] = []
    for name in condition.any_of:
        part = {**later.conditions, key: replace(condition, any_of=(name,))}
        match = next((each for each in candidates if _implies(later, each, part)), None)
        if match is None:
            return []
        if match not in shadowing:
            shadowing.append(match)
    return shadowing


def _implies(later: LocatedRule, earlier: LocatedRule, conditions: Mapping[str, Condition]) -> bool:
    """Return True if every issue that ``later`` matches is also matched by ``earlier``; False if that is not certain.

    ``conditions``: those of ``later``, or of a part of it. ``_may_be_implied`` must be True for the two.
    """
    # The sources of the team decide the location.
    return later.reachable_sources <= earlier.reachable_sources and all(
        key in LOCATION_KEYS or _condition_implies(conditions[key], weaker)
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
    def certain(required: Sequence[NamePattern]) -> bool:
        """Return True if every issue that satisfies ``one`` has one of these names."""
        by_any = bool(one.any_of) and all(any(covers(w, n) for w in required) for n in one.any_of)
        return by_any or any(covers(w, n) for w in required for n in one.all_of)

    return (
        (not other.any_of or certain(other.any_of))
        and all(certain((name,)) for name in other.all_of)
        and all(_excludes(one, name) for name in other.none_of)
    )


def _excludes(one: ChoiceCondition, name: NamePattern) -> bool:
    """Return True if no issue that satisfies ``one`` has the name."""
    if any(covers(each, name) for each in one.none_of):
        return True
    required = one.any_of or one.all_of[:1]
    return (
        one.key in SINGLE_VALUED_KEYS
        and bool(required)
        and all(each.pattern is None and not covers(name, each) for each in required)
    )


def covers(wide: NamePattern, narrow: NamePattern) -> bool:
    """Return True if every text that ``narrow`` matches is also matched by ``wide``.

    A ``*`` in ``wide`` may cover a wildcard in ``narrow``; a ``?`` may not, because a ``*`` in ``narrow`` can stand
    for several characters.
    """
    if wide.text == narrow.text:
        return True
    if "?" in wide.text and narrow.pattern is not None:
        return False
    return wide.matches_any(frozenset({narrow.text}))


def is_plain(pattern: str) -> bool:
    """Return True for a pattern without special characters."""
    return _SPECIAL.search(pattern) is None


def _pattern_implies(one: str, other: str) -> bool:
    if one == other or other == ".*":
        return True
    words, ignores_case = _plain_text(one)
    required, other_ignores_case = _plain_text(other)
    if words is None or required is None or (ignores_case and not other_ignores_case):
        return False
    if other_ignores_case and words.isascii() and required.isascii():
        return required.lower() in words.lower()
    return required in words


def _plain_text(pattern: str) -> tuple[str | None, bool]:
    """Return the text of a plain pattern (None for others), and whether case is ignored."""
    ignores_case = pattern.startswith("(?i)")
    text = pattern.removeprefix("(?i)")
    return (text if is_plain(text) else None), ignores_case
