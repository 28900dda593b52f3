"""Raw Jira answers (REST v2, Cloud and Data Center) to our values. Pure: no requests, no clock."""

from __future__ import annotations

import re
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
    person_name,
    require,
    require_objects,
)
from connectors.model import Category, FieldSelection, Issue, IssueRef

CATEGORIES: Mapping[str, Category] = {"new": "todo", "indeterminate": "doing", "done": "done"}
BASE_FIELDS = (
    *("summary", "status", "resolution", "issuetype", "labels", "components", "fixVersions", "parent"),
    *("assignee", "creator", "reporter", "created", "updated", "resolutiondate", "project"),
)
CATEGORY_CHANGED_FIELD = "statuscategorychangedate"


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldIds:
    """Ids of the custom fields of one site; None where the site has no such field."""

    sprint: str | None = None
    epic_link: str | None = None
    flagged: str | None = None
    custom: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name or id as a rule writes it -> ids. Several, because Jira allows many fields of one name."""

    def all_ids(self) -> list[str]:
        known = [self.sprint, self.epic_link, self.flagged]
        return [each for each in known if each] + [each for ids in self.custom.values() for each in ids]


def parse_field_ids(listed: Any, wanted: Sequence[str]) -> FieldIds:
    """The fields that we need out of the answer of ``GET /field``. Unknown wanted names are left out."""
    known = [row for row in require_objects(listed, "GET /field") if row.get("id")]

    def first(kind: str, name: str | None = None) -> str | None:
        for row in known:
            schema = row.get("schema") or {}
            shown = row.get("untranslatedName") or row.get("name")
            if str(schema.get("custom", "")).endswith(kind) and name in (None, shown):
                return str(row["id"])
        return None

    custom: dict[str, tuple[str, ...]] = {}
    for name in wanted:
        folded = name.casefold()
        ids = tuple(
            str(row["id"])
            for row in known
            if folded in (str(row["id"]).casefold(), str(row.get("name", "")).casefold())
        )
        if ids:
            custom[name] = ids
    return FieldIds(
        sprint=first(":gh-sprint"),
        epic_link=first(":gh-epic-link"),
        flagged=first(":multicheckboxes", "Flagged"),
        custom=custom,
    )


def fields_to_request(ids: FieldIds, wanted: FieldSelection, *, cloud: bool) -> list[str]:
    """The field list of a search or read: nothing that is not used."""
    extra = [CATEGORY_CHANGED_FIELD] if cloud else []
    body = ["description"] if wanted.body else []
    return list(dict.fromkeys([*BASE_FIELDS, *extra, *body, *ids.all_ids()]))


def parse_issue(raw: Any, *, tracker: str, site_url: str, field_ids: FieldIds) -> Issue:
    """One issue of a search or read. ``site_url`` is the address that people browse, without a slash at the end.

    BadPayload names what is missing or malformed.
    """
    key = str(require(raw, "key", "an issue"))
    try:
        return _parse_issue(raw, key, tracker=tracker, site=site_url, ids=field_ids)
    except (AttributeError, TypeError) as unexpected:
        raise BadPayload(f"Jira's answer about issue {key} has an unknown shape: {unexpected}.") from None


def _parse_issue(raw: Any, key: str, *, tracker: str, site: str, ids: FieldIds) -> Issue:
    what = f"issue {key}"
    fields = require(raw, "fields", what)
    status = require(fields, "status", what)
    category = CATEGORIES.get(str((status.get("statusCategory") or {}).get("key")))
    return Issue(
        ref=IssueRef(tracker=tracker, id=str(require(raw, "id", what)), key=key),
        url=f"{site}/browse/{key}",
        title=clean_text(require(fields, "summary", what)),
        container=_project_key(fields, key),
        status=clean_text(require(status, "name", what)),
        status_id=str(status.get("id") or ""),
        category=category,
        resolution=name_of(fields.get("resolution")),
        type=name_of(fields.get("issuetype")) or "",
        body=_description(fields.get("description")),
        labels=frozenset(clean_text(label) for label in fields.get("labels") or ()),
        components=names_of(fields.get("components")),
        fix_versions=names_of(fields.get("fixVersions")),
        sprint=_sprint(fields.get(ids.sprint)) if ids.sprint else None,
        parent=_parent(fields, ids.epic_link),
        assignees=tuple(filter(None, [person_name(fields.get("assignee"))])),
        author=person_name(fields.get("creator")),
        reporter=person_name(fields.get("reporter")),
        created=parse_iso_time(require(fields, "created", what), what),
        updated=parse_iso_time(require(fields, "updated", what), what),
        started=_category_changed_at(fields, what) if category == "doing" else None,
        closed=_closed_at(fields, category, what),
        flagged=bool(ids.flagged and fields.get(ids.flagged)),
        fields=_custom_fields(fields, ids),
    )


def _project_key(fields: Mapping[str, Any], key: str) -> str:
    return str((fields.get("project") or {}).get("key") or key.rpartition("-")[0])


def _description(raw: Any) -> str:
    return clean_text(raw) if isinstance(raw, str) else ""


def _parent(fields: Mapping[str, Any], epic_link: str | None) -> str | None:
    """Cloud's ``parent`` serves sub-tasks and epics; Data Center's only sub-tasks (epics: a field)."""
    parent = fields.get("parent")
    if isinstance(parent, dict) and parent.get("key"):
        return str(parent["key"])
    epic = fields.get(epic_link) if epic_link else None
    return str(epic) if epic else None


def _category_changed_at(fields: Mapping[str, Any], what: str) -> datetime | None:
    return (
        parse_iso_time(fields[CATEGORY_CHANGED_FIELD], what) if fields.get(CATEGORY_CHANGED_FIELD) else None
    )


def _closed_at(fields: Mapping[str, Any], category: Category | None, what: str) -> datetime | None:
    if fields.get("resolutiondate"):
        return parse_iso_time(fields["resolutiondate"], what)
    return _category_changed_at(fields, what) if category == "done" else None


_SPRINT_STATE = re.compile(r"[\[,]state=(\w+)")
_SPRINT_NAME = re.compile(r"[\[,]name=(.*?)(?:,\w+=|\]$)")


def _sprint(raw: Any) -> str | None:
    """The active sprint, else the last listed. Old Data Centers write the text of a Java object for each."""
    known: list[tuple[str, str]] = []
    for each in raw if isinstance(raw, list) else ():
        if isinstance(each, dict) and each.get("name"):
            known.append((str(each.get("state", "")), clean_text(each["name"])))
        elif isinstance(each, str) and (name := _SPRINT_NAME.search(each)):
            state = _SPRINT_STATE.search(each)
            known.append((state.group(1) if state else "", clean_text(name.group(1))))
    active = [name for state, name in known if state.casefold() == "active"]
    return active[-1] if active else known[-1][1] if known else None


def _custom_fields(fields: Mapping[str, Any], ids: FieldIds) -> dict[str, tuple[str, ...]]:
    return {
        name: found
        for name, each in ids.custom.items()
        if (found := tuple(text for field_id in each for text in field_texts(fields.get(field_id))))
    }
