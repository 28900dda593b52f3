"""Build the values of ``model.py`` from validated file entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from connectors.model import Source
from mappings.defaults import effective_settings
from mappings.model import (
    Anchor,
    Capability,
    Evidence,
    Goal,
    Increment,
    Rule,
    TeamMapping,
)
from mappings.parsed import ParsedDefaults, ParsedPlan, ParsedTeam, YamlLocation
from mappings.references import resolve_reference
from mappings.schema.mapping import MappingFile, RuleEntry
from mappings.schema.plan import CapabilityEntry, GoalEntry
from mappings.schema.when import ChoiceEntry, RangeEntry, When


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkspaceBuilder:
    """Builds plans and mappings. Needs the trackers of the settings (name -> kind) and their IANA time zone."""

    trackers: Mapping[str, str]
    timezone: str
    defaults: ParsedDefaults | None = None

    def build_increment(self, plan: ParsedPlan) -> Increment:
        """Build the increment of a plan."""
        entry = plan.entry
        return Increment(
            id=entry.increment,
            start=entry.start,
            end=entry.end,
            timezone=entry.timezone or self.timezone,
            origin=(plan.location / "increment").key_origin,
            grace_days=entry.grace_days,
            holidays=tuple(entry.holidays),
            goals=tuple(
                self._build_goal(goal, plan.location / "goals" / at) for at, goal in enumerate(entry.goals)
            ),
        )

    def _build_goal(self, entry: GoalEntry, location: YamlLocation) -> Goal:
        capabilities = enumerate(entry.capabilities)
        return Goal(
            id=entry.id,
            title=entry.title,
            origin=location.key_origin,
            commitment=entry.commitment,
            anchor=self._anchor(entry.anchor),
            capabilities=tuple(
                self._build_capability(each, location / "capabilities" / at) for at, each in capabilities
            ),
            value=entry.value,
            actual_value=entry.actual_value,
            acceptance=entry.acceptance,
            accepted=entry.accepted,
            cancelled=entry.cancelled,
            previously=tuple(entry.previously),
        )

    def _build_capability(self, entry: CapabilityEntry, location: YamlLocation) -> Capability:
        return Capability(
            id=entry.id,
            title=entry.title,
            team=entry.team,
            origin=location.key_origin,
            anchor=self._anchor(entry.anchor),
            iterations=tuple(entry.iterations),
            target=entry.target,
            required=entry.required,
            cancelled=entry.cancelled,
            released=entry.released,
            continues=entry.continues,
            previously=tuple(entry.previously),
            evidence=Evidence(**dict(entry.evidence)) if entry.evidence else None,
        )

    def _anchor(self, text: str | None) -> Anchor | None:
        return resolve_reference(text, self.trackers) if text is not None else None

    def build_team(self, parsed: ParsedTeam) -> TeamMapping:
        """Build the mapping of a team, including inherited settings."""
        entry, location = parsed.entry, parsed.location
        shared = effective_settings(parsed, self.defaults)
        return TeamMapping(
            team=entry.team,
            origin=(location / "team").key_origin,
            flow=entry.flow,
            sources=_sources(entry),
            states=shared.states,
            rules=tuple(
                self._build_rule(rule, location / "rules" / at) for at, rule in enumerate(entry.rules)
            ),
            answers=shared.answers,
            label_unplanned=shared.label_unplanned,
            dropped_resolutions=shared.dropped_resolutions,
            origins=shared.origins,
        )

    def _build_rule(self, entry: RuleEntry, location: YamlLocation) -> Rule:
        return Rule(
            id=entry.id,
            when=self._build_when(entry.when),
            assign=entry.assign,
            origin=location.key_origin,
            iteration=entry.iteration,
            experiment=entry.experiment,
        )

    def _build_when(self, entry: When) -> dict[str, Any]:
        """Return the conditions that are set, in schema order, as plain values."""
        given = {name: getattr(entry, name) for name in When.model_fields}
        return {name: self._plain_value(value) for name, value in given.items() if value is not None}

    def _plain_value(self, value: object) -> Any:
        if isinstance(value, ChoiceEntry):
            parts = {"any": value.any, "all": value.all, "none": value.none}
            return {part: tuple(names) for part, names in parts.items() if names}
        if isinstance(value, RangeEntry):
            limits = {"after": value.after, "before": value.before}
            return {name: self.to_utc(limit) for name, limit in limits.items() if limit is not None}
        if isinstance(value, dict):
            return {name: self._plain_value(choice) for name, choice in value.items()}
        return value

    def to_utc(self, moment: date | datetime) -> datetime:
        """Convert a date or time of a file to UTC. Values without a zone are in the settings' zone."""
        whole = moment if isinstance(moment, datetime) else datetime.combine(moment, time())
        aware = whole if whole.tzinfo else whole.replace(tzinfo=ZoneInfo(self.timezone))
        return aware.astimezone(UTC)


def _sources(entry: MappingFile) -> tuple[Source, ...]:
    return tuple(
        Source(
            tracker=tracker,
            project=source.project,
            jql=source.jql,
            repo=source.repo,
            pull_requests=source.pull_requests,
        )
        for by_tracker in entry.sources
        for tracker, source in by_tracker.items()
    )
