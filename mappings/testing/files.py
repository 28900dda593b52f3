"""Collect the cases of ``mappings test`` from mapping files and from ``mappings/tests/``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mappings.load import list_yaml_files, read_workspace_file
from mappings.load_result import LoadResult
from mappings.model import Workspace
from mappings.parsed import ParsedTeam, YamlLocation
from mappings.problems import Origin, Problem, sort_problems, suggestion
from mappings.schema.cases import CaseEntry, CaseFile
from mappings.testing.cases import MappingCase
from mappings.yaml.document import YamlDocument, read_document


@dataclass(frozen=True, kw_only=True, slots=True)
class CollectedCases:
    """Cases to run and cases that cannot be run."""

    cases: tuple[MappingCase, ...]
    """Cases of teams without errors."""
    not_runnable: tuple[MappingCase, ...]
    """Cases of teams whose mapping or plan has errors."""
    problems: tuple[Problem, ...]
    """Problems of test files only, sorted."""


def collect_cases(
    root: Path, loaded: LoadResult, valid_part: Workspace, files: Sequence[Path] = ()
) -> CollectedCases:
    """Return all cases of a workspace, or those of the given files and folders."""
    written = [_open(root, path) for path in files] if files else [_tests_folder(root)]
    paths = [path for found in written for path in found]
    inline = {(root / team.file).resolve(): team for team in loaded.parsed.teams}
    chosen = [inline[path.resolve()] for path in paths if path.resolve() in inline]
    own = [_read(root, path, trusted=bool(files)) for path in paths if path.resolve() not in inline]
    cases = [case for team in (chosen if files else loaded.parsed.teams) for case in _inline_cases(team)]
    problems = [problem for document in own for problem in document.problems]
    for document in own:
        if document.model is not None:
            cases += _cases(
                document.model.team, document.model.tests, YamlLocation(positions=document.positions)
            )
            problems += _unknown_team(document, loaded)
    ready = {team.team for team in valid_part.teams} if valid_part.increments else set()
    return CollectedCases(
        cases=tuple(case for case in cases if case.team in ready),
        not_runnable=tuple(case for case in cases if case.team not in ready),
        problems=sort_problems(problems),
    )


def test_file_problems(root: Path, loaded: LoadResult) -> tuple[Problem, ...]:
    """Return schema problems and unknown teams of the files below ``mappings/tests/``."""
    documents = [_read(root, path, trusted=False) for path in _tests_folder(root)]
    found = [problem for document in documents for problem in document.problems]
    found += [problem for document in documents for problem in _unknown_team(document, loaded)]
    return sort_problems(found)


def _tests_folder(root: Path) -> list[Path]:
    return list_yaml_files(root / "mappings" / "tests")


def _open(root: Path, path: Path) -> list[Path]:
    """Return the YAML files of a folder, or the file itself.

    A relative path is looked up in the current directory first, then in the workspace."""
    location = path if path.exists() or path.is_absolute() else root / path
    return list_yaml_files(location) if location.is_dir() else [location]


def _read(root: Path, path: Path, *, trusted: bool) -> YamlDocument[CaseFile]:
    """Read a test file. One from the command line (``trusted``) may be outside the workspace."""
    if trusted:
        inside = path.is_relative_to(root)
        return read_document(path, path.relative_to(root).as_posix() if inside else str(path), CaseFile)
    return read_workspace_file(root, path, CaseFile)


def _inline_cases(team: ParsedTeam) -> Iterator[MappingCase]:
    return _cases(team.entry.team, team.entry.tests, team.location)


def _cases(team: str, entries: Iterable[CaseEntry], location: YamlLocation) -> Iterator[MappingCase]:
    for index, entry in enumerate(entries):
        yield MappingCase(team=team, entry=entry, location=location / "tests" / index)


def _unknown_team(document: YamlDocument[CaseFile], reading: LoadResult) -> Iterator[Problem]:
    known = reading.parsed.declared_teams
    if document.model is None or document.model.team in known or not reading.parsed.teams_readable:
        return
    hint = suggestion(document.model.team, known, kind="teams")
    origin: Origin = document.positions.value_origin(("team",))
    message = f'no mapping file has the team "{document.model.team}"; {hint}'
    yield Problem(origin=origin, path="team", message=message, check="unknown-team")
