"""Parsing of Jira's JSON into issues, accounts and comments (REST v2, Cloud and Data Center). No requests."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.errors import BadPayload
from connectors.jira.scalars import (
    clean_text,
    field_texts,
    name_of,
    names_of,
    parse_iso_time,
    person_id,
    person_name,
    require,
    require_objects,
)
from connectors.model import Account, Category, Comment, FieldSelection, Issue, IssueRef

CATEGORIES: Mapping[str, Category] = {"new": "todo", "indeterminate": "doing", "done": "done"}
BASE_FIELDS = (
    *("summary", "status", "resolution", "issuetype", "labels", "components", "fixVersions", "parent"),
    *("assignee", "creator", "reporter", "created", "updated", "resolutiondate", "project"),
)
CATEGORY_CHANGED_FIELD = "statuscategorychangedate"

MARKER_PROPERTY = "increment-sync"
"""Key of the comment property that marks a comment as ours."""

UNKNOWN_ZONE = "Etc/GMT+12"
"""Replaces a time zone that Jira does not report. A time in this westernmost zone is never later than meant,
whatever zone the server reads it in. The price: each pull reads up to 26 hours again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldIds:
    """Ids of the custom fields of one site; None if the site has no such field."""

    sprint: str | None = None
    epic_link: str | None = None
    flagged: str | None = None
    custom: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name or id as in a rule -> ids. Jira allows several fields with one name."""

    def all_ids(self) -> list[str]:
        known = [self.sprint, self.epic_link, self.flagged]
        return [each for each in known if each] + [each for ids in self.custom.values() for each in ids]


def parse_field_ids(raw: Any, names: Sequence[str]) -> FieldIds:
    """Return the ids of the needed fields from ``GET /field``. Unknown ``names`` are left out."""
    rows = [row for row in require_objects(raw, "GET /field") if row.get("id")]

    def first(type_suffix: str, name: str | None = None) -> str | None:
        for row in rows:
            schema = row.get("schema") or {}
            row_name = row.get("untranslatedName") or row.get("name")
            if str(schema.get("custom", "")).endswith(type_suffix) and name in (None, row_name):
                return str(row["id"])
        return None

    ids_by_name: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        for name in {str(row["id"]).casefold(), str(row.get("name", "")).casefold()}:
            ids_by_name[name].append(str(row["id"]))
    custom = {name: tuple(ids) for name in names if (ids := ids_by_name.get(name.casefold()))}
    return FieldIds(
        sprint=first(":gh-sprint"),
        epic_link=first(":gh-epic-link"),
        flagged=first(":multicheckboxes", "Flagged"),
        custom=custom,
    )


def fields_to_request(ids: FieldIds, selection: FieldSelection, *, cloud: bool) -> list[str]:
    """Return the field list of a search or read, without unused fields."""
    extra = [CATEGORY_CHANGED_FIELD] if cloud else []
    body = ["description"] if selection.body else []
    return list(dict.fromkeys([*BASE_FIELDS, *extra, *body, *ids.all_ids()]))


def parse_issue(raw: Any, *, tracker: str, site_url: str, field_ids: FieldIds) -> Issue:
    """Parse one issue of a search or read.

    ``site_url``: address that people browse, without a slash at the end. BadPayload names missing or malformed
    values.
    """
    key = str(require(raw, "key", "an issue"))
    try:
        return _parse_issue(raw, key, tracker=tracker, site_url=site_url, field_ids=field_ids)
    except (AttributeError, TypeError) as error:
        raise BadPayload(f"Jira's answer about issue {key} has an unknown shape: {error}.") from None


def _parse_issue(raw: Any, key: str, *, tracker: str, site_url: str, field_ids: FieldIds) -> Issue:
    subject = f"issue {key}"
    fields = require(raw, "fields", subject)
    status = require(fields, "status", subject)
    category = CATEGORIES.get(str((status.get("statusCategory") or {}).get("key")))
    description = fields.get("description")
    return Issue(
        ref=IssueRef(tracker=tracker, id=str(require(raw, "id", subject)), key=key),
        url=f"{site_url}/browse/{key}",
        title=clean_text(require(fields, "summary", subject)),
        container=str((fields.get("project") or {}).get("key") or key.rpartition("-")[0]),
        status=clean_text(require(status, "name", subject)),
        status_id=str(status.get("id") or ""),
        category=category,
        resolution=name_of(fields.get("resolution")),
        type=name_of(fields.get("issuetype")) or "",
        body=clean_text(description) if isinstance(description, str) else "",
        labels=frozenset(clean_text(label) for label in fields.get("labels") or ()),
        components=names_of(fields.get("components")),
        fix_versions=names_of(fields.get("fixVersions")),
        sprint=_sprint(fields.get(field_ids.sprint)) if field_ids.sprint else None,
        parent=_parent(fields, field_ids.epic_link),
        assignees=tuple(filter(None, [person_name(fields.get("assignee"))])),
        author=person_name(fields.get("creator")),
        reporter=person_name(fields.get("reporter")),
        created=parse_iso_time(require(fields, "created", subject), subject),
        updated=parse_iso_time(require(fields, "updated", subject), subject),
        started=_category_changed_at(fields, subject) if category == "doing" else None,
        closed=_closed_at(fields, category, subject),
        flagged=bool(field_ids.flagged and fields.get(field_ids.flagged)),
        fields=_custom_fields(fields, field_ids),
    )


def _parent(fields: Mapping[str, Any], epic_link: str | None) -> str | None:
    """Return the parent's key. Cloud's ``parent`` covers epics; on Data Center they are in a field of their own."""
    parent = fields.get("parent")
    if isinstance(parent, dict) and parent.get("key"):
        return str(parent["key"])
    epic = fields.get(epic_link) if epic_link else None
    return str(epic) if epic else None


def _category_changed_at(fields: Mapping[str, Any], subject: str) -> datetime | None:
    value = fields.get(CATEGORY_CHANGED_FIELD)
    return parse_iso_time(value, subject) if value else None


def _closed_at(fields: Mapping[str, Any], category: Category | None, subject: str) -> datetime | None:
    if fields.get("resolutiondate"):
        return parse_iso_time(fields["resolutiondate"], subject)
    return _category_changed_at(fields, subject) if category == "done" else None


_SPRINT_STATE = re.compile(r"[\[,]state=(\w+)")
_SPRINT_NAME = re.compile(r"[\[,]name=(.*?)(?:,\w+=|\]$)")


def _sprint(raw: Any) -> str | None:
    """Return the active sprint, else the last one. Old Data Centers send each as the text of a Java object."""
    sprints: list[tuple[str, str]] = []
    for each in raw if isinstance(raw, list) else ():
        if isinstance(each, dict) and each.get("name"):
            sprints.append((str(each.get("state", "")), clean_text(each["name"])))
        elif isinstance(each, str) and (name := _SPRINT_NAME.search(each)):
            state = _SPRINT_STATE.search(each)
            sprints.append((state.group(1) if state else "", clean_text(name.group(1))))
    active = [name for state, name in sprints if state.casefold() == "active"]
    return active[-1] if active else sprints[-1][1] if sprints else None


def _custom_fields(fields: Mapping[str, Any], ids: FieldIds) -> dict[str, tuple[str, ...]]:
    return {
        name: texts
        for name, each in ids.custom.items()
        if (texts := tuple(text for field_id in each for text in field_texts(fields.get(field_id))))
    }


def parse_account(raw: Any) -> Account:
    """Parse our account from ``GET /myself``, with UNKNOWN_ZONE if Jira reports no time zone."""
    return Account(
        id=person_id(raw) or str(require(raw, "name", "our account")),
        name=clean_text(raw.get("displayName") or raw.get("name") or ""),
        timezone=str(raw.get("timeZone") or UNKNOWN_ZONE),
    )


def has_permission(permissions: Any, *names: str) -> bool | None:
    """Return True if we have a permission that is known by one of the names; None if Jira reports none of them."""
    for name in names:
        entry = permissions.get(name) if isinstance(permissions, dict) else None
        if isinstance(entry, dict) and isinstance(entry.get("havePermission"), bool):
            return bool(entry["havePermission"])
    return None


def parse_comment(raw: Any, marker: Mapping[str, str] | None = None) -> Comment:
    """Parse one comment. Without ``marker`` it is taken from the comment's properties, if the JSON has them."""
    comment_id = str(require(raw, "id", "a comment"))
    subject = f"comment {comment_id}"
    created = parse_iso_time(require(raw, "created", subject), subject)
    return Comment(
        id=comment_id,
        author_id=person_id(raw.get("author")),
        body=clean_text(require(raw, "body", subject)),
        created=created,
        updated=parse_iso_time(raw["updated"], subject) if raw.get("updated") else created,
        marker=marker if marker is not None else parse_marker(raw.get("properties")),
    )


def parse_marker(properties: Any) -> Mapping[str, str] | None:
    """Return our marker from the properties of a comment, or None if it is absent or malformed."""
    for each in properties if isinstance(properties, list) else ():
        value = each.get("value") if isinstance(each, dict) and each.get("key") == MARKER_PROPERTY else None
        if isinstance(value, dict):
            return {str(key): str(entry) for key, entry in value.items()}
    return None
