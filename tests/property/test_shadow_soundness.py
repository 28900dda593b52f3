"""Rules reported as shadowed or impossible never match first, checked with the matcher on generated issues."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.model import KnownIssue
from connectors.registry import spec_of
from mappings.build import WorkspaceBuilder
from mappings.checks.rule_reach import locate_teams
from mappings.checks.shadowed_rules import impossible_rule, shadowed_rule
from mappings.labels import LabelScheme
from mappings.parsed import ParsedTeam, ParsedWorkspace, YamlLocation
from mappings.rules.conditions import compile_conditions
from mappings.rules.subject import RuleSubject
from mappings.schema.mapping import MappingFile
from mappings.yaml.tree import Positions, parse_tree
from tests.support.match_world import at, known

NAMES = st.sampled_from(["a", "b", "ab", "abb", "a*", "*b", "a?", "*", "?b", "B"])
CHOICE = st.fixed_dictionaries(
    {}, optional={part: st.lists(NAMES, min_size=1, max_size=2) for part in ("any", "all", "none")}
).filter(bool)
PATTERN = st.sampled_from(["a", "ab", "(?i)A", "(?i)aB", "b.", ".*", "^a", "b"])
DAYS = st.integers(min_value=1, max_value=6)
SPAN = st.one_of(
    st.builds(lambda d: {"after": f"2026-10-0{d}"}, DAYS),
    st.builds(lambda d: {"before": f"2026-10-0{d}"}, DAYS),
    st.builds(lambda d: {"after": f"2026-10-0{d}", "before": f"2026-10-0{d + 1}"}, DAYS),
)
PLACES = st.lists(st.sampled_from(["DS", "acme/churn", "acme/*", "D?"]), min_size=1, max_size=2)
ANYTHING = st.fixed_dictionaries(
    {},
    optional={
        "labels": CHOICE,
        "type": CHOICE,
        "components": CHOICE,
        "milestone": CHOICE,
        "project": PLACES,
        "repo": PLACES,
        "title": PATTERN,
        "created": SPAN,
    },
).filter(bool)
# One condition alone is compared more often than several at once are.
WHEN = st.one_of(
    st.builds(lambda choice: {"labels": choice}, CHOICE),
    st.builds(lambda choice: {"type": choice}, CHOICE),
    ANYTHING,
)
TEXT = st.sampled_from(["a", "b", "ab", "abb", "B", "AB", "c"])


@st.composite
def issues(draw: st.DrawFn) -> KnownIssue:
    """An issue as its tracker could tell it."""
    jira = draw(st.booleans())
    facts: dict[str, Any] = {
        "labels": draw(st.sets(TEXT, max_size=3)),
        "type": draw(TEXT | st.just("")),
        "title": draw(TEXT),
        "created": at(10, draw(DAYS)),
    }
    if jira:
        return known("DS-1", components=tuple(draw(st.sets(TEXT, max_size=2))), **facts)
    return known("acme/churn#1", milestone=draw(TEXT | st.none()), **facts)


def team(whens: list[dict[str, Any]]) -> Any:
    mapping = {
        "team": "t",
        "sources": [{"jira": {"project": "DS"}}, {"github": {"repo": "acme/churn"}}],
        "rules": [{"id": str(n), "when": when, "assign": "c"} for n, when in enumerate(whens)],
    }
    tree, problems = parse_tree(json.dumps(mapping, indent=1), "t.yaml")
    assert tree is not None and not problems
    entry = MappingFile.model_validate(tree.to_plain())
    place = YamlLocation(positions=Positions(file="t.yaml", root=tree))
    trackers = {"jira": spec_of("jira-cloud"), "github": spec_of("github")}
    draft = ParsedTeam(entry=entry, location=place, complete=True)
    whole = ParsedWorkspace(
        plans=(),
        teams=(draft,),
        trackers=trackers,
        labels=LabelScheme(),
        declared_capabilities=frozenset({"c"}),
        declared_teams=frozenset({"t"}),
        plans_readable=True,
        teams_readable=True,
    )
    (found,) = locate_teams(whole, WorkspaceBuilder(trackers=trackers, timezone="UTC"), ())
    return found


@settings(max_examples=400)
@given(st.lists(WHEN, min_size=2, max_size=4), st.lists(issues(), min_size=1, max_size=25))
def test_a_rule_that_was_called_shadowed_or_impossible_never_decides(
    whens: list[dict[str, Any]], made: list[KnownIssue]
) -> None:
    read = team(whens)
    called = {each.path.removesuffix(".when") for each in (*shadowed_rule(read), *impossible_rule(read))}
    assert called <= {f"rules[{n}]" for n in range(len(whens))}
    rules = [compile_conditions(each.rule.when) for each in read.rules]
    for each in made:
        subject = RuleSubject(issue=each.issue, labels=tuple(sorted(each.issue.labels)))
        holding = [n for n, conditions in enumerate(rules) if all(c.holds(subject) for c in conditions)]
        assert not holding or f"rules[{holding[0]}]" not in called
