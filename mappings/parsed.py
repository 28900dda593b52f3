"""A workspace as far as it could be read: what the cross-file checks look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mappings.labels import LabelScheme
from mappings.model import Origin
from mappings.problems import Problem
from mappings.schema.defaults import DefaultsFile
from mappings.schema.mapping import MappingFile, RuleEntry
from mappings.schema.plan import CapabilityEntry, GoalEntry, PlanFile
from mappings.yaml.tree import KeyPath, Positions, dotted


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A key path in one file."""

    where: Positions
    path: KeyPath = ()

    def __truediv__(self, part: str | int) -> Place:
        return Place(where=self.where, path=(*self.path, part))

    @property
    def key(self) -> Origin:
        return self.where.key(self.path)

    @property
    def origin(self) -> Origin:
        return self.where.value(self.path)

    def problem(
        self,
        check: str,
        message: str,
        *,
        severity: Literal["error", "warning"] = "error",
        on_key: bool = False,
    ) -> Problem:
        """A finding here, at the value or at its key."""
        return Problem(
            origin=self.key if on_key else self.origin,
            path=dotted(self.where.resolve(self.path)),
            message=message,
            severity=severity,
            check=check,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanDraft:
    entry: PlanFile
    place: Place
    whole: bool
    """False when parts of the file were left out because they are wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamDraft:
    entry: MappingFile
    place: Place
    whole: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class DefaultsDraft:
    """What the teams of the workspace inherit."""

    entry: DefaultsFile
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """A capability and where it stands."""

    plan: PlanDraft
    goal: GoalEntry
    capability: CapabilityEntry
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    plans: tuple[PlanDraft, ...]
    teams: tuple[TeamDraft, ...]
    trackers: Mapping[str, str]
    """Name -> ``jira-cloud``, ``jira-dc`` or ``github``."""
    labels: LabelScheme
    """The organisation's, with what the teams say differently."""
    written_capabilities: frozenset[str]
    """Every capability id that stands in a plan file, also in parts that are wrong otherwise."""
    written_teams: frozenset[str]
    plans_readable: bool
    """False when a plan file is no YAML: then nobody can say that a capability is unknown."""
    teams_readable: bool
    defaults: DefaultsDraft | None = None

    def goals(self) -> Iterator[tuple[PlanDraft, GoalEntry, Place]]:
        for plan in self.plans:
            for index, goal in enumerate(plan.entry.goals):
                yield plan, goal, plan.place / "goals" / index

    def capabilities(self) -> Iterator[Planned]:
        for plan, goal, place in self.goals():
            for index, capability in enumerate(goal.capabilities):
                here = place / "capabilities" / index
                yield Planned(plan=plan, goal=goal, capability=capability, place=here)

    def shareable(self) -> Iterator[tuple[MappingFile | DefaultsFile, Place]]:
        """Every file that may say what teams can inherit."""
        for team in self.teams:
            yield team.entry, team.place
        if self.defaults is not None:
            yield self.defaults.entry, self.defaults.place

    def rules(self) -> Iterator[tuple[TeamDraft, RuleEntry, Place]]:
        for team in self.teams:
            for index, rule in enumerate(team.entry.rules):
                yield team, rule, team.place / "rules" / index
