"""Merge ``defaults.yaml`` and a team's mapping, and record the origin of each value.

A team's entry replaces the inherited one key by key: ``states.doing`` in a mapping replaces ``states.doing`` of
the defaults completely and leaves ``states.done`` unchanged. A name that a team lists under one state is removed
from the inherited states, so that moving "Review" from doing to done takes one line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, get_args

from mappings.labels import TeamLabels
from mappings.model import Answer, StateRule
from mappings.parsed import ParsedDefaults, ParsedTeam, YamlLocation
from mappings.problems import Origin
from mappings.schema.defaults import DefaultsFile
from mappings.schema.labels import LabelEntry
from mappings.schema.mapping import MappingFile, StateEntry

_STATES: Final = ("todo", "doing", "done", "dropped")
_KINDS: Final = ("statuses", "labels", "types")
_ANSWERS: Final[tuple[Answer, ...]] = get_args(Answer)


@dataclass(frozen=True, kw_only=True, slots=True)
class EffectiveSettings:
    """Inheritable settings as they apply to one team."""

    states: Mapping[str, StateRule]
    answers: Mapping[Answer, str]
    dropped_resolutions: frozenset[str]
    label_unplanned: bool
    origins: Mapping[str, Origin]
    """Origin of ``answers.confirmed``, ``dropped_resolutions`` and so on; without keys that no file sets."""


_SettingsFile = tuple[MappingFile | DefaultsFile, YamlLocation]


def effective_settings(team: ParsedTeam, defaults: ParsedDefaults | None) -> EffectiveSettings:
    """Return the team's values, else those of ``defaults.yaml``, else the built-in defaults."""
    layers: list[_SettingsFile] = [(team.entry, team.location)]
    if defaults is not None:
        layers.append((defaults.entry, defaults.location))
    origins = {
        f"labels.{family}": (team.location / "labels" / family).key_origin for family in team.entry.labels
    }
    return EffectiveSettings(
        states={name: _state(name, layers) for name in type(team.entry.states).model_fields},
        answers={name: _answer(name, layers, origins) for name in _ANSWERS},
        dropped_resolutions=frozenset(
            name.casefold()
            for name in _nearest_file("dropped_resolutions", layers, origins).dropped_resolutions
        ),
        label_unplanned=_nearest_file("unplanned_label", layers, origins).unplanned_label,
        origins=origins,
    )


def _nearest_file(
    key: str, layers: list[_SettingsFile], origins: dict[str, Origin]
) -> MappingFile | DefaultsFile:
    """Return the first file that sets a key; the team's, with its default, if none does."""
    for entry, location in layers:
        if key in entry.model_fields_set:
            origins[key] = (location / key).key_origin
            return entry
    return layers[0][0]


def _answer(name: Answer, layers: list[_SettingsFile], origins: dict[str, Origin]) -> str:
    for entry, location in layers:
        if name in entry.answers.model_fields_set:
            origins[f"answers.{name}"] = (location / "answers" / name).key_origin
            return str(getattr(entry.answers, name))
    return str(getattr(layers[0][0].answers, name))


def _state(name: str, layers: list[_SettingsFile]) -> StateRule:
    for depth, (entry, location) in enumerate(layers):
        if name in entry.states.model_fields_set:
            nearer = layers[:depth] if name in _STATES else []
            return _state_rule(
                getattr(entry.states, name), location / "states" / name, _named_by_teams(nearer)
            )
    return StateRule()


def _named_by_teams(layers: list[_SettingsFile]) -> frozenset[tuple[str, str]]:
    """Return (kind, case-folded name) of everything that the team lists under a state."""
    return frozenset(
        (kind, each.casefold())
        for entry, _ in layers
        for state in _STATES
        for kind in _KINDS
        for each in getattr(getattr(entry.states, state), kind)
    )


def _state_rule(entry: StateEntry, location: YamlLocation, without: frozenset[tuple[str, str]]) -> StateRule:
    origins = {
        (kind, name.casefold()): origin
        for kind in _KINDS
        for name, origin in _names(entry, kind, location)
        if (kind, name.casefold()) not in without
    }
    by_kind = {kind: frozenset(name for each, name in origins if each == kind) for kind in _KINDS}
    return StateRule(
        statuses=by_kind["statuses"], labels=by_kind["labels"], types=by_kind["types"], origins=origins
    )


def _names(entry: StateEntry, kind: str, location: YamlLocation) -> Iterator[tuple[str, Origin]]:
    """Yield names with their origins. The list of statuses may stand directly under the state."""
    for index, name in enumerate(getattr(entry, kind)):
        yield name, (location / kind / index).origin


def merge_labels(own: Mapping[str, LabelEntry], defaults: Mapping[str, LabelEntry]) -> dict[str, LabelEntry]:
    """Merge prefix and colour per family: settings first, then defaults."""
    merged = dict(defaults)
    for family, chosen in own.items():
        below = defaults.get(family, LabelEntry())
        merged[family] = LabelEntry(
            prefix=chosen.prefix or below.prefix,
            color=chosen.color or below.color,
            previously=[*chosen.previously, *below.previously],
        )
    return merged


def team_labels(entry: MappingFile) -> TeamLabels:
    """Return a team's own label prefixes and colours."""
    return TeamLabels(
        prefixes={family: each.prefix for family, each in entry.labels.items() if each.prefix},
        colors={family: each.color.lower() for family, each in entry.labels.items() if each.color},
        former_prefixes={
            family: tuple(each.previously) for family, each in entry.labels.items() if each.previously
        },
    )
