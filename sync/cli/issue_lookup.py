"""Which issue a person means: a key, ``tracker:key``, or an address copied from the browser."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from connectors.model import KnownIssue
from mappings.references import GITHUB_KEY, JIRA_KEY
from sync.runtime.context import RunContext
from sync.runtime.session import EmptyStore

_JIRA_ADDRESS: Final = re.compile(r"(?:/browse/|[?&]selectedIssue=)([A-Za-z][A-Za-z0-9_]+-[1-9][0-9]*)")
_GITHUB_ADDRESS: Final = re.compile(r"([A-Za-z0-9._-]+/[A-Za-z0-9._-]+)/(?:issues|pull)/([1-9][0-9]*)")


def find_issue(context: RunContext, text: str) -> KnownIssue:
    """The issue as the store knows it. LookupError when it does not; NothingRead when it knows none."""
    if found := find_stored_issue(context, candidate_issues(context, text)):
        return found
    if not context.store.source_states():
        raise EmptyStore
    raise LookupError(
        f"{text} is not in the last snapshot: check the key, or whether one of the mappings' sources holds "
        "it; `increment-sync explain --live` asks the tracker"
    )


def find_stored_issue(context: RunContext, candidates: list[tuple[str, str]]) -> KnownIssue | None:
    """The first of several possible issues that the store knows, by the key of today or by one that it had before."""
    for find in (context.store.known_issue, context.store.moved_issue):
        for tracker, key in candidates:
            if found := find(tracker, key):
                return found
    return None


def candidate_issues(context: RunContext, text: str) -> list[tuple[str, str]]:
    """Tracker and key (or id) of every issue that ``text`` can mean, the most likely first."""
    text = text.strip()
    if text.startswith(("https://", "http://")):
        return _at_address(context, text)
    trackers = list(context.settings.trackers)
    name, _, rest = text.partition(":")
    if rest and name in trackers:
        trackers, text = [name], rest
    if JIRA_KEY.fullmatch(text.upper()):
        return [(tracker, text.upper()) for tracker in trackers if context.markup(tracker) == "jira"]
    if GITHUB_KEY.fullmatch(text):
        return [(tracker, text) for tracker in trackers if context.markup(tracker) == "github"]
    return [(tracker, text) for tracker in trackers]


def _at_address(context: RunContext, address: str) -> list[tuple[str, str]]:
    jira, github = _JIRA_ADDRESS.search(address), _GITHUB_ADDRESS.search(address)
    if jira is not None:
        return [(tracker, jira[1].upper()) for tracker in _at_host(context, address, "jira")]
    if github is not None:
        return [(tracker, f"{github[1]}#{github[2]}") for tracker in _at_host(context, address, "github")]
    return []


def _at_host(context: RunContext, address: str, kind: str) -> list[str]:
    """The trackers of a kind, those at the address's host before those whose address is not known."""
    host = urlsplit(address).netloc
    hosts = {
        name: urlsplit(tracker.url or "").netloc.removeprefix("api.") or None
        for name, tracker in context.settings.trackers.items()
        if context.markup(name) == kind
    }
    there = [name for name, known in hosts.items() if known == host]
    return there or [name for name, known in hosts.items() if known is None]
