"""Contract of every store: count records and plan history."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sync.model.attribution import CountRecord, PlanFacts, Transition
from sync.store import Store
from tests.support.store_world import START, ref

FIRST = CountRecord(
    ref=ref(1),
    capability="churn",
    state="todo",
    team="science",
    rule="feature-work",
    since=START,
    run_id="r1",
    began=Transition(cause="first", why="counted when figures began to be kept"),
    fingerprint="abc",
)
PLAN = PlanFacts(at=START, run_id="r1", digest="d", body={"goals": {}, "capabilities": {}, "increments": {}})


class CountedContract:
    def test_count_record_is_valid_until_it_ends(self, store: Store) -> None:
        assert (store.current_count_records(), store.plan_at()) == ([], None)
        store.save_count_records(START, (), [FIRST, replace(FIRST, ref=ref(2), rule=None)], PLAN)
        held = store.current_count_records()
        assert [replace(row, id=None) for row in held] == [FIRST, replace(FIRST, ref=ref(2), rule=None)]
        later = START + timedelta(hours=1)
        turn = Transition(cause="issue", why="done (was to do)")
        ended = replace(held[0], until=later, ended=turn, ended_by="r2")
        done = replace(FIRST, state="done", since=later, run_id="r2", began=turn)
        store.save_count_records(later, [ended], [done], None)
        assert store.count_records_saved_at() == later
        assert {(row.ref, row.state) for row in store.current_count_records()} == {
            (ref(1), "done"),
            (ref(2), "todo"),
        }
        assert store.last_ended_count_records([ref(1), ref(2)]) == {ref(1): ended}
        assert store.count_records_between(START, START) == [ended, held[1]]
        assert [row.state for row in store.count_records_between(later, later)] == ["todo", "done"]

    def test_plan_history_is_kept(self, store: Store) -> None:
        later = replace(PLAN, at=START + timedelta(days=1), digest="e", names={"goal:a": "goal:b"})
        store.save_count_records(START, (), (), PLAN)
        store.save_count_records(later.at, (), (), later)
        assert store.plan_history() == [PLAN, later]
        assert store.plan_at() == later
        assert store.plan_at(START + timedelta(hours=1)) == PLAN
        assert store.plan_at(START - timedelta(hours=1)) is None
