"""Last known good versions of mapping files.

The store keeps the text of every mapping file as the last run read it. While a file of one team is broken, runs go on
with that text: the other teams are not stopped, and no label or count changes for the team of the broken file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from mappings.load import list_yaml_files
from mappings.problems import InvalidWorkspace, Problem
from mappings.schema.mapping import DEFAULTS_FILE
from sync.config.settings import Settings
from sync.config.workspace import LoadedWorkspace
from sync.model.broken_file import BrokenFile
from sync.runtime.bootstrap import load_configuration
from sync.runtime.context import RunContext
from sync.store import Store

_CACHE_KEY: Final = "mapping-files"
_CACHE_SCOPE: Final = "mappings/"
"""Stands in the place of a tracker's name, so that snapshots, which hold only entries without one, leave it out."""
_MAPPINGS_FOLDER: Final = "mappings/"

LastKnownGood = Mapping[str, tuple[str, str]]
"""Mapping file -> (team, text of the file)."""


def save_mapping_files(context: RunContext) -> None:
    """Save the mapping files of this run as last known good. Writes only if one changed."""
    current = {file: [team, text] for file, (team, text) in sorted(context.mapping_files.items())}
    if current:
        context.store.cache_for(_CACHE_SCOPE).put_if_changed(_CACHE_KEY, current, days=3650)


def load_last_known_good(store: Store) -> LastKnownGood:
    """Return the mapping files of the last run; empty before the first."""
    saved = store.cache_for(_CACHE_SCOPE).get(_CACHE_KEY) or {}
    return {file: (team, text) for file, (team, text) in saved.items()}


def can_use_last_known_good(root: Path, error: InvalidWorkspace) -> bool:
    """Return True if all errors are in mapping files and at least one mapping file is valid."""
    broken = _errors_by_file(error.problems)
    files = {f"{_MAPPINGS_FOLDER}{path.name}" for path in list_yaml_files(root / _MAPPINGS_FOLDER)}
    in_mappings = [file.startswith(_MAPPINGS_FOLDER) for file in broken]
    return any(in_mappings) and all(in_mappings) and bool(files - broken.keys())


def load_with_last_known_good(
    root: Path, settings: Settings, error: InvalidWorkspace, last_known_good: LastKnownGood
) -> LoadedWorkspace:
    """Load the workspace with the last known good text of each broken mapping file; new broken files are left out.

    Raises ``error`` if the result is invalid as well, or if it lacks a team of the last run: the labels of that team
    would be removed as leftovers.
    """
    errors = _errors_by_file(error.problems)
    with TemporaryDirectory(prefix="increment-sync-") as temporary:
        _write_workspace(root, Path(temporary), errors.keys(), last_known_good)
        broken_files = tuple(
            BrokenFile(file=file, problems=tuple(problems), uses_last_known_good=file in last_known_good)
            for file, problems in sorted(errors.items())
        )
        try:
            loaded = load_configuration(
                root, settings=settings, files_root=Path(temporary), broken_files=broken_files
            )
        except InvalidWorkspace:
            raise error from None
    teams = {team.team for team in loaded.workspace.teams}
    if not last_known_good or not teams.issuperset(team for team, _ in last_known_good.values()):
        raise error
    return loaded


def _errors_by_file(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    errors: defaultdict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        if problem.severity == "error":
            errors[problem.origin.file].append(problem)
    return errors


def _write_workspace(
    root: Path, target: Path, broken_files: Iterable[str], last_known_good: LastKnownGood
) -> None:
    """Write the YAML files of the workspace to ``target``, broken ones as they were when last known good."""
    broken_files = frozenset(broken_files)
    paths = [*list_yaml_files(root / "plans"), *list_yaml_files(root / _MAPPINGS_FOLDER)]
    paths += [path] if (path := root / DEFAULTS_FILE).exists() else []
    texts = {
        name: path.read_bytes()
        for path in paths
        if (name := path.relative_to(root).as_posix()) not in broken_files
    }
    texts |= {file: last_known_good[file][1].encode() for file in broken_files if file in last_known_good}
    for name, content in texts.items():
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
