"""Tables of plain text."""

from __future__ import annotations

from sync.render import sparse_table


def test_a_column_in_which_nothing_stands_is_left_out() -> None:
    assert sparse_table(("goal", "health", "done"), [("A", "", "1"), ("B", "", "")]) == [
        "goal  done",
        "----  ----",
        "A     1",
        "B",
    ]


def test_a_table_without_rows_keeps_its_head() -> None:
    assert sparse_table(("goal", "done"), []) == ["goal  done", "----  ----"]
