"""Contract of every store: sources, issues, memberships and events."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from connectors.model import Census, Cursor, FieldSelection, IssueRef, PulledSource, Source
from sync.store import Store
from sync.store import pulls as snapshot
from tests.support.store_world import BLUE, CHURN, DS, START, Clock, issue, kinds, pull, ref

LATER = START + timedelta(hours=1)
MUCH_LATER = START + timedelta(days=1)


class SourcesContract:
    def test_a_source_is_unknown_before_its_first_pull(self, store: Store) -> None:
        assert store.source_state(DS) is None
        assert store.source_states() == []

    def test_complete_pull_moves_the_watermark(self, store: Store) -> None:
        cursor = Cursor(watermark=START, updated_since=START - timedelta(minutes=2), etag='W/"1"')
        store.save_pull(
            PulledSource(source=CHURN, issues=(), cursor=cursor, full=True), FieldSelection(), LATER
        )

        state = store.source_state(CHURN)
        assert state is not None
        assert (state.cursor, state.last_whole, state.count) == (cursor, LATER, 0)
        assert (state.name, state.tracker) == ("github:acme/churn", "github")

    def test_watermark_is_void_for_another_definition(self, store: Store) -> None:
        pull(store, selection=FieldSelection(fields=("Team", "Rank")))

        same = store.source_state(DS, FieldSelection(fields=("Rank", "Team")))
        other = store.source_state(DS, FieldSelection(body=True))
        assert same is not None and same.cursor is not None
        assert other is not None and other.cursor is None

    def test_issues_and_watermark_are_saved_together_or_not_at_all(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pull(store, issue(1))
        before = store.source_state(DS)

        def dies(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(snapshot, "_save_events", dies)  # the last thing of all
            pull(store, issue(2), at=LATER)
        assert store.source_state(DS) == before
        assert store.source_issue_ids(DS) == {ref(1).id}
        assert store.known_issue("jira", "DS-2") is None

    def test_a_failed_source_keeps_its_watermark_and_the_time_of_its_first_failure(
        self, store: Store
    ) -> None:
        pull(store, issue(1))
        store.mark_failed(DS, "The server does not answer.", LATER)
        store.mark_failed(DS, "The token has expired.", MUCH_LATER)

        state = store.source_state(DS)
        assert state is not None and state.cursor is not None
        assert (state.failing_since, state.error) == (LATER, "The token has expired.")
        assert store.source_issue_ids(DS) == {ref(1).id}

        pull(store, issue(1), at=MUCH_LATER)
        assert store.source_states()[0].failing_since == LATER, "its census may still fail"
        store.mark_healthy([CHURN.name])
        assert store.source_states()[0].failing_since == LATER
        store.mark_healthy([DS.name])
        assert store.source_states()[0].failing_since is None
        assert store.source_states()[0].error is None

    def test_a_source_that_never_worked_is_failing_since_the_first_try(self, store: Store) -> None:
        store.mark_failed(DS, "No such project.", START)
        state = store.source_state(DS)
        assert state is not None
        assert (state.cursor, state.last_whole, state.failing_since) == (None, None, START)

    def test_an_unchanged_source_keeps_its_issues(self, store: Store) -> None:
        pull(store, issue(1), issue(2))
        cursor = Cursor(watermark=START, updated_since=START)
        nothing = PulledSource(source=DS, issues=(), cursor=cursor, full=False, unchanged=True)
        assert store.save_pull(nothing, FieldSelection(), LATER) == []
        state = store.source_state(DS)
        assert state is not None
        assert (state.last_whole, state.count) == (LATER, 2)
        assert store.source_issue_ids(DS) == {ref(1).id, ref(2).id}


class IssuesContract:
    def test_issue_round_trips(self, store: Store) -> None:
        result = issue(
            1,
            labels=frozenset({"ml", "größe/xl"}),
            title="Sessionise 👍🏽 events \\u0000 «‮now»",
            body="a\r\n\tb\u2028c" * 500,
            components=("etl", "api"),
            closed=LATER,
            flagged=True,
            fields={"Team": ("Blue", "Green"), "Empty": ()},
        )
        pull(store, result)
        assert [known.issue for known in store.known_issues()] == [result]

    def test_times_come_back_in_utc_to_the_microsecond(self, store: Store) -> None:
        east = timezone(timedelta(hours=5, minutes=45))
        result = issue(1, at=START.replace(microsecond=1).astimezone(east))
        pull(store, result)
        known = store.known_issue("jira", "DS-1")
        assert known is not None
        assert known.issue.updated.isoformat() == "2026-10-05T08:00:00.000001+00:00"

    def test_text_that_a_database_refuses_is_cleaned(self, store: Store) -> None:
        pull(store, issue(1, title="nul \x00 and half a \ud83d pair", status="Op\x00en"))
        known = store.known_issue("jira", "DS-1")
        assert known is not None
        assert (known.issue.title, known.issue.status) == ("nul  and half a \ufffd pair", "Open")

    def test_the_newest_reading_wins_and_an_equally_new_one_replaces(self, store: Store) -> None:
        pull(store, issue(1, at=LATER, title="second"))
        store.save_issue(issue(1, at=START, title="first"), MUCH_LATER)
        assert [known.issue.title for known in store.known_issues()] == ["second"]
        store.save_issue(issue(1, at=LATER, title="second, label put within the same second"), MUCH_LATER)
        assert [known.issue.title for known in store.known_issues()] == [
            "second, label put within the same second"
        ]

    def test_first_values_are_kept(self, store: Store) -> None:
        pull(store, issue(1, labels=frozenset({"capability:old"})), at=START)
        pull(store, issue(1, at=LATER, labels=frozenset()), at=LATER)
        known = store.known_issue("jira", "DS-1")
        assert known is not None
        assert (known.first_seen, known.first_labels) == (START, {"capability:old"})
        assert known.issue.labels == frozenset()

    def test_an_issue_of_two_sources_is_stored_once(self, store: Store) -> None:
        pull(store, issue(1), source=DS)
        pull(store, issue(1), source=BLUE)
        assert [known.sources for known in store.known_issues()] == [{"jira:DS", "jira:DS (team = Blue)"}]

    def test_the_same_id_on_two_trackers_is_two_issues(self, store: Store) -> None:
        pull(store, issue(1))
        pull(store, issue(1, tracker="github"), source=CHURN)
        assert [known.issue.ref.key for known in store.known_issues()] == ["acme/churn#1", "DS-1"]
        assert [known.issue.ref.key for known in store.known_issues(tracker="jira")] == ["DS-1"]

    def test_an_anchor_read_alone_belongs_to_no_source(self, store: Store) -> None:
        store.save_issue(issue(100), START)
        known = store.known_issue("jira", "DS-100")
        assert known is not None and known.sources == frozenset()

    def test_an_issue_is_found_by_id_and_by_its_latest_key(self, store: Store) -> None:
        pull(store, issue(1))
        moved = replace(
            issue(1, at=LATER), ref=IssueRef(tracker="jira", id=ref(1).id, key="ML-7"), container="ML"
        )
        noticed = pull(store, moved, at=LATER, full=False)
        assert kinds(noticed) == [("moved", "ML-7")]
        assert store.known_issue("jira", "DS-1") is None
        by_key, by_id = store.known_issue("jira", "ML-7"), store.known_issue("jira", ref(1).id)
        assert by_key is not None and by_key == by_id
        assert store.known_issue("github", "ML-7") is None

    def test_many_issues_come_back_in_order_and_each_once(self, store: Store) -> None:
        pull(store, *(issue(number) for number in range(2050)))
        ids = [known.issue.ref.id for known in store.known_issues()]
        assert len(ids) == 2050
        assert ids == sorted(set(ids))
        assert all(known.sources == {DS.name} for known in store.known_issues())


class EventsContract:
    def test_full_pull_returns_appeared_and_left_issues(self, store: Store) -> None:
        assert kinds(pull(store, issue(1), issue(2))) == [("appeared", "DS-1"), ("appeared", "DS-2")]
        noticed = pull(store, issue(2), issue(3), at=LATER)
        assert kinds(noticed) == [("appeared", "DS-3"), ("left", "DS-1")]
        assert store.source_issue_ids(DS) == {ref(2).id, ref(3).id}
        known = store.known_issue("jira", "DS-1")
        assert known is not None and known.sources == frozenset()

    def test_incremental_pull_removes_no_member(self, store: Store) -> None:
        pull(store, issue(1), issue(2))
        assert kinds(pull(store, issue(3), at=LATER, full=False)) == [("appeared", "DS-3")]
        assert store.source_issue_ids(DS) == {ref(1).id, ref(2).id, ref(3).id}

    def test_status_changes_are_noticed_and_a_reopened_issue_is_counted(self, store: Store) -> None:
        pull(store, issue(1, status="Done", category="done"))
        noticed = pull(store, issue(1, at=LATER, status="Review", category="doing"), at=LATER, full=False)
        assert [(event.kind, event.before, event.after) for event in noticed] == [
            (
                "status",
                {"status": "Done", "category": "done"},
                {"status": "Review", "category": "doing"},
            )
        ]
        again = issue(1, at=MUCH_LATER, status="Open", category="todo")
        pull(store, again, at=MUCH_LATER, full=False)
        known = store.known_issue("jira", "DS-1")
        assert known is not None and known.reopened == 1
        events = store.issue_events(ref(1))
        assert [(event.kind, event.at) for event in events] == [
            ("appeared", START),
            ("status", LATER),
            ("status", MUCH_LATER),
        ]

    def test_census_removes_only_members_that_a_direct_read_disproved(self, store: Store) -> None:
        pull(store, *(issue(number) for number in (1, 2, 3, 4)))
        census = Census(source=DS, ids=frozenset({ref(1).id, ref(9).id}))
        noticed = store.save_census(census, LATER, vanished={ref(2): LATER}, left=[ref(3)])

        assert kinds(noticed) == [("left", "DS-3"), ("vanished", "DS-2")]
        unproved = ref(4).id
        assert store.source_issue_ids(DS) == {ref(1).id, ref(2).id, ref(9).id, unproved}
        state = store.source_state(DS)
        assert state is not None
        assert (state.last_census, state.count, state.last_whole) == (LATER, 3, START)
        gone = store.known_issue("jira", "DS-2")
        assert gone is not None and gone.vanished == LATER

    def test_listed_issue_is_no_longer_vanished(self, store: Store) -> None:
        pull(store, issue(1), issue(2), issue(3))
        for number in (1, 2, 3):
            store.mark_vanished(ref(number), LATER)
        store.mark_vanished(ref(1), MUCH_LATER)
        assert {known.vanished for known in store.known_issues()} == {LATER}

        back = pull(store, issue(1), at=MUCH_LATER, full=False)
        back += store.save_issue(issue(2, at=START - timedelta(days=1)), MUCH_LATER)
        census = Census(source=DS, ids=frozenset({ref(3).id}))
        back += store.save_census(census, MUCH_LATER, vanished={}, left=[])
        assert kinds(back) == [("returned", "DS-1"), ("returned", "DS-2"), ("returned", "DS-3")]
        assert {known.vanished for known in store.known_issues()} == {None}

    def test_id_known_only_from_a_census_can_leave(self, store: Store) -> None:
        store.save_census(Census(source=DS, ids=frozenset({"77"})), START, vanished={}, left=[])
        noticed = pull(store, issue(1), at=LATER)
        assert kinds(noticed) == [("appeared", "DS-1"), ("left", "77")]

    def test_sources_do_not_affect_each_other(self, store: Store, clock: Clock) -> None:
        pull(store, issue(1), source=DS)
        pull(store, issue(1), source=BLUE)
        pull(store, source=BLUE, at=clock.forward(hours=1))
        assert [known.sources for known in store.known_issues()] == [{"jira:DS"}]
        assert Source(tracker="jira", container="DS").name == "jira:DS"
