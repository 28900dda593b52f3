"""The demo, from its first run to its report."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sync.cli.commands.demo import demo
from sync.runtime.invocation import Invocation

README = Path(__file__).parents[2] / "README.md"


def table_of(text: str) -> list[list[str]]:
    """Return the table of the increment without forecasts, which depend on the date."""
    _, _, table = text.partition("goal / capability")
    rows = table.split("\n")[1:8]
    return [re.sub(r"about \d+ ?%|\d+ to \d+ of \d+", "", row).split() for row in rows]


def test_the_demo_keeps_its_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "made" / "report.html"

    assert demo(Invocation(workspace=tmp_path, environment={}), None, page) == 0

    output = capsys.readouterr().out
    assert f"Open this in a browser: {page}" in output
    written = re.findall(r"^(?:(\d+) changes written|nothing to change)$", output, flags=re.MULTILINE)
    assert written[1:] == ["", "4", ""]
    assert output.endswith(f"\ndemo: first run {written[0]} changes, second run 0 changes\n")
    assert int(written[0]) > 0
    assert table_of(output) == table_of(README.read_text(encoding="utf-8"))
    text = page.read_text(encoding="utf-8")
    for shown in ("Recommendations that keep subscribers", "acme/churn#8", "a person removed the label"):
        assert shown in text
    assert text.count("<figure>") == 8, "two burn-ups; ad-hoc work, flow and cycle times of two teams"
