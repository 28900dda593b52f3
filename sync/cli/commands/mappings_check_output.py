"""Problems of a workspace as text, as JSON, and as annotations on a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mappings.checks.silence import silence_hint
from mappings.problems import Problem
from sync.cli.output import as_object, pick
from sync.config.escape import escape_terminal

_MAX_LINE = 2_000


def check_lines(problems: Sequence[Problem]) -> Iterator[str]:
    """``file:line:column: severity: path: message [check]``; for warnings also how to silence them."""
    for problem in problems:
        yield escape_terminal(f"{problem} [{problem.check}]", _MAX_LINE)
        if (how := silence_hint(problem)) is not None:
            yield f"    intended? write {escape_terminal(how)}"


def check_document(
    problems: Sequence[Problem], silenced: int, notes: Sequence[str], *, ok: bool
) -> dict[str, Any]:
    """Return the result as a JSON document."""
    return {
        "ok": ok,
        "problems": [{**problem_document(each), "silence": silence_hint(each)} for each in problems],
        "silenced": silenced,
        "notes": notes,
    }


def problem_document(problem: Problem) -> dict[str, Any]:
    """Return one problem as a JSON object."""
    return as_object(problem.origin) | pick(problem, "path", "severity", "check", "message")


def github_annotations(
    problems: Sequence[Problem], root: Path, environment: Mapping[str, str]
) -> Iterator[str]:
    """Format problems as workflow commands of GitHub Actions, with paths relative to the checkout."""
    folder = _folder_in_checkout(root, environment)
    for problem in problems:
        origin, hint = problem.origin, silence_hint(problem)
        properties = {
            "file": f"{folder}{origin.file}",
            "line": str(origin.line),
            "col": str(origin.column),
            "title": f"increment-sync: {problem.check}",
        }
        parameters = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
        path = f"{problem.path}: " if problem.path else ""
        silence = f"\nIntended? Write {hint}" if hint else ""
        yield f"::{problem.severity} {parameters}::{_data(f'{path}{problem.message}{silence}')}"


def _folder_in_checkout(root: Path, environment: Mapping[str, str]) -> str:
    """Return the workspace's folder below the checkout with a slash at its end; empty when it is the checkout."""
    checkout = Path(environment.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    folder = root.resolve()
    if folder == checkout or not folder.is_relative_to(checkout):
        return ""
    return f"{folder.relative_to(checkout).as_posix()}/"


def _data(text: str) -> str:
    """Escape a message, so that it cannot end its line and begin another workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
