"""Former keys that rules name and no run saw changing, as in a new store.

A rule that names an issue which its source, though read, does not hold is a suspicion: the issue is read directly and
once, since trackers find moved issues by any of their former keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from connectors.errors import ConnectorError, Gone
from connectors.model import IssueRef, KnownIssue
from mappings.model import Workspace
from mappings.references import InvalidReference, resolve_reference
from sync.model.anchors import issues_by_place
from sync.model.redaction_policy import container_id, container_of_source
from sync.pull.current_sources import workspace_sources
from sync.runtime.context import RunContext

MAX_READS: Final = 20
"""Reads in one run; the next run goes on."""
_ASKED_KEY: Final = "key-asked:"
_ASKED_DAYS: Final = 30


def learn_former_keys(
    context: RunContext, known: Mapping[IssueRef, KnownIssue], unread_sources: frozenset[str]
) -> dict[IssueRef, KnownIssue]:
    """Return the issues that rules name by a former key that nobody knew, and save them."""
    places = issues_by_place(known.values())
    found: dict[IssueRef, KnownIssue] = {}
    read = 0
    for tracker, key in _named_keys(context, unread_sources):
        cached = f"{_ASKED_KEY}{tracker}:{key}"
        if (tracker, key.lower()) in places or context.store.cache.get(cached) or read == MAX_READS:
            continue
        read += 1
        try:
            if item := _read_moved(context, tracker, key):
                found[item.issue.ref] = item
        except ConnectorError as error:
            context.log.warning("key.unread", issue=f"{tracker}:{key}", reason=str(error))
        else:
            context.store.cache.put(cached, True, days=_ASKED_DAYS)
    return found


def _read_moved(context: RunContext, tracker: str, key: str) -> KnownIssue | None:
    try:
        issue = context.read_issue(IssueRef(tracker=tracker, id="", key=key))
    except Gone:
        return None
    context.store.save_issue(issue, context.now())
    context.store.save_former_key(issue, key, context.now())
    return context.store.known_issue(tracker, issue.ref.id)


def _named_keys(context: RunContext, unread_sources: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield tracker and key of each issue that a rule names as parent and a source should have held."""
    specs = context.settings.specs
    read = {
        container_of_source(source)
        for source in workspace_sources(context.workspace)
        if not source.narrowing and source.name not in unread_sources
    }
    for name in dict.fromkeys(_parents_in_rules(context.workspace)):
        try:
            named = resolve_reference(name, specs)
        except InvalidReference:
            continue
        container = specs[named.tracker].keys.container(named.key)
        if container_id(named.tracker, container) in read:
            yield named.tracker, named.key


def _parents_in_rules(workspace: Workspace) -> Iterator[str]:
    for team in workspace.teams:
        for rule in team.rules:
            for names in (rule.when.get("parent") or {}).values():
                yield from names
