"""Contract of every store: issue histories from the trackers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connectors.model import FieldSelection, IssueChange, SourceHistory
from sync.store import Store
from tests.support.store_world import BLUE, CHURN, DS, START, issue, pull, ref

LATER = START + timedelta(hours=1)
CLOSED = IssueChange(
    ref=ref(1),
    id="501:status",
    at=START - timedelta(hours=2),
    kind="status",
    before="Open",
    after="Closed",
    before_id="1",
    after_id="6",
)
SHUT = IssueChange(
    ref=ref(7, "github"),
    id="9",
    at=START - timedelta(hours=1),
    kind="status",
    before="open",
    after="closed",
    resolution="not_planned",
)


def asked(store: Store, wanted: FieldSelection = FieldSelection()) -> dict[str, list[str]]:
    """Names of the issues whose history is to be read, by source."""
    found = store.histories_to_read([DS, BLUE, CHURN], wanted)
    return {each.source.name: [one.ref.key for one in each.issues] for each in found}


def answer(
    store: Store,
    *changes: IssueChange,
    mark: str | None = None,
    whole: bool = True,
    wanted: FieldSelection = FieldSelection(),
) -> None:
    """The trackers tell these changes to everything that is asked."""
    for each in store.histories_to_read([DS, BLUE, CHURN], wanted):
        ids = frozenset(one.ref.id for one in each.issues) if whole else frozenset()
        mine = tuple(change for change in changes if change.ref.tracker == each.source.tracker)
        store.save_history(
            each, SourceHistory(source=each.source, changes=mine, complete=ids, bookmark=mark), wanted
        )


class HistoriesContract:
    def test_only_stale_histories_are_requested(self, store: Store) -> None:
        pull(store, issue(1), issue(2))
        assert asked(store) == {DS.name: ["DS-1", "DS-2"]}
        answer(store, CLOSED)
        assert asked(store) == {}
        pull(store, issue(1), issue(2, at=LATER), issue(3), at=LATER)
        assert asked(store) == {DS.name: ["DS-2", "DS-3"]}

    def test_issue_of_two_sources_is_requested_once_and_a_vanished_one_never(self, store: Store) -> None:
        pull(store, issue(1), issue(2))
        pull(store, issue(1), source=BLUE)
        store.mark_vanished(ref(2), LATER)
        assert sorted(key for keys in asked(store).values() for key in keys) == ["DS-1"]
        assert store.histories_to_read([CHURN], FieldSelection()) == []

    def test_other_state_labels_make_every_history_stale(self, store: Store) -> None:
        pull(store, issue(1))
        answer(store)
        wip = FieldSelection(state_labels=frozenset({"wip"}))
        assert asked(store, wip) == {DS.name: ["DS-1"]}
        answer(store, wanted=wip)
        assert asked(store, wip) == {}

    def test_change_is_saved_once(self, store: Store) -> None:
        pull(store, issue(1), issue(2))
        answer(store, CLOSED)
        pull(store, issue(1, at=LATER), at=LATER)
        answer(store, CLOSED, replace(CLOSED, id="502:status", at=LATER, before="Closed", after="Open"))
        (key, changes), *others = store.issue_changes().items()
        assert (key, others) == (("jira", ref(1).id), [])
        assert [(change.id, change.after) for change in changes] == [
            ("501:status", "Closed"),
            ("502:status", "Open"),
        ]
        assert changes[0] == CLOSED

    def test_history_is_complete_until_the_issue_changes_or_if_the_tracker_says_so(
        self, store: Store
    ) -> None:
        pull(store, issue(1), issue(2))
        answer(store)
        pull(store, issue(1, at=LATER), issue(2), at=LATER)
        assert store.complete_histories() == {("jira", ref(2).id)}
        answer(store, whole=False)
        assert store.complete_histories() == {("jira", ref(2).id)}
        assert asked(store) == {}, "what is known in part is not asked for again and again"

    def test_mark_is_returned_with_the_next_request(self, store: Store) -> None:
        pull(store, issue(7, tracker="github"), source=CHURN)
        answer(store, SHUT, mark="up to here")
        pull(store, issue(7, tracker="github", at=LATER), source=CHURN, at=LATER)
        (question,) = store.histories_to_read([CHURN], FieldSelection())
        assert question.bookmark == "up to here"
        assert store.issue_changes()[("github", ref(7).id)][0].resolution == "not_planned"

    def test_histories_that_came_with_their_issues_are_not_requested(self, store: Store) -> None:
        pull(store, issue(1))
        store.save_issue_changes([issue(1)], [CLOSED], FieldSelection())
        assert asked(store) == {}
        assert store.complete_histories() == {("jira", ref(1).id)}

    def test_own_write_makes_no_history_stale(self, store: Store) -> None:
        pull(store, *(issue(number) for number in (1, 2, 3, 4)))
        answer(store)
        for number in (1, 2, 3):
            _write(store, number)
        soon = LATER + timedelta(seconds=3)
        pull(
            store,
            issue(1, at=soon, labels=frozenset({"capability:churn"})),
            issue(2, at=soon, status="Closed", category="done"),
            issue(3, at=LATER + timedelta(hours=1)),
            issue(4, at=soon),
            at=soon,
        )
        assert asked(store) == {DS.name: ["DS-2", "DS-3", "DS-4"]}
        assert ("jira", ref(1).id) in store.complete_histories()

    def test_observed_status_changes_are_grouped_by_issue(self, store: Store) -> None:
        pull(store, issue(1), issue(2))
        pull(store, issue(1, at=LATER, status="Closed", category="done"), issue(2), at=LATER)
        ((key, (seen,)),) = store.observed_status_changes().items()
        assert key == ("jira", ref(1).id)
        assert (seen.at, seen.after) == (LATER, {"status": "Closed", "category": "done"})

    def test_saved_statuses_are_added_to_known_ones(self, store: Store) -> None:
        assert store.load_statuses("jira") == {}
        store.save_statuses("jira", {"1": ("Open", "todo"), "2": ("Checked", None)})
        store.save_statuses("jira", {"2": ("Reviewed", "doing")})
        assert store.load_statuses("jira") == {"1": ("Open", "todo"), "2": ("Reviewed", "doing")}
        assert store.load_statuses("github") == {}

    def test_snapshot_includes_histories(self, store: Store, store_elsewhere: Store) -> None:
        pull(store, issue(1))
        answer(store, CLOSED)
        pull(store, issue(1, at=LATER, status="Closed", category="done"), at=LATER)
        answer(store, CLOSED)
        store_elsewhere.load_snapshot(list(store.snapshot_rows(bodies=False)))
        assert store_elsewhere.issue_changes() == store.issue_changes() != {}
        assert store_elsewhere.complete_histories() == store.complete_histories() != frozenset()
        assert store_elsewhere.observed_status_changes() == store.observed_status_changes() != {}


def _write(store: Store, number: int) -> None:
    entry = store.journal_intent(
        run_id="r1",
        at=LATER,
        ref=ref(number),
        op="add-label",
        payload={"label": "capability:churn"},
        before={"labels": []},
        rule="r",
        why="a rule",
    )
    store.journal_result(entry, "done", LATER)
