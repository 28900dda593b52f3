"""Contract of every store: runs, lease, pushed state, overrides, journal and roll-ups."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.model import IssueRef
from mappings.model import Assignment, IssueState
from sync.model.records import AssignmentRecord, PushedCommentRecord
from sync.store import LeaseHeld, LeaseLost, Store
from tests.support.store_world import START, Clock, issue, ref

TTL = timedelta(minutes=5)


def comment(subject: str = "capability:churn", **values: object) -> PushedCommentRecord:
    first = PushedCommentRecord(
        subject=subject,
        ref=ref(1),
        comment_id="501",
        body="**in progress**\n| a | b |",
        full_hash="f1",
        urgent_hash="u1",
        edited_at=START,
        run_id="r1",
    )
    return replace(first, **values)  # type: ignore[arg-type]


def announce(store: Store, run_id: str = "r1", number: int = 1) -> int:
    return store.journal_intent(
        run_id=run_id,
        at=START,
        ref=ref(number),
        op="add-label",
        payload={"label": "capability:churn"},
        before={"labels": ["ml"]},
        rule="feature-work",
        why="rule feature-work of churn-science",
    )


def assigned(number: int, capability: str, rule: str | None = "r", **values: object) -> Assignment:
    state = IssueState(state="doing")
    return Assignment(ref=ref(number), team="blue", capability=capability, state=state, rule=rule, **values)  # type: ignore[arg-type]


class RunsContract:
    def test_last_success_of_a_command_is_known(self, store: Store, clock: Clock) -> None:
        assert store.last_success("run") is None
        for run_id, command, code in (("r1", "run", 0), ("r2", "run", 1), ("p1", "preview", 0)):
            store.start_run(run_id, command, {})
            store.finish_run(run_id, "done", code, {})
            clock.forward(minutes=1)
        assert store.last_success("run") == START

    def test_old_idle_runs_are_deleted(self, store: Store, clock: Clock) -> None:
        """r1 wrote, r2 moved a figure, r3 is the last success; r4, r5 and r6, which died, are of no use."""
        for run_id, code in (("r1", 0), ("r2", 0), ("r3", 0), ("r4", 1), ("r5", 4), ("r6", None)):
            store.start_run(run_id, "run", {})
            if code is not None:
                store.finish_run(run_id, "done", code, {})
            clock.forward(minutes=1)
        announce(store, "r1")
        store.save_rollup("r2", START, {"goal:g": {"done": 1}})
        clock.forward(days=30)
        store.start_run("r7", "run", {})
        store.finish_run("r7", "partly failed", 1, {})
        assert [row.id for row in store.recent_runs()] == ["r7", "r3", "r2", "r1"]
        assert store.last_success("run") == store.find_run("r3").finished  # type: ignore[union-attr]
        store.start_run("r8", "run", {})
        store.finish_run("r8", "done", 0, {})
        assert [row.id for row in store.recent_runs()] == ["r8", "r7", "r2", "r1"]

    def test_outcome_counts_only_grow(self, store: Store) -> None:
        assert store.count_outcomes() == []
        first, second = announce(store), announce(store, "r2")
        store.journal_result(first, "unknown", START)
        store.journal_result(first, "done", START)
        store.journal_result(second, "failed", START)
        counts = {(each.tracker, each.op, each.outcome): each.number for each in store.count_outcomes()}
        assert set(counts.values()) == {1}
        assert {outcome for _, _, outcome in counts} == {"unknown", "done", "failed"}
        assert [each.outcome for each in store.count_outcomes("r2")] == ["failed"]

    def test_size_is_known(self, store: Store) -> None:
        assert store.size() > 10_000

    def test_creation_time_is_known(self, store: Store) -> None:
        assert store.created_at == START

    def test_a_run_is_open_until_it_is_finished(self, store: Store, clock: Clock) -> None:
        store.start_run("r1", "run", {"push": True})
        clock.forward(minutes=1)
        store.start_run("r2", "preview", {})
        clock.forward(minutes=1)
        store.finish_run("r1", "done", 0, {"changes": 3})

        latest, first = store.recent_runs()
        assert (latest.id, latest.finished, latest.outcome, latest.exit_code) == ("r2", None, None, None)
        assert (first.command, first.started, first.finished) == ("run", START, clock.now)
        assert (first.outcome, first.exit_code, first.summary, first.options) == (
            "done",
            0,
            {"changes": 3},
            {"push": True},
        )
        assert [run.id for run in store.recent_runs(limit=1)] == ["r2"]

    def test_cache_entries_expire_and_are_separate_by_tracker(self, store: Store, clock: Clock) -> None:
        store.cache_for("jira").put("whoami", {"id": "5b10", "name": "Sync ✓"}, days=1)
        store.cache_for("github").put("labels", ["a", "b"], days=2)
        store.cache.put("zero", 0)
        assert store.cache_for("jira").get("whoami") == {"id": "5b10", "name": "Sync ✓"}
        assert store.cache_for("github").get("whoami") is None
        assert store.cache.get("zero") == 0

        store.cache_for("jira").put("whoami", "newer", days=1)
        assert store.cache_for("jira").get("whoami") == "newer"
        clock.forward(days=1)
        assert store.cache_for("jira").get("whoami") is None
        assert store.cache_for("github").get("labels") == ["a", "b"]


class LeaseContract:
    def test_second_run_learns_the_holder_of_the_lease(self, store: Store, clock: Clock) -> None:
        store.acquire_lease("r1", "host-a pid 7", TTL)
        clock.forward(minutes=1)
        with pytest.raises(LeaseHeld, match=r"Run r1 \(host-a pid 7\).* since 2026-10-05 08:00 UTC") as held:
            store.acquire_lease("r2", "host-b pid 8", TTL)
        lease = held.value.lease
        assert (lease.run_id, lease.since, lease.expires) == ("r1", START, START + TTL)
        store.release_lease("r2")
        store.renew_lease("r1", TTL)

    def test_a_released_lease_is_free(self, store: Store) -> None:
        store.acquire_lease("r1", "a", TTL)
        store.release_lease("r1")
        store.acquire_lease("r2", "b", TTL)
        with pytest.raises(LeaseLost):
            store.renew_lease("r1", TTL)

    def test_expired_lease_is_taken_over_and_cannot_be_renewed_by_its_former_holder(
        self, store: Store, clock: Clock
    ) -> None:
        store.acquire_lease("r1", "a", TTL)
        clock.forward(minutes=4)
        store.renew_lease("r1", TTL)
        clock.forward(minutes=4)
        with pytest.raises(LeaseHeld):
            store.acquire_lease("r2", "b", TTL)
        clock.forward(minutes=1)
        store.acquire_lease("r2", "b", TTL)
        with pytest.raises(LeaseLost, match=r"Run r1 .* another run took it"):
            store.renew_lease("r1", TTL)
        store.renew_lease("r2", TTL)


class PushedContract:
    def test_labels_are_ours_from_adding_to_removing_them(self, store: Store) -> None:
        store.record_pushed_labels(ref(1), ["capability:a", "increment:q4"], [], "r1", START)
        store.record_pushed_labels(ref(2, "github"), ["capability:b"], [], "r1", START)
        moved = IssueRef(tracker="jira", id=ref(1).id, key="ML-1")
        later = START + timedelta(hours=1)
        store.record_pushed_labels(moved, ["capability:c"], ["capability:a", "never-there"], "r2", later)

        pushed = store.pushed_labels()
        assert {issue: sorted(labels) for issue, labels in pushed.items()} == {
            ref(1): ["capability:c", "increment:q4"],
            ref(2, "github"): ["capability:b"],
        }
        label = pushed[ref(1)]["capability:c"]
        assert (label.run_id, label.at) == ("r2", later)

    def test_pushed_state_has_the_current_key_of_its_issue(self, store: Store) -> None:
        store.record_pushed_labels(ref(1), ["capability:a"], [], "r1", START)
        store.record_pushed_comment(comment())
        store.save_issue(issue(1, ref=IssueRef(tracker="jira", id=ref(1).id, key="ML-1")), START)
        (labelled,), (named,) = store.pushed_labels(), store.pushed_label_names()
        assert (labelled.key, named.key) == ("ML-1", "ML-1")
        assert store.pushed_comments()["capability:churn"].ref.key == "ML-1"

    def test_comment_is_stored_until_it_is_forgotten(self, store: Store) -> None:
        store.record_pushed_comment(comment())
        edited = comment(body="done", full_hash="f2", edited_at=START + TTL, state="deleted-by-person")
        store.record_pushed_comment(edited)
        store.record_pushed_comment(comment("goal:retention", ref=ref(9)))
        assert store.pushed_comments() == {
            "capability:churn": edited,
            "goal:retention": comment("goal:retention", ref=ref(9)),
        }
        store.forget_pushed_comment("capability:churn")
        assert list(store.pushed_comments()) == ["goal:retention"]

    def test_rename_moves_comment_and_baseline_once(self, store: Store) -> None:
        store.record_pushed_comment(comment("capability:old"))
        store.save_baseline("old", START, {ref(1)})
        for _ in range(2):
            store.rename_subject("capability:old", "capability:new")
        assert store.pushed_comments() == {"capability:new": comment("capability:new")}
        assert list(store.baselines()) == ["new"]

        store.save_baseline("older", START + TTL, set())
        store.rename_baseline("older", "new")
        assert {name: base.at for name, base in store.baselines().items()} == {
            "new": START,
            "older": START + TTL,
        }

    def test_the_fingerprint_follows_what_was_pushed_on_these_issues_only(self, store: Store) -> None:
        store.record_pushed_labels(ref(1), ["capability:a"], [], "r1", START)
        before = store.pushed_fingerprint([ref(1), ref(2)])
        assert before == store.pushed_fingerprint([ref(2), ref(1), ref(1)])

        store.record_pushed_labels(ref(3), ["capability:a"], [], "r2", START)
        store.record_pushed_labels(ref(2, "github"), ["capability:a"], [], "r2", START)
        store.record_pushed_labels(ref(1), ["capability:a"], [], "r2", START + TTL)
        assert store.pushed_fingerprint([ref(1), ref(2)]) == before

        store.record_pushed_comment(comment())
        with_comment = store.pushed_fingerprint([ref(1), ref(2)])
        store.record_pushed_labels(ref(2), ["capability:a"], [], "r2", START)
        assert len({before, with_comment, store.pushed_fingerprint([ref(1), ref(2)])}) == 3

    def test_override_keeps_its_first_date_until_it_is_withdrawn(self, store: Store) -> None:
        store.add_override(ref(1), "veto", "capability:a", since=START, run_id="r1")
        store.add_override(ref(1), "pin", "capability:b", since=START, run_id="r1", note="by Ada")
        store.add_override(ref(1), "veto", "capability:a", since=START + TTL, run_id="r2", note="again")
        assert [(row.kind, row.label, row.since, row.run_id, row.note) for row in store.overrides()] == [
            ("pin", "capability:b", START, "r1", "by Ada"),
            ("veto", "capability:a", START, "r1", "again"),
        ]
        store.remove_override(ref(1), "veto", "capability:a")
        store.remove_override(ref(2), "pin", "capability:b")
        assert [row.kind for row in store.overrides()] == ["pin"]


class JournalContract:
    def test_write_is_pending_until_its_result_is_known(self, store: Store) -> None:
        first, second, third = (announce(store, number=number) for number in (1, 2, 3))
        store.journal_result(second, "unknown", START + TTL, "the answer was lost")
        store.journal_result(third, "failed", START + TTL, "locked")
        assert [(row.id, row.outcome) for row in store.pending_writes()] == [
            (first, None),
            (second, "unknown"),
        ]

        store.journal_result(second, "done", START + 2 * TTL, after={"labels": ["ml", "capability:churn"]})
        assert [row.id for row in store.pending_writes()] == [first]
        found = store.journal(ref=ref(2))[0]
        assert (found.outcome, found.detail, found.resulted_at) == ("done", "", START + 2 * TTL)
        assert found.after == {"labels": ["ml", "capability:churn"]}

    def test_journal_has_before_image_and_reason(self, store: Store) -> None:
        announce(store)
        row = store.journal()[0]
        assert (row.op, row.payload, row.before) == (
            "add-label",
            {"label": "capability:churn"},
            {"labels": ["ml"]},
        )
        assert (row.rule, row.why) == ("feature-work", "rule feature-work of churn-science")
        assert (row.ref, row.ref.key, row.at, row.run_id) == (ref(1), "DS-1", START, "r1")
        assert (row.outcome, row.resulted_at, row.detail, row.after) == (None, None, "", None)

    def test_the_journal_is_read_by_run_by_issue_and_from_its_end(self, store: Store) -> None:
        ids = [announce(store, run_id, number) for run_id in ("r1", "r2") for number in (1, 2)]
        assert [row.id for row in store.journal(run_id="r2")] == ids[2:]
        assert [row.id for row in store.journal(ref=ref(1))] == [ids[0], ids[2]]
        assert [row.id for row in store.journal(limit=3)] == ids[1:]

    def test_result_and_pushed_state_are_saved_together(self, store: Store) -> None:
        entry = announce(store, run_id="r7")
        store.record_pushed_labels(ref(1), ["capability:old"], [], "r1", START)
        store.complete_write(
            entry,
            START + TTL,
            ref=ref(1),
            added=["capability:churn"],
            removed=["capability:old"],
            comment=comment(),
            after={"ok": True},
        )
        assert [(row.outcome, row.after) for row in store.journal()] == [("done", {"ok": True})]
        labels = store.pushed_labels()[ref(1)]
        assert [(label.label, label.run_id) for label in labels.values()] == [("capability:churn", "r7")]
        assert store.pushed_comments() == {"capability:churn": comment()}

        store.complete_write(announce(store), START + TTL, ref=ref(1), deleted_subject="capability:churn")
        assert store.pushed_comments() == {}

    def test_neither_is_saved_if_one_of_them_fails(self, store: Store) -> None:
        entry = announce(store)
        broken = comment(edited_at=START.replace(tzinfo=None))
        with pytest.raises(Exception, match="without a zone"):
            store.complete_write(entry, START, ref=ref(1), added=["capability:churn"], comment=broken)
        assert [row.id for row in store.pending_writes()] == [entry]
        assert store.pushed_labels() == {}


class RollupsContract:
    def test_baseline_keeps_its_issues(self, store: Store) -> None:
        store.save_baseline("churn", START, [ref(2), ref(1), ref(3, "github")])
        store.save_baseline("empty", START, [])
        found = store.baselines()
        assert found["churn"].refs == {ref(1), ref(2), ref(3, "github")}
        assert {one.key for one in found["churn"].refs} == {"DS-1", "DS-2", "acme/churn#3"}
        assert (found["empty"].refs, found["empty"].at) == (frozenset(), START)

    def test_assignments_show_where_an_issue_went(self, store: Store) -> None:
        later, last = START + timedelta(days=1), START + timedelta(days=2)
        store.save_assignments("r1", START, [assigned(1, "a"), assigned(2, "a", iteration="v1")])
        store.save_assignments("r2", later, [assigned(1, "b", rule=None), assigned(2, "a", rule="other")])
        store.save_assignments("r3", last, [assigned(1, "b", rule=None)])

        assert {one.key: (row.capability, row.since) for one, row in store.assignments().items()} == {
            "DS-1": ("b", later),
            "DS-2": (None, last),
        }
        history = store.assignment_history(ref(2))
        assert [(row.capability, row.rule, row.iteration, row.since, row.run_id) for row in history] == [
            ("a", "r", "v1", START, "r1"),
            ("a", "other", None, later, "r2"),
            (None, None, None, last, "r3"),
        ]
        assert [row.capability for row in store.assignment_history(ref(1))] == ["a", "b"]

    def test_unchanged_assignment_adds_no_history(self, store: Store) -> None:
        for day in range(3):
            store.save_assignments(f"r{day}", START + timedelta(days=day), [assigned(1, "a")])
        row = AssignmentRecord(
            ref=ref(1), capability="a", rule="r", team="blue", iteration=None, since=START, run_id="r0"
        )
        assert store.assignment_history(ref(1)) == [row]
        assert store.assignments() == {ref(1): row}

    def test_last_rollup_is_returned_in_order(self, store: Store) -> None:
        assert store.last_rollup() is None
        store.save_rollup("r1", START, {"capability:a": {"done": 1}})
        store.save_rollup(
            "r2", START, {"goal:z": {"state": "planned"}, "capability:a": {"done": 2, "é": None}}
        )
        last = store.last_rollup()
        assert last is not None and last[0] == START
        assert list(last[1].items()) == [
            ("goal:z", {"state": "planned"}),
            ("capability:a", {"done": 2, "é": None}),
        ]
        store.save_rollup("r2", START + TTL, {})
        assert store.last_rollup() == (START + TTL, {})
