"""Find connectors: entry points of the group ``increment_sync.connectors``, by the kind that the settings name.

A kind is the name of an entry point (``github``), or that name, a hyphen and a variant (``jira-cloud``). Nothing of a
connector is imported before a kind of it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from connectors.spec import SPEC_VERSION, ConnectorSpec

GROUP: Final = "increment_sync.connectors"


class ConnectorUnusable(Exception):
    """A connector is not installed or cannot be used; the message names it and says what to do."""


def spec_of(kind: str) -> ConnectorSpec:
    """Return the specification of the connector for a kind.

    Raises ConnectorUnusable if no connector or more than one offers the kind, or if it cannot be imported, is no
    specification, was made for another version of it, or does not have the kind.
    """
    return _load(kind, tuple(entry_points(group=GROUP)))


def installed_names() -> tuple[str, ...]:
    """Return the names of all installed connectors, sorted. Imports none of them."""
    return tuple(sorted({each.name for each in entry_points(group=GROUP)}))


@cache
def _load(kind: str, installed: tuple[EntryPoint, ...]) -> ConnectorSpec:
    entry = _entry_for(kind, installed)
    origin = f"the connector {entry.name} ({entry.dist.name if entry.dist else entry.value})"
    try:
        spec = entry.load()
    except Exception as error:  # of somebody else's module: anything may happen at import
        raise ConnectorUnusable(
            f"{origin} cannot be imported: {type(error).__name__}: {error}; install it again, or remove the "
            f"trackers of kind {kind}"
        ) from error
    if not isinstance(spec, ConnectorSpec):
        raise ConnectorUnusable(
            f"{origin} is no ConnectorSpec but {type(spec).__name__}; see docs/connectors.md"
        )
    if spec.version != SPEC_VERSION:
        raise ConnectorUnusable(
            f"{origin} was made for version {spec.version} of the specification, and this program has version "
            f"{SPEC_VERSION}; install a fitting version of the connector"
        )
    if kind not in spec.kinds:
        raise ConnectorUnusable(f"{origin} has no kind {kind}; it has {', '.join(sorted(spec.kinds))}")
    return spec


def _entry_for(kind: str, installed: Iterable[EntryPoint]) -> EntryPoint:
    """Return the entry point that is named like the kind, or like the longest part of it before a hyphen."""
    by_name: dict[str, list[EntryPoint]] = {}
    for entry in installed:
        by_name.setdefault(entry.name, []).append(entry)
    name = kind
    while name not in by_name and "-" in name:
        name = name.rpartition("-")[0]
    found = {entry.value: entry for entry in by_name.get(name, ())}
    if not found:
        names = ", ".join(sorted(by_name)) or "none"
        raise ConnectorUnusable(f"no installed connector has the kind {kind}; installed are: {names}")
    if len(found) > 1:
        owners = " and ".join(
            sorted(entry.dist.name if entry.dist else entry.value for entry in found.values())
        )
        raise ConnectorUnusable(f"{owners} both claim the kind {name}; uninstall one of them")
    return next(iter(found.values()))
