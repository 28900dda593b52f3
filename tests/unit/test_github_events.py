"""Histories from the events of a repository: which pages are read, what they tell, and of whom all is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses

from connectors.model import (
    FieldSelection,
    HistoryRequest,
    Issue,
    IssueRef,
    LabelEvent,
    LabelHistory,
    Source,
    SourceHistory,
)
from tests.unit.test_github_defects import REPO, SOURCE, START, GithubConnection
from tests.unit.test_github_payload import issue as parsed_issue

EVENTS = f"{REPO}/issues/events"
WIP = FieldSelection(state_labels=frozenset({"wip"}))


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def minute(number: float) -> datetime:
    """A time before START, which is minute 60."""
    return START + timedelta(minutes=number - 60)


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def event(number: int, kind: str, at: float, *, of: int = 1, **more: Any) -> dict[str, Any]:
    """Return an event of the issue with the id 100 + ``of``."""
    about = {"id": 100 + of, "number": of}
    actor = {"login": "dana", "id": 42, "type": "User"}
    return {
        "id": number,
        "event": kind,
        "created_at": stamp(minute(at)),
        "issue": about,
        "actor": actor,
    } | more


def label(number: int, kind: str, at: float, name: str, **more: Any) -> dict[str, Any]:
    return event(number, kind, at, label={"name": name}, **more)


def issue(number: int, *, created: float = -999) -> Issue:
    return parsed_issue(id=100 + number, number=number, created_at=stamp(minute(created)))


def serve(net: responses.RequestsMock, *pages: Sequence[Any]) -> None:
    """Serve pages of events, newest first."""
    for index, rows in enumerate(pages):
        more = index + 1 < len(pages)
        link = {"Link": f'<{EVENTS}?page={index + 2}>; rel="next"'} if more else {}
        net.get(f"{EVENTS}?page={index + 1}" if index else EVENTS, json=list(rows), headers=link)


def history(
    *issues: Issue,
    bookmark: str | None = None,
    selection: FieldSelection = FieldSelection(),
    source: Source = SOURCE,
) -> SourceHistory:
    request = HistoryRequest(source=source, issues=issues, bookmark=bookmark)
    (answer,) = GithubConnection().reader.histories([request], selection)
    assert isinstance(answer, SourceHistory), answer
    return answer


def test_closings_openings_and_labels_of_states_are_changes(net: responses.RequestsMock) -> None:
    serve(
        net,
        [
            label(7, "unlabeled", 50, "WIP"),
            event(6, "closed", 40, state_reason="not_planned"),
            event(5, "reopened", 30),
            event(4, "closed", 20, state_reason=None),
            label(3, "labeled", 10, "wip"),
            label(2, "labeled", 9, "other"),
            event(1, "assigned", 8),
        ],
    )
    found = history(issue(1), selection=WIP)
    assert {(each.id, each.kind, each.before, each.after, each.resolution) for each in found.changes} == {
        ("3", "label", "", "wip", None),
        ("4", "status", "open", "closed", None),
        ("5", "status", "closed", "open", None),
        ("6", "status", "open", "closed", "not_planned"),
        ("7", "label", "WIP", "", None),
    }
    assert {each.at for each in found.changes if each.id == "6"} == {minute(40)}
    assert {each.ref for each in found.changes} == {IssueRef(tracker="github", id="101", key="acme/churn#1")}


def test_labels_have_their_latest_addition_and_removal(net: responses.RequestsMock) -> None:
    serve(
        net,
        [
            label(4, "unlabeled", 4, "b"),
            label(3, "labeled", 3, "b"),
            label(2, "labeled", 2, "A", of=2),
            label(1, "labeled", 1, "a"),
            {**label(9, "labeled", 1, "lost"), "issue": None},
        ],
    )
    found = history(issue(1), issue(2)).label_histories

    def put(name: str, at: float) -> LabelEvent:
        return LabelEvent(label=name, author_id="42", at=minute(at))

    assert {ref.key: labels for ref, labels in found.items()} == {
        "acme/churn#1": {
            "a": LabelHistory(added=put("a", 1)),
            "b": LabelHistory(added=put("b", 3), removed=put("b", 4)),
        },
        "acme/churn#2": {"a": LabelHistory(added=put("A", 2))},
    }


def test_pull_requests_count_only_for_sources_that_want_them(net: responses.RequestsMock) -> None:
    closed = event(1, "closed", 1)
    closed["issue"]["pull_request"] = {"url": "x"}
    serve(net, [closed])
    assert history(issue(1)).changes == ()
    wanting = Source(tracker="github", container="acme/churn", options=(("pull_requests", True),))
    assert len(history(issue(1), source=wanting).changes) == 1


# ---- pages


@pytest.mark.parametrize(
    ("issues", "selection", "bookmark", "pages"),
    [
        (1, FieldSelection(), False, 1),
        (101, FieldSelection(), False, 1),
        (1, WIP, False, 3),
        (100, WIP, False, 3),
        (101, WIP, False, 6),
        (1, FieldSelection(), True, 3),
    ],
)
def test_the_budget_of_pages_follows_the_number_of_issues(
    net: responses.RequestsMock, issues: int, selection: FieldSelection, bookmark: bool, pages: int
) -> None:
    known = None
    if bookmark:
        serve(net, [event(1, "closed", -500)])
        known = history(issue(1)).bookmark
        net.reset()
    serve(net, *([event(100 - number, "assigned", 50 - number)] for number in range(9)))
    history(*(issue(1, created=-number) for number in range(issues)), selection=selection, bookmark=known)
    assert sum("page" in (call.request.url or "").partition("?")[2] for call in net.calls) >= pages - 1
    assert len([call for call in net.calls if call.response.headers.get("Link")]) == pages


def test_all_is_known_of_every_issue_when_the_list_ends(net: responses.RequestsMock) -> None:
    serve(net, [event(2, "closed", 50)], [event(1, "closed", 40)])
    assert history(issue(1), issue(2, created=45), selection=WIP).complete == {"101", "102"}


def test_all_is_known_of_issues_that_are_younger_than_the_oldest_event_read(
    net: responses.RequestsMock,
) -> None:
    serve(net, [event(3, "closed", 50), event(2, "closed", 40)], [event(1, "closed", 30)])
    found = history(issue(1, created=39), issue(2, created=40), issue(3, created=41))
    assert found.complete == {"103"}, "events of the very second of the oldest one may be on the next page"


def test_an_empty_repository_is_known_as_a_whole(net: responses.RequestsMock) -> None:
    serve(net, [])
    assert history(issue(1)).complete == {"101"}


def test_the_next_read_ends_where_it_joins_the_last_one(net: responses.RequestsMock) -> None:
    serve(net, [event(2, "closed", 40), event(1, "closed", 20)])
    first = history(issue(1))
    net.reset()
    late = event(3, "reopened", 34.9, of=2)
    serve(net, [event(4, "closed", 50), event(2, "closed", 40)], [late, event(1, "closed", 20)], [])
    second = history(issue(1), issue(2), bookmark=first.bookmark)
    assert second.complete == {"101", "102"}
    assert len(net.calls) == 2, "an event may appear in the list up to five minutes late"
    assert {each.id for each in second.changes} == {"1", "2", "3", "4"}


def test_a_read_that_does_not_join_the_last_one_forgets_it(net: responses.RequestsMock) -> None:
    serve(net, [event(1, "closed", -500)])
    bookmark = history(issue(1)).bookmark
    net.reset()
    serve(net, *([event(9 - number, "closed", 50 - number)] for number in range(5)))
    found = history(issue(1), issue(2, created=49), bookmark=bookmark)
    assert found.complete == {"102"}
    net.reset()
    serve(net, [event(20, "closed", 58), event(9, "closed", 40)], [event(8, "closed", 39)])
    later = history(issue(1), issue(2, created=49), bookmark=found.bookmark)
    assert later.complete == {"102"}, "what lies between stays unknown"


def test_a_bookmark_never_moves_back(net: responses.RequestsMock) -> None:
    serve(net, [event(1, "closed", 50)])
    bookmark = history(issue(1)).bookmark
    net.reset()
    serve(net, [event(1, "closed", 10)])
    assert history(issue(1), bookmark=bookmark).bookmark == bookmark


def test_a_bookmark_without_a_label_that_is_a_state_now_is_of_no_use(net: responses.RequestsMock) -> None:
    serve(net, [event(1, "closed", 20)])
    plain, with_label = history(issue(1)).bookmark, history(issue(1), selection=WIP).bookmark
    net.reset()
    serve(net, [event(2, "closed", 50), event(1, "closed", 10)], [event(3, "closed", 9)])
    assert history(issue(1), bookmark=with_label, selection=WIP).complete == {"101"}
    assert len(net.calls) == 1
    assert history(issue(1), bookmark=with_label).complete == {"101"}
    assert len(net.calls) == 2, "fewer labels than before are known, too"
    history(issue(1), bookmark=plain, selection=WIP)
    assert len(net.calls) == 4


# ---- events that cannot be read


def test_an_unreadable_event_concerns_its_issue_only(net: responses.RequestsMock) -> None:
    broken = label(3, "labeled", 30, "x") | {"created_at": "yesterday"}
    serve(net, [broken, label(2, "labeled", 20, "x"), label(1, "labeled", 10, "x", of=2)])
    found = history(issue(1), issue(2))
    assert found.complete == {"102"}
    assert {ref.id for ref in found.label_histories} == {"102"}


@pytest.mark.parametrize(
    "broken",
    [7, {"created_at": None}, {"event": "closed", "created_at": "x", "issue": {"id": "no id"}}],
)
def test_an_unreadable_event_of_nobody_knows_whom_concerns_all(
    net: responses.RequestsMock, broken: Any
) -> None:
    serve(net, [broken, event(2, "closed", 20)])
    found = history(issue(1))
    assert found.complete == frozenset()
    assert {each.id for each in found.changes} == {"2"}


def test_bookmarks_of_earlier_versions_are_read(net: responses.RequestsMock) -> None:
    serve(net, [event(2, "closed", 50), event(1, "closed", 10)], [])
    since, seen = minute(0).astimezone(UTC).isoformat(), minute(30).isoformat()
    stored = f'{{"since": "{since}", "seen": "{seen}", "labels": ["wip"]}}'
    found = history(issue(1, created=-1), issue(2, created=1), bookmark=stored)
    assert found.complete == {"102"}
    assert found.bookmark == (f'{{"since": "{since}", "seen": "{minute(50).isoformat()}", "labels": []}}')
