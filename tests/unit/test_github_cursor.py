"""Cursor of a repository: no lost changes, and a 304 if nothing changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connectors.github.paged_scan import PagedScan, next_cursor
from connectors.model import Cursor

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
OVERLAP = timedelta(minutes=5)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def swept(rows: int, *, latest: datetime | None, pages: int = 1, began: datetime | None = NOON) -> PagedScan:
    found = {str(number): {"id": number} for number in range(rows)}
    return PagedScan(rows=found, pages=pages, etag='W/"new"', server_time=began, watermark=latest)


def cursor_after(found: PagedScan, cursor: Cursor | None = None) -> Cursor:
    return next_cursor(cursor, found, page_size=100, overlap=OVERLAP)


OLD = Cursor(watermark=NOON - minutes(60), updated_since=NOON - minutes(60), etag='W/"old"')


def test_the_cursor_moves_past_the_watermark_of_a_quiet_repository() -> None:
    latest = NOON - minutes(30)
    made = cursor_after(swept(250, latest=latest, pages=3))
    assert made == Cursor(watermark=latest, updated_since=latest + timedelta(seconds=1), etag=None)


def test_recent_changes_are_requested_again_because_lists_lag() -> None:
    latest = NOON - minutes(1)
    made = cursor_after(swept(250, latest=latest, pages=3))
    assert made.updated_since == NOON - OVERLAP
    assert made.watermark == latest


def test_a_change_at_the_edge_of_the_overlap_is_settled() -> None:
    settled = NOON - OVERLAP - timedelta(seconds=1)
    assert cursor_after(swept(1, latest=settled)).updated_since == settled + timedelta(seconds=1)
    assert cursor_after(swept(1, latest=NOON - OVERLAP)).updated_since == NOON - OVERLAP


def test_one_page_with_room_keeps_since_and_its_etag() -> None:
    made = cursor_after(swept(3, latest=NOON - minutes(20)), OLD)
    assert made == Cursor(watermark=NOON - minutes(20), updated_since=OLD.updated_since, etag='W/"new"')


def test_an_empty_page_keeps_since_and_stores_the_etag() -> None:
    assert cursor_after(swept(0, latest=None), OLD) == Cursor(
        watermark=OLD.watermark, updated_since=OLD.updated_since, etag='W/"new"'
    )


def test_a_page_that_fills_up_moves_on_and_drops_the_etag() -> None:
    made = cursor_after(swept(80, latest=NOON - minutes(20)), OLD)
    assert made.updated_since == NOON - minutes(20) + timedelta(seconds=1)
    assert made.etag is None


def test_several_pages_move_the_cursor_on() -> None:
    assert cursor_after(swept(150, latest=NOON - minutes(20), pages=2), OLD).updated_since > OLD.updated_since


def test_the_cursor_never_moves_back() -> None:
    late = Cursor(watermark=NOON, updated_since=NOON, etag=None)
    assert cursor_after(swept(150, latest=NOON, pages=2), late).updated_since == NOON


def test_the_cursor_of_an_empty_repository_starts_at_the_servers_time() -> None:
    assert cursor_after(swept(0, latest=None)).updated_since == NOON - OVERLAP


def test_without_a_date_header_the_data_replace_the_clock() -> None:
    latest = NOON - minutes(600)
    assert cursor_after(swept(1, latest=latest, began=None)).updated_since == latest - OVERLAP
    assert cursor_after(swept(0, latest=None, began=None)).updated_since.year == 1970
