"""Links of the Markdown pages resolve; the files, commands and options that they name exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from sync.cli.main import app
from tests.unit.test_failure_modes_page import functions_of

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
MODULES = {
    path.name
    for package in ("connectors", "mappings", "sync", "tests")
    for path in (ROOT / package).rglob("*")
    if path.is_file()
}
"""File names without folders: a page names a folder once and then its files."""
USER_PATHS = {
    "mappings/tests/",
    "mappings/churn-science.yaml",
    "mappings/my-team.yaml",
    "tests/test_contract.py",
}
"""Paths in the workspace of a user, or in the project of somebody who writes a connector."""


def page_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_to_other_pages_resolve(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_files_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    folders = "connectors|mappings|sync|tests|docs|deploy|examples|schemas|requirements"
    paths = set(re.findall(rf"`((?:{folders})/[\w./-]*)`", text)) - USER_PATHS
    if page.name == "CHANGELOG.md":
        paths = {path for path in paths if path not in former_pages(text)}
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []
    if page.name in ("ARCHITECTURE.md", "CONTRIBUTING.md"):
        modules = set(re.findall(r"`(\w+\.py)`", text))
        assert sorted(modules - MODULES) == []


def former_pages(text: str) -> set[str]:
    """Return the names that pages had before ("`a` is now `b`", "`a` is `b`")."""
    return set(re.findall(r"`(docs/[\w-]+\.md)`\s+is", text))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_tests_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", page.read_text(encoding="utf-8"))
    assert [f"{file}::{name}" for file, name in named if name not in functions_of(file)] == []


def test_every_page_is_linked_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [
        page_id(page) for page in PAGES if page.name != "README.md" and f"]({page_id(page)})" not in text
    ]
    assert missing == []


def command_lines(text: str) -> Iterator[list[str]]:
    """Yield the arguments of every ``increment-sync`` in a code block or a code span."""
    code = re.findall(r"```.*?```|(?m:^ {4,}\S.*$)|`[^`\n]+`", text, re.DOTALL)
    for line in "\n".join(code).replace("`", "\n").splitlines():
        if found := re.search(r"(?:^|[\s/])increment-sync ([^#|>]*)", line):
            yield found[1].split()


def unknown_parts(arguments: list[str], command: Any) -> list[str]:
    """Return commands and options that the program does not know. Values of options and arguments are not checked."""
    known, unknown = {"-h", "--help"}, []
    for argument in ["", *arguments]:
        commands = getattr(command, "commands", {})
        if argument and argument in commands:
            command = commands[argument]
        elif argument.startswith("-") or (commands and re.fullmatch(r"[a-z]+", argument)):
            unknown += {argument.split("=")[0]} - known
        known |= {name for parameter in command.params for name in parameter.opts}
    return unknown


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_commands_and_options_that_a_page_shows_exist(page: Path) -> None:
    root = typer.main.get_command(app)
    lines = list(command_lines(page.read_text(encoding="utf-8")))
    assert [(line, unknown) for line in lines if (unknown := unknown_parts(line, root))] == []
    assert lines or page.name not in ("README.md", "guide.md", "operations.md")
