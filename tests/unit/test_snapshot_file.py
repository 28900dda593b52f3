"""Export and import of snapshot files: completeness, versions, damage and secrets."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mappings.model import Assignment, IssueState
from sync.store import PushedCommentRecord, Store, StoreError, open_store
from sync.store.snapshot_file import (
    SnapshotHeader,
    UnreadableSnapshot,
    open_snapshot,
    read_header,
    read_rows,
    write_snapshot,
)
from tests.support.postgres import new_database
from tests.support.store_world import CHURN, START, Clock, issue, pull, ref

PAYLOAD = {"url": "", "title": "One", "created": "2026-10-01T00:00:00+00:00"}
HEAD = SnapshotHeader(instance="acme", exported_at=START, has_bodies=False)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Iterator[Store]:
    made = open_store("sqlite://", now=clock)
    pull(made, issue(1, labels=frozenset({"features"}), body="A secret plan"), issue(2, status="Done"))
    pull(made, issue(3, tracker="github", fields={"Team": ("blue",)}), source=CHURN)
    made.record_pushed_labels(ref(1), ["capability:churn"], [], "run-1", START)
    made.record_pushed_comment(comment())
    made.add_override(ref(2), "veto", "capability:churn", since=START, run_id="run-1", note="by hand")
    made.save_baseline("churn", START, [ref(1), ref(2)])
    made.save_assignments("run-1", START, [assigned(1)])
    counts = {"todo": 0, "doing": 0, "done": 1, "unknown": 0, "dropped": 0}
    body = {"title": "Churn", "increment": "2026-q4", "state": "released", "counts": counts}
    made.save_rollup("run-1", START, {"capability:churn": body})
    made.cache.put("finished-increment:2026-q3", True, days=3650)
    made.cache_for("jira").put("token-facts", "of a tracker")
    yield made
    made.close()


def comment() -> PushedCommentRecord:
    return PushedCommentRecord(
        subject="capability:churn",
        ref=ref(1),
        comment_id="77",
        body="State: in progress",
        full_hash="f",
        urgent_hash="u",
        edited_at=START,
        run_id="run-1",
    )


def assigned(number: int) -> Assignment:
    return Assignment(ref=ref(number), team="science", capability="churn", state=IssueState(state="todo"))


def exported(store: Store, path: Path, *, bodies: bool = False) -> Path:
    write_snapshot(path, HEAD, store.snapshot_rows(bodies=bodies))
    return path


def everything(store: Store) -> dict[str, Any]:
    return {
        "known": list(store.known_issues()),
        "pushed": store.pushed_labels(),
        "comments": store.pushed_comments(),
        "overrides": store.overrides(),
        "baselines": store.baselines(),
        "assignments": store.assignments(),
        "history": store.assignment_history(ref(1)),
        "rollup": store.last_rollup(),
        "born": store.created_at,
        "finished": store.cache.get("finished-increment:2026-q3"),
    }


def looked_at(store: Store) -> dict[str, Any]:
    return {
        "known": list(store.known_issues()),
        "of one tracker": list(store.known_issues(tracker="github")),
        "pushed": store.pushed_label_names(),
        "comments": store.pushed_comments(),
        "overrides": store.overrides(),
        "baselines": store.baselines(),
        "born": store.created_at,
        "finished": store.cache.get("finished-increment:2026-q3"),
        "expected": store.expectations(),
        "written": store.label_changes_since_read(),
        "sources": [(each.name, each.last_whole) for each in store.source_states()],
    }


@pytest.mark.parametrize("name", ["all.jsonl", "all.jsonl.gz"])
def test_export_with_bodies_can_be_imported_unchanged(
    store: Store, clock: Clock, tmp_path: Path, name: str
) -> None:
    path = exported(store, tmp_path / name, bodies=True)
    other = open_store("sqlite://", now=clock)

    other.load_snapshot(read_rows(path))

    assert everything(other) == everything(store)
    assert looked_at(other) == looked_at(store)
    other.close()


def test_snapshot_view_returns_the_same_as_the_store(store: Store, clock: Clock, tmp_path: Path) -> None:
    store.record_pushed_labels(
        ref(3, "github"), ["increment:2026-q4", "capability:churn"], [], "run-1", START
    )
    pull(
        store,
        issue(2, ref=replace(ref(2), key="NEW-2"), container="NEW", status="Done"),
        at=START + timedelta(minutes=1),
        full=False,
    )
    store.record_pushed_labels(ref(2), ["capability:churn"], [], "run-1", START)
    store.mark_vanished(ref(3, "github"), START + timedelta(minutes=2))
    path = exported(store, tmp_path / "all.jsonl.gz", bodies=True)

    with open_snapshot(path, clock) as copy:
        assert looked_at(copy) == looked_at(store)
        assert list(copy.pushed_label_names()) == list(store.pushed_label_names())
        assert {each.key for each in copy.pushed_label_names()} == {"DS-1", "NEW-2", "acme/churn#3"}


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.assignments(),
        lambda store: store.last_rollup(),
        lambda store: store.known_issue("jira", "DS-1"),
        lambda store: store.issue_events(ref(1)),
        lambda store: store.journal(),
        lambda store: store.count_contents(),
    ],
)
def test_snapshot_view_refuses_methods_without_data(
    store: Store, clock: Clock, tmp_path: Path, ask: Any
) -> None:
    with open_snapshot(exported(store, tmp_path / "snap.jsonl"), clock) as copy, pytest.raises(StoreError):
        ask(copy)


@pytest.mark.parametrize(
    ("table", "changed", "said"),
    [
        ("issues", {"status": ...}, "has no status in a row of issues"),
        ("issues", {"updated": "yesterday"}, "damaged in a row of issues"),
        ("issues", {"updated": "2026-11-01T10:00:00"}, "damaged in a row of issues (a time without a zone"),
        (
            "issues",
            {"updated": "0001-01-01T00:00:00+01:00"},
            "damaged in a row of issues (an impossible time",
        ),
        (
            "issues",
            {"payload": {**PAYLOAD, "created": "9999-12-31T23:59:59-08:00"}},
            "(an impossible time in ",
        ),
        (
            "sources",
            {"last_whole": "9999-12-31T23:59:59-08:00"},
            "damaged in a row of sources (an impossible",
        ),
        ("issues", {"payload": 3}, "damaged in a row of issues"),
        ("memberships", {"source": ...}, "has no source in a row of memberships"),
        ("pushed_labels", {"label": ...}, "has no label in a row of pushed_labels"),
        ("pushed_comments", {"edited_at": None}, "has no edited_at in a row of pushed_comments"),
        ("pushed_comments", {"edited_at": "yesterday"}, "damaged in a row of pushed_comments"),
        ("sources", {"last_whole": "yesterday"}, "damaged in a row of sources"),
    ],
)
def test_unreadable_row_is_reported_in_a_sentence(
    store: Store, clock: Clock, tmp_path: Path, table: str, changed: dict[str, Any], said: str
) -> None:
    def broken(row: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in {**row, **changed}.items() if value is not ...}

    rows = [(name, broken(row) if name == table else row) for name, row in store.snapshot_rows(bodies=False)]
    write_snapshot(tmp_path / "snap.jsonl", HEAD, rows)

    with pytest.raises(StoreError, match=re.escape(said)), open_snapshot(tmp_path / "snap.jsonl", clock):
        pass


def test_memberships_must_precede_issues(store: Store, clock: Clock, tmp_path: Path) -> None:
    rows = sorted(store.snapshot_rows(bodies=False), key=lambda row: row[0] == "memberships")
    write_snapshot(tmp_path / "snap.jsonl", HEAD, rows)

    with pytest.raises(StoreError, match="row of memberships"), open_snapshot(tmp_path / "snap.jsonl", clock):
        pass


def test_snapshot_round_trips_through_postgresql(store: Store, clock: Clock, tmp_path: Path) -> None:
    written(store, "add-label", "capability:churn", START + timedelta(minutes=1))
    other = open_store(new_database(), now=clock)
    other.load_snapshot(read_rows(exported(store, tmp_path / "first.jsonl", bodies=True)))
    back = exported(other, tmp_path / "second.jsonl", bodies=True)
    other.close()

    def lines(path: Path) -> list[str]:
        return sorted(path.read_text().splitlines())

    assert lines(back) == lines(tmp_path / "first.jsonl")


def test_bodies_are_exported_only_on_request(store: Store, clock: Clock, tmp_path: Path) -> None:
    path = exported(store, tmp_path / "snap.jsonl")

    assert "secret plan" not in path.read_text()
    with open_snapshot(path, clock) as copy:
        result = {item.issue.ref.key: item.issue for item in copy.known_issues()}
    assert result["DS-1"].body == ""
    assert result["DS-1"].labels == {"features"}


def test_tracker_caches_and_journal_are_not_exported(store: Store, tmp_path: Path) -> None:
    entry = store.journal_intent(
        run_id="run-1",
        at=START,
        ref=ref(1),
        op="create-comment",
        payload={"text": "what we sent"},
        before={},
        rule=None,
        why="",
    )
    store.complete_write(entry, START, ref=ref(1))

    text = exported(store, tmp_path / "snap.jsonl").read_text()

    assert "of a tracker" not in text
    assert "what we sent" not in text


def test_imported_store_pulls_every_source_in_full(store: Store, clock: Clock, tmp_path: Path) -> None:
    assert store.source_states()[0].cursor is not None

    with open_snapshot(exported(store, tmp_path / "snap.jsonl"), clock) as copy:
        assert [each.cursor for each in copy.source_states()] == [None, None]
        assert [each.last_whole for each in copy.source_states()] == [START, START]


def written(store: Store, op: str, label: str, at: Any) -> None:
    entry = store.journal_intent(
        run_id="run-2", at=at, ref=ref(1), op=op, payload={"label": label}, before={}, rule=None, why=""
    )  # type: ignore[arg-type]
    added, removed = ([label], []) if op == "add-label" else ([], [label])
    store.complete_write(entry, at, ref=ref(1), added=added, removed=removed)


def test_exported_labels_include_our_own_writes(store: Store, clock: Clock, tmp_path: Path) -> None:
    later = START + timedelta(minutes=1)
    written(store, "add-label", "capability:churn", later)
    written(store, "add-label", "capability:old", later)
    written(store, "remove-label", "capability:old", later)

    with open_snapshot(exported(store, tmp_path / "snap.jsonl"), clock) as copy:
        (one,) = [item.issue for item in copy.known_issues() if item.issue.ref == ref(1)]

    assert one.labels == {"features", "capability:churn"}


def test_labels_read_after_our_writes_are_exported_unchanged(store: Store) -> None:
    written(store, "add-label", "capability:churn", START + timedelta(minutes=1))
    assert store.label_changes_since_read() == {("jira", ref(1).id): {"capability:churn": True}}

    later = START + timedelta(minutes=2)
    pull(store, issue(1, at=later), at=later, full=False)

    assert store.label_changes_since_read() == {}


def test_import_replaces_everything(store: Store, clock: Clock, tmp_path: Path) -> None:
    path = exported(store, tmp_path / "snap.jsonl", bodies=True)
    other = open_store("sqlite://", now=clock)
    pull(other, issue(99))
    written(other, "add-label", "x", START)

    other.load_snapshot(read_rows(path))

    assert everything(other) == everything(store)
    assert other.journal() == []
    other.close()


def test_damaged_file_changes_nothing(store: Store, clock: Clock, tmp_path: Path) -> None:
    path = exported(store, tmp_path / "snap.jsonl")
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    other = open_store("sqlite://", now=clock)
    pull(other, issue(99))

    with pytest.raises(UnreadableSnapshot, match="ends too early"):
        other.load_snapshot(read_rows(path))

    assert [item.issue.ref for item in other.known_issues()] == [ref(99)]
    other.close()


def test_truncated_gzip_file_is_damaged(store: Store, tmp_path: Path) -> None:
    path = exported(store, tmp_path / "snap.jsonl.gz")
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(UnreadableSnapshot, match="damaged"):
        list(read_rows(path))


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("hello", "is not a snapshot"),
        ('{"format": "something-else"}', "is not a snapshot"),
        ('["increment-sync-snapshot"]', "is not a snapshot"),
        ('{"format": "increment-sync-snapshot", "version": 2}', "version 2 and this program reads version 1"),
        ('{"format": "increment-sync-snapshot", "version": 1}', "header is incomplete"),
        ("", "is not a snapshot"),
    ],
)
def test_other_files_are_refused_in_a_sentence(tmp_path: Path, first: str, said: str) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text(first + "\n")

    with pytest.raises(UnreadableSnapshot, match=said):
        read_header(path)


@pytest.mark.parametrize("line", ["{", '["issues"]', '["issues", 3]', '{"rows": 12}', "[1, {}]", "null"])
def test_invalid_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "snap.jsonl"
    write_snapshot(path, HEAD, [])
    first, last = path.read_text().splitlines()
    path.write_text(f"{first}\n{line}\n{last}\n")

    with pytest.raises(UnreadableSnapshot, match="line 2"):
        list(read_rows(path))


def test_additions_of_newer_versions_are_ignored(store: Store, clock: Clock, tmp_path: Path) -> None:
    rows = [(table, values | {"invented": 1}) for table, values in store.snapshot_rows(bodies=True)]
    write_snapshot(tmp_path / "snap.jsonl", HEAD, [*rows, ("inventions", {"id": 1})])

    with open_snapshot(tmp_path / "snap.jsonl", clock) as copy:
        assert looked_at(copy) == looked_at(store)
    other = open_store("sqlite://", now=clock)
    other.load_snapshot(read_rows(tmp_path / "snap.jsonl"))
    assert everything(other) == everything(store)
    other.close()


def test_incomplete_row_is_refused_and_changes_nothing(store: Store, clock: Clock) -> None:
    other = open_store("sqlite://", now=clock)
    pull(other, issue(99))

    with pytest.raises(StoreError, match="has no status in a row of issues"):
        other.load_snapshot([("issues", {"tracker": "jira", "id": "1", "key": "DS-1", "container": "DS"})])

    assert [item.issue.ref for item in other.known_issues()] == [ref(99)]
    other.close()


@pytest.mark.parametrize(
    ("table", "changed", "said"),
    [
        ("pushed_labels", {"label": 5}, "pushed_labels (label is 5)"),
        ("overrides", {"kind": "ban"}, "overrides (kind is 'ban')"),
        ("issues", {"category": "closed"}, "issues (category is 'closed')"),
        ("issues", {"reopened": 10**30}, "issues (reopened is 1000"),
        ("issues", {"reopened": True}, "issues (reopened is True)"),
        ("issues", {"first_labels": "ab"}, "issues (first_labels: Input should be a valid"),
        ("issues", {"payload": [1]}, "issues (payload: Input should be"),
        ("issues", {"payload": {**PAYLOAD, "status_id": [[]]}}, "issues (payload.status_id: Input should be"),
        (
            "issues",
            {"payload": {**PAYLOAD, "created": "0001-01-01T00:00:00+01:00"}},
            "issues (an impossible time",
        ),
        ("issues", {"payload": {**PAYLOAD, "closed": None}}, "issues (fromisoformat: argument must be str"),
        ("baselines", {"refs": "x"}, "baselines (refs: Input should be a valid"),
        ("rollups", {"body": 3}, "rollups (body"),
        ("assignments", {"rule": ["x"]}, "assignments (rule is ['x'])"),
        ("cache", {"value": 3}, "cache (finished-increment:2026-q3"),
        ("cache", {"tracker": "jira"}, "cache (the cache of 'jira' is not part of a snapshot)"),
    ],
)
def test_a_forged_value_is_named_and_changes_nothing(
    store: Store, clock: Clock, table: str, changed: dict[str, Any], said: str
) -> None:
    rows = [
        (name, {**row, **changed} if name == table else row)
        for name, row in store.snapshot_rows(bodies=False)
    ]
    before = everything(store)

    with pytest.raises(StoreError, match=re.escape(f"damaged in a row of {said}")):
        store.load_snapshot(rows)

    assert everything(store) == before


@pytest.mark.parametrize("table", ["issues", "memberships", "pushed_labels", "store_facts", "rollups"])
def test_a_row_that_is_there_twice_is_refused(store: Store, table: str) -> None:
    rows = list(store.snapshot_rows(bodies=False))
    again = next(row for row in rows if row[0] == table)

    with pytest.raises(StoreError, match=f"damaged in a row of {table}"):
        store.load_snapshot([*rows, again])


def test_gzip_data_that_cannot_be_unpacked_is_damaged(store: Store, tmp_path: Path) -> None:
    path = exported(store, tmp_path / "snap.jsonl.gz")
    content = bytearray(path.read_bytes())
    content[40:60] = b"\xff" * 20
    path.write_bytes(content)

    with pytest.raises(UnreadableSnapshot, match="damaged"):
        list(read_rows(path))


def test_file_is_written_atomically(tmp_path: Path) -> None:
    path = tmp_path / "snap.jsonl"
    path.write_text("what was there")

    def rows() -> Iterator[tuple[str, dict[str, Any]]]:
        yield "issues", {"id": "1"}
        raise StoreError("The store is gone.")

    with pytest.raises(StoreError):
        write_snapshot(path, HEAD, rows())

    assert path.read_text() == "what was there"
    assert list(tmp_path.iterdir()) == [path]


def test_header_describes_the_file(store: Store, tmp_path: Path) -> None:
    path = exported(store, tmp_path / "snap.jsonl.gz")

    with gzip.open(path, "rt") as stream:
        first = json.loads(stream.readline())

    assert first == {
        "format": "increment-sync-snapshot",
        "version": 1,
        "instance": "acme",
        "taken": START.isoformat(),
        "bodies": False,
    }
    assert read_header(path) == HEAD


def test_contents_are_counted_and_empty_for_a_new_store(store: Store, clock: Clock) -> None:
    empty = open_store("sqlite://", now=clock)

    assert empty.count_contents() == {}
    assert store.count_contents() == {"issues": 3, "overrides": 1, "sources": 2, "labels that we put": 1}
    empty.close()


def test_count_records_time_and_creation_time_are_exported(
    store: Store, clock: Clock, tmp_path: Path
) -> None:
    store.save_count_records(START + timedelta(days=1), [], [], None)
    with open_snapshot(exported(store, tmp_path / "snapshot.jsonl"), clock) as copy:
        assert copy.created_at == store.created_at
