"""Parsed content of the workspace files: input of the cross-file checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mappings.labels import LabelScheme
from mappings.problems import Origin, Problem
from mappings.schema.defaults import DefaultsFile
from mappings.schema.mapping import MappingFile, RuleEntry
from mappings.schema.plan import CapabilityEntry, GoalEntry, PlanFile
from mappings.yaml.tree import KeyPath, Positions, dotted


@dataclass(frozen=True, kw_only=True, slots=True)
class YamlLocation:
    """Key path in one file, with its line and column."""

    positions: Positions
    path: KeyPath = ()

    def __truediv__(self, part: str | int) -> YamlLocation:
        return YamlLocation(positions=self.positions, path=(*self.path, part))

    @property
    def key_origin(self) -> Origin:
        """Origin of the key."""
        return self.positions.key_origin(self.path)

    @property
    def origin(self) -> Origin:
        """Origin of the value."""
        return self.positions.value_origin(self.path)

    def problem(
        self,
        check: str,
        message: str,
        *,
        severity: Literal["error", "warning"] = "error",
        on_key: bool = False,
    ) -> Problem:
        """Return a problem located at the value, or at its key if ``on_key``."""
        return Problem(
            origin=self.key_origin if on_key else self.origin,
            path=dotted(self.positions.resolve(self.path)),
            message=message,
            severity=severity,
            check=check,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedPlan:
    """Valid content of a plan file."""

    entry: PlanFile
    location: YamlLocation
    complete: bool
    """False if invalid parts of the file were left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedTeam:
    """Valid content of a mapping file."""

    entry: MappingFile
    location: YamlLocation
    complete: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedDefaults:
    """Content of ``defaults.yaml``, which all teams inherit."""

    entry: DefaultsFile
    location: YamlLocation


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedCapability:
    """Capability with its plan, goal and location."""

    plan: ParsedPlan
    goal: GoalEntry
    capability: CapabilityEntry
    location: YamlLocation


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedWorkspace:
    """Valid content of all files of a workspace."""

    plans: tuple[ParsedPlan, ...]
    teams: tuple[ParsedTeam, ...]
    trackers: Mapping[str, str]
    """Tracker name -> ``jira-cloud``, ``jira-dc`` or ``github``."""
    labels: LabelScheme
    """Label scheme of the organisation, including the teams' own prefixes."""
    declared_capabilities: frozenset[str]
    """All capability ids in plan files, including those in invalid parts."""
    declared_teams: frozenset[str]
    plans_readable: bool
    """False if a plan file is not YAML; a capability can then not be called unknown."""
    teams_readable: bool
    defaults: ParsedDefaults | None = None

    def goals(self) -> Iterator[tuple[ParsedPlan, GoalEntry, YamlLocation]]:
        """Yield all goals with their plan and location."""
        for plan in self.plans:
            for index, goal in enumerate(plan.entry.goals):
                yield plan, goal, plan.location / "goals" / index

    def capabilities(self) -> Iterator[ParsedCapability]:
        """Yield all capabilities with their plan, goal and location."""
        for plan, goal, location in self.goals():
            for index, capability in enumerate(goal.capabilities):
                here = location / "capabilities" / index
                yield ParsedCapability(plan=plan, goal=goal, capability=capability, location=here)

    def inheritable_files(self) -> Iterator[tuple[MappingFile | DefaultsFile, YamlLocation]]:
        """Yield all files with keys that teams can inherit: mappings and ``defaults.yaml``."""
        for team in self.teams:
            yield team.entry, team.location
        if self.defaults is not None:
            yield self.defaults.entry, self.defaults.location

    def rules(self) -> Iterator[tuple[ParsedTeam, RuleEntry, YamlLocation]]:
        """Yield all rules with their team and location."""
        for team in self.teams:
            for index, rule in enumerate(team.entry.rules):
                yield team, rule, team.location / "rules" / index
