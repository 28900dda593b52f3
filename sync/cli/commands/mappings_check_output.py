"""Problems of a workspace for people, for programs, and as annotations on a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mappings.checks.silence import silence_hint
from mappings.problems import Problem
from sync.config.escape import escape_terminal

_LONGEST = 2_000


def check_lines(problems: Sequence[Problem]) -> Iterator[str]:
    """``file:line:column: severity: path: message [check]``, and how to silence it where it may be meant."""
    for problem in problems:
        yield escape_terminal(f"{problem} [{problem.check}]", _LONGEST)
        if (how := silence_hint(problem)) is not None:
            yield f"    meant to be so? write {escape_terminal(how)}"


def check_document(
    problems: Sequence[Problem], silenced: int, notes: Sequence[str], *, ok: bool
) -> Mapping[str, Any]:
    return {
        "version": 1,
        "ok": ok,
        "problems": [
            {
                "file": problem.origin.file,
                "line": problem.origin.line,
                "column": problem.origin.column,
                "path": problem.path,
                "severity": problem.severity,
                "check": problem.check,
                "message": problem.message,
                "silence": silence_hint(problem),
            }
            for problem in problems
        ],
        "silenced": silenced,
        "notes": list(notes),
    }


def github_annotations(
    problems: Sequence[Problem], root: Path, environment: Mapping[str, str]
) -> Iterator[str]:
    """Workflow commands of GitHub Actions. Files are named from the top of the checkout, as GitHub wants."""
    folder = _folder_in_checkout(root, environment)
    for problem in problems:
        origin, how = problem.origin, silence_hint(problem)
        properties = {
            "file": f"{folder}{origin.file}",
            "line": str(origin.line),
            "col": str(origin.column),
            "title": f"increment-sync: {problem.check}",
        }
        written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
        path = f"{problem.path}: " if problem.path else ""
        hint = f"\nMeant to be so? Write {how}" if how else ""
        yield f"::{problem.severity} {written}::{_data(f'{path}{problem.message}{hint}')}"


def _folder_in_checkout(root: Path, environment: Mapping[str, str]) -> str:
    """The workspace's folder below the checkout with a slash at its end; empty when it is the checkout."""
    checkout = Path(environment.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    place = root.resolve()
    if place == checkout or not place.is_relative_to(checkout):
        return ""
    return f"{place.relative_to(checkout).as_posix()}/"


def _data(text: str) -> str:
    """Escaped as the runner reads it back: a message cannot end its line and begin another command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
