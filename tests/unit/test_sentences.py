"""Sentences of ours come whole; what they quote is bounded."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.http.redaction import SecretRedactor
from sync.cli.errors import error_message
from sync.cli.output import safe_terminal_line, table
from sync.forecast.csv_histories import InvalidHistoryFile, read_histories
from sync.runtime.logging import bound_logger, configure_logging
from sync.store import StoreError

ADVICE = f"{'a long sentence ' * 60}and its advice."
assert len(ADVICE) > 900


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_errors_lines_and_logs_are_not_cut_off() -> None:
    assert error_message(StoreError(ADVICE), SecretRedactor(())) == ADVICE
    assert safe_terminal_line(f"  {ADVICE}") == f"  {ADVICE}"
    stream = _Terminal()
    configure_logging(stream, level="info", color=False)
    bound_logger().warning("odd", reason=ADVICE)
    assert ADVICE in stream.getvalue()


def test_cells_of_tables_are_bounded() -> None:
    (row,) = table(("title",), [("x" * 1000,)])[2:]
    assert len(row) == 300


def test_a_foreign_cell_leaves_room_for_the_sentence(tmp_path: Path) -> None:
    file = tmp_path / "issues.csv"
    file.write_text(f"repo,issue,created,closed\nr,1,{'9' * 50_000},\n", encoding="utf-8")
    with pytest.raises(InvalidHistoryFile) as invalid:
        read_histories([file], now=datetime(2026, 11, 20, tzinfo=UTC))
    (problem,) = invalid.value.problems
    assert problem.endswith('…", not a time like 2026-10-01T09:30Z')
