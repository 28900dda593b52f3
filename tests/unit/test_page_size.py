"""Page sizes: what is requested, and what one failure means for later requests."""

from __future__ import annotations

from connectors.http.page_size import PageSize, PageSizeBackoff


def sizes(backoff: PageSizeBackoff, *, expand: bool = False, max_rows: int = 9999) -> list[int]:
    return [size.rows for size in backoff.candidates(expand=expand, max_rows=max_rows)]


def answer(backoff: PageSizeBackoff, index: int, *, expand: bool = False, max_rows: int = 9999) -> PageSize:
    return backoff.record_answer(backoff.candidates(expand=expand, max_rows=max_rows), index)


def test_fallbacks_are_smaller_than_the_page_and_not_below_the_minimum() -> None:
    assert sizes(PageSizeBackoff(1000)) == [1000, 250, 50]
    assert sizes(PageSizeBackoff(1000, min_rows=10)) == [1000, 250, 50, 10]
    assert sizes(PageSizeBackoff(1000, min_rows=51)) == [1000, 250]
    assert sizes(PageSizeBackoff(250)) == [250, 50]
    assert sizes(PageSizeBackoff(50)) == [50]
    assert sizes(PageSizeBackoff(1000), max_rows=50) == [50]


def test_the_last_fallback_leaves_out_the_expansion() -> None:
    backoff = PageSizeBackoff(100)
    assert backoff.candidates(expand=True, max_rows=100) == [
        PageSize(100, True),
        PageSize(50, True),
        PageSize(50, False),
    ]
    assert backoff.candidates(expand=False, max_rows=100) == [PageSize(100, False), PageSize(50, False)]
    assert PageSizeBackoff(50, can_expand=False).candidates(expand=True, max_rows=9) == [PageSize(9, False)]


def test_a_size_that_worked_stays_and_is_told_once() -> None:
    told: list[str] = []
    backoff = PageSizeBackoff(1000, on_shrink=told.append)
    assert answer(backoff, 1) == PageSize(250, False)
    assert sizes(backoff) == [250, 50]
    answer(backoff, 0)
    assert told == ["larger pages overload the server, so from now on: 250 issues per page"]


def test_a_short_last_page_makes_no_later_page_smaller() -> None:
    backoff = PageSizeBackoff(1000)
    answer(backoff, 0, max_rows=7)
    assert sizes(backoff) == [1000, 250, 50]
    answer(backoff, 1, max_rows=300)
    assert sizes(backoff) == [250, 50]


def test_two_pages_in_a_row_without_expansion_end_it() -> None:
    told: list[str] = []
    backoff = PageSizeBackoff(50, on_shrink=told.append)
    for index, can_expand in ((1, True), (0, True), (1, True), (1, False)):
        answer(backoff, index, expand=True)
        assert backoff.can_expand == can_expand
    answer(backoff, 0, expand=True)
    assert told == ["larger pages overload the server, so from now on: no changelogs with the issues"]


def test_a_page_requested_without_expansion_says_nothing_about_it() -> None:
    backoff = PageSizeBackoff(50)
    for _ in range(3):
        answer(backoff, 0)
    assert backoff.can_expand


def test_both_reductions_are_told_in_one_sentence() -> None:
    told: list[str] = []
    backoff = PageSizeBackoff(100, on_shrink=told.append)
    answer(backoff, 2, expand=True)
    backoff.rows = 100
    answer(backoff, 2, expand=True)
    assert told[1].endswith(": 50 issues per page and no changelogs with the issues")


def test_after_all_sizes_failed_there_is_one_request_until_an_answer() -> None:
    backoff = PageSizeBackoff(1000)
    backoff.record_failure()
    assert sizes(backoff) == [1000]
    answer(backoff, 0)
    assert sizes(backoff) == [1000, 250, 50]
