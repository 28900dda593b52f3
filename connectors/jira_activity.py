"""Raw Jira answers about people's doings to our values: accounts, comments, who put a label. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connectors.jira_raw import clean, need, person_id, rows, when
from connectors.model import Account, Comment, LabelEvent

MARKER_PROPERTY = "increment-sync"
"""Key of the comment property that marks a comment as ours."""

UNKNOWN_ZONE = "Etc/GMT+12"
"""Stands for a profile zone that Jira does not tell: the westernmost zone, so that a time written in it is
never later than meant, whatever zone the server reads it in. The price is up to 26 hours read again."""


def account_from(raw: Any) -> Account:
    """Who ``GET /myself`` says that we are. The zone is UNKNOWN_ZONE where Jira does not tell it."""
    return Account(
        id=person_id(raw) or str(need(raw, "name", "our account")),
        name=clean(raw.get("displayName") or raw.get("name") or ""),
        timezone=str(raw.get("timeZone") or UNKNOWN_ZONE),
    )


def comment_from(raw: Any, marker: Mapping[str, str] | None = None) -> Comment:
    """One comment; its marker is taken from its properties when the answer carries them."""
    comment_id = str(need(raw, "id", "a comment"))
    what = f"comment {comment_id}"
    created = when(need(raw, "created", what), what)
    return Comment(
        id=comment_id,
        author_id=person_id(raw.get("author")),
        body=clean(need(raw, "body", what)),
        created=created,
        updated=when(raw["updated"], what) if raw.get("updated") else created,
        marker=marker if marker is not None else marker_from(raw.get("properties")),
    )


def marker_from(properties: Any) -> Mapping[str, str] | None:
    """Our marker among the entity properties of a comment, or None. A malformed one counts as none."""
    for each in properties if isinstance(properties, list) else ():
        value = each.get("value") if isinstance(each, dict) and each.get("key") == MARKER_PROPERTY else None
        if isinstance(value, dict):
            return {str(key): str(entry) for key, entry in value.items()}
    return None


def label_events_from(raw: Any) -> dict[str, LabelEvent]:
    """Who last put each label that the issue carries now, out of ``expand=changelog``.

    Labels that the (on Cloud truncated) changelog does not show being added are absent; so are labels that
    were there when the issue was created, or were added last by an account that Jira does not name any more.
    """
    key = str(need(raw, "key", "an issue"))
    live = {clean(label) for label in need(raw, "fields", f"issue {key}").get("labels") or ()}
    found: dict[str, LabelEvent] = {}
    for history in rows(need(raw, "changelog", f"issue {key}").get("histories"), f"changelog of {key}"):
        at = when(need(history, "created", f"changelog of {key}"), f"changelog of {key}")
        for label in live & _added_labels(history.get("items") or ()):
            if label not in found or found[label].at < at:
                found[label] = LabelEvent(label=label, author_id=person_id(history.get("author")), at=at)
    return {label: event for label, event in found.items() if event.author_id}


def _added_labels(items: Iterable[Any]) -> set[str]:
    added: set[str] = set()
    for item in items:
        if isinstance(item, dict) and item.get("field") == "labels":
            before = set(clean(item.get("fromString") or "").split())
            added |= set(clean(item.get("toString") or "").split()) - before
    return added
