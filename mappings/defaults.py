"""Merge ``defaults.yaml`` and a team's mapping, and record the origin of each value.

A team's entry replaces the inherited one key by key: ``states.doing`` in a mapping replaces ``states.doing`` of
the defaults completely and leaves ``states.done`` unchanged. A name that a team lists under one state is removed
from the inherited states, so that moving "Review" from doing to done takes one line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, get_args

from connectors.text import fold_name
from mappings.labels import TeamLabels
from mappings.model import Answer, StateRule, TeamMapping
from mappings.parsed import ParsedDefaults, ParsedTeam, YamlLocation
from mappings.schema.labels import LabelEntry
from mappings.schema.mapping import BlockedEntry, MappingFile, StateEntry, StatesEntry
from mappings.schema.types import Entry

_STATES: Final = ("todo", "doing", "done", "dropped")
_RESOLUTIONS: Final = ("done_resolutions", "dropped_resolutions")
_KINDS: Final = ("statuses", "labels", "types")
_ANSWERS: Final[tuple[Answer, ...]] = get_args(Answer)

_Layers = Sequence[tuple[Entry, YamlLocation]]
"""The same section of the team's mapping and of ``defaults.yaml``, nearest first."""


def with_inherited_settings(
    mapping: TeamMapping, team: ParsedTeam, defaults: ParsedDefaults | None
) -> TeamMapping:
    """Return the mapping with the team's values, else those of ``defaults.yaml``, else the built-in defaults."""
    files: list[ParsedTeam | ParsedDefaults] = [team, defaults] if defaults is not None else [team]
    top = [(file.entry, file.location) for file in files]
    answers = [(file.entry.answers, file.location / "answers") for file in files]
    states = [(file.entry.states, file.location / "states") for file in files]
    settings = {f"answers.{name}": _nearest(name, answers) for name in _ANSWERS}
    settings |= {key: _nearest(key, top) for key in (*_RESOLUTIONS, "unplanned_label")}
    origins = {key: location.key_origin for key, (_, location) in settings.items() if location is not None}
    for family in team.entry.labels:
        origins[f"labels.{family}"] = (team.location / "labels" / family).key_origin
    return replace(
        mapping,
        states={name: _state_rule(name, team, states) for name in StatesEntry.model_fields},
        answers={name: settings[f"answers.{name}"][0] for name in _ANSWERS},
        dropped_resolutions=frozenset(map(fold_name, settings["dropped_resolutions"][0])),
        done_resolutions=frozenset(map(fold_name, settings["done_resolutions"][0])),
        label_unplanned=settings["unplanned_label"][0],
        origins=origins,
    )


def _nearest(key: str, layers: _Layers) -> tuple[Any, YamlLocation | None]:
    """Return the value of a key in the first layer that sets it, with its location; else the built-in default."""
    for entry, location in layers:
        if key in entry.model_fields_set:
            return getattr(entry, key), location / key
    return getattr(layers[0][0], key), None


def _state_rule(name: str, team: ParsedTeam, layers: _Layers) -> StateRule:
    entry, location = _nearest(name, layers)
    if location is None:
        return StateRule()
    is_inherited = location.positions is not team.location.positions
    without = _names_of_team(team.entry) if is_inherited and name in _STATES else frozenset()
    origins = {
        (kind, fold_name(name)): at.origin
        for kind in _KINDS
        for name, at in location.items(kind, getattr(entry, kind))
        if (kind, fold_name(name)) not in without
    }
    by_kind = {kind: frozenset(name for each, name in origins if each == kind) for kind in _KINDS}
    dependencies = _dependencies(entry)
    if dependencies is not None:
        origins["dependencies", ""] = (location / "dependencies").key_origin
    return StateRule(**by_kind, dependencies=dependencies, origins=origins)


def _dependencies(entry: StateEntry) -> frozenset[str] | None:
    """Return the values of ``Blocker.link`` that block an issue; None if dependencies do not."""
    chosen = entry.dependencies if isinstance(entry, BlockedEntry) else False
    if isinstance(chosen, list):
        return frozenset(map(fold_name, chosen)) | {""}
    return frozenset({""}) if chosen else None


def _names_of_team(entry: MappingFile) -> frozenset[tuple[str, str]]:
    """Return (kind, folded name) of everything that the team lists under a state."""
    states: list[StateEntry] = [getattr(entry.states, state) for state in _STATES]
    return frozenset(
        (kind, fold_name(name)) for state in states for kind in _KINDS for name in getattr(state, kind)
    )


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
