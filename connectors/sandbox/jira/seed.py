"""Builds an embedded Jira site from its part of the seed (keys: see ``jira.py``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields as fields_of
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from connectors.sandbox.core.seed import SeedError, expect, parse_time
from connectors.sandbox.jira.model import (
    CATEGORY_IDS,
    CATEGORY_NAMES,
    DEFAULT_STATUSES,
    ChangeItem,
    CustomField,
    HistoryEntry,
    JiraAccount,
    JiraComment,
    JiraIssue,
    Sprint,
)
from connectors.sandbox.jira.site import JiraSiteState
from connectors.sandbox.jira.site_store import Switches

DEFAULT_CLOUD_ID: Final = "11111111-2222-4333-8444-555555555555"
_DEFAULT_RIGHTS: Final = ("browse", "edit", "comment")
_ISSUE_KEYS: Final = (
    *(
        "id",
        "key",
        "summary",
        "type",
        "status",
        "resolution",
        "labels",
        "components",
        "fix_versions",
        "parent",
    ),
    *("sprint", "assignee", "reporter", "creator", "description", "flagged", "fields", "properties"),
    *("created", "updated", "started", "resolved", "status_changed", "watchers", "comments", "history"),
)
_TEXTS: Final = ("type", "resolution", "assignee", "description")
_LISTS: Final = ("components", "fix_versions", "watchers")


def load_seed(state: JiraSiteState, seed: Mapping[str, Any]) -> None:
    """Put everything that the seed names into an empty site. SeedError names the first broken place."""
    state.cloud_id = str(seed.get("cloud_id") or DEFAULT_CLOUD_ID)
    state.search_lag = timedelta(seconds=float(seed.get("search_lag") or 0))
    state.switches = _switches(seed.get("switches") or {})
    now = state.clock.now()
    for entry in expect(seed.get("accounts") or [], list, "accounts"):
        account = _account(expect(entry, dict, "accounts[]"), now)
        state.accounts[account.id] = account
    for number, entry in enumerate(expect(seed.get("sprints") or [], list, "sprints"), start=1):
        sprint = _sprint(number, expect(entry, dict, "sprints[]"), now)
        state.sprints[sprint.id] = sprint
    for number, entry in enumerate(expect(seed.get("fields") or [], list, "fields"), start=10_100):
        field = _custom_field(number, expect(entry, dict, "fields[]"))
        state.fields[field.id] = field
    projects = expect(seed.get("projects") or {}, dict, "projects")
    for key, entry in projects.items():
        _add_project(state, str(key), expect(entry or {}, dict, f"projects.{key}"))
    for key, entry in projects.items():
        for number, issue in enumerate((entry or {}).get("issues") or []):
            _Reader(state, str(key), f"projects.{key}.issues[{number}]").add(issue)
    _link_parents(state)
    _introduce_people(state)


def _switches(entries: Mapping[str, Any]) -> Switches:
    known = {each.name for each in fields_of(Switches)}
    if unknown := sorted(set(entries) - known):
        raise SeedError(
            f"switches has the unknown key '{unknown[0]}'; it may have {', '.join(sorted(known))}."
        )
    switches = Switches(**entries)
    if switches.language not in CATEGORY_NAMES:
        raise SeedError(
            f"switches.language is '{switches.language}'; write one of {', '.join(CATEGORY_NAMES)}."
        )
    return switches


def _account(entry: Mapping[str, Any], now: datetime) -> JiraAccount:
    name = str(expect(entry.get("id") or entry.get("name"), str, "accounts[].id"))
    where = f"accounts.{name}"
    rights = entry.get("permissions", _DEFAULT_RIGHTS)
    by_project = rights if isinstance(rights, Mapping) else {"*": rights}
    return JiraAccount(
        id=name,
        display=str(entry.get("display") or name),
        email=str(entry.get("email") or f"{name}@example.com"),
        token=entry.get("token"),
        scoped=bool(entry.get("scoped", False)),
        expires=_time_or_none(entry, "expires", now, f"{where}.expires"),
        timezone=str(entry.get("timezone") or "UTC"),
        permissions={str(key): frozenset(granted) for key, granted in by_project.items()},
    )


def _sprint(number: int, entry: Mapping[str, Any], now: datetime) -> Sprint:
    start, end = (_time_or_none(entry, name, now, f"sprints.{name}") for name in ("start", "end"))
    return Sprint(
        id=int(entry.get("id") or number),
        name=str(entry["name"]) if entry.get("name") else f"Sprint {number}",
        state=str(entry.get("state") or "active"),
        start=start,
        end=end,
    )


def _custom_field(number: int, entry: Mapping[str, Any]) -> CustomField:
    field = CustomField(id=str(entry.get("id") or f"customfield_{number}"), name=str(entry.get("name")))
    kinds = {name: str(entry[name]) for name in ("type", "schema") if entry.get(name)}
    return replace(field, **kinds)


def _add_project(site: JiraSiteState, key: str, entry: Mapping[str, Any]) -> None:
    statuses = dict(entry.get("statuses") or DEFAULT_STATUSES)
    for name, category in statuses.items():
        if category not in CATEGORY_IDS:
            raise SeedError(
                f"projects.{key}.statuses.{name} is '{category}'; write one of {', '.join(CATEGORY_IDS)}."
            )
    site.add_project(
        key,
        str(entry.get("name") or key),
        public=bool(entry.get("public", False)),
        statuses=statuses,
        labels_on_edit_screen=bool(entry.get("labels_on_edit_screen", True)),
        service_management=bool(entry.get("service_management", False)),
    )


def _link_parents(site: JiraSiteState) -> None:
    """Parents may stand below their children in the file."""
    for issue in site.issues():
        wanted = issue.custom.get("parent")
        if wanted is None:
            continue
        parent = site.issue(str(wanted))
        if parent is None:
            raise SeedError(
                f"The parent {wanted} of {issue.key} is not in the seed; add it or correct the key."
            )
        custom = {name: value for name, value in issue.custom.items() if name != "parent"}
        site.store(replace(issue, parent=parent.id, custom=custom), visible_since=issue.updated)


def _introduce_people(site: JiraSiteState) -> None:
    """Whoever is named on an issue is a person, also without an entry under accounts."""
    for issue in site.issues():
        names = {issue.assignee, issue.creator, issue.reporter, *issue.watchers}
        names |= {comment.author for comment in issue.comments} | {entry.author for entry in issue.history}
        for name in sorted(name for name in names if name and name not in site.accounts):
            site.accounts[name] = JiraAccount(id=name, display=name)


def _time_or_none(entry: Mapping[str, Any], name: str, now: datetime, where: str) -> datetime | None:
    return parse_time(entry[name], now, where) if entry.get(name) else None


class _Reader:
    """Reads the issues of one project; ``where`` names the place in errors."""

    def __init__(self, site: JiraSiteState, project: str, where: str) -> None:
        self._site = site
        self._project = project
        self._where = where
        self._now = site.clock.now()

    def add(self, entry: object) -> None:
        given = expect(entry, dict, self._where)
        if unknown := sorted(set(given) - set(_ISSUE_KEYS)):
            raise SeedError(f"{self._where} has the unknown key '{unknown[0]}'; see the list in jira.py.")
        key = str(given.get("key") or self._site.next_key(self._project))
        if key.rpartition("-")[0] != self._project or not key.rpartition("-")[2].isdigit():
            raise SeedError(f"{self._where}.key is '{key}'; write {self._project}-<number>.")
        if self._site.issue(key):
            raise SeedError(f"{self._where}.key is '{key}', which another issue has already.")
        self._site.store(self._issue(key, given), visible_since=self._time(given, "created") or self._now)

    def _issue(self, key: str, given: Mapping[str, Any]) -> JiraIssue:
        created = self._time(given, "created") or self._now
        comments = tuple(self._comment(each, created) for each in given.get("comments") or [])
        status = self._status(given)
        history = tuple(self._entry(each) for each in given.get("history") or self._moves(given, status))
        moments = [created, *(each.updated for each in comments), *(each.at for each in history)]
        resolved = self._time(given, "resolved")
        updated = self._time(given, "updated") or max([*moments, *([resolved] if resolved else [])])
        creator = given.get("creator") or given.get("reporter")
        issue = JiraIssue(
            id=self._id(given),
            key=key,
            summary=expect(given.get("summary"), str, f"{self._where}.summary"),
            created=created,
            updated=updated,
            status=status,
            status_changed=self._time(given, "status_changed")
            or resolved
            or self._time(given, "started")
            or created,
            resolved=resolved or (updated if given.get("resolution") else None),
            labels=tuple(sorted(map(str, given.get("labels") or ()))),
            sprints=self._sprints(given.get("sprint")),
            creator=creator,
            reporter=given.get("reporter") or creator,
            flagged=bool(given.get("flagged", False)),
            custom=self._custom(given),
            properties=dict(given.get("properties") or {}),
            comments=comments,
            history=history,
        )
        texts: dict[str, Any] = {name: str(given[name]) for name in _TEXTS if given.get(name)}
        lists: dict[str, Any] = {name: tuple(map(str, given[name])) for name in _LISTS if given.get(name)}
        return replace(issue, **texts, **lists)

    def _time(self, given: Mapping[str, Any], name: str) -> datetime | None:
        return _time_or_none(given, name, self._now, f"{self._where}.{name}")

    def _status(self, given: Mapping[str, Any]) -> str:
        statuses = self._site.projects[self._project].statuses
        status = str(given.get("status") or next(iter(statuses)))
        if status not in statuses:
            raise SeedError(f"{self._where}.status is '{status}'; write one of {', '.join(statuses)}.")
        return status

    def _moves(self, given: Mapping[str, Any], status: str) -> list[dict[str, Any]]:
        """The changelog of an issue that only says when it was started and resolved."""
        statuses = self._site.projects[self._project].statuses
        first = next(iter(statuses))
        under_way = next((name for name, category in statuses.items() if category == "indeterminate"), status)
        # What is under way now went straight to where it is.
        steps = [("started", under_way if given.get("resolved") else status), ("resolved", status)]
        by = str(given.get("creator") or given.get("reporter") or "someone")
        moves, before = [], first
        for key, after in steps:
            if given.get(key) and after != before:
                moves.append({"at": given[key], "by": by, "field": "status", "from": before, "to": after})
                before = after
        return moves

    def _sprints(self, given: object) -> tuple[int, ...]:
        wanted: Iterable[object] = given if isinstance(given, list) else [given] if given else []
        by_name = {each.name: each.id for each in self._site.sprints.values()}
        found = []
        for name in wanted:
            number = by_name.get(str(name), name)
            if number not in self._site.sprints:
                raise SeedError(f"{self._where}.sprint is '{name}', which is not among the sprints.")
            found.append(int(str(number)))
        return tuple(found)

    def _custom(self, given: Mapping[str, Any]) -> dict[str, Any]:
        by_name = {each.name: each.id for each in self._site.fields.values()}
        custom: dict[str, Any] = {}
        for name, value in (given.get("fields") or {}).items():
            field_id = by_name.get(name, name)
            if field_id not in self._site.fields:
                raise SeedError(f"{self._where}.fields.{name} is not among the custom fields of the site.")
            custom[field_id] = value
        return {**custom, "parent": given["parent"]} if given.get("parent") else custom

    def _comment(self, entry: object, created: datetime) -> JiraComment:
        given = expect(entry, dict, f"{self._where}.comments[]")
        written = self._time(given, "created") or created
        return JiraComment(
            id=self._id(given),
            author=expect(given.get("author"), str, f"{self._where}.comments[].author"),
            body=expect(given.get("body"), str, f"{self._where}.comments[].body"),
            created=written,
            updated=written,
            properties=dict(given.get("properties") or {}),
        )

    def _id(self, given: Mapping[str, Any]) -> int:
        return expect(given["id"], int, f"{self._where}.id") if "id" in given else self._site.next_id()

    def _entry(self, entry: object) -> HistoryEntry:
        given = expect(entry, dict, f"{self._where}.history[]")
        before, after = str(given.get("from") or ""), str(given.get("to") or "")
        is_status = given.get("field") == "status"
        item = ChangeItem(
            field=expect(given.get("field"), str, f"{self._where}.history[].field"),
            before=before,
            after=after,
            before_id=self._site.status_id(before) if is_status else None,
            after_id=self._site.status_id(after) if is_status else None,
        )
        author = expect(given.get("by"), str, f"{self._where}.history[].by")
        at = self._time(given, "at") or self._now
        return HistoryEntry(id=self._site.next_id(), author=author, at=at, items=(item,))
