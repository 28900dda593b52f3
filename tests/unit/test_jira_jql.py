"""JQL conditions, their times in the account's zone, and the next cursor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connectors.jira.jql import jql_time, next_cursor, quote_jql, search_condition
from connectors.jql_syntax import BadJql, without_order
from connectors.model import Cursor, Issue, IssueRef, Source

BERLIN, SYDNEY, NEW_YORK = (
    ZoneInfo("Europe/Berlin"),
    ZoneInfo("Australia/Sydney"),
    ZoneInfo("America/New_York"),
)
OVERLAP = timedelta(minutes=10)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def source(project: str = "DS", jql: str | None = None) -> Source:
    return Source(tracker="jira", container=project, options=(("jql", jql),) if jql else ())


def test_projects_without_jql_share_one_search_with_their_own_times() -> None:
    sources = [(source("A"), utc(2026, 10, 1, 4, 31, 59)), (source("B"), None)]
    assert search_condition(sources, BERLIN) == (
        '((project = "A" AND updated >= "2026-10-01 06:31") OR (project = "B"))'
    )


def test_a_users_jql_is_put_in_parentheses_without_its_order() -> None:
    sources = [(source("A", "team = Blue OR labels = x order  by rank DESC"), None)]
    assert search_condition(sources, BERLIN) == ('((project = "A")) AND (team = Blue OR labels = x)')


def test_a_jql_without_project_is_enough() -> None:
    assert search_condition([(source("", "filter = 7"), None)], BERLIN) == "(filter = 7)"
    sources = [(source("", "filter = 7"), utc(2026, 1, 1))]
    assert search_condition(sources, ZoneInfo("UTC")) == (
        '((updated >= "2026-01-01 00:00")) AND (filter = 7)'
    )


def test_an_unbounded_search_is_rejected() -> None:
    with pytest.raises(BadJql, match="neither a project nor a jql"):
        search_condition([(source("", "ORDER BY created"), None)], BERLIN)


def test_values_are_quoted() -> None:
    assert quote_jql('a"b\\c') == '"a\\"b\\\\c"'


@pytest.mark.parametrize(
    ("jql", "left"),
    [
        ("a = 1 ORDER BY created", "a = 1"),
        ("a = 1\norder\tby created", "a = 1"),
        ('summary ~ "order by me" AND (b = 2)', 'summary ~ "order by me" AND (b = 2)'),
        ("summary ~ 'say \\' order by' ORDER BY x", "summary ~ 'say \\' order by'"),
        ("border = by", "border = by"),
    ],
)
def test_only_a_real_trailing_order_by_is_removed(jql: str, left: str) -> None:
    assert without_order(jql) == left


@pytest.mark.parametrize("jql", ["a = 1) OR (b = 2", "(a = 1", 'a = "x', "a = 'x"])
def test_a_jql_with_unbalanced_parentheses_is_rejected(jql: str) -> None:
    with pytest.raises(BadJql):
        without_order(jql)


def test_times_are_floored_to_the_minute_in_the_accounts_zone() -> None:
    assert jql_time(utc(2026, 10, 1, 4, 31, 59), BERLIN) == "2026-10-01 06:31"
    assert jql_time(utc(2026, 7, 1, 14, 0), SYDNEY) == "2026-07-02 00:00"


@pytest.mark.parametrize("zone", [BERLIN, SYDNEY, NEW_YORK, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("UTC")])
def test_an_ambiguous_local_time_is_never_later_than_meant(zone: ZoneInfo) -> None:
    start = utc(2026, 1, 1)
    for quarter in range(366 * 24 * 4):
        at = start + timedelta(minutes=15 * quarter)
        written = datetime.strptime(jql_time(at, zone), "%Y-%m-%d %H:%M")  # noqa: DTZ007
        readings = [written.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
        assert max(readings) <= at
        assert at - min(readings) <= timedelta(hours=2)


def test_in_the_first_pass_of_a_repeated_hour_an_earlier_time_is_used() -> None:
    first_half_past_one = utc(2026, 11, 1, 5, 30)
    assert jql_time(first_half_past_one, NEW_YORK) == "2026-11-01 00:30"
    assert jql_time(first_half_past_one + timedelta(hours=1), NEW_YORK) == "2026-11-01 01:30"


LATER = utc(2026, 12, 1)


def issue(updated: datetime) -> Issue:
    ref = IssueRef(tracker="jira", id="1", key="DS-1")
    return Issue(ref=ref, url="", title="", container="DS", status="", created=updated, updated=updated)


def test_an_old_watermark_continues_at_the_next_minute() -> None:
    updated = utc(2026, 10, 1, 12, 0, 30)
    cursor = next_cursor(None, [issue(updated)], server_time=utc(2026, 10, 1, 13), now=LATER, overlap=OVERLAP)
    assert cursor == Cursor(watermark=updated, updated_since=utc(2026, 10, 1, 12, 1))


def test_a_recent_watermark_goes_back_by_the_overlap() -> None:
    updated, server_time = utc(2026, 10, 1, 12, 58, 30), utc(2026, 10, 1, 13)
    cursor = next_cursor(None, [issue(updated)], server_time=server_time, now=server_time, overlap=OVERLAP)
    assert cursor == Cursor(watermark=updated, updated_since=utc(2026, 10, 1, 12, 50))


def test_a_watermark_in_the_visible_minute_is_requested_again() -> None:
    updated, server_time = utc(2026, 10, 1, 12, 50, 10), utc(2026, 10, 1, 13, 0, 30)
    assert (
        next_cursor(
            None, [issue(updated)], server_time=server_time, now=server_time, overlap=OVERLAP
        ).updated_since
        == updated
    )


def test_a_pull_without_issues_keeps_the_watermark() -> None:
    before = Cursor(watermark=utc(2026, 10, 1, 12), updated_since=utc(2026, 10, 1, 12, 1))
    assert next_cursor(before, [], server_time=utc(2026, 10, 2), now=LATER, overlap=OVERLAP) == before


def test_an_empty_source_starts_at_the_visible_time() -> None:
    at = utc(2026, 10, 1, 12, 50)
    assert next_cursor(None, [], server_time=utc(2026, 10, 1, 13), now=LATER, overlap=OVERLAP) == Cursor(
        watermark=at, updated_since=at
    )


def test_our_slow_clock_does_not_move_the_cursor_back() -> None:
    """Only the server's clock says which changes its index shows; an unchanged source stays cheap."""
    updated, server_time = utc(2026, 10, 1, 12, 0), utc(2026, 10, 1, 13)
    ours = utc(2026, 10, 1, 11)
    cursor = next_cursor(None, [issue(updated)], server_time=server_time, now=ours, overlap=OVERLAP)
    assert cursor.updated_since == utc(2026, 10, 1, 12, 1)


