"""Reads a workspace's plans and mappings, and says everything that is wrong with them at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from mappings.build import Builder
from mappings.checks import check
from mappings.document import Document, read_document
from mappings.draft import Draft, Place, PlanDraft, TeamDraft
from mappings.labels import LabelScheme
from mappings.model import Origin, Workspace
from mappings.problems import MappingInvalid, Problem, in_order
from mappings.schema import PlanFile
from mappings.schema_mapping import MappingFile
from mappings.yaml_tree import Node, Positions

Model = TypeVar("Model", bound=BaseModel)


def read_yaml(
    path: Path, model: type[Model], *, file: str | None = None
) -> tuple[Model | None, list[Problem], Positions]:
    """Read one YAML file into a pydantic model. Never raises for what the file holds.

    Gives the model (None when there is any problem), the problems, and where each key stands. ``file`` is the
    name for messages. Plain scalars reach the model as text (null as None): ``bool`` and ``int`` fields must
    not be strict, and a union with ``str`` takes everything as text.
    """
    document = read_document(path, file or str(path), model)
    return document.model, list(document.problems), document.where


def load_workspace(
    root: Path, *, trackers: Mapping[str, str], timezone: str, labels: LabelScheme
) -> Workspace:
    """All of ``plans/`` and ``mappings/`` below ``root``, checked together.

    ``trackers`` maps names of the settings to ``jira-cloud``, ``jira-dc`` or ``github``; ``timezone`` (IANA)
    holds for plans that name none. Raises MappingInvalid with all problems of all files when one is an error.
    """
    workspace, problems = check_workspace(root, trackers=trackers, timezone=timezone, labels=labels)
    if workspace is None:
        raise MappingInvalid(problems)
    return workspace


def check_workspace(
    root: Path, *, trackers: Mapping[str, str], timezone: str, labels: LabelScheme
) -> tuple[Workspace | None, tuple[Problem, ...]]:
    """The workspace, or None when there are errors; and all problems, warnings too, in order."""
    plans = [read_document(path, _shown(path, root), PlanFile) for path in _yaml_files(root / "plans")]
    teams = [read_document(path, _shown(path, root), MappingFile) for path in _yaml_files(root / "mappings")]
    draft = _draft(plans, teams, trackers, labels)
    problems = [problem for plan in plans for problem in plan.problems]
    problems += [problem for team in teams for problem in team.problems]
    problems += [*_missing_folders(plans, teams), *check(draft)]
    ordered = in_order(problems)
    if any(problem.severity == "error" for problem in ordered):
        return None, ordered
    builder = Builder(trackers=trackers, timezone=timezone)
    workspace = Workspace(
        increments=tuple(builder.increment(plan) for plan in draft.plans),
        teams=tuple(builder.team(team) for team in draft.teams),
        digest=_digest([*plans, *teams]),
    )
    return workspace, ordered


def _yaml_files(folder: Path) -> list[Path]:
    found = [path for pattern in ("*.yaml", "*.yml") for path in folder.glob(pattern)]
    return sorted(path for path in found if not path.name.startswith(".") and not path.is_dir())


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _missing_folders(
    plans: list[Document[PlanFile]], teams: list[Document[MappingFile]]
) -> Iterator[Problem]:
    if not plans:
        message = "there is no plan yet; write one as plans/<increment>.yaml, or run `init`."
        yield Problem(origin=Origin(file="plans"), path="", message=message, check="workspace")
    if not teams:
        message = "there is no mapping yet; write one as mappings/<team>.yaml, or run `init`."
        yield Problem(origin=Origin(file="mappings"), path="", message=message, check="workspace")


def _draft(
    plans: list[Document[PlanFile]],
    teams: list[Document[MappingFile]],
    trackers: Mapping[str, str],
    labels: LabelScheme,
) -> Draft:
    return Draft(
        plans=tuple(
            PlanDraft(entry=each.partial, place=Place(where=each.where), whole=not each.problems)
            for each in plans
            if each.partial is not None
        ),
        teams=tuple(
            TeamDraft(entry=each.partial, place=Place(where=each.where), whole=not each.problems)
            for each in teams
            if each.partial is not None
        ),
        trackers=trackers,
        labels=labels,
        written_capabilities=frozenset(name for each in plans for name in _written_capabilities(each.raw)),
        written_teams=frozenset(name for each in teams for name in _texts_at(each.raw, "team")),
        plans_readable=all(each.raw is not None for each in plans) and bool(plans),
        teams_readable=all(each.raw is not None for each in teams) and bool(teams),
    )


def _written_capabilities(tree: Node | None) -> Iterator[str]:
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


def _digest(documents: list[Document[PlanFile] | Document[MappingFile]]) -> str:
    digest = hashlib.sha256()
    for document in documents:
        text = document.path.read_bytes()
        digest.update(f"{document.file}\0{len(text)}\0".encode())
        digest.update(text)
    return digest.hexdigest()
