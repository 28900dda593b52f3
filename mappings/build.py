"""Build the values of ``model.py`` from validated file entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from connectors.model import Source
from connectors.spec import ConnectorSpec, Option
from mappings.defaults import with_inherited_settings
from mappings.model import Anchor, Capability, Evidence, Goal, Increment, Rule, TeamMapping
from mappings.parsed import ParsedDefaults, ParsedPlan, ParsedTeam, YamlLocation, located_sources
from mappings.references import resolve_reference
from mappings.schema.mapping import RuleEntry, SourceEntry
from mappings.schema.plan import CapabilityEntry, GoalEntry
from mappings.schema.types import Entry
from mappings.schema.when import ChoiceEntry, RangeEntry, When

_FIRST: Final = datetime.min.replace(tzinfo=UTC) + timedelta(days=2)
_LAST: Final = datetime.max.replace(tzinfo=UTC) - timedelta(days=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkspaceBuilder:
    """Builds plans and mappings. Needs the trackers of the settings and their IANA time zone."""

    trackers: Mapping[str, ConnectorSpec]
    timezone: str
    defaults: ParsedDefaults | None = None

    def build_increment(self, plan: ParsedPlan) -> Increment:
        """Build the increment of a plan."""
        entry, location = plan.entry, plan.location
        values = _shared_values(entry, Increment)
        values["timezone"] = entry.timezone or self.timezone
        values["goals"] = tuple(self._build_goal(*each) for each in location.items("goals", entry.goals))
        return Increment(id=entry.increment, origin=(location / "increment").key_origin, **values)

    def _build_goal(self, entry: GoalEntry, location: YamlLocation) -> Goal:
        capabilities = location.items("capabilities", entry.capabilities)
        values = _shared_values(entry, Goal)
        values["anchor"] = self._anchor(entry.anchor)
        values["capabilities"] = tuple(self._build_capability(*each) for each in capabilities)
        return Goal(origin=location.key_origin, **values)

    def _build_capability(self, entry: CapabilityEntry, location: YamlLocation) -> Capability:
        values = _shared_values(entry, Capability)
        values["anchor"] = self._anchor(entry.anchor)
        values["evidence"] = Evidence(**dict(entry.evidence)) if entry.evidence else None
        return Capability(origin=location.key_origin, **values)

    def _anchor(self, text: str | None) -> Anchor | None:
        return resolve_reference(text, self.trackers) if text is not None else None

    def build_team(self, parsed: ParsedTeam) -> TeamMapping:
        """Build the mapping of a team, including inherited settings."""
        entry, location = parsed.entry, parsed.location
        mapping = TeamMapping(
            team=entry.team,
            origin=(location / "team").key_origin,
            flow=entry.flow,
            sources=tuple(
                build_source(tracker, source, self.trackers.get(tracker))
                for tracker, source, _ in located_sources(parsed)
            ),
            rules=tuple(self._build_rule(*each) for each in location.items("rules", entry.rules)),
        )
        return with_inherited_settings(mapping, parsed, self.defaults)

    def _build_rule(self, entry: RuleEntry, location: YamlLocation) -> Rule:
        values = _shared_values(entry, Rule) | {"when": self._build_when(entry.when)}
        return Rule(origin=location.key_origin, **values)

    def _build_when(self, entry: When) -> dict[str, Any]:
        """Return the conditions that are set, in schema order, as plain values."""
        return {name: self._plain_value(value) for name, value in entry if value is not None}

    def _plain_value(self, value: object) -> Any:
        if isinstance(value, ChoiceEntry):
            return {part: tuple(names) for part, names in value if names}
        if isinstance(value, RangeEntry):
            return {name: self.to_utc(limit) for name, limit in value if limit is not None}
        if isinstance(value, dict):
            return {name: self._plain_value(choice) for name, choice in value.items()}
        return value

    def to_utc(self, moment: date | datetime) -> datetime:
        """Convert a date or time of a file to UTC. Values without a zone are in the settings' zone.

        The first and last two days that Python knows are moved inwards: they have no instant in some zones.
        """
        whole = moment if isinstance(moment, datetime) else datetime.combine(moment, time())
        aware = whole if whole.tzinfo else whole.replace(tzinfo=ZoneInfo(self.timezone))
        return min(max(aware, _FIRST), _LAST).astimezone(UTC)


def build_source(tracker: str, entry: SourceEntry, spec: ConnectorSpec | None) -> Source:
    """Build a source, in the one spelling that its connector's specification gives it.

    Options that are not valid are left out. Without a specification that can be used, the first key names the
    container.
    """
    given = {name: text for name, text in entry.root.items() if text is not None}
    known = spec.source.options if spec and not spec.unusable else tuple(map(_any_option, given.items()))
    values = {each.name: _option_value(each, given[each.name]) for each in known if each.name in given}
    container = str(values.pop(known[0].name, "")) if known else ""
    options = tuple((name, value) for name, value in values.items() if value)
    return Source(tracker=tracker, container=container, options=options)


def _option_value(option: Option, text: str) -> str | bool:
    return bool(read_boolean(text)) if option.type == "boolean" else option.normalize(text)


def _any_option(item: tuple[str, str]) -> Option:
    """Return an option of a connector that cannot say which ones it has."""
    name, text = item
    return Option(name, "", type="boolean" if text in ("true", "false") else "text")


_BOOLEAN: Final = TypeAdapter(bool)


def read_boolean(text: str) -> bool | None:
    """Return the value of ``true``, ``no`` and the like; None for any other text."""
    try:
        return _BOOLEAN.validate_python(text)
    except ValidationError:
        return None


def _shared_values(entry: Entry, model: type) -> dict[str, Any]:
    """Return the values that an entry and a class of ``model.py`` have under the same name; lists as tuples."""
    names = {each.name for each in fields(model)}
    values = {name: value for name, value in entry if name in names}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
