"""Only connectors know vendors: the program asks the specification of a tracker, never its kind."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENDOR = re.compile(r"jira|github|atlassian", re.IGNORECASE)
ALLOWED = {
    "sync/cli/templates/": "examples of workspaces",
    "mappings/teams/": "examples of mappings",
    "sync/simulation/": "worlds of mock servers",
    "sync/cli/commands/demo.py": "tells what happens on the mock servers",
    "sync/cli/commands/sandbox.py": "tells how to reach the mock servers",
    "sync/cli/annotations.py": "a format of GitHub Actions, which is no tracker",
    "sync/cli/arguments/setup.py": "options of `init` from before there were other connectors",
}
"""Beginning of a path -> why vendors may be named there."""


def _files() -> list[str]:
    suffixes = {".py", ".yaml", ".css", ".j2", ".js", ".html"}
    found = (
        path for name in ("sync", "mappings") for path in (ROOT / name).rglob("*") if path.suffix in suffixes
    )
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def test_no_file_of_the_core_names_a_vendor() -> None:
    naming = [
        f"{file}:{number}: {line.strip()}"
        for file in _files()
        if not file.startswith(tuple(ALLOWED))
        for number, line in enumerate((ROOT / file).read_text(encoding="utf-8").splitlines(), 1)
        if VENDOR.search(line)
    ]
    assert naming == []


def test_every_exception_is_needed() -> None:
    files = _files()
    for start in ALLOWED:
        texts = [(ROOT / file).read_text(encoding="utf-8") for file in files if file.startswith(start)]
        assert any(map(VENDOR.search, texts)), f"{start} names no vendor; take it off the list"
