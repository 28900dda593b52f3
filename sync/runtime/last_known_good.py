"""Teams edit mappings: a broken file of one must not stop the runs of the others.

What every mapping file said in the last run is in the store. While a file is broken, what it said then holds, so that
nothing is taken away from its team and nothing changes for those who share its sources.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from mappings.load import list_yaml_files
from mappings.problems import InvalidWorkspace, Problem
from mappings.schema.defaults import DEFAULTS_FILE
from sync.config.workspace import LoadedWorkspace
from sync.model.broken_file import BrokenFile
from sync.runtime.bootstrap import load_configuration
from sync.runtime.context import RunContext
from sync.store import Store

_CACHE_KEY: Final = "mapping-files"
_CACHE_SCOPE: Final = "mappings/"
"""In the store's cache, in the place of a tracker: snapshots carry only what has none."""
_MAPPINGS_FOLDER: Final = "mappings/"

LastKnownGood = Mapping[str, tuple[str, str]]
"""File -> the team that it was for, and what it said."""


def save_mapping_files(context: RunContext) -> None:
    """Remember what the mapping files say. Writes only when that changed."""
    cache = context.store.cache_for(_CACHE_SCOPE)
    now = {file: [team, text] for file, (team, text) in sorted(context.mapping_files.items())}
    if now and now != cache.get(_CACHE_KEY):
        cache.put(_CACHE_KEY, now, days=3650)


def load_last_known_good(store: Store) -> LastKnownGood:
    """What they said in the last run; nothing when it is not known."""
    return {
        file: (team, text)
        for file, (team, text) in (store.cache_for(_CACHE_SCOPE).get(_CACHE_KEY) or {}).items()
    }


def can_use_last_known_good(root: Path, error: InvalidWorkspace) -> bool:
    """Whether all errors are in files of teams, and another team's file is sound."""
    broken = _errors_by_file(error.problems)
    files = {f"{_MAPPINGS_FOLDER}{path.name}" for path in list_yaml_files(root / _MAPPINGS_FOLDER)}
    return (
        bool(broken)
        and all(file.startswith(_MAPPINGS_FOLDER) for file in broken)
        and bool(files - broken.keys())
    )


def load_with_last_known_good(
    root: Path, error: InvalidWorkspace, last_known_good: LastKnownGood
) -> LoadedWorkspace:
    """The workspace with what broken mapping files said in the last run; one that had no part in it is left out.

    Raises ``error`` where that is no workspace either, or where a team of the last run would be missing: then its
    labels would be taken for leftovers.
    """
    broken = _errors_by_file(error.problems)
    with TemporaryDirectory(prefix="increment-sync-") as temporary:
        _write_workspace(root, Path(temporary), broken.keys(), last_known_good)
        unusable = tuple(
            BrokenFile(file=file, problems=tuple(problems), uses_last_known_good=file in last_known_good)
            for file, problems in sorted(broken.items())
        )
        try:
            configured = load_configuration(root, files_root=Path(temporary), broken_files=unusable)
        except InvalidWorkspace:
            raise error from None
    teams = {team.team for team in configured.workspace.teams}
    if not last_known_good or not teams.issuperset(team for team, _ in last_known_good.values()):
        raise error
    return configured


def _errors_by_file(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    found: dict[str, list[Problem]] = {}
    for problem in problems:
        if problem.severity == "error":
            found.setdefault(problem.origin.file, []).append(problem)
    return found


def _write_workspace(
    root: Path, target: Path, broken_files: Iterable[str], last_known_good: LastKnownGood
) -> None:
    """The YAML files of the workspace in another folder, without the broken ones."""
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
