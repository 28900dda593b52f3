"""Parsing of Jira's JSON into issues, accounts and comments (REST v2, Cloud and Data Center). No requests."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from connectors.errors import BadPayload, MalformedIssue
from connectors.jira.links import LINKS_FIELD, parse_blockers
from connectors.jira.scalars import (
    field_texts,
    name_in,
    names_in,
    object_or_empty,
    parse_iso_time,
    person_id,
    person_name,
    require,
    require_id,
    require_object,
    require_objects,
    require_text,
)
from connectors.jira.sprints import choose_sprint
from connectors.model import Account, Category, Comment, FieldSelection, Issue, IssueRef
from connectors.scalars import clean_text, id_or_none, quote_value, text_or_empty
from connectors.text import fold_name

CATEGORIES: Mapping[str, Category] = {"new": "todo", "indeterminate": "doing", "done": "done"}
BASE_FIELDS = (
    *("summary", "status", "resolution", "issuetype", "labels", "components", "fixVersions", "parent"),
    *("assignee", "creator", "reporter", "created", "updated", "resolutiondate", "project"),
)
CATEGORY_CHANGED_FIELD = "statuscategorychangedate"

MARKER_PROPERTY = "increment-sync"
"""Key of the comment property that marks a comment as ours."""

_KEY = re.compile(r"[^\W\d_]\w*-[0-9]+")
"""Servers may allow other project keys than Atlassian does, but none that is no part of an address."""

UNKNOWN_ZONE = "Etc/GMT+12"
"""Replaces a time zone that Jira does not report. A time in this westernmost zone is never later than meant,
whatever zone the server reads it in. The price: each pull reads up to 26 hours again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldIds:
    """Ids of the custom fields of one site; None if the site has no such field."""

    sprint: str | None = None
    epic_link: str | None = None
    parent_link: str | None = None
    """Parent above an epic, on Data Center with Advanced Roadmaps."""
    flagged: str | None = None
    custom: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name or id as in a rule -> ids. Jira allows several fields with one name."""

    def all_ids(self) -> list[str]:
        known = [self.sprint, self.epic_link, self.parent_link, self.flagged]
        return [each for each in known if each] + [each for ids in self.custom.values() for each in ids]


def parse_field_ids(raw: Any, names: Sequence[str]) -> FieldIds:
    """Return the ids of the needed fields from ``GET /field``. Unknown ``names`` are left out."""
    rows = [(text_or_empty(row.get("id")), row) for row in require_objects(raw, "GET /field")]

    def first(type_suffix: str, name: str | None = None) -> str | None:
        for field_id, row in rows:
            custom_type = text_or_empty(object_or_empty(row.get("schema")).get("custom"))
            row_name = row.get("untranslatedName") or row.get("name")
            if field_id and custom_type.endswith(type_suffix) and name in (None, row_name):
                return field_id
        return None

    ids_by_name: dict[str, list[str]] = defaultdict(list)
    for field_id, row in rows:
        for name in {fold_name(field_id), fold_name(text_or_empty(row.get("name")))} if field_id else ():
            ids_by_name[name].append(field_id)
    custom = {name: tuple(ids) for name in names if (ids := ids_by_name.get(fold_name(name)))}
    return FieldIds(
        sprint=first(":gh-sprint"),
        epic_link=first(":gh-epic-link"),
        parent_link=first(":jpo-custom-field-parent"),
        flagged=first(":multicheckboxes", "Flagged"),
        custom=custom,
    )


def fields_to_request(ids: FieldIds, selection: FieldSelection, *, cloud: bool) -> list[str]:
    """Return the field list of a search or read, without unused fields."""
    extra = [CATEGORY_CHANGED_FIELD] if cloud else []
    body = ["description"] if selection.body else []
    links = [LINKS_FIELD] if selection.dependencies else []
    return list(dict.fromkeys([*BASE_FIELDS, *extra, *body, *links, *ids.all_ids()]))


def parse_issue(
    raw: Any, *, tracker: str, site_url: str, field_ids: FieldIds, link_types: Sequence[str] = ()
) -> Issue:
    """Parse one issue of a search or read.

    ``site_url``: address that people browse, without a slash at the end. ``link_types`` as in FieldSelection. What no
    figure needs may be missing; MalformedIssue names the missing or malformed value otherwise.
    """
    fields = object_or_empty(raw)
    issue_id, key = id_or_none(fields.get("id")) or "", _key_or_empty(fields.get("key"))
    try:
        issue = _parse_issue(raw, tracker=tracker, site_url=site_url, field_ids=field_ids)
        blockers = parse_blockers(
            object_or_empty(fields.get("fields")).get(LINKS_FIELD), issue.ref, link_types
        )
        return replace(issue, blocked_by=blockers) if blockers else issue
    except BadPayload as error:
        raise MalformedIssue(str(error), id=issue_id, key=key) from None
    except RecursionError:
        reason = f"Jira's answer about issue {key} is nested too deeply; nothing of it is used"
        raise MalformedIssue(reason, id=issue_id, key=key) from None


def _parse_issue(raw: Any, *, tracker: str, site_url: str, field_ids: FieldIds) -> Issue:
    key = _parse_key(raw)
    subject = f"issue {key}"
    fields = require_object(raw, "fields", subject)
    status = require_object(fields, "status", subject)
    category = CATEGORIES.get(text_or_empty(object_or_empty(status.get("statusCategory")).get("key")))
    return Issue(
        ref=IssueRef(tracker=tracker, id=require_id(raw, "id", subject), key=key),
        url=f"{site_url}/browse/{key}",
        title=text_or_empty(fields.get("summary")) or key,
        container=_project_key(fields) or key.rpartition("-")[0],
        status=require_text(status, "name", subject),
        status_id=text_or_empty(status.get("id")),
        category=category,
        resolution=name_in(fields, "resolution", subject),
        type=name_in(fields, "issuetype", subject) or "",
        body=text_or_empty(fields.get("description")),
        labels=_labels(fields.get("labels"), subject),
        components=names_in(fields, "components", subject),
        fix_versions=names_in(fields, "fixVersions", subject),
        sprint=choose_sprint(fields.get(field_ids.sprint)) if field_ids.sprint else None,
        parent=_parent(fields, field_ids, subject),
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


def _parse_key(raw: Any) -> str:
    """Return the key of an issue, as far as it can be an address."""
    value = require(raw, "key", "an issue")
    key = _key_or_empty(value)
    if not key:
        raise BadPayload(f"Jira's answer holds {quote_value(value)} where the key of an issue belongs")
    return key


def _key_or_empty(value: Any) -> str:
    return value if isinstance(value, str) and _KEY.fullmatch(value) else ""


def _project_key(fields: Mapping[str, Any]) -> str:
    return text_or_empty(object_or_empty(fields.get("project")).get("key"))


def _labels(raw: Any, subject: str) -> frozenset[str]:
    """Return the labels; none if the project hides the field."""
    if raw is None:
        return frozenset()
    if not isinstance(raw, list) or not all(isinstance(label, str) for label in raw):
        raise BadPayload(f"Jira's answer about {subject} holds {quote_value(raw)} where labels belong")
    return frozenset(map(clean_text, raw))


def _parent(fields: Mapping[str, Any], ids: FieldIds, subject: str) -> str | None:
    """Return the parent's key: of a sub-task, else of an issue in an epic, else of an epic.

    Cloud's ``parent`` covers all of them. On Data Center the field of an epic's parent holds its key; Advanced
    Roadmaps wrapped the key in an object in some versions.
    """
    parent = None if fields.get("parent") is None else require_object(fields, "parent", subject)
    found = [parent, *(fields.get(each) for each in (ids.epic_link, ids.parent_link) if each)]
    return next((key for each in found if (key := _key_in(each))), None)


def _key_in(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("key") or object_or_empty(value.get("data")).get("key")
    return _key_or_empty(value)


def _category_changed_at(fields: Mapping[str, Any], subject: str) -> datetime | None:
    value = fields.get(CATEGORY_CHANGED_FIELD)
    return parse_iso_time(value, subject) if value else None


def _closed_at(fields: Mapping[str, Any], category: Category | None, subject: str) -> datetime | None:
    if fields.get("resolutiondate"):
        return parse_iso_time(fields["resolutiondate"], subject)
    return _category_changed_at(fields, subject) if category == "done" else None


def _custom_fields(fields: Mapping[str, Any], ids: FieldIds) -> dict[str, tuple[str, ...]]:
    return {
        name: texts
        for name, each in ids.custom.items()
        if (texts := tuple(text for field_id in each for text in field_texts(fields.get(field_id))))
    }


def parse_account(raw: Any) -> Account:
    """Parse our account from ``GET /myself``, with UNKNOWN_ZONE if Jira reports no time zone."""
    return Account(
        id=person_id(raw) or require_text(raw, "name", "our account"),
        name=text_or_empty(raw.get("displayName")) or text_or_empty(raw.get("name")),
        timezone=text_or_empty(raw.get("timeZone")) or UNKNOWN_ZONE,
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
    comment_id = require_id(raw, "id", "a comment")
    subject = f"comment {comment_id}"
    created = parse_iso_time(require(raw, "created", subject), subject)
    return Comment(
        id=comment_id,
        author_id=person_id(raw.get("author")),
        body=text_or_empty(raw.get("body"), normalized=False),
        created=created,
        updated=parse_iso_time(raw["updated"], subject) if raw.get("updated") else created,
        marker=marker if marker is not None else parse_marker(raw.get("properties")),
    )


def parse_marker(properties: Any) -> Mapping[str, str] | None:
    """Return our marker from the properties of a comment, or None if it is absent or malformed."""
    for each in properties if isinstance(properties, list) else ():
        value = each.get("value") if isinstance(each, dict) and each.get("key") == MARKER_PROPERTY else None
        if isinstance(value, dict):
            return {clean_text(key): clean_text(entry) for key, entry in value.items()}
    return None
