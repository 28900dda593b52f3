"""Parsing of GitHub's JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.errors import BadPayload
from connectors.github.payload import parse_comment, parse_issue, parse_label_origins, split_key, web_url_of
from connectors.model import FieldSelection, Issue

API = "https://api.github.com"


def raw_issue(**changes: Any) -> dict[str, Any]:
    return {
        "id": 1296269,
        "node_id": "I_x",
        "number": 7,
        "repository_url": f"{API}/repos/acme/churn",
        "html_url": "https://github.com/acme/churn/issues/7",
        "title": "Sessionise events",
        "state": "open",
        "state_reason": None,
        "user": {"login": "dana", "id": 42, "type": "User"},
        "labels": [{"id": 1, "name": "features", "color": "0e8a16"}, {"id": 2, "name": "area/x"}],
        "assignees": [{"login": "dana", "id": 42}, {"login": "eli", "id": 43}],
        "milestone": {"number": 1, "title": "Q4"},
        "type": {"id": 5, "name": "Task"},
        "parent_issue_url": f"{API}/repos/acme/plans/issues/4",
        "locked": False,
        "created_at": "2026-10-01T08:00:00Z",
        "updated_at": "2026-10-02T09:30:00Z",
        "closed_at": None,
        "body": "Some text",
    } | changes


def issue(selection: FieldSelection | None = None, **changes: Any) -> Issue:
    return parse_issue(
        raw_issue(**changes),
        tracker="github",
        container="acme/churn",
        web_url="https://github.com",
        selection=selection or FieldSelection(),
    )


def test_all_fields_used_by_rules_and_reports_are_parsed() -> None:
    read = issue()
    assert (read.ref.tracker, read.ref.id, read.ref.key) == ("github", "1296269", "acme/churn#7")
    assert read.url == "https://github.com/acme/churn/issues/7"
    assert (read.title, read.container, read.type) == ("Sessionise events", "acme/churn", "Task")
    assert (read.status, read.category, read.resolution) == ("open", "todo", None)
    assert read.labels == {"features", "area/x"}
    assert (read.milestone, read.parent) == ("Q4", "acme/plans#4")
    assert (read.author, read.assignees) == ("dana", ("dana", "eli"))
    assert read.reporter == "dana"
    assert read.created == datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
    assert read.updated == datetime(2026, 10, 2, 9, 30, tzinfo=UTC)
    assert (read.closed, read.locked, read.is_pull_request, read.body) == (None, False, False, "")


@pytest.mark.parametrize("reason", ["completed", "not_planned", "duplicate"])
def test_a_closed_issue_is_done_with_its_reason(reason: str) -> None:
    read = issue(state="closed", state_reason=reason, closed_at="2026-10-03T00:00:00Z")
    assert (read.status, read.category, read.resolution) == ("closed", "done", reason)
    assert read.closed == datetime(2026, 10, 3, tzinfo=UTC)


def test_an_unknown_state_has_no_category() -> None:
    assert issue(state="frozen").category is None


def test_missing_optional_fields_are_accepted() -> None:
    bare = raw_issue(user=None, milestone=None, assignees=[], body=None, labels=["old-style"])
    for newer in ("type", "parent_issue_url", "state_reason", "html_url", "repository_url"):
        del bare[newer]
    read = parse_issue(
        bare,
        tracker="ghe",
        container="acme/churn",
        web_url="https://git.acme.example",
        selection=FieldSelection(body=True),
    )
    assert (read.author, read.milestone, read.parent, read.type, read.body) == ("", None, None, "", "")
    assert read.labels == {"old-style"}
    assert read.url == "https://git.acme.example/acme/churn/issues/7"
    assert read.ref.key == "acme/churn#7"


def test_a_pull_request_is_recognised() -> None:
    assert issue(pull_request={"url": "..."}).is_pull_request


def test_text_is_cleaned_of_nul_and_surrogates() -> None:
    read = issue(FieldSelection(body=True), title="a\x00b", body="half \ud83d pair, whole \U0001f600")
    assert read.title == "ab"
    assert read.body == "half � pair, whole \U0001f600"
    read.body.encode()


@pytest.mark.parametrize("missing", ["id", "number", "state", "created_at", "updated_at"])
def test_missing_fields_are_named(missing: str) -> None:
    with pytest.raises(BadPayload, match=f'"{missing}"'):
        issue(**{missing: None})


@pytest.mark.parametrize("raw", [None, [], "issue", 7])
def test_a_payload_that_is_no_issue_is_a_bad_payload(raw: object) -> None:
    with pytest.raises(BadPayload):
        parse_issue(raw, tracker="github", container="a/b", web_url="", selection=FieldSelection())


def test_an_invalid_time_is_a_bad_payload() -> None:
    with pytest.raises(BadPayload, match="yesterday"):
        issue(updated_at="yesterday")


def test_authors_are_identified_by_number_and_bots_by_login() -> None:
    def author(user: Any) -> str:
        at = "2026-10-01T08:00:00Z"
        return parse_comment({"id": 9, "user": user, "body": "x", "created_at": at}).author_id

    assert author({"login": "dana", "id": 42, "type": "User"}) == "42"
    assert author({"login": "increment-sync[bot]", "id": 77, "type": "Bot"}) == "increment-sync[bot]"
    assert author(None) == ""


def event(kind: str, label: str, at: int, actor: Any = {"id": 42, "login": "dana"}) -> dict[str, Any]:  # noqa: B006
    return {
        "event": kind,
        "label": {"name": label},
        "actor": actor,
        "created_at": f"2026-10-01T08:0{at}:00Z",
    }


def test_the_origin_of_a_label_is_its_last_addition_if_not_removed() -> None:
    me = {"id": 41, "login": "increment-sync"}
    events = parse_label_origins(
        [
            {"event": "closed", "actor": me, "created_at": "2026-10-01T08:00:00Z"},
            event("labeled", "kept", 1, me),
            event("labeled", "gone", 1),
            event("labeled", "Swapped", 2, me),
            event("unlabeled", "swapped", 3),
            event("labeled", "swapped", 4),
            event("unlabeled", "gone", 5),
            event("labeled", "by-a-ghost", 6, None),
        ]
    )
    assert {name: found.author_id for name, found in events.items()} == {"kept": "41", "swapped": "42"}
    assert events["swapped"].at == datetime(2026, 10, 1, 8, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("acme/churn#7", ("acme/churn", 7)),
        ("acme/churn.py_2#70", ("acme/churn.py_2", 70)),
        ("acme/churn", None),
        ("acme#7", None),
        ("DS-7", None),
        ("acme/churn#0", None),
        ("acme/churn#7/labels", None),
        ("a/b/c#7", None),
        ("acme/churn#٧", None),
    ],
)
def test_keys(key: str, parts: tuple[str, int] | None) -> None:
    assert split_key(key) == parts


@pytest.mark.parametrize(
    ("api", "web"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://git.acme.example/api/v3", "https://git.acme.example"),
        ("http://127.0.0.1:8000/github/api/v3/", "http://127.0.0.1:8000/github"),
    ],
)
def test_web_url(api: str, web: str) -> None:
    assert web_url_of(api) == web
