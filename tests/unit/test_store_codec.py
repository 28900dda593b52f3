"""Encoding of issues and texts for the databases."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connectors.model import Blocker, FieldSelection, Issue, IssueRef, Source
from sync.store.codec import (
    ISSUE_COLUMNS,
    decode_issue,
    dump_json,
    encode_issue_payload,
    source_definition_hash,
    storable_text,
)
from tests.support.store_world import START, issue

ANYTHING = st.text(st.characters(codec=None, categories=None), max_size=30)
STORABLE = ANYTHING.map(storable_text)
TIMES = st.datetimes(min_value=datetime(1990, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def issues(text: st.SearchStrategy[str]) -> st.SearchStrategy[Issue]:
    some = st.lists(text, max_size=3).map(tuple)
    return st.builds(
        Issue,
        ref=st.builds(IssueRef, tracker=text, id=text, key=text),
        url=text,
        title=text,
        container=text,
        status=text,
        created=TIMES,
        updated=TIMES,
        status_id=text,
        category=st.sampled_from([None, "todo", "doing", "done"]),
        resolution=st.none() | text,
        type=text,
        body=text,
        labels=st.frozensets(text, max_size=3),
        components=some,
        fix_versions=some,
        milestone=st.none() | text,
        sprint=st.none() | text,
        parent=st.none() | text,
        assignees=some,
        author=text,
        reporter=text,
        started=st.none() | TIMES,
        closed=st.none() | TIMES,
        flagged=st.booleans(),
        is_pull_request=st.booleans(),
        locked=st.booleans(),
        fields=st.dictionaries(text, some, max_size=2),
    )


def there_and_back(one: Issue) -> Issue:
    text = dump_json(encode_issue_payload(one))
    text.encode()
    assert "\x00" not in text
    row: dict[str, Any] = {
        "tracker": one.ref.tracker,
        "id": one.ref.id,
        "key": one.ref.key,
        "container": one.container,
        "status": one.status,
        "category": one.category,
        "updated": one.updated,
        "payload": json.loads(text),
    }
    return decode_issue(**row)


@given(issues(STORABLE))
def test_every_issue_of_storable_text_comes_back_equal(one: Issue) -> None:
    assert there_and_back(one) == one
    assert there_and_back(one).ref.key == one.ref.key


@given(ANYTHING, ANYTHING)
def test_other_text_comes_back_cleaned_and_nothing_else_changes(title: str, label: str) -> None:
    dirty = issue(1, title=title, labels=frozenset({label}), fields={label: (title,)})
    clean = replace(
        dirty,
        title=storable_text(title),
        labels=frozenset({storable_text(label)}),
        fields={storable_text(label): (storable_text(title),)},
    )
    assert there_and_back(dirty) == clean


@given(ANYTHING)
def test_cleaning_text_is_idempotent_and_leaves_clean_text(text: str) -> None:
    clean = storable_text(text)
    clean.encode()
    assert "\x00" not in clean
    assert storable_text(clean) == clean
    if "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text):
        assert clean == text


def test_text_that_looks_like_an_escape_is_unchanged() -> None:
    result = issue(1, title=r"\u0000 and \\u0000 and \ud83d")
    assert there_and_back(result) == result


def test_a_plain_issue_takes_little_room() -> None:
    assert sorted(encode_issue_payload(issue(1))) == ["created", "title", "url"]


def test_every_field_of_an_issue_round_trips() -> None:
    other: dict[str, Any] = {
        bool: True,
        str: "x",
        frozenset: frozenset({"x"}),
        tuple: ("x",),
        dict: {"x": ("y",)},
        type(None): START,
    }
    plain = issue(1)
    names = [field.name for field in fields(Issue) if field.name not in ISSUE_COLUMNS]
    times = {"created", "started", "closed"}
    for name in names:
        value = getattr(plain, name)
        changed = START + timedelta(days=9) if name in times else other[type(value)]
        if value is None and name not in times:
            changed = "x"
        if name == "blocked_by":
            blocker = IssueRef(tracker=plain.ref.tracker, id="7", key="DS-7")
            changed = (
                Blocker(ref=blocker, is_open=False, link="waits for"),
                Blocker(ref=blocker, is_open=True),
            )
        result = replace(plain, **{name: changed})
        assert getattr(there_and_back(result), name) == changed, name


def test_each_source_definition_has_its_own_hash() -> None:
    sources = [
        Source(tracker="jira", container="DS"),
        Source(tracker="jira", container="DS", options=(("jql", "a = b"),)),
        Source(tracker="jira2", container="DS"),
        Source(tracker="jira", container="OPS"),
        Source(tracker="jira", container="DS", options=(("pull_requests", True),)),
    ]
    wanted = [
        FieldSelection(),
        FieldSelection(body=True),
        FieldSelection(fields=("Team",)),
        FieldSelection(dependencies=True),
        FieldSelection(dependencies=True, link_types=("waits for",)),
    ]
    hashes = {source_definition_hash(source, want) for source in sources for want in wanted}
    assert len(hashes) == len(sources) * len(wanted)
    one, other = FieldSelection(fields=("a", "b")), FieldSelection(fields=("b", "a"))
    assert source_definition_hash(sources[0], one) == source_definition_hash(sources[0], other)
