"""Findings as annotations on the lines of a pull request: workflow commands of GitHub Actions.

The only module that knows this CI; the trackers of a workspace do not matter to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from mappings.problems import Problem

CheckFormat = Literal["text", "json", "github"]
"""Formats of ``mappings check``: for people, for programs, and for a CI that shows annotations."""
FORMAT_HELP: Final = "github: annotations on a pull request."


def annotation_lines(
    problems: Iterable[Problem],
    root: Path,
    environment: Mapping[str, str],
    hint_of: Callable[[Problem], str | None],
) -> Iterator[str]:
    """Format problems as workflow commands, with paths relative to the checkout.

    ``hint_of`` returns what silences a problem, None if nothing does.
    """
    folder = _folder_in_checkout(root, environment)
    for problem in problems:
        origin, hint = problem.origin, hint_of(problem)
        place = {"file": f"{folder}{origin.file}", "line": str(origin.line), "col": str(origin.column)}
        properties = ({} if origin.is_variable else place) | {"title": f"increment-sync: {problem.check}"}
        parameters = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
        path = f"{origin}: " if origin.is_variable else f"{problem.path}: " if problem.path else ""
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
