"""Properties of every roll-up."""

import random
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from sync.model.rollup import Baseline, Counts
from tests.support.rollup_world import (
    CLOSE,
    END,
    MIDWAY,
    START,
    capability,
    goal,
    increment,
    issue,
    ref,
    roll_up_plan,
    workspace,
)

CAPABILITIES = ("features", "model", "dashboard")
PLAN = workspace(
    increment(
        goal(capability("features", iterations=("v1",)), capability("model")),
        goal(capability("dashboard", required=False), name="second", commitment="stretch"),
    )
)
MOMENTS = (
    START - timedelta(days=1),
    START,
    MIDWAY,
    END,
    END + timedelta(days=1),
    CLOSE,
    CLOSE + timedelta(days=9),
)
NUMBERS = st.integers(1, 12)


@st.composite
def entries(draw):
    found = []
    for number in sorted(draw(st.sets(NUMBERS))):
        state = draw(st.sampled_from(["todo", "doing", "done", "dropped"]))
        status = {"blocked": draw(st.booleans()), "known": state != "todo" or draw(st.booleans())}
        closed = draw(st.none() | st.sampled_from(MOMENTS)) if state in ("done", "dropped") else None
        parent = draw(st.none() | NUMBERS)
        found.append(
            issue(
                f"DS-{number}",
                state,
                capability=draw(st.sampled_from(CAPABILITIES)),
                team=draw(st.sampled_from(["science", "platform"])),
                parent=f"DS-{parent}" if parent else None,
                closed=closed,
                started=draw(st.none() | st.sampled_from(MOMENTS)),
                vanished=draw(st.none() | st.sampled_from(MOMENTS)),
                reopened=draw(st.integers(0, 2)),
                status=status,
                assigned={
                    "experiment": draw(st.booleans()),
                    "iteration": draw(st.sampled_from([None, "v1", "v2"])),
                },
            )
        )
    return found


@st.composite
def worlds(draw):
    refs = st.frozensets(NUMBERS.map(lambda number: ref(f"DS-{number}")))
    baselines = {
        name: Baseline(capability=name, at=START, refs=draw(refs))
        for name in CAPABILITIES
        if draw(st.booleans())
    }
    return draw(entries()), baselines, draw(st.sampled_from(MOMENTS))


def describe(world):
    found, baselines, now = world
    return roll_up_plan(*found, plan=PLAN, baselines=baselines, now=now)


@given(worlds())
def test_no_issue_counts_twice(world):
    counted = [each.ref for found in describe(world).capabilities for each in found.issues]
    assert len(counted) == len(set(counted))


@given(worlds())
def test_no_counted_issue_stands_beside_its_child(world):
    parents = {known.issue.ref: known.issue.parent for _, known in world[0]}
    for found in describe(world).capabilities:
        here = {each.ref.key for each in found.issues}
        for each in found.issues:
            parent = parents[each.ref]
            if each.in_scope and parent in here:
                assert in_a_circle(each.ref, parents)


def in_a_circle(start, parents):
    by_key = {each.key: each for each in parents}
    current, observed = start, set()
    while current is not None and current not in observed:
        observed.add(current)
        current = by_key.get(parents[current])
        if current == start:
            return True
    return False


@given(worlds())
def test_counts_add_up_from_issues_to_goals(world):
    rollup = describe(world)
    for found in rollup.capabilities:
        assert found.counts.scope + found.counts.dropped == len(found.issues)
        assert found.counts.scope == found.counts.done + found.counts.remaining
        assert found.counts.scope == sum(each.in_scope for each in found.issues)
        experiments = [each for each in found.issues if each.experiment and each.in_scope]
        answers = found.answers
        assert answers.answered + answers.open + answers.missing == len(experiments)
        iterations = sum((each.counts for each in found.iterations), Counts())
        assert iterations.scope == sum(each.in_scope for each in found.issues if each.iteration)
    for each in rollup.goals:
        assert each.counts == sum((found.counts for found in each.capabilities), Counts())
        assert 0 <= each.required_done <= each.required_total


@given(worlds())
def test_the_parts_of_the_scope_add_up(world):
    for found in describe(world).capabilities:
        scope = found.scope
        assert len(scope.delivered) == found.counts.done
        if scope.baseline is None:
            continue
        lost = [*scope.dropped, *scope.moved_out, *scope.vanished, *scope.split]
        assert len(lost) == len(set(lost))
        assert scope.baseline + len(scope.added) - len(lost) == found.counts.scope


@given(worlds())
def test_the_state_agrees_with_the_counts(world):
    for found in describe(world).capabilities:
        counts = found.counts
        assert (found.state == "empty") == (counts.scope == 0)
        assert (found.state == "done") == (counts.done > 0 and counts.remaining == 0)
        assert (found.state == "planned") == (counts.scope > 0 and not counts.doing and not counts.done)
        assert not (found.blocked and found.partly_blocked)
        assert not found.blocked or counts.doing > 0


@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_makes_no_difference(world, shuffler: random.Random):
    found, baselines, now = world
    shuffled = list(found)
    shuffler.shuffle(shuffled)
    assert describe((shuffled, baselines, now)) == describe(world)
