"""Every test that ``docs/failure-modes.md`` names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "failure-modes.md").read_text(encoding="utf-8")
ROWS = [
    line
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| failure in other tools |", "| ---"))
]


@cache
def functions_of(file: str) -> frozenset[str]:
    """Return the names of the test functions of a file of ``tests`` or of the contract suite, also in classes."""
    path = ROOT / file if file.startswith("connectors/testing/") else ROOT / "tests" / file
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_failure_mode_names_tests_that_exist() -> None:
    assert len(ROWS) > 40
    for row in ROWS:
        _, _, _, tests, _ = row.split("|")
        named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", tests)
        assert named, row
        assert len(named) == tests.count("`") // 2, row
        for file, name in named:
            assert name in functions_of(file), f"tests/{file} has no {name}"
