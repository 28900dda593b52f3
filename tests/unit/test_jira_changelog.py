"""Changelogs of Jira: changes of state, and who put and removed labels."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.errors import BadPayload
from connectors.jira.changelog import (
    expanded_entries,
    parse_changes,
    parse_label_histories,
    parse_label_origins,
    parse_statuses,
)
from connectors.model import FieldSelection, IssueChange, IssueRef

REF = IssueRef(tracker="jira", id="10012", key="DS-12")
WIP = FieldSelection(state_labels=frozenset({"wip", "on hold"}))


def entry(number: int, *items: Any, day: int = 1, author: Any = "ada") -> dict[str, Any]:
    by = {"accountId": author} if author else None
    created = f"2026-10-{day:02}T08:00:00.000+0200"
    return {"id": str(number), "created": created, "author": by, "items": list(items)}


def item(field: str, before: str | None, after: str | None, **more: Any) -> dict[str, Any]:
    return {"field": field, "fieldId": field, "fromString": before, "toString": after} | more


def changes(*entries: Any, flagged: str | None = None) -> list[IssueChange]:
    return parse_changes(entries, REF, WIP, flagged)


def short(found: list[IssueChange]) -> list[tuple[str, str, str, str]]:
    return [(each.id, each.kind, each.before, each.after) for each in found]


def test_a_status_keeps_its_names_and_ids_and_its_time_in_utc() -> None:
    (change,) = changes(entry(5, item("status", "To Do", "Done", **{"from": "1", "to": 3})))
    assert (change.id, change.kind, change.before, change.after) == ("5:status", "status", "To Do", "Done")
    assert (change.before_id, change.after_id) == ("1", "3")
    assert (change.ref, change.at) == (REF, datetime(2026, 10, 1, 6, tzinfo=UTC))


def test_flags_are_known_by_name_or_by_the_id_of_their_field() -> None:
    named = {"field": "Flagged", "fromString": None, "toString": "Impediment"}
    by_id = item("customfield_3", "Impediment", "")
    assert short(changes(entry(1, named), entry(2, by_id), flagged="customfield_3")) == [
        ("1:flag", "flag", "", "flagged"),
        ("2:flag", "flag", "flagged", ""),
    ]
    assert changes(entry(2, by_id)) == []


@pytest.mark.parametrize("field", ["issuekey", "Key"])
def test_a_move_tells_both_keys(field: str) -> None:
    moved = {"field": field, "fromString": "DS-12", "toString": "OPS-3"}
    assert short(changes(entry(1, moved))) == [("1:key", "key", "DS-12", "OPS-3")]


def test_labels_of_states_are_changes_one_by_one() -> None:
    assert short(changes(entry(1, item("labels", "WIP other b", "b new a wip")))) == [
        ("1:-WIP", "label", "WIP", ""),
        ("1:+wip", "label", "", "wip"),
    ]
    assert changes(entry(1, item("labels", "wip b", "wip c"))) == []


def test_other_fields_are_no_changes_and_several_items_are_several() -> None:
    both = entry(1, item("summary", "a", "b"), item("status", "A", "B"), item("labels", "", "wip"))
    assert [each.kind for each in changes(both)] == ["status", "label"]
    assert changes(entry(1) | {"items": None}) == []


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"id": None}, 'changelog of DS-12 has no "id"'),
        ({"created": None}, 'changelog of DS-12 has no "created"'),
        ({"created": "soon"}, "changelog of DS-12 holds 'soon'"),
        ({"items": [7]}, "changelog of DS-12 is not a list of objects"),
    ],
)
def test_an_invalid_entry_names_its_issue(broken: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadPayload, match=reason):
        changes(entry(1) | broken)


def test_a_changelog_that_did_not_come_is_named() -> None:
    with pytest.raises(BadPayload, match='issue DS-12 has no "changelog"'):
        expanded_entries({}, REF)
    with pytest.raises(BadPayload, match='changelog of DS-12 has no "histories"'):
        expanded_entries({"changelog": {}}, REF)
    assert expanded_entries({"changelog": {"histories": [{"id": "1"}]}}, REF) == [{"id": "1"}]


# ---- labels


def labels(number: int, before: str, after: str, **more: Any) -> dict[str, Any]:
    return entry(number, item("labels", before, after), **more)


def test_a_label_has_its_last_addition_and_what_removed_it_later() -> None:
    found = parse_label_histories(
        [
            labels(4, "a", "", day=3, author="eve"),
            labels(3, "", "a", day=2, author="bob"),
            labels(2, "a", "", day=1, author="zoe"),
            labels(1, "", "a b", day=1),
            entry(5, 7, item("summary", "", "c")),
        ],
        "it",
    )
    assert set(found) == {"a", "b"}
    assert (found["a"].added.author_id, found["a"].removed.author_id) == ("bob", "eve")  # type: ignore[union-attr]
    assert found["a"].removed and found["a"].removed.at == datetime(2026, 10, 3, 6, tzinfo=UTC)
    assert found["b"].removed is None


def test_entries_of_one_moment_are_ordered_by_their_ids() -> None:
    rows = [labels(10, "", "a", author="new"), labels(9, "a", "", author="old")]
    assert parse_label_histories(rows, "it")["a"].removed is None
    rows = [labels(10, "a", "", author="new"), labels(9, "", "a", author="old")]
    assert parse_label_histories(rows, "it")["a"].removed is not None


def test_of_two_spellings_the_one_that_changed_last_counts() -> None:
    swapped = labels(2, "Done", "done", day=2, author="eve")
    found = parse_label_histories([swapped, labels(1, "", "Done")], "it")
    assert found["done"].added and found["done"].added.label == "done"
    assert found["done"].added.author_id == "eve"
    back = labels(3, "done", "Done", day=3, author="bob")
    found = parse_label_histories([back, swapped, labels(1, "", "Done")], "it")
    assert found["done"].added and found["done"].added.author_id == "bob"
    gone = parse_label_histories([labels(2, "Done", "", day=2), labels(1, "", "Done done")], "it")
    assert gone["done"].removed and gone["done"].removed.label == "Done"


def origins(*entries: Any, current: Any = ("a", "B")) -> dict[str, str]:
    raw = {"key": "DS-12", "fields": {"labels": list(current)}, "changelog": {"histories": list(entries)}}
    return {label: event.author_id for label, event in parse_label_origins(raw).items()}


def test_origins_are_those_of_current_labels_with_an_author() -> None:
    assert origins(labels(1, "", "a b"), labels(2, "", "B", author=None)) == {"a": "ada"}
    assert origins(labels(1, "", "a"), current=["b", None]) == {}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"fields": {}}, 'an issue has no "key"'),
        ({"key": "DS-12"}, 'issue DS-12 has no "fields"'),
        ({"key": "DS-12", "fields": {}}, 'issue DS-12 has no "changelog"'),
        ({"key": "DS-12", "fields": {}, "changelog": {}}, "changelog of DS-12 is not a list"),
    ],
)
def test_origins_of_an_incomplete_answer_are_unknown(raw: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadPayload, match=reason):
        parse_label_origins(raw)


def test_statuses_have_names_and_categories() -> None:
    rows = [
        {"id": "1", "name": "Offen", "statusCategory": {"key": "new"}},
        {"id": 3, "name": "Fertig", "statusCategory": {"key": "done"}},
        {"id": "4", "name": "Eigen", "statusCategory": None},
    ]
    assert parse_statuses(rows) == {"1": ("Offen", "todo"), "3": ("Fertig", "done"), "4": ("Eigen", None)}
    with pytest.raises(BadPayload, match='a status has no "id"'):
        parse_statuses([{"name": "x"}])
    with pytest.raises(BadPayload, match='a status has no "name"'):
        parse_statuses([{"id": "1"}])
    with pytest.raises(BadPayload, match="GET /status is not a list"):
        parse_statuses({})
