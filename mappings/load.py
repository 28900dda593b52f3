"""Read and check the plans and mappings of a workspace. All problems are reported together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from mappings.build import WorkspaceBuilder
from mappings.checks.registry import run_checks
from mappings.checks.silence import split_silenced
from mappings.defaults import team_labels
from mappings.labels import LabelScheme
from mappings.load_result import AnyDocument, LoadResult
from mappings.model import Workspace
from mappings.parsed import ParsedDefaults, ParsedPlan, ParsedTeam, ParsedWorkspace, YamlLocation
from mappings.problems import InvalidWorkspace, Origin, Problem, sort_problems
from mappings.schema.defaults import DEFAULTS_FILE, DefaultsFile
from mappings.schema.mapping import MappingFile
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
    root: Path, *, trackers: Mapping[str, str], timezone: str, labels: LabelScheme
) -> Workspace:
    """Load ``plans/`` and ``mappings/`` below ``root``.

    ``trackers`` maps tracker names of the settings to ``jira-cloud``, ``jira-dc`` or ``github``. ``timezone``
    (IANA) applies to plans without one. Raises InvalidWorkspace with all problems if any is an error.
    """
    workspace, problems = check_workspace(root, trackers=trackers, timezone=timezone, labels=labels)
    if workspace is None:
        raise InvalidWorkspace(problems)
    return workspace


def check_workspace(
    root: Path, *, trackers: Mapping[str, str], timezone: str, labels: LabelScheme
) -> tuple[Workspace | None, tuple[Problem, ...]]:
    """Return the workspace (None if there are errors) and all problems, sorted, including warnings."""
    result = read_workspace(root, trackers=trackers, timezone=timezone, labels=labels)
    return result.workspace, result.problems


def read_workspace(
    root: Path, *, trackers: Mapping[str, str], timezone: str, labels: LabelScheme
) -> LoadResult:
    """Read and check ``plans/`` and ``mappings/`` below ``root``. Never raises because of the content."""
    defaults = read_defaults(root)
    plans = [read_workspace_file(root, path, PlanFile) for path in list_yaml_files(root / "plans")]
    teams = [read_workspace_file(root, path, MappingFile) for path in list_yaml_files(root / "mappings")]
    parsed = _parsed_workspace(plans, teams, defaults, trackers, labels)
    problems = [problem for each in defaults for problem in each.problems]
    problems += [problem for plan in plans for problem in plan.problems]
    problems += [problem for team in teams for problem in team.problems]
    problems += [*_missing_folders(plans, teams), *run_checks(parsed)]
    reported, silenced = split_silenced(problems, parsed)
    return LoadResult(
        parsed=parsed,
        problems=sort_problems(reported),
        silenced=sort_problems(silenced),
        builder=WorkspaceBuilder(trackers=trackers, timezone=timezone, defaults=parsed.defaults),
        documents=(*defaults, *plans, *teams),
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
    return YamlDocument(
        path=path,
        file=file,
        problems=(problem,),
        tree=None,
        positions=Positions(file=file),
        partial_model=None,
    )


def is_inside(path: Path, root: Path) -> bool:
    """Return True if the path, with links resolved, is inside the workspace."""
    # Unlike Path.resolve, realpath raises nothing for a link to itself.
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def _missing_folders(
    plans: list[YamlDocument[PlanFile]], teams: list[YamlDocument[MappingFile]]
) -> Iterator[Problem]:
    if not plans:
        message = "there is no plan yet; write one as plans/<increment>.yaml, or run `init`."
        yield Problem(origin=Origin(file="plans"), path="", message=message, check="workspace")
    if not teams:
        message = "there is no mapping yet; write one as mappings/<team>.yaml, or run `init`."
        yield Problem(origin=Origin(file="mappings"), path="", message=message, check="workspace")


def _parsed_workspace(
    plans: list[YamlDocument[PlanFile]],
    teams: list[YamlDocument[MappingFile]],
    defaults: list[YamlDocument[DefaultsFile]],
    trackers: Mapping[str, str],
    labels: LabelScheme,
) -> ParsedWorkspace:
    valid_teams = [(each, each.partial_model) for each in teams if each.partial_model is not None]
    return ParsedWorkspace(
        plans=tuple(
            ParsedPlan(entry=each.partial_model, location=_top(each), complete=not each.problems)
            for each in plans
            if each.partial_model is not None
        ),
        teams=tuple(
            ParsedTeam(entry=entry, location=_top(each), complete=not each.problems)
            for each, entry in valid_teams
        ),
        trackers=trackers,
        labels=labels.with_teams({entry.team: team_labels(entry) for _, entry in valid_teams}),
        declared_capabilities=frozenset(name for each in plans for name in _declared_capabilities(each.tree)),
        declared_teams=frozenset(name for each in teams for name in _texts_at(each.tree, "team")),
        plans_readable=all(each.tree is not None for each in plans) and bool(plans),
        teams_readable=all(each.tree is not None for each in teams) and bool(teams),
        defaults=next(
            (
                ParsedDefaults(entry=each.partial_model, location=_top(each))
                for each in defaults
                if each.partial_model is not None
            ),
            None,
        ),
    )


def _top(document: AnyDocument) -> YamlLocation:
    return YamlLocation(positions=document.positions)


def _declared_capabilities(tree: Node | None) -> Iterator[str]:
    for goal in _items(tree, "goals"):
        for capability in _items(goal, "capabilities"):
            yield from _texts_at(capability, "id")


def _items(node: Node | None, key: str) -> list[Node]:
    child = node.child(key) if node else None
    return child.value if child is not None and isinstance(child.value, list) else []


def _texts_at(node: Node | None, key: str) -> Iterator[str]:
    child = node.child(key) if node else None
    if child is not None and isinstance(child.value, str):
        yield child.value
