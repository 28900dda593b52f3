"""What every store keeps to about how issues counted over time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sync.model.attribution import Counted, PlanFacts, Turn
from sync.store import Store
from tests.support.store_world import START, ref

FIRST = Counted(
    ref=ref(1),
    capability="churn",
    state="todo",
    team="science",
    rule="feature-work",
    since=START,
    run_id="r1",
    began=Turn(cause="first", why="counted when figures began to be kept"),
    fingerprint="abc",
)
PLAN = PlanFacts(at=START, run_id="r1", digest="d", body={"goals": {}, "capabilities": {}, "increments": {}})


class CountedContract:
    def test_a_row_holds_until_it_ends(self, store: Store) -> None:
        assert (store.counted_now(), store.plan_at()) == ([], None)
        store.keep_counted(START, (), [FIRST, replace(FIRST, ref=ref(2), rule=None)], PLAN)
        held = store.counted_now()
        assert [replace(row, id=None) for row in held] == [FIRST, replace(FIRST, ref=ref(2), rule=None)]
        later = START + timedelta(hours=1)
        turn = Turn(cause="issue", why="done (was to do)")
        ended = replace(held[0], until=later, ended=turn, ended_by="r2")
        done = replace(FIRST, state="done", since=later, run_id="r2", began=turn)
        store.keep_counted(later, [ended], [done], None)
        assert store.kept_counted_at() == later
        assert {(row.ref, row.state) for row in store.counted_now()} == {(ref(1), "done"), (ref(2), "todo")}
        assert store.counted_last([ref(1), ref(2)]) == {ref(1): ended}
        assert store.counted_between(START, START) == [ended, held[1]]
        assert [row.state for row in store.counted_between(later, later)] == ["todo", "done"]

    def test_plans_are_remembered_as_they_were(self, store: Store) -> None:
        later = replace(PLAN, at=START + timedelta(days=1), digest="e", names={"goal:a": "goal:b"})
        store.keep_counted(START, (), (), PLAN)
        store.keep_counted(later.at, (), (), later)
        assert store.plan_history() == [PLAN, later]
        assert store.plan_at() == later
        assert store.plan_at(START + timedelta(hours=1)) == PLAN
        assert store.plan_at(START - timedelta(hours=1)) is None
