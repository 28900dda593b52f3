"""Tables of plain text."""

from __future__ import annotations

import subprocess
import sys

from sync.cli.render import sparse_table


def test_a_column_in_which_nothing_stands_is_left_out() -> None:
    assert sparse_table(("goal", "health", "done"), [("A", "", "1"), ("B", "", "")]) == [
        "goal  done",
        "----  ----",
        "A     1",
        "B",
    ]


def test_a_table_without_rows_keeps_its_head() -> None:
    assert sparse_table(("goal", "done"), []) == ["goal  done", "----  ----"]


def test_whoever_draws_a_table_loads_neither_the_store_nor_the_settings() -> None:
    look = "import sys, sync.cli.render; print([n for n in ('sqlalchemy', 'pydantic', 'ruamel.yaml') if n in sys.modules])"
    told = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
