"""Progress display, and its separation from the output of commands."""

from __future__ import annotations

import io
import sys

import pytest

from sync.runtime.progress import TerminalProgress

LONG = "reason " * 40 + "[bug]"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_spinner_leaves_redirected_stdout_alone(capsys: pytest.CaptureFixture[str]) -> None:
    stream = Terminal()
    with TerminalProgress(stream, shares_stdout=False) as progress:
        progress.step("read jira:DS", 1, 2)
        sys.stdout.write('{"version": 1}\n')
    assert capsys.readouterr().out == '{"version": 1}\n'
    assert "version" not in stream.getvalue()
    assert "read jira:DS (1 of 2)" in stream.getvalue()


def test_lines_above_a_spinner_are_intact() -> None:
    stream = Terminal()
    with TerminalProgress(stream, shares_stdout=True):
        sys.stdout.write(LONG + "\n")
    assert LONG in stream.getvalue()


def test_question_is_not_painted_over(capsys: pytest.CaptureFixture[str]) -> None:
    stream = Terminal()
    with TerminalProgress(stream, shares_stdout=True) as progress:
        progress.step("read jira:DS")
        with progress.paused():
            sys.stdout.write("Repair? [y/N] ")
        progress.step("write jira:DS-1")
    assert capsys.readouterr().out == "Repair? [y/N] "
    assert "Repair" not in stream.getvalue()
    assert "write jira:DS-1" in stream.getvalue()
