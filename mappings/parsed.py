"""Parsed content of the workspace files: input of the cross-file checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from pydantic import BaseModel

from connectors.spec import ConnectorSpec
from connectors.text import normalize_text
from mappings.labels import LabelScheme
from mappings.problems import Origin, Problem
from mappings.schema.mapping import DefaultsFile, MappingFile, RuleEntry, SourceEntry
from mappings.schema.plan import CapabilityEntry, GoalEntry, PlanFile
from mappings.yaml.tree import KeyPath, Positions, dotted

Item = TypeVar("Item")
Model = TypeVar("Model", bound=BaseModel)


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

    def items(self, key: str, entries: Iterable[Item]) -> Iterator[tuple[Item, YamlLocation]]:
        """Yield the entries of the list under ``key``, each with its location."""
        for index, entry in enumerate(entries):
            yield entry, self / key / index

    def problem(self, check: str, message: str, *, on_key: bool = False) -> Problem:
        """Return an error located at the value, or at its key if ``on_key``."""
        origin = self.key_origin if on_key else self.origin
        path = dotted(self.positions.resolve(self.path))
        return Problem(origin=origin, path=path, message=message, check=check)

    def warning(self, check: str, message: str, *, on_key: bool = False) -> Problem:
        """Return a warning located at the value, or at its key if ``on_key``."""
        return replace(self.problem(check, message, on_key=on_key), severity="warning")


@dataclass(frozen=True, kw_only=True)
class ParsedFile(Generic[Model]):
    """Valid content of one file."""

    entry: Model
    location: YamlLocation
    complete: bool
    """False if invalid parts of the file were left out."""

    @property
    def file(self) -> str:
        return self.location.positions.file


ParsedPlan = ParsedFile[PlanFile]
ParsedTeam = ParsedFile[MappingFile]
ParsedDefaults = ParsedFile[DefaultsFile]


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
    trackers: Mapping[str, ConnectorSpec]
    """Trackers of the settings, by name."""
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
            for goal, location in plan.location.items("goals", plan.entry.goals):
                yield plan, goal, location

    def capabilities(self) -> Iterator[ParsedCapability]:
        """Yield all capabilities with their plan, goal and location."""
        for plan, goal, location in self.goals():
            for capability, here in location.items("capabilities", goal.capabilities):
                yield ParsedCapability(plan=plan, goal=goal, capability=capability, location=here)

    def inheritable_files(self) -> Iterator[ParsedTeam | ParsedDefaults]:
        """Yield all files with keys that teams can inherit: mappings and ``defaults.yaml``."""
        yield from self.teams
        if self.defaults is not None:
            yield self.defaults

    def rules(self) -> Iterator[tuple[ParsedTeam, RuleEntry, YamlLocation]]:
        """Yield all rules with their team and location."""
        for team in self.teams:
            for rule, location in team.location.items("rules", team.entry.rules):
                yield team, rule, location


def located_sources(team: ParsedTeam) -> Iterator[tuple[str, SourceEntry, YamlLocation]]:
    """Yield the sources of a team with their tracker and location."""
    for by_tracker, location in team.location.items("sources", team.entry.sources):
        for tracker, source in by_tracker.items():
            yield normalize_text(tracker), source, location / tracker
