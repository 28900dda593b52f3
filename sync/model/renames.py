"""Current names of renamed capabilities, goals and labels, from ``previously`` in the plans."""

from __future__ import annotations

from collections.abc import Mapping

from mappings.labels import LabelScheme
from mappings.model import Workspace


def current_names(workspace: Workspace) -> dict[str, str]:
    """Old subject (``goal:<id>``, ``capability:<id>``) -> new subject, for every ``previously`` in the plans."""
    return {
        f"{kind}:{old}": f"{kind}:{item.id}"
        for increment in workspace.increments
        for kind, items in (("goal", increment.goals), ("capability", increment.capabilities))
        for item in items
        for old in item.previously
    }


def renamed_capabilities(workspace: Workspace) -> dict[str, str]:
    """Old capability id -> the id that it has now, from ``previously``."""
    return {
        old: capability.id
        for increment in workspace.increments
        for capability in increment.capabilities
        for old in capability.previously
    }


def renamed_labels(workspace: Workspace) -> dict[str, str]:
    """Old ``capability:`` label -> the one of today, both with the organisation's prefix."""
    label = workspace.labels.label
    pairs = renamed_capabilities(workspace).items()
    return {label("capability", old): label("capability", new) for old, new in pairs}


def current_label_name(label: str, scheme: LabelScheme, renames: Mapping[str, str]) -> str:
    """The organisation's name for what a label says; ``renames``: old label -> new label, from the plans."""
    name = scheme.canonical_name(label)
    return renames.get(name, name)
