"""The tests named in ``docs/untrusted-text.md`` exist."""

from __future__ import annotations

import re

from tests.unit.test_failure_modes_page import ROOT, functions_of

ROWS = [
    line
    for line in (ROOT / "docs" / "untrusted-text.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| what GitHub", "| what Jira", "| ---"))
]


def test_every_rule_names_its_handling_and_existing_tests() -> None:
    assert len(ROWS) > 20
    for row in ROWS:
        _, rule, source, done, shown, _ = row.split("|")
        assert rule.strip(), row
        assert source.strip(), row
        assert done.strip(), row
        named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", shown)
        assert len(named) == shown.count("`") // 2 > 0, row
        for file, name in named:
            assert name in functions_of(file), f"tests/{file} has no {name}"
