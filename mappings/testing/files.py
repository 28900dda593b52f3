"""Collect the cases of ``mappings test`` from mapping files and from ``mappings/tests/``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mappings.load import list_yaml_files, read_workspace_file
from mappings.load_result import LoadResult
from mappings.model import Workspace
from mappings.parsed import YamlLocation
from mappings.problems import Problem, sort_problems, suggestion
from mappings.schema.cases import CaseFile
from mappings.schema.mapping import MappingFile
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
    paths = [path for each in files for path in _open(root, each)] if files else _tests_folder(root)
    inline = {(root / team.file).resolve(): team for team in loaded.parsed.teams}
    chosen = [inline[path.resolve()] for path in paths if path.resolve() in inline]
    documents = [_read(root, path, trusted=bool(files)) for path in paths if path.resolve() not in inline]
    cases = [
        case
        for team in (chosen if files else loaded.parsed.teams)
        for case in _cases(team.entry, team.location)
    ]
    for document in documents:
        if document.model is not None:
            cases += _cases(document.model, YamlLocation(positions=document.positions))
    ready = {team.team for team in valid_part.teams} if valid_part.increments else set()
    return CollectedCases(
        cases=tuple(case for case in cases if case.team in ready),
        not_runnable=tuple(case for case in cases if case.team not in ready),
        problems=_problems(documents, loaded),
    )


def test_file_problems(root: Path, loaded: LoadResult) -> tuple[Problem, ...]:
    """Return schema problems and unknown teams of the files below ``mappings/tests/``."""
    return _problems([_read(root, path, trusted=False) for path in _tests_folder(root)], loaded)


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


def _cases(entry: MappingFile | CaseFile, location: YamlLocation) -> Iterator[MappingCase]:
    for case, at in location.items("tests", entry.tests):
        yield MappingCase(team=entry.team, entry=case, location=at)


def _problems(documents: Iterable[YamlDocument[CaseFile]], loaded: LoadResult) -> tuple[Problem, ...]:
    found: list[Problem] = []
    known = loaded.parsed.declared_teams
    for document in documents:
        found += document.problems
        team = document.model.team if document.model is not None else None
        if team is not None and team not in known and loaded.parsed.teams_readable:
            message = f'no mapping file has the team "{team}"; {suggestion(team, known, kind="teams")}'
            location = YamlLocation(positions=document.positions, path=("team",))
            found.append(location.problem("unknown-team", message))
    return sort_problems(found)
