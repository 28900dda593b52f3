"""The parts of a difference add up exactly for any change of issues, rules, plans and overrides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import combinations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mappings.labels import LabelScheme
from mappings.model import MatchResult, Overrides
from sync.insights.change_between import CountHistory, differences
from sync.insights.change_causes import AttributionContext
from sync.insights.count_ledger import diff_counts
from sync.model.attribution import CountRecord, PlanFacts
from sync.model.plan_facts import plan_facts
from sync.model.rollup import Rollup
from tests.support.rollup_world import (
    MIDWAY,
    capability,
    goal,
    increment,
    issue,
    ref,
    roll_up_plan,
    workspace,
)

FEATURES, MODEL, DASHBOARD = capability("features"), capability("model"), capability("dashboard")
PLANS = tuple(
    replace(workspace(increment(goal(*first), goal(*second, name="second"))), digest=str(number))
    for number, (first, second) in enumerate(
        [
            ((FEATURES, MODEL), (DASHBOARD,)),
            ((FEATURES,), (MODEL, DASHBOARD)),
            ((FEATURES,), (DASHBOARD,)),
            ((FEATURES, capability("model", cancelled=True)), (DASHBOARD,)),
            ((FEATURES, capability("scoring", previously=("model",))), (DASHBOARD,)),
            ((FEATURES, MODEL), (capability("dashboard", required=False),)),
        ]
    )
)


@st.composite
def issues(draw):
    """Draw state, capability, parent, pin, age of vanishing, title and day of the last edit."""
    return draw(
        st.tuples(
            st.sampled_from(["todo", "doing", "done", "dropped"]),
            st.integers(0, 9),
            st.sampled_from([None, None, 1, 2]),
            st.sampled_from(["rule", "rule", "rule", "pin"]),
            st.sampled_from([None, None, None, 1, 20]),
            st.sampled_from(["a", "b"]),
            st.sampled_from([-20, 1, 2]),
        )
    )


STEPS = st.tuples(
    st.sampled_from(PLANS),
    st.dictionaries(st.integers(1, 4), issues(), max_size=4),
    st.sampled_from([{}, {}, {ref("DS-1"): frozenset({"features"})}]),
)


def entry(number, plan, facts):
    state, place, parent, by, vanished, title, edited = facts
    planned = [each.id for each in plan.increments[0].capabilities]
    assignment, known = issue(
        f"DS-{number}",
        state,
        capability=planned[place % len(planned)],
        parent=f"DS-{parent}" if parent else None,
        vanished=MIDWAY - timedelta(days=vanished) if vanished else None,
    )
    edited_issue = replace(known.issue, title=title, updated=MIDWAY + timedelta(days=edited))
    by_pin = {"by": "pin", "rule": None} if by == "pin" else {}
    return replace(assignment, **by_pin), replace(known, issue=edited_issue)


@dataclass
class History:
    """Records of some runs as a store has them, and the roll-up of each."""

    rows: tuple[CountRecord, ...] = ()
    plans: tuple[PlanFacts, ...] = ()
    rollups: tuple[Rollup, ...] = ()


def run_steps(steps) -> History:
    history = History()
    for number, (plan, facts_of, vetoes) in enumerate(steps):
        found = [entry(each, plan, facts) for each, facts in sorted(facts_of.items())]
        at = MIDWAY + timedelta(days=number)
        rollup = roll_up_plan(*found, plan=plan, now=at)
        recorded = history.plans[-1] if history.plans else None
        facts = plan_facts(plan, at, f"run-{number}", recorded)
        renamed = [replace(row, capability=name(facts, row.capability)) for row in history.rows]
        ended = {row.ref: row for row in renamed if row.until}
        context = AttributionContext(
            at=at,
            run_id=f"run-{number}",
            previous=recorded.at if recorded else None,
            rules_changed=recorded is not None and recorded.digest != facts.digest,
            planned_before=frozenset(name(facts, each) for each in recorded.body["capabilities"])
            if recorded
            else frozenset(),
            planned=frozenset(facts.body["capabilities"]),
            matched=MatchResult(assignments=tuple(assignment for assignment, _ in found)),
            known={known.issue.ref: known for _, known in found},
            overrides=Overrides(vetoes=vetoes),
            labels_written_at={},
            scheme=LabelScheme(),
        )
        current = {(row.ref, name(facts, row.capability)): row for row in history.rows if not row.until}
        rows = diff_counts(current, ended, rollup, context).apply_to(history.rows)
        history.rows = tuple(replace(row, id=index) for index, row in enumerate(rows))
        history.plans += (facts,)
        history.rollups += (rollup,)
    return history


def name(facts: PlanFacts, capability_id: str) -> str:
    return facts.names.get(f"capability:{capability_id}", f"capability:{capability_id}").partition(":")[2]


def between(history: History, first: int, last: int):
    since, at = history.plans[first], history.plans[last]
    return differences(CountHistory(records=history.rows, plan_since=since, plan_at=at, names=at.names))


EFFECTS = {
    "delivered": {(1, 0)},
    "reopened": {(-1, 0)},
    "added": {(0, 1), (1, 1)},
    "dropped": {(0, -1), (-1, -1)},
    "remapped": {(1, 0), (-1, 0), (0, 1), (1, 1), (0, -1), (-1, -1)},
    "vanished": {(0, 1), (1, 1), (0, -1), (-1, -1)},
}


def open_issue(place):
    """Return an open issue in the n-th capability of the plan."""
    return ("todo", place, None, "rule", None, "a", -20)


@settings(max_examples=100)
@example([(PLANS[0], {3: open_issue(1)}, {}), (PLANS[1], {3: open_issue(2)}, {})])
@given(st.lists(STEPS, min_size=2, max_size=4))
def test_the_parts_add_up_to_the_difference_of_the_roll_ups(steps):
    history = run_steps(steps)
    for first, last in combinations(range(len(steps)), 2):
        names = history.plans[last].names
        for found in between(history, first, last):
            old = [each for each, new in names.items() if new == found.subject]
            earlier = [history.rollups[first].subject(each) for each in (found.subject, *old)]
            before = counts(*earlier)
            assert (found.done_before, found.scope_before) == before, found.subject
            now = counts(history.rollups[last].subject(found.subject))
            assert (found.done_after, found.scope_after) == now, found.subject
            assert found.done_before + sum(each.done for each in found.entries) == found.done_after
            assert found.scope_before + sum(each.scope for each in found.entries) == found.scope_after
            for part, allowed in EFFECTS.items():
                for each in found.part(part):
                    assert (each.done, each.scope) in allowed
                    assert each.why
                    assert found.since < each.at <= found.at, (part, each)


def counts(*rollups):
    existing = [each.counts for each in rollups if each]
    return sum(each.done for each in existing), sum(each.scope for each in existing)


@settings(max_examples=20)
@given(st.lists(STEPS, min_size=1, max_size=2))
def test_an_unchanged_world_adds_no_records(steps):
    assert run_steps([*steps, steps[-1]]).rows == run_steps(steps).rows
