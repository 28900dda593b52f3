"""Teams edit mappings: a broken file of one must not stop the runs of the others.

What every mapping file said in the last run is in the store. While a file is broken, what it said then holds, so that
nothing is taken away from its team and nothing changes for those who share its sources.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from mappings.load import yaml_files
from mappings.problems import MappingInvalid, Problem
from mappings.schema.defaults import DEFAULTS_FILE
from sync.config.workspace import Configured
from sync.model.broken_file import UnusableFile
from sync.runtime.bootstrap import configure
from sync.runtime.context import Job
from sync.store import Store

_KEY: Final = "mapping-files"
_PLACE: Final = "mappings/"
"""In the store's cache, in the place of a tracker: snapshots carry only what has none."""
_FOLDER: Final = "mappings/"

Former = Mapping[str, tuple[str, str]]
"""File -> the team that it was for, and what it said."""


def keep_files(job: Job) -> None:
    """Remember what the mapping files say. Writes only when that changed."""
    cache = job.store.cache_for(_PLACE)
    now = {file: [team, text] for file, (team, text) in sorted(job.mapping_files.items())}
    if now and now != cache.get(_KEY):
        cache.put(_KEY, now, days=3650)


def former_files(store: Store) -> Former:
    """What they said in the last run; nothing when it is not known."""
    return {file: (team, text) for file, (team, text) in (store.cache_for(_PLACE).get(_KEY) or {}).items()}


def may_go_on(root: Path, error: MappingInvalid) -> bool:
    """Whether all errors are in files of teams, and another team's file is sound."""
    broken = _broken(error.problems)
    files = {f"{_FOLDER}{path.name}" for path in yaml_files(root / _FOLDER)}
    return bool(broken) and all(file.startswith(_FOLDER) for file in broken) and bool(files - broken.keys())


def configured_despite(root: Path, error: MappingInvalid, former: Former) -> Configured:
    """The workspace with what broken mapping files said in the last run; one that had no part in it is left out.

    Raises ``error`` where that is no workspace either, or where a team of the last run would be missing: then its
    labels would be taken for leftovers.
    """
    broken = _broken(error.problems)
    with TemporaryDirectory(prefix="increment-sync-") as temporary:
        _assemble(root, Path(temporary), broken.keys(), former)
        unusable = tuple(
            UnusableFile(file=file, problems=tuple(problems), former=file in former)
            for file, problems in sorted(broken.items())
        )
        try:
            configured = configure(root, files=Path(temporary), unusable=unusable)
        except MappingInvalid:
            raise error from None
    teams = {team.team for team in configured.workspace.teams}
    if not former or not teams.issuperset(team for team, _ in former.values()):
        raise error
    return configured


def _broken(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    found: dict[str, list[Problem]] = {}
    for problem in problems:
        if problem.severity == "error":
            found.setdefault(problem.origin.file, []).append(problem)
    return found


def _assemble(root: Path, target: Path, broken: Iterable[str], former: Former) -> None:
    """The YAML files of the workspace in another folder, without the broken ones."""
    broken = frozenset(broken)
    paths = [*yaml_files(root / "plans"), *yaml_files(root / _FOLDER)]
    paths += [path] if (path := root / DEFAULTS_FILE).exists() else []
    texts = {
        name: path.read_bytes() for path in paths if (name := path.relative_to(root).as_posix()) not in broken
    }
    texts |= {file: former[file][1].encode() for file in broken if file in former}
    for name, content in texts.items():
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