def test_a_server_clock_in_the_future_does_not_move_an_empty_source_there() -> None:
    now, tomorrow = utc(2026, 10, 1, 13), utc(2026, 10, 2, 13)
    assert next_cursor(None, [], server_time=tomorrow, now=now, overlap=OVERLAP).updated_since == utc(
        2026, 10, 1, 12, 50
    )


def test_an_issue_that_appears_late_in_the_index_is_not_missed() -> None:
    """Updated at 12:55, visible from 13:04 on; another issue, updated at 12:59, was read at 13:00."""
    late, server_time = utc(2026, 10, 1, 12, 55), utc(2026, 10, 1, 13)
    cursor = next_cursor(
        None, [issue(utc(2026, 10, 1, 12, 59))], server_time=server_time, now=server_time, overlap=OVERLAP
    )
    assert cursor.updated_since <= late


def test_an_escaped_quotation_mark_does_not_open_a_string() -> None:
    """Jira reads ``a\\"`` as a word; a parser that takes it for a string overlooks the parenthesis."""
    assert without_order(r"summary ~ a\"b") == r"summary ~ a\"b"
    with pytest.raises(BadJql, match="closing bracket"):
        without_order(r'summary ~ a\") OR (project = OPS AND text ~ "x" AND text ~ b\"')
