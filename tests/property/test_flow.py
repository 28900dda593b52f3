"""Issue flows are consistent for any history."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from connectors.model import IssueChange
from mappings.model import StateRule
from sync.model.flow import IssueFlow
from tests.support.flow_world import CLASSES, CREATED, day, flag, issue_flow, label, status

OWN = {
    "doing": StateRule(labels=frozenset({"wip"}), statuses=frozenset({"Review"})),
    "dropped": StateRule(labels=frozenset({"parked"})),
    "blocked": StateRule(labels=frozenset({"on-hold"})),
}
_WHEN = st.integers(-200, 4000).map(lambda tenths: tenths / 10)
_NAMES = st.sampled_from([*CLASSES, "Unknown Status"])
_LABELS = st.sampled_from(["wip", "parked", "on-hold", "chatter"])
_CHANGES = st.one_of(
    st.builds(status, _WHEN, _NAMES, _NAMES),
    st.builds(lambda when, name, off: label(when, name, off=off), _WHEN, _LABELS, st.booleans()),
    st.builds(lambda when, off: flag(when, off=off), _WHEN, st.booleans()),
)
_HISTORIES = st.lists(_CHANGES, max_size=12)
_FACTS = st.fixed_dictionaries(
    {
        "now": st.sampled_from([*CLASSES]),
        "complete": st.booleans(),
        "flagged": st.booleans(),
        "labels": st.sets(_LABELS),
        "closed": st.none() | _WHEN.map(day),
        "resolution": st.sampled_from([None, "Done", "Won't do"]),
        "observed": st.lists(st.builds(status, _WHEN, _NAMES, _NAMES), max_size=4),
    }
)


def known_flow(*changes: IssueChange, **facts: Any) -> IssueFlow | None:
    """Return the flow; None for a closed issue of which nothing says since when."""
    try:
        return issue_flow(*changes, states=OWN, **facts)
    except KeyError:
        assert facts["closed"] is None, "the tracker's own time is always something"
        return None


@given(_HISTORIES, _FACTS)
def test_a_flow_is_consistent(changes: list[IssueChange], facts: dict[str, Any]) -> None:
    flow = known_flow(*changes, **facts)
    assume(flow is not None)
    assert flow is not None
    state_changes = flow.state_changes
    assert state_changes[0].at == CREATED
    assert all(
        before.at <= after.at and before.state != after.state for before, after in pairwise(state_changes)
    )
    state, at = state_changes[-1].state, state_changes[-1].at
    assert flow.finished == (at if state == "done" else None)
    assert flow.dropped == (at if state == "dropped" else None)
    assert flow.started is None or flow.started >= CREATED
    assert list(flow.reopened) == sorted(flow.reopened)
    assert all(each.until is None or each.since < each.until for each in flow.blocked_periods)
    for before, after in pairwise(flow.blocked_periods):
        assert before.until is not None and before.until <= after.since


@given(_HISTORIES, _FACTS)
def test_a_flow_ends_in_the_current_state(changes: list[IssueChange], facts: dict[str, Any]) -> None:
    now = known_flow(**{**facts, "complete": True, "observed": []})
    flow = known_flow(*changes, **facts)
    assume(now is not None and flow is not None)
    assert now is not None and flow is not None
    assert flow.state_changes[-1].state == now.state_changes[-1].state
    assert blocked_now(flow) == blocked_now(now)


def blocked_now(flow: IssueFlow) -> bool:
    return any(each.until is None for each in flow.blocked_periods)


@given(_HISTORIES, _FACTS, st.integers(0, 2**32))
def test_order_and_duplicates_of_changes_have_no_effect(
    changes: list[IssueChange], facts: dict[str, Any], seed: int
) -> None:
    unique = list({change.id: change for change in changes}.values())
    shuffled = [*unique, *unique[::2]]
    Random(seed).shuffle(shuffled)
    assert known_flow(*shuffled, **facts) == known_flow(*unique, **facts)
