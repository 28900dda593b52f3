"""Resolve the text that names an issue: a key, ``tracker:key``, or an address copied from the browser."""

from __future__ import annotations

from urllib.parse import urlsplit

from connectors.model import KnownIssue
from connectors.spec import KeySpec
from sync.pull.current_sources import workspace_sources
from sync.pull.unreadable import unreadable_by_source
from sync.runtime.context import RunContext
from sync.runtime.session import EmptyStore


def find_issue(context: RunContext, text: str) -> KnownIssue:
    """Return the issue from the store. Raises LookupError for an unknown one, EmptyStore when there are none."""
    if found := find_stored_issue(context, candidate_issues(context, text)):
        return found
    if not context.store.source_states():
        raise EmptyStore
    if left_out := _left_out_reason(context, text):
        raise LookupError(f"{text} was never read: the tracker does not send it correctly: {left_out}")
    raise LookupError(
        f"{text} is not in the last snapshot: check the key, or whether one of the mappings' sources holds "
        "it; `increment-sync explain --live` asks the tracker"
    )


def _left_out_reason(context: RunContext, text: str) -> str | None:
    """Return why an issue that no run ever read cannot be used; None if it is not one of those."""
    named = set(candidate_issues(context, text))
    for name, issues in unreadable_by_source(context, workspace_sources(context.workspace)).items():
        tracker = name.partition(":")[0]
        for each in issues:
            if not named.isdisjoint({(tracker, each.key), (tracker, each.id)}):
                return each.reason
    return None


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
    found = [
        (tracker, key)
        for tracker in trackers
        if (keys := context.settings.spec(tracker).keys).pattern.fullmatch(key := keys.normalize(text))
    ]
    return found or [(tracker, text) for tracker in trackers]


def _issues_at_url(context: RunContext, url: str) -> list[tuple[str, str]]:
    """Return the issues at the URL on trackers at its host; without any, on those that are configured without a URL."""
    host = urlsplit(url).netloc
    here: list[tuple[str, str]] = []
    anywhere: list[tuple[str, str]] = []
    for name, tracker in context.settings.trackers.items():
        keys = context.settings.spec(name).keys
        if key := keys.find_in_url(url):
            known = _web_host(keys, tracker.url)
            (here if known == host else anywhere if known is None else []).append((name, key))
    return here or anywhere


def _web_host(keys: KeySpec, url: str | None) -> str | None:
    return keys.web_host(urlsplit(url).netloc) or None if url else None
