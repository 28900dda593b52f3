"""Result of reading a workspace: its content, its problems, and the part without errors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from mappings.build import WorkspaceBuilder
from mappings.model import Workspace
from mappings.parsed import ParsedPlan, ParsedTeam, ParsedWorkspace
from mappings.problems import Problem
from mappings.schema.defaults import DEFAULTS_FILE, DefaultsFile
from mappings.schema.mapping import MappingFile
from mappings.schema.plan import PlanFile
from mappings.yaml.document import YamlDocument

AnyDocument = YamlDocument[DefaultsFile] | YamlDocument[PlanFile] | YamlDocument[MappingFile]


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadResult:
    """Content of the files of a workspace, as far as it is valid, and their problems."""

    parsed: ParsedWorkspace
    problems: tuple[Problem, ...]
    """Sorted; without silenced warnings."""
    silenced: tuple[Problem, ...]
    builder: WorkspaceBuilder
    documents: tuple[AnyDocument, ...]

    @property
    def workspace(self) -> Workspace | None:
        """Whole workspace; None if any file has an error."""
        if any(problem.severity == "error" for problem in self.problems):
            return None
        return self._build(self.parsed.plans, self.parsed.teams)

    @property
    def valid_part(self) -> Workspace:
        """Plans and teams without errors, so that errors of one team do not block the tests of another."""
        broken = {problem.origin.file for problem in self.problems if problem.severity == "error"}
        plans = [plan for plan in self.parsed.plans if plan.location.positions.file not in broken]
        if DEFAULTS_FILE in broken:
            return self._build(plans, ())
        known = {
            capability.id for plan in plans for goal in plan.entry.goals for capability in goal.capabilities
        }
        teams = [
            team
            for team in self.parsed.teams
            if team.location.positions.file not in broken
            and known.issuperset(rule.assign for rule in team.entry.rules)
        ]
        return self._build(plans, teams)

    def _build(self, plans: Iterable[ParsedPlan], teams: Iterable[ParsedTeam]) -> Workspace:
        return Workspace(
            increments=tuple(self.builder.build_increment(plan) for plan in plans),
            teams=tuple(self.builder.build_team(team) for team in teams),
            digest=_digest(each for each in self.documents if each.tree is not None),
            labels=self.parsed.labels,
        )


def _digest(documents: Iterable[AnyDocument]) -> str:
    digest = hashlib.sha256()
    for document in documents:
        text = document.path.read_bytes()
        digest.update(f"{document.file}\0{len(text)}\0".encode())
        digest.update(text)
    return digest.hexdigest()
