"""Parsing of GitHub's JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.errors import BadPayload, MalformedIssue
from connectors.github.payload import (
    parse_comment,
    parse_issue,
    parse_label_histories,
    parse_label_origins,
    split_key,
    web_url_of,
)
from connectors.model import Comment, FieldSelection, Issue

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


def test_an_issue_without_title_is_named_by_its_key() -> None:
    assert issue(title=None).title == "acme/churn#7"


def test_the_repository_in_the_answer_is_the_issues_own() -> None:
    """Issues are transferred and repositories renamed; an address of something else is no repository."""
    read = issue(repository_url=f"{API}/repos/acme/Retention", html_url=None)
    assert (read.ref.key, read.container) == ("acme/Retention#7", "acme/Retention")
    assert read.url == "https://github.com/acme/Retention/issues/7"
    for odd in (f"{API}/repos/acme/churn/x", f"{API}/acme/churn", "http://[", 7, None):
        assert issue(repository_url=odd).container == "acme/churn"


@pytest.mark.parametrize(
    "url", [f"{API}/repos/a/b/issues/4/x", f"{API}/issues/4", f"{API}/repos/a/b/issues/x", 7]
)
def test_another_address_is_no_parent(url: Any) -> None:
    assert issue(parent_issue_url=url).parent is None


@pytest.mark.parametrize(("locked", "read"), [(True, True), (False, False), ("yes", False), (None, False)])
def test_an_issue_is_locked_only_if_github_says_so(locked: Any, read: bool) -> None:
    assert issue(locked=locked).locked is read


def test_an_empty_reason_is_none() -> None:
    assert issue(state_reason="").resolution is None


def test_people_without_a_login_are_left_out() -> None:
    assert issue(assignees=[{"login": "dana"}, {"id": 7}, None]).assignees == ("dana",)
    assert issue(assignees=None).assignees == ()


@pytest.mark.parametrize(
    ("change", "quoted"),
    [
        ({"number": "x"}, "GitHub's answer about an issue holds 'x' where an id belongs"),
        ({"state": {}}, 'GitHub\'s answer about issue #7 holds {} as its "state"'),
        ({"milestone": 7}, 'GitHub\'s answer about issue #7 holds 7 as its "milestone"'),
        ({"labels": 7}, "GitHub's answer about the labels of issue #7 is not a list; nothing of it is used"),
        ({"labels": [{}]}, "the labels of issue #7 holds [{}] where the names of labels belong"),
        ({"labels": None}, 'GitHub\'s answer about issue #7 has no "labels"; nothing of it is used'),
        ({"closed_at": "x"}, "GitHub's answer about issue #7 holds 'x' where a time belongs"),
    ],
)
def test_a_malformed_value_is_quoted_with_its_issue(change: dict[str, Any], quoted: str) -> None:
    with pytest.raises(MalformedIssue) as found:
        issue(**change)
    assert quoted in str(found.value)
    assert (found.value.id, found.value.key) == ("1296269", "" if "number" in change else "acme/churn#7")


def test_an_issue_without_an_id_is_named_by_its_key() -> None:
    with pytest.raises(MalformedIssue) as found:
        issue(id=None)
    assert (found.value.id, found.value.key) == ("", "acme/churn#7")
    assert "about acme/churn#7 has no" in str(found.value)


def comment(**changes: Any) -> Comment:
    at = "2026-10-01T08:00:00Z"
    return parse_comment({"id": 9, "user": {"id": 42}, "body": "x", "created_at": at} | changes)


def test_a_comment_keeps_its_text_as_people_wrote_it() -> None:
    assert comment(body="e\u0301").body == "e\u0301"
    assert comment(body=None).body == ""


def test_a_comment_was_changed_when_it_was_written_if_nothing_else_is_said() -> None:
    assert comment().updated == comment().created == datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
    assert comment(updated_at="2026-10-02T08:00:00+02:00").updated == datetime(2026, 10, 2, 6, 0, tzinfo=UTC)


def test_times_without_a_zone_are_utc() -> None:
    assert comment(created_at="2026-10-01T08:00:00").created == datetime(2026, 10, 1, 8, 0, tzinfo=UTC)


def test_labels_that_were_removed_or_whose_author_is_unknown_have_no_origin() -> None:
    events = [event("labeled", "nobody", 1, None), event("labeled", "gone", 2), event("unlabeled", "GONE", 3)]
    assert parse_label_origins(events) == {}
    histories = parse_label_histories([*events, event("unlabeled", "never put", 4), {"event": "labeled"}])
    assert sorted(histories) == ["gone", "never put", "nobody"]
    assert histories["gone"].added and histories["gone"].removed
    assert histories["gone"].removed.label == "GONE"
    assert histories["never put"].added is None
    assert parse_label_histories([*events, event("labeled", "gone", 5)])["gone"].removed is None


def test_a_web_address_without_api_path_stays() -> None:
    assert web_url_of("https://git.acme.example/api/v3/") == "https://git.acme.example"
