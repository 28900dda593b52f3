"""Resolve the text that names an issue: a key, ``tracker:key``, or an address copied from the browser."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from connectors.model import KnownIssue
from mappings.references import GITHUB_KEY, JIRA_KEY
from sync.runtime.context import RunContext
from sync.runtime.session import EmptyStore

_JIRA_URL: Final = re.compile(r"(?:/browse/|[?&]selectedIssue=)([A-Za-z][A-Za-z0-9_]+-[1-9][0-9]*)")
_GITHUB_URL: Final = re.compile(r"([A-Za-z0-9._-]+/[A-Za-z0-9._-]+)/(?:issues|pull)/([1-9][0-9]*)")


def find_issue(context: RunContext, text: str) -> KnownIssue:
    """Return the issue from the store. Raises LookupError for an unknown one, EmptyStore when there are none."""
    if found := find_stored_issue(context, candidate_issues(context, text)):
        return found
    if not context.store.source_states():
        raise EmptyStore
    raise LookupError(
        f"{text} is not in the last snapshot: check the key, or whether one of the mappings' sources holds "
        "it; `increment-sync explain --live` asks the tracker"
    )


def find_stored_issue(context: RunContext, candidates: list[tuple[str, str]]) -> KnownIssue | None:
    """Return the first candidate that the store knows, by its current key or a former one."""
    for find in (context.store.known_issue, context.store.moved_issue):
        for tracker, key in candidates:
            if found := find(tracker, key):
                return found
    return None


def candidate_issues(context: RunContext, text: str) -> list[tuple[str, str]]:
    """Return tracker and key (or id) of every issue that ``text`` can mean, the most likely first."""
    text = text.strip()
    if text.startswith(("https://", "http://")):
        return _issues_at_url(context, text)
    trackers = list(context.settings.trackers)
    name, _, rest = text.partition(":")
    if rest and name in trackers:
        trackers, text = [name], rest
    if JIRA_KEY.fullmatch(text.upper()):
        return [(tracker, text.upper()) for tracker in trackers if context.markup(tracker) == "jira"]
    if GITHUB_KEY.fullmatch(text):
        return [(tracker, text) for tracker in trackers if context.markup(tracker) == "github"]
    return [(tracker, text) for tracker in trackers]


def _issues_at_url(context: RunContext, url: str) -> list[tuple[str, str]]:
    jira, github = _JIRA_URL.search(url), _GITHUB_URL.search(url)
    if jira is not None:
        return [(tracker, jira[1].upper()) for tracker in _trackers_at_host(context, url, "jira")]
    if github is not None:
        return [
            (tracker, f"{github[1]}#{github[2]}") for tracker in _trackers_at_host(context, url, "github")
        ]
    return []


def _trackers_at_host(context: RunContext, url: str, kind: str) -> list[str]:
    """Return the trackers of a kind at the host of the URL; without any, those that are configured without a URL."""
    host = urlsplit(url).netloc
    hosts = {
        name: urlsplit(tracker.url or "").netloc.removeprefix("api.") or None
        for name, tracker in context.settings.trackers.items()
        if context.markup(name) == kind
    }
    matching = [name for name, known in hosts.items() if known == host]
    return matching or [name for name, known in hosts.items() if known is None]
