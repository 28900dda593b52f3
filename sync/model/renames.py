"""Current names of renamed capabilities, goals and labels, from ``previously`` in the plans."""

from __future__ import annotations

from collections.abc import Mapping

from mappings.labels import LabelScheme
from mappings.model import Workspace


def current_names(workspace: Workspace) -> dict[str, str]:
    """Map each former subject (``goal:<id>``, ``capability:<id>``) of the plans to the current one."""
    return {
        f"{kind}:{old}": f"{kind}:{item.id}"
        for increment in workspace.increments
        for kind, items in (("goal", increment.goals), ("capability", increment.capabilities))
        for item in items
        for old in item.previously
    }


def renamed_capabilities(workspace: Workspace) -> dict[str, str]:
    """Map each former capability id to the current one."""
    return {
        old: capability.id
        for increment in workspace.increments
        for capability in increment.capabilities
        for old in capability.previously
    }


def renamed_labels(workspace: Workspace) -> dict[str, str]:
    """Map each former ``capability:`` label to the current one, both with the organization's prefix."""
    label = workspace.labels.label
    pairs = renamed_capabilities(workspace).items()
    return {label("capability", old): label("capability", new) for old, new in pairs}


def current_label_name(label: str, scheme: LabelScheme, renames: Mapping[str, str]) -> str:
    """Return the canonical name of a label with the current capability id.

    ``renames`` maps former labels to current ones, see ``renamed_labels``.
    """
    name = scheme.canonical_name(label)
    return renames.get(name, name)
