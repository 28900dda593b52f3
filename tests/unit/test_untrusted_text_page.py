"""Every test that ``docs/untrusted-text.md`` names exists."""

from __future__ import annotations

import re

from tests.unit.test_failure_modes_page import ROOT, functions_of

ROWS = [
    line
    for line in (ROOT / "docs" / "untrusted-text.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| GitHub rule |", "| Jira rule |", "| ---"))
]


def test_every_rule_names_its_escaping_and_tests_that_exist() -> None:
    assert len(ROWS) > 20
    for row in ROWS:
        _, rule, source, escaping, tests, _ = row.split("|")
        assert rule.strip(), row
        assert source.strip(), row
        assert escaping.strip(), row
        named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", tests)
        assert len(named) == tests.count("`") // 2 > 0, row
        for file, name in named:
            assert name in functions_of(file), f"tests/{file} has no {name}"
