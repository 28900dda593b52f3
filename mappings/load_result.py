"""Result of reading a workspace: its content, its problems, and the part without errors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mappings.build import WorkspaceBuilder
from mappings.model import Workspace
from mappings.parsed import ParsedPlan, ParsedTeam, ParsedWorkspace
from mappings.problems import Problem
from mappings.schema.mapping import DEFAULTS_FILE
from mappings.yaml.document import YamlDocument


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadResult:
    """Content of the files of a workspace, as far as it is valid, and their problems."""

    parsed: ParsedWorkspace
    problems: tuple[Problem, ...]
    """Sorted; without silenced warnings."""
    silenced: tuple[Problem, ...]
    builder: WorkspaceBuilder
    documents: tuple[YamlDocument[Any], ...]

    @property
    def workspace(self) -> Workspace | None:
        """Whole workspace; None if any file has an error."""
        return None if self._broken_files() else self._build(self.parsed.plans, self.parsed.teams)

    @property
    def valid_part(self) -> Workspace:
        """Plans and teams without errors, so that errors of one team do not block the tests of another."""
        broken = self._broken_files()
        plans = [plan for plan in self.parsed.plans if plan.file not in broken]
        if DEFAULTS_FILE in broken:
            return self._build(plans, ())
        goals = [goal for plan in plans for goal in plan.entry.goals]
        known = {capability.id for goal in goals for capability in goal.capabilities}
        teams = [
            team
            for team in self.parsed.teams
            if team.file not in broken and known.issuperset(rule.assign for rule in team.entry.rules)
        ]
        return self._build(plans, teams)

    def _broken_files(self) -> set[str]:
        return {problem.origin.file for problem in self.problems if problem.severity == "error"}

    def _build(self, plans: Iterable[ParsedPlan], teams: Iterable[ParsedTeam]) -> Workspace:
        return Workspace(
            increments=tuple(map(self.builder.build_increment, plans)),
            teams=tuple(map(self.builder.build_team, teams)),
            digest=self._digest(),
            labels=self.parsed.labels,
        )

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for document in self.documents:
            if document.tree is not None:
                text = document.path.read_bytes()
                digest.update(f"{document.file}\0{len(text)}\0".encode())
                digest.update(text)
        return digest.hexdigest()
