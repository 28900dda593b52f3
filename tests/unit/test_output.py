"""Tables of plain text."""

from __future__ import annotations

import subprocess
import sys

from sync.cli.output import table


def test_table_omits_empty_columns_on_request() -> None:
    assert table(("goal", "health", "done"), [("A", "", "1"), ("B", "", "")], hide_empty_columns=True) == [
        "goal  done",
        "----  ----",
        "A     1",
        "B",
    ]


def test_table_without_rows_keeps_its_header() -> None:
    assert table(("goal", "done"), [], hide_empty_columns=True) == ["goal  done", "----  ----"]


def test_output_imports_neither_the_store_nor_the_settings() -> None:
    heavy = ("sqlalchemy", "pydantic", "ruamel.yaml")
    program = f"import sys, sync.cli.output; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
