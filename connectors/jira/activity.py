"""Raw Jira answers about people's doings to our values: accounts, comments, who put a label. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from connectors.jira.scalars import (
    clean_text,
    parse_iso_time,
    parse_time,
    person_id,
    require,
    require_objects,
)
from connectors.model import Account, Comment, LabelEvent, LabelHistory

MARKER_PROPERTY = "increment-sync"
"""Key of the comment property that marks a comment as ours."""

UNKNOWN_ZONE = "Etc/GMT+12"
"""Stands for a profile zone that Jira does not tell: the westernmost zone, so that a time written in it is
never later than meant, whatever zone the server reads it in. The price is up to 26 hours read again."""


def parse_account(raw: Any) -> Account:
    """Who ``GET /myself`` says that we are. The zone is UNKNOWN_ZONE where Jira does not tell it."""
    return Account(
        id=person_id(raw) or str(require(raw, "name", "our account")),
        name=clean_text(raw.get("displayName") or raw.get("name") or ""),
        timezone=str(raw.get("timeZone") or UNKNOWN_ZONE),
    )


def parse_comment(raw: Any, marker: Mapping[str, str] | None = None) -> Comment:
    """One comment; its marker is taken from its properties when the answer carries them."""
    comment_id = str(require(raw, "id", "a comment"))
    what = f"comment {comment_id}"
    created = parse_iso_time(require(raw, "created", what), what)
    return Comment(
        id=comment_id,
        author_id=person_id(raw.get("author")),
        body=clean_text(require(raw, "body", what)),
        created=created,
        updated=parse_iso_time(raw["updated"], what) if raw.get("updated") else created,
        marker=marker if marker is not None else parse_marker(raw.get("properties")),
    )


def parse_marker(properties: Any) -> Mapping[str, str] | None:
    """Our marker among the entity properties of a comment, or None. A malformed one counts as none."""
    for each in properties if isinstance(properties, list) else ():
        value = each.get("value") if isinstance(each, dict) and each.get("key") == MARKER_PROPERTY else None
        if isinstance(value, dict):
            return {str(key): str(entry) for key, entry in value.items()}
    return None


def parse_label_origins(raw: Any) -> dict[str, LabelEvent]:
    """Who last put each label that the issue carries now, out of ``expand=changelog``.

    Labels that the (on Cloud truncated) changelog does not show being added are absent; so are labels that
    were there when the issue was created, or were added last by an account that Jira does not name any more.
    """
    key = str(require(raw, "key", "an issue"))
    live = {clean_text(label) for label in require(raw, "fields", f"issue {key}").get("labels") or ()}
    told = require_objects(require(raw, "changelog", f"issue {key}").get("histories"), f"changelog of {key}")
    puts = [
        story.added
        for story in _label_histories_by_spelling(told, f"changelog of {key}").values()
        if story.added
    ]
    return {event.label: event for event in puts if event.label in live and event.author_id}


def parse_label_histories(histories: Iterable[Any], what: str) -> dict[str, LabelHistory]:
    """How each label came to an issue and went, out of the whole of its changelog, by its name in small letters.

    ``what`` names the changelog in BadPayload.
    """
    found: dict[str, LabelHistory] = {}
    for label, story in _label_histories_by_spelling(histories, what).items():
        last, other = _latest_event(story), found.get(label.lower())
        if other is None or _latest_event(other) <= last:  # of two spellings the one that moved last
            found[label.lower()] = story
    return found


def _latest_event(story: LabelHistory) -> datetime:
    return max(event.at for event in (story.added, story.removed) if event)


def _label_histories_by_spelling(histories: Iterable[Any], what: str) -> dict[str, LabelHistory]:
    """By the label as it is spelled."""
    stories: dict[str, LabelHistory] = {}
    for (at, _), entry in sorted(
        ((_position(each, what), each) for each in histories), key=lambda pair: pair[0]
    ):
        author = person_id(entry.get("author"))
        for gone, come in map(_label_changes, entry.get("items") or ()):
            for label in sorted(gone):
                put = stories.get(label, LabelHistory()).added
                off = LabelEvent(label=label, author_id=author, at=at)
                stories[label] = LabelHistory(added=put, removed=off)
            for label in sorted(come):
                stories[label] = LabelHistory(added=LabelEvent(label=label, author_id=author, at=at))
    return stories


def _position(entry: Any, what: str) -> tuple[datetime, int]:
    """Where an entry stands in its changelog: of the same moment the ids tell, which grow."""
    entry_id = str(entry.get("id") or "")
    return parse_time(require(entry, "created", what), what), int(entry_id) if entry_id.isdigit() else 0


def _label_changes(item: Any) -> tuple[set[str], set[str]]:
    """The labels that went and came. Data Center has no fieldId; its "field" is untranslated for Jira's own fields."""
    if not isinstance(item, dict) or (item.get("fieldId") or item.get("field")) != "labels":
        return set(), set()
    before, after = (set(clean_text(item.get(name) or "").split()) for name in ("fromString", "toString"))
    return before - after, after - before
