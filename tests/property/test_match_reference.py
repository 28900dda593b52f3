"""The compiled matcher agrees with a plain Python evaluation of all rules."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.model import Issue, KnownIssue
from mappings.model import Overrides, TeamMapping
from tests.support.match_world import (
    Q4,
    assigned_capabilities,
    capability,
    increment,
    known,
    match,
    matcher,
    rule,
    team,
    workspace,
)

NAMES = ["a", "A", "ab", "b", "a/b", "b*", "*", "a?", "?", "capability:one", "x.y", "[a]"]
VALUES = ["a", "A", "ab", "b", "bb", "a/b", "capability:one", "x.y", "[a]"]
TITLES = ["a b", "B a", "x", "ab", "", "grün a"]
PATTERNS = ["a", "^a", "(?i)B", "b$", "x|y", "", "ü"]
CAPABILITIES = ["one", "two", "three"]

names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(tuple)
choices = st.dictionaries(st.sampled_from(["any", "all", "none"]), names, min_size=1)
labels_alone = st.fixed_dictionaries({"labels": st.fixed_dictionaries({"any": names})})
conditions = labels_alone | st.fixed_dictionaries(
    {},
    optional={
        "labels": choices,
        "type": choices,
        "parent": choices,
        "components": choices,
        "title": st.sampled_from(PATTERNS),
        "body": st.sampled_from(PATTERNS),
    },
)
rules = st.lists(st.tuples(st.sampled_from(CAPABILITIES), conditions), max_size=8)
issues = st.lists(
    st.fixed_dictionaries(
        {
            "labels": st.lists(st.sampled_from(VALUES), max_size=3),
            "type": st.sampled_from(["", "a", "b", "AB"]),
            "components": st.lists(st.sampled_from(VALUES), max_size=2).map(tuple),
            "title": st.sampled_from(TITLES),
            "body": st.sampled_from(TITLES),
            "parent": st.sampled_from([None, "DS-0", "DS-1", "DS-2", "a"]),
        }
    ),
    min_size=1,
    max_size=5,
)


def plain_match(
    teams: tuple[TeamMapping, ...], everything: list[KnownIssue], overrides: Overrides
) -> dict[str, str]:
    """Key -> capability, for open issues of a running increment."""
    parents = {each.issue.ref.key: each.issue.parent for each in everything}
    found = {}
    for each in everything:
        pin = overrides.pins.get(each.issue.ref)
        claimed = {first for one in teams if (first := plain_first(one, each.issue, parents)) is not None}
        if pin is not None:
            found[each.issue.ref.key] = pin
        elif len(claimed) == 1 and not claimed & overrides.vetoes.get(each.issue.ref, frozenset()):
            found[each.issue.ref.key] = claimed.pop()
    return found


def plain_first(mapping: TeamMapping, one: Issue, parents: dict[str, str | None]) -> str | None:
    ancestors: list[str] = []
    parent = one.parent
    while parent is not None and parent not in ancestors and parent != one.ref.key:
        ancestors.append(parent)
        parent = parents.get(parent)
    facts = {
        "labels": [label for label in one.labels if not label.startswith("capability:")],
        "type": [one.type] if one.type else [],
        "parent": ancestors + [f"{one.ref.tracker}:{key}" for key in ancestors],
        "components": list(one.components),
        "title": one.title,
        "body": one.body,
    }
    for each in mapping.rules:
        if all(plain_holds(wanted, facts[key]) for key, wanted in each.when.items()):
            return each.assign
    return None


def plain_holds(condition: Any, values: Any) -> bool:
    if isinstance(values, str):
        return re.search(condition, values) is not None

    def has(name: str) -> bool:
        pattern = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in name.lower())
        return any(re.fullmatch(pattern, value.lower()) for value in values)

    return (
        ("any" not in condition or any(has(name) for name in condition["any"]))
        and all(has(name) for name in condition.get("all", ()))
        and not any(has(name) for name in condition.get("none", ()))
    )


@settings(max_examples=150)
@given(st.lists(rules, min_size=1, max_size=2), issues, st.data())
def test_the_compiled_matcher_agrees_with_the_plain_one(
    written: list[list[tuple[str, dict[str, Any]]]], facts: list[dict[str, Any]], data: st.DataObject
) -> None:
    teams = tuple(
        team(f"team-{at}", *(rule(f"r{n}", home, when) for n, (home, when) in enumerate(each)))
        for at, each in enumerate(written)
    )
    plan = increment("q4", Q4, *(capability(name) for name in CAPABILITIES))
    everything = [known(f"DS-{at}", **each) for at, each in enumerate(facts)]
    decided = st.lists(st.tuples(st.sampled_from(everything), st.sampled_from(CAPABILITIES)), max_size=2)
    overrides = Overrides(
        pins={each.issue.ref: home for each, home in data.draw(decided)},
        vetoes={each.issue.ref: frozenset({home}) for each, home in data.draw(decided)},
    )
    world = workspace(plan, teams=teams)

    matched = match(world, *everything, overrides=overrides)

    assert assigned_capabilities(matched) == plain_match(teams, everything, overrides)
    report = [*matched.assignments, *matched.unplanned, *matched.conflicts]
    assert sorted(each.ref.key for each in report) == sorted(each.issue.ref.key for each in everything)
    by_key = {each.ref.key: each for each in report}
    explaining = matcher(world)
    for each in everything:
        assert explaining.trace(each, overrides, everything).outcome == by_key[each.issue.ref.key]
