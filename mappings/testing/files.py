"""Finds the cases of ``mappings test``: in mapping files, and in files of their own below ``mappings/tests/``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mappings.load import Reading, read_inside, yaml_files
from mappings.model import Origin, Workspace
from mappings.parsed import Place, TeamDraft
from mappings.problems import Problem, in_order, suggestion
from mappings.schema.cases import CaseEntry, CaseFile
from mappings.testing.cases import Case
from mappings.yaml.document import Document, read_document


@dataclass(frozen=True, kw_only=True, slots=True)
class Collected:
    """What there is to run, and what cannot be run."""

    cases: tuple[Case, ...]
    """Cases of teams whose files are sound."""
    stopped: tuple[Case, ...]
    """Cases of teams whose mapping, or whose plan, has errors."""
    problems: tuple[Problem, ...]
    """Of test files only, in order."""


def collect(root: Path, reading: Reading, sound: Workspace, files: Sequence[Path] = ()) -> Collected:
    """All cases of a workspace, or those of some files (or of the files of some folders)."""
    written = [_open(root, path) for path in files] if files else [_tests_folder(root)]
    paths = [path for found in written for path in found]
    inline = {(root / team.place.where.file).resolve(): team for team in reading.draft.teams}
    chosen = [inline[path.resolve()] for path in paths if path.resolve() in inline]
    own = [_read(root, path, trusted=bool(files)) for path in paths if path.resolve() not in inline]
    cases = [case for team in (chosen if files else reading.draft.teams) for case in _inline(team)]
    problems = [problem for document in own for problem in document.problems]
    for document in own:
        if document.model is not None:
            cases += _cases(document.model.team, document.model.tests, Place(where=document.where))
            problems += _unknown_team(document, reading)
    ready = {team.team for team in sound.teams} if sound.increments else set()
    return Collected(
        cases=tuple(case for case in cases if case.team in ready),
        stopped=tuple(case for case in cases if case.team not in ready),
        problems=in_order(problems),
    )


def test_file_problems(root: Path, reading: Reading) -> tuple[Problem, ...]:
    """What is wrong with the shape of the files below ``mappings/tests/``, and with their teams."""
    documents = [_read(root, path, trusted=False) for path in _tests_folder(root)]
    found = [problem for document in documents for problem in document.problems]
    found += [problem for document in documents for problem in _unknown_team(document, reading)]
    return in_order(found)


def _tests_folder(root: Path) -> list[Path]:
    return yaml_files(root / "mappings" / "tests")


def _open(root: Path, path: Path) -> list[Path]:
    """A file as it is, a folder as its files; a path is looked for here first, then in the workspace."""
    place = path if path.exists() or path.is_absolute() else root / path
    return yaml_files(place) if place.is_dir() else [place]


def _read(root: Path, path: Path, *, trusted: bool) -> Document[CaseFile]:
    """A file that somebody named on the command line may lie anywhere."""
    if trusted:
        inside = path.is_relative_to(root)
        return read_document(path, path.relative_to(root).as_posix() if inside else str(path), CaseFile)
    return read_inside(root, path, CaseFile)


def _inline(team: TeamDraft) -> Iterator[Case]:
    return _cases(team.entry.team, team.entry.tests, team.place)


def _cases(team: str, entries: Iterable[CaseEntry], place: Place) -> Iterator[Case]:
    for index, entry in enumerate(entries):
        yield Case(team=team, entry=entry, place=place / "tests" / index)


def _unknown_team(document: Document[CaseFile], reading: Reading) -> Iterator[Problem]:
    known = reading.draft.written_teams
    if document.model is None or document.model.team in known or not reading.draft.teams_readable:
        return
    hint = suggestion(document.model.team, known, kind="teams")
    origin: Origin = document.where.value(("team",))
    message = f'no mapping file is for the team "{document.model.team}"; {hint}'
    yield Problem(origin=origin, path="team", message=message, check="unknown-team")
