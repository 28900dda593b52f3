"""Find connectors: entry points of the group ``increment_sync.connectors``, by the kind that the settings name.

A kind is the name of an entry point (``github``), or that name, a hyphen and a variant (``jira-cloud``). Nothing of a
connector is imported before a kind of it is asked for.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from connectors.errors import Unavailable, describe_foreign
from connectors.guarded_spec import container_of_any_key, guard_spec
from connectors.markdown import MARKDOWN
from connectors.ports import IssueReader, IssueWriter
from connectors.spec import SPEC_VERSION, ConnectorSpec, KeySpec, OpenArguments, SourceSpec

GROUP: Final = "increment_sync.connectors"


class UnknownKind(LookupError):
    """No installed connector has a kind. The message names the kinds of the installed ones."""


class ConnectorUnusable(Exception):
    """An installed connector cannot be used; the message names it and says what to do."""


def spec_of(kind: str) -> ConnectorSpec:
    """Return the specification of the connector for a kind.

    Raises UnknownKind if no connector offers it, and ConnectorUnusable if two do, or if its connector cannot be
    imported, is no specification or was made for another version of it.
    """
    return _load(kind, _installed())


def installed_specs() -> tuple[ConnectorSpec, ...]:
    """Return the specifications of all installed connectors that can be used, by name. Imports all of them."""
    found = []
    for name in sorted({each.name for each in _installed()}):
        try:
            found.append(_load_entry(name, _installed()))
        except ConnectorUnusable:
            continue
    return tuple(found)


def installed_kinds() -> tuple[str, ...]:
    """Return the kinds of all installed connectors that can be used, sorted. Imports all of them."""
    return tuple(sorted(kind for spec in installed_specs() for kind in spec.kinds))


@cache
def _installed() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=GROUP))


@cache
def _load(kind: str, installed: tuple[EntryPoint, ...]) -> ConnectorSpec:
    names = {each.name for each in installed}
    name = kind
    while name not in names and "-" in name:
        name = name.rpartition("-")[0]
    if name not in names:
        raise UnknownKind(f"no installed connector has the kind {kind!r}; {_known_kinds()}")
    spec = _load_entry(name, installed)
    if kind not in spec.kinds:
        raise UnknownKind(f"{spec.title} has no kind {kind!r}; {_known_kinds()}")
    return spec


def _known_kinds() -> str:
    return f"write one of: {', '.join(installed_kinds()) or 'none is installed'}"


@cache
def _load_entry(name: str, installed: tuple[EntryPoint, ...]) -> ConnectorSpec:
    entries = {each.value: each for each in installed if each.name == name}
    if len(entries) > 1:
        owners = " and ".join(sorted(map(_origin, entries.values())))
        raise ConnectorUnusable(f"two connectors have the name {name}: {owners}; uninstall one of them")
    entry = next(iter(entries.values()))
    connector = f"the connector {name} ({_origin(entry)})"
    try:
        spec = entry.load()
    except (Exception, SystemExit) as error:  # of somebody else's module: anything may happen at import
        raise ConnectorUnusable(
            f"{connector} cannot be imported: {describe_foreign(error)}; install a version that fits this program"
        ) from error
    if not isinstance(spec, ConnectorSpec) or spec.name != name:
        raise ConnectorUnusable(f"{connector} is no ConnectorSpec of that name; see docs/connectors.md")
    if spec.version != SPEC_VERSION:
        raise ConnectorUnusable(
            f"{connector} was made for version {spec.version} of the specification, and this program has version "
            f"{SPEC_VERSION}; install a version of the connector that fits"
        )
    if not spec.source.options:
        raise ConnectorUnusable(f"{connector} names no container of issues; see docs/connectors.md")
    return guard_spec(spec)


def _origin(entry: EntryPoint) -> str:
    """Return the package that an entry point comes from."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


def spec_or_stand_in(kind: str) -> ConnectorSpec:
    """Return the specification of the connector for a kind, or a stand-in if the connector cannot be used.

    With a stand-in the other trackers go on: it takes every source and key, has no credentials, and its clients fail
    with a sentence that names the connector.
    """
    try:
        return spec_of(kind)
    except (UnknownKind, ConnectorUnusable) as error:
        return _stand_in(kind, str(error))


@cache
def _stand_in(kind: str, reason: str) -> ConnectorSpec:
    def fail(arguments: OpenArguments) -> tuple[IssueReader, IssueWriter]:
        raise Unavailable(f"{arguments.tracker}: {reason}")

    return ConnectorSpec(
        version=SPEC_VERSION,
        name=kind,
        title=kind,
        kinds={kind: kind},
        needs_url=False,
        open=fail,
        keys=KeySpec(
            pattern=re.compile(r".+"),
            example="KEY",
            container=container_of_any_key,
        ),
        source=SourceSpec(options=(), noun="container", shape="{...}"),
        markup=MARKDOWN,
        unusable=reason,
    )
