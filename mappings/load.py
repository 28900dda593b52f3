"""Read and check the plans and mappings of a workspace. All problems are reported together."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from connectors.spec import ConnectorSpec
from connectors.text import normalize_text
from mappings.build import WorkspaceBuilder
from mappings.checks.registry import run_checks
from mappings.checks.silence import split_silenced
from mappings.defaults import team_labels
from mappings.labels import LabelScheme
from mappings.load_result import LoadResult
from mappings.model import Workspace
from mappings.parsed import ParsedFile, ParsedWorkspace, YamlLocation
from mappings.problems import InvalidWorkspace, Origin, Problem
from mappings.schema.mapping import DEFAULTS_FILE, DefaultsFile, MappingFile
from mappings.schema.plan import PlanFile
from mappings.yaml.document import YamlDocument, read_document
from mappings.yaml.tree import Node, Positions

Model = TypeVar("Model", bound=BaseModel)


def read_yaml(
    path: Path, model: type[Model], *, file: str | None = None
) -> tuple[Model | None, list[Problem], Positions]:
    """Read one YAML file into a pydantic model. Never raises because of the content.

    Return the model (None if there is a problem), the problems, and the positions of all keys. ``file`` is the
    name used in messages. Plain scalars reach the model as text (null as None): ``bool`` and ``int`` fields must
    not be strict, and a union with ``str`` accepts everything as text.
    """
    document = read_document(path, file or str(path), model)
    return document.model, list(document.problems), document.positions


def load_workspace(
    root: Path, *, trackers: Mapping[str, ConnectorSpec], timezone: str, labels: LabelScheme
) -> Workspace:
    """Load ``plans/`` and ``mappings/`` below ``root``.

    ``trackers`` are those of the settings, by name. ``timezone`` (IANA) applies to plans without one. Raises
    InvalidWorkspace with all problems if any is an error.
    """
    workspace, problems = check_workspace(root, trackers=trackers, timezone=timezone, labels=labels)
    if workspace is None:
        raise InvalidWorkspace(problems)
    return workspace


def check_workspace(
    root: Path, *, trackers: Mapping[str, ConnectorSpec], timezone: str, labels: LabelScheme
) -> tuple[Workspace | None, tuple[Problem, ...]]:
    """Return the workspace (None if there are errors) and all problems, sorted, including warnings."""
    result = read_workspace(root, trackers=trackers, timezone=timezone, labels=labels)
    return result.workspace, result.problems


def read_workspace(
    root: Path, *, trackers: Mapping[str, ConnectorSpec], timezone: str, labels: LabelScheme
) -> LoadResult:
    """Read and check ``plans/`` and ``mappings/`` below ``root``. Never raises because of the content."""
    defaults = read_defaults(root)
    plans = [read_workspace_file(root, path, PlanFile) for path in list_yaml_files(root / "plans")]
    teams = [read_workspace_file(root, path, MappingFile) for path in list_yaml_files(root / "mappings")]
    documents: tuple[YamlDocument[Any], ...] = (*defaults, *plans, *teams)
    parsed = _parsed_workspace(plans, teams, defaults, trackers, labels)
    problems = [problem for document in documents for problem in document.problems]
    problems += [*_missing_folders(plans, teams), *run_checks(parsed)]
    checked = split_silenced(problems, parsed)
    return LoadResult(
        parsed=parsed,
        problems=checked.reported,
        silenced=checked.silenced,
        builder=WorkspaceBuilder(trackers=trackers, timezone=timezone, defaults=parsed.defaults),
        documents=documents,
    )


def read_defaults(root: Path) -> list[YamlDocument[DefaultsFile]]:
    """Read ``defaults.yaml``; empty list if the workspace has none."""
    path = root / DEFAULTS_FILE
    return [read_workspace_file(root, path, DefaultsFile)] if path.exists() or path.is_symlink() else []


def list_yaml_files(folder: Path) -> list[Path]:
    """List the .yaml and .yml files directly in a folder, sorted by name, without hidden files."""
    found = [path for pattern in ("*.yaml", "*.yml") for path in folder.glob(pattern)]
    return sorted(path for path in found if not path.name.startswith(".") and not path.is_dir())


def read_workspace_file(root: Path, path: Path, model: type[Model]) -> YamlDocument[Model]:
    """Read a file of the workspace; reject a symbolic link that leads out of it.

    A team that may edit its mapping must not be able to make the program read and quote other files of the machine."""
    file = path.relative_to(root).as_posix()
    if is_inside(path, root):
        return read_document(path, file, model)
    message = "the file is a link that leads out of the workspace; replace it with the file itself."
    problem = Problem(origin=Origin(file=file), path="", message=message, check="outside")
    return YamlDocument(path=path, problems=(problem,), positions=Positions(file=file))


def is_inside(path: Path, root: Path) -> bool:
    """Return True if the path, with links resolved, is inside the workspace."""
    # Unlike Path.resolve, realpath raises nothing for a link to itself.
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def _missing_folders(plans: Sequence[object], teams: Sequence[object]) -> Iterator[Problem]:
    for found, kind, folder, name in (
        (plans, "plan", "plans", "<increment>"),
        (teams, "mapping", "mappings", "<team>"),
    ):
        if not found:
            message = f"there is no {kind} yet; write one as {folder}/{name}.yaml, or run `init`."
            yield Problem(origin=Origin(file=folder), path="", message=message, check="workspace")


def _parsed_workspace(
    plans: list[YamlDocument[PlanFile]],
    teams: list[YamlDocument[MappingFile]],
    defaults: list[YamlDocument[DefaultsFile]],
    trackers: Mapping[str, ConnectorSpec],
    labels: LabelScheme,
) -> ParsedWorkspace:
    valid_teams = tuple(_valid_files(teams))
    capability_ids = (_texts_at(each.tree, "goals", "capabilities", "id") for each in plans)
    return ParsedWorkspace(
        plans=tuple(_valid_files(plans)),
        teams=valid_teams,
        trackers=trackers,
        labels=labels.with_teams({each.entry.team: team_labels(each.entry) for each in valid_teams}),
        declared_capabilities=frozenset(chain.from_iterable(capability_ids)),
        declared_teams=frozenset(chain.from_iterable(_texts_at(each.tree, "team") for each in teams)),
        plans_readable=all(each.tree is not None for each in plans) and bool(plans),
        teams_readable=all(each.tree is not None for each in teams) and bool(teams),
        defaults=next(_valid_files(defaults), None),
    )


def _valid_files(documents: Iterable[YamlDocument[Model]]) -> Iterator[ParsedFile[Model]]:
    for each in documents:
        if each.partial_model is not None:
            location = YamlLocation(positions=each.positions)
            yield ParsedFile(entry=each.partial_model, location=location, complete=not each.problems)


def _texts_at(node: Node | None, *keys: str) -> Iterator[str]:
    """Yield the texts at a path of keys; a list under all but the last key stands for each of its items."""
    value = node.value if node else None
    if keys and isinstance(value, dict):
        yield from _texts_at(value.get(keys[0]), *keys[1:])
    elif keys and isinstance(value, list):
        for item in value:
            yield from _texts_at(item, *keys)
    elif not keys and isinstance(value, str):
        yield normalize_text(value)
