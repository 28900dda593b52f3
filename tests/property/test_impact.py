"""The computed impact equals the difference between two full plannings, with and without reuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.github.spec import SPEC as GITHUB
from connectors.jira.spec import SPEC as JIRA
from connectors.model import IssueRef, KnownIssue
from mappings.model import Anchor, Assignment, Conflict, MatchResult, Unplanned, Workspace
from mappings.rules.trace import MatchOutcome
from sync.config.settings import Settings
from sync.mapping_tools.impact import IssueMove, compute_impact
from sync.model.labels import RecordedOverrides
from sync.model.planning import PlanningInputs, PlanningResult, PreviousPlanning, RecordedState
from sync.pipeline.affected import PlanningBasis, affected_issues
from sync.pipeline.offline import find_anchors
from sync.pipeline.planner import Planner
from tests.support.match_world import NOW, Q3, Q4, at, capability, increment, known, rule, team, workspace

CAPABILITIES = ["one", "two", "three", "four"]
SOURCES = ["DS", "acme/churn"]
LABELS = [
    "a",
    "b",
    "c",
    "capability:one",
    "capability:two",
    "capability:four",
    "capability:five",
    "increment:q4",
    "increment:q3",
]
SETTINGS = Settings.model_validate(
    {
        "instance": "here",
        "trackers": {
            "jira": {"kind": "jira-cloud", "url": "https://j.invalid"},
            "github": {"kind": "github"},
        },
    }
)

names = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=2, unique=True).map(tuple)
conditions = st.fixed_dictionaries(
    {},
    optional={
        "labels": st.dictionaries(st.sampled_from(["any", "none"]), names, min_size=1),
        "parent": st.fixed_dictionaries({"any": st.sampled_from([("DS-0",), ("DS-1",)])}),
        "title": st.sampled_from(["^x", "y"]),
    },
)
written_rules = st.lists(st.tuples(st.sampled_from(CAPABILITIES), conditions, st.booleans()), max_size=4)
teams = st.tuples(
    written_rules,
    st.lists(st.sampled_from(SOURCES), min_size=1, max_size=2, unique=True),
    st.booleans(),
)
mappings = st.lists(teams, min_size=2, max_size=3)
anchors = st.sampled_from([None, Anchor(tracker="jira", key="DS-0"), Anchor(tracker="jira", key="DS-1")])
plans = st.fixed_dictionaries(
    {
        "one": st.fixed_dictionaries({"anchor": anchors, "title": st.sampled_from(["One", "Uno"])}),
        "two": st.fixed_dictionaries(
            {"team": st.sampled_from(["team-0", "team-1"]), "cancelled": st.booleans()}
        ),
        "four": st.none()
        | st.fixed_dictionaries(
            {
                "continues": st.sampled_from([None, "three"]),
                "closed": st.booleans(),
                "team": st.just("team-1"),
            }
        ),
        "previously": st.sampled_from([(), ("five",)]),
        "backwards": st.booleans(),
    }
)
issues = st.lists(
    st.fixed_dictionaries(
        {
            "labels": st.lists(st.sampled_from(LABELS), max_size=3),
            "title": st.sampled_from(["x", "y", "z"]),
            "parent": st.sampled_from([None, "DS-0", "DS-1"]),
            "category": st.sampled_from(["todo", "doing", "done"]),
            "closed": st.sampled_from([None, at(8, 1), at(11, 2)]),
        }
    ),
    min_size=1,
    max_size=6,
)


def mapped(drawn: list[tuple[Any, list[str], bool]], plan: dict[str, Any] | None = None) -> Workspace:
    """Two or three teams over a plan with a closed and a running increment."""
    plan = plan or {}
    four = dict(plan.get("four") or {})
    made = tuple(
        team(
            f"team-{at}",
            *(
                rule(f"r{n}", home if four or home != "four" else "two", when, experiment=experiment)
                for n, (home, when, experiment) in enumerate(rules)
            ),
            sources=tuple(sources),
            label_unplanned=asks,
        )
        for at, (rules, sources, asks) in enumerate(drawn)
    )
    past = [capability("three", team="team-0")]
    running = [
        capability(
            "one", **{"team": "team-0", "anchor": Anchor(tracker="jira", key="DS-0"), **plan.get("one", {})}
        ),
        capability(
            "two", **{"team": "team-1", "previously": plan.get("previously", ()), **plan.get("two", {})}
        ),
    ]
    if four:
        (past if four.pop("closed") else running).append(capability("four", **four))
    ordered = made[::-1] if plan.get("backwards") else made
    return workspace(increment("q3", Q3, *past), increment("q4", Q4, *running), teams=ordered)


def held(known_issues: dict[IssueRef, KnownIssue], world: Workspace) -> dict[IssueRef, KnownIssue]:
    """With the sources that a team names."""
    named = {source.name for each in world.teams for source in each.sources}
    return {ref: replace(item, sources=item.sources & named) for ref, item in known_issues.items()}


def thoughts(
    old: Workspace, new: Workspace, seen: PlanningInputs, remembered: RecordedState
) -> tuple[PlanningResult, ...]:
    """What the old one says, what the new one says, and what it says when it may rest on the old one."""

    def think_of(world: Workspace, earlier: PreviousPlanning | None = None) -> PlanningResult:
        known_issues = held(dict(seen.known), world)
        return Planner(
            settings=SETTINGS,
            workspace=world,
            observed=replace(seen, known=known_issues, anchors=find_anchors(known_issues, world)),
            recorded=remembered,
            now=NOW,
            specs={"jira": JIRA, "github": GITHUB},
            previous=earlier,
        ).plan()

    before, after = think_of(old), think_of(new)
    bases = [
        PlanningBasis(workspace=world, known=held(dict(seen.known), world), recorded=remembered)
        for world in (old, new)
    ]
    again = affected_issues(bases[0], before, bases[1])
    spared = after if again is None else think_of(new, PreviousPlanning(planning=before, affected=again))
    return before, after, spared


def seen_of(facts: list[dict[str, Any]]) -> PlanningInputs:
    keys = [f"DS-{n}" if n % 3 else f"acme/churn#{n}" for n in range(1, len(facts) + 1)]
    everything = [known("DS-0"), *(known(key, **each) for key, each in zip(keys, facts, strict=True))]
    everything = sorted(everything, key=lambda item: item.issue.ref)
    return PlanningInputs(
        known={item.issue.ref: item for item in everything},
        anchors={},
        unread_sources=frozenset(),
        failing_since={},
    )


def remembered_of(data: st.DataObject, items: list[KnownIssue]) -> RecordedState:
    ours = st.dictionaries(
        st.sampled_from([item.issue.ref for item in items]),
        st.frozensets(st.sampled_from(LABELS[3:]), min_size=1),
        max_size=3,
    )
    decisions = RecordedOverrides(pins=data.draw(ours), vetoes=data.draw(ours))
    return RecordedState(pushed_labels=data.draw(ours), overrides=decisions, store_created_at=at(10, 25))


def every_outcome(matched: MatchResult) -> dict[IssueRef, MatchOutcome]:
    return {each.ref: each for each in (*matched.assignments, *matched.unplanned, *matched.conflicts)}


def without_reasons(outcome: MatchOutcome) -> MatchOutcome:
    """Without the words for where a state comes from: they are no difference."""
    if isinstance(outcome, Assignment | Unplanned):
        return replace(outcome, state=replace(outcome.state, because=""))
    if isinstance(outcome, Conflict):
        claims = tuple(replace(each, state=replace(each.state, because="")) for each in outcome.claims)
        return replace(outcome, claims=claims)
    return None


def with_moves(
    before: dict[IssueRef, MatchOutcome], moves: tuple[IssueMove, ...]
) -> dict[IssueRef, MatchOutcome]:
    for move in moves:
        assert without_reasons(before.get(move.ref)) == without_reasons(move.before)
    moved = before | {move.ref: move.after for move in moves}
    return {ref: without_reasons(outcome) for ref, outcome in moved.items() if outcome is not None}


@settings(max_examples=200)
@given(mappings, mappings, plans, plans, issues, st.data())
def test_old_assignments_plus_moves_equal_new_assignments(
    old: list[Any],
    new: list[Any],
    plan: dict[str, Any],
    other: dict[str, Any],
    facts: list[dict[str, Any]],
    data: st.DataObject,
) -> None:
    seen = seen_of(facts)
    remembered = remembered_of(data, list(seen.known.values()))
    # Mostly only one team changes, or none, as in most pull requests; and half of the time the plan.
    changed = data.draw(st.sampled_from([old, [old[0], new[1], *old[2:]], old[:2], [*old[:2], new[-1]], new]))
    edited = plan | {
        name: other[name] for name in data.draw(st.sets(st.sampled_from(sorted(plan)), max_size=2))
    }

    before, after, spared = thoughts(mapped(old, plan), mapped(changed, edited), seen, remembered)
    impact = compute_impact(before, after, seen.known)

    new_outcomes = {ref: without_reasons(outcome) for ref, outcome in every_outcome(after.matched).items()}
    assert with_moves(every_outcome(before.matched), impact.moves) == new_outcomes
    assert compute_impact(before, spared, seen.known) == impact
    assert spared.rollup.increments == after.rollup.increments
    assert sorted(spared.suspicions, key=str) == sorted(after.suspicions, key=str)
    # Of issues that concern nobody the whole look says nothing, the spared one that they should have no label.
    assert {ref: wish for ref, wish in spared.desired.items() if ref in after.desired} == after.desired
    assert not any(wish.labels for ref, wish in spared.desired.items() if ref not in after.desired)


@settings(max_examples=100)
@given(mappings, plans, issues, st.data())
def test_identical_mappings_have_no_impact(
    drawn: list[Any], plan: dict[str, Any], facts: list[dict[str, Any]], data: st.DataObject
) -> None:
    seen = seen_of(facts)
    remembered = remembered_of(data, list(seen.known.values()))

    before, after, spared = thoughts(mapped(drawn, plan), mapped(drawn, plan), seen, remembered)

    assert compute_impact(before, after, seen.known).is_empty
    assert compute_impact(before, spared, seen.known).is_empty


FOUR = {"continues": "three", "closed": False, "team": "team-1"}


@pytest.mark.parametrize(
    ("plan", "edited"),
    [
        ({"four": FOUR}, {"four": {**FOUR, "continues": None}}),
        ({"four": FOUR}, {"four": {**FOUR, "closed": True}}),
        ({"previously": ()}, {"previously": ("five",)}),
    ],
    ids=["nothing continues it", "what continues it is closed", "an old name"],
)
def test_an_edited_plan_moves_issues_of_unchanged_rules(plan: dict[str, Any], edited: dict[str, Any]) -> None:
    teams = mapped([([("three", {"labels": {"any": ("a",)}}, False)], ["DS"], False)] * 2, plan).teams
    seen = seen_of([{"labels": ["a"]}, {"labels": ["b", "capability:five"]}])
    worlds = [replace(mapped([], each), teams=teams) for each in (plan, edited)]

    before, after, spared = thoughts(*worlds, seen, RecordedState(store_created_at=at(10, 25)))

    assert (before.matched, before.suspicions) != (after.matched, after.suspicions)
    assert compute_impact(before, spared, seen.known) == compute_impact(before, after, seen.known)
    assert sorted(spared.suspicions, key=str) == sorted(after.suspicions, key=str)
