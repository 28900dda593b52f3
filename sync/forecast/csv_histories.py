"""Issue histories as CSV files: ``repo,issue,created,closed,labels,milestone``, UTF-8, one row for each issue.

Times are ISO 8601, in UTC unless they have an offset. ``closed`` is empty while an issue is open. Several labels or
milestones are separated by ``|``. The columns ``labels`` and ``milestone`` are optional.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from connectors.escape import escape_sentence, escape_terminal
from connectors.regular_file import open_regular_file
from connectors.scalars import in_utc
from connectors.text import normalize_text
from connectors.wording import pluralize
from sync.model.forecast import PastIssue

_MAX_CELL: Final = 60
_MAX_PLACES: Final = 10
"""Rows that a note names."""
_REQUIRED_COLUMNS: Final = ("repo", "issue", "created", "closed")


class InvalidHistoryFile(Exception):
    """Files that are not valid issue histories; the message names every invalid line."""

    def __init__(self, problems: list[str]) -> None:
        count = pluralize(len(problems), "problem")
        super().__init__("\n".join([f"{count} in the issue histories", *problems]))
        self.problems = tuple(problems)


@dataclass(frozen=True, kw_only=True, slots=True)
class PastIssues:
    """Issues of the past by repository or team, and what the data says about the future."""

    issues: Mapping[str, list[PastIssue]]
    notes: tuple[str, ...] = ()
    """Sentences with count and places about what is from the future: the past ends at the clock."""


def read_histories(paths: Iterable[Path], now: datetime) -> PastIssues:
    """Read the issues of each repository from files, and from the ``.csv`` files of folders, by repository name.

    Rows created after ``now`` (aware) are left out, rows closed after it count as open; both are named. Raises
    InvalidHistoryFile with all problems of all files, as ``file:line: sentence``.
    """
    problems: list[str] = []
    unborn: list[str] = []
    closed_later: list[str] = []
    rows: dict[tuple[str, str], PastIssue] = {}
    for path in _list_files(paths, problems):
        for line, row in _read_rows(path, problems):
            try:
                name, issue = (row["repo"], row["issue"]), _parse_issue(row)
                if name in rows:
                    raise ValueError(f"{_cell(row['issue'])} of {_cell(row['repo'])} is a duplicate")
                if issue.created > now:
                    unborn.append(f"{path}:{line}")
                elif issue.closed is not None and issue.closed > now:
                    closed_later.append(f"{path}:{line}")
                    issue = replace(issue, closed=None)
                rows[name] = issue
            except ValueError as error:
                problems.append(f"{path}:{line}: {escape_sentence(str(error))}")
    if not problems and not rows:
        problems.append("no issue in any file")
    if problems:
        raise InvalidHistoryFile(problems)
    found: dict[str, list[PastIssue]] = {}
    for (repo, _), issue in rows.items():
        if issue.created <= now:
            found.setdefault(repo, []).append(issue)
    notes = (
        *future_note("row", unborn, "created in the future: left out"),
        *future_note("row", closed_later, "closed in the future: counted as open"),
    )
    return PastIssues(issues=dict(sorted(found.items())), notes=notes)


def future_note(noun: str, places: Sequence[str], what: str) -> Iterator[str]:
    """Yield ``2 rows created in the future: left out (a.csv:7, b.csv:3)``; nothing without places."""
    if not places:
        return
    more = f" and {len(places) - _MAX_PLACES} more" if len(places) > _MAX_PLACES else ""
    yield f"{pluralize(len(places), noun)} {what} ({', '.join(places[:_MAX_PLACES])}{more})"


def _list_files(paths: Iterable[Path], problems: list[str]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            files = sorted(path.glob("*.csv"))
            if not files:
                problems.append(f"{path}: no .csv file in this folder")
            yield from files
        elif path.exists():
            yield path
        else:
            problems.append(f"{path}: no such file or folder")


def _read_rows(path: Path, problems: list[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield line number and cells of each row that has as many cells as the header."""
    try:
        with open_regular_file(path) as file:
            reader = csv.reader(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""), strict=True)
            header = next(reader, [])
            missing = [name for name in _REQUIRED_COLUMNS if name not in header]
            if missing:
                problems.append(f"{path}:1: missing columns in the header: {', '.join(missing)}")
                return
            for cells in reader:
                if len(cells) == len(header):
                    yield reader.line_num, dict(zip(header, map(_clean_cell, cells), strict=True))
                elif cells:
                    problems.append(
                        f"{path}:{reader.line_num}: {pluralize(len(cells), 'cell')}, but the header has {len(header)}"
                    )
    except UnicodeDecodeError:
        problems.append(f"{path}: not UTF-8; save it as CSV UTF-8")
    except csv.Error as error:
        problems.append(f"{path}:{reader.line_num}: {error}")
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}")


def _clean_cell(cell: str) -> str:
    return normalize_text(cell).strip()


def _parse_issue(row: Mapping[str, str]) -> PastIssue:
    if not row["repo"] or not row["issue"]:
        raise ValueError("repo and issue must not be empty")
    created = _parse_time(row["created"], "created")
    closed = _parse_time(row["closed"], "closed") if row["closed"] else None
    if closed is not None and closed < created:
        raise ValueError(f"closed {_cell(row['closed'])} is before created {_cell(row['created'])}")
    return PastIssue(
        created=created,
        closed=closed,
        labels=_split_names(row.get("labels", "")),
        milestones=_split_names(row.get("milestone", "")),
    )


def _parse_time(text: str, column: str) -> datetime:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        read = None
    moment = in_utc(read.replace(tzinfo=read.tzinfo or UTC)) if read else None
    if moment is None:
        raise ValueError(f'{column} is "{_cell(text)}", not a time like 2026-10-01T09:30Z')
    return moment


def _cell(text: str) -> str:
    return escape_terminal(text, _MAX_CELL)


def _split_names(cell: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for each in cell.split("|") if (name := each.strip())))
