"""JSON of the Jira sandbox's responses: issues, comments, users, changelogs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

from connectors.sandbox.jira.adf import text_to_adf
from connectors.sandbox.jira.dates import format_time
from connectors.sandbox.jira.model import (
    CATEGORY_IDS,
    CATEGORY_NAMES,
    EPIC_AND_ABOVE,
    EPIC_LINK_FIELD,
    FLAGGED_FIELD,
    PARENT_LINK_FIELD,
    SPRINT_FIELD,
    SUBTASK_TYPES,
    HistoryEntry,
    IssueLink,
    JiraAccount,
    JiraCaller,
    JiraComment,
    JiraIssue,
    Project,
    Sprint,
    field_id,
)
from connectors.sandbox.jira.site_store import JiraSiteStore

_COLORS: Final = {"undefined": "medium-gray", "new": "blue-gray", "indeterminate": "yellow", "done": "green"}
_MAX_SEARCH_COMMENTS: Final = 20
_MAX_SEARCH_HISTORY: Final = 40
_MAX_DIRECT_HISTORY: Final = 100


@dataclass
class JiraSerializer:
    """Builds JSON for one caller: times in the caller's zone, texts in the format of the API version."""

    site: JiraSiteStore
    caller: JiraCaller

    def api_url(self, path: str) -> str:
        return f"{self.caller.base_url}/rest/api/{self.caller.version}/{path}"

    def time(self, moment: datetime | None) -> str | None:
        return format_time(moment, self.caller.timezone)

    def text(self, text: str | None, sent: Any = None) -> Any:
        if text is None or self.caller.version == "2":
            return text
        return sent or text_to_adf(text)

    # Issues.

    def issue(
        self, issue: JiraIssue, fields: Sequence[str], *, in_search: bool, expand: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Return one issue with the named fields; supports ``*all``, ``*navigable`` and ``-name``."""
        shape: dict[str, Any] = {
            "expand": "renderedFields,names,schema,operations,editmeta,changelog",
            "id": str(issue.id),
            "self": self.api_url(f"issue/{issue.id}"),
            "key": issue.key,
        }
        values = {name: self._builders[name](issue) for name in _select_fields(fields, list(self._builders))}
        if "parent" in values and values["parent"] is None:
            del values["parent"]
        if "comment" in values and in_search and self.site.is_cloud:
            newest = values["comment"]["comments"][-_MAX_SEARCH_COMMENTS:]
            values["comment"] |= {"comments": newest, "maxResults": _MAX_SEARCH_COMMENTS}
        shape["fields"] = values
        if "changelog" in expand:
            shape["changelog"] = self.changelog(issue, in_search=in_search)
        return shape

    @cached_property
    def _builders(self) -> dict[str, Callable[[JiraIssue], Any]]:
        builders: dict[str, Callable[[JiraIssue], Any]] = {
            "summary": lambda issue: issue.summary,
            "description": lambda issue: self.text(issue.description),
            "issuetype": lambda issue: self.issue_type(issue.type),
            "project": lambda issue: self.project(self.site.projects[issue.project]),
            "status": lambda issue: self.status(issue.status, self.site.category(issue)),
            "resolution": lambda issue: (
                None if issue.resolution is None else self._resource("resolution", issue.resolution)
            ),
            "resolutiondate": lambda issue: self.time(issue.resolved),
            "labels": lambda issue: list(issue.labels),
            "components": lambda issue: [self._resource("component", name) for name in issue.components],
            "fixVersions": lambda issue: [self._resource("version", name) for name in issue.fix_versions],
            "parent": self._parent,
            "issuelinks": lambda issue: [
                self._link(each) for each in issue.links if self.site.issue(each.other)
            ],
            "assignee": lambda issue: self._person(issue.assignee),
            "creator": lambda issue: self._person(issue.creator),
            "reporter": lambda issue: self._person(issue.reporter),
            "created": lambda issue: self.time(issue.created),
            "updated": lambda issue: self.time(issue.updated),
            "comment": self._comment_field,
            "watches": lambda issue: {"watchCount": len(issue.watchers), "isWatching": False},
            SPRINT_FIELD: self._sprints,
            FLAGGED_FIELD: lambda issue: [{"value": "Impediment", "id": "10019"}] if issue.flagged else None,
        }
        if self.site.is_cloud:
            builders["statuscategorychangedate"] = lambda issue: self.time(issue.status_changed)
        else:
            builders[EPIC_LINK_FIELD] = self._epic_key
            builders[PARENT_LINK_FIELD] = self._parent_key
        for name in self.site.fields:
            builders[name] = lambda issue, name=name: issue.custom.get(name)  # type: ignore[misc]
        return builders

    def status(self, name: str, category: str) -> dict[str, Any]:
        status_id, category_id = self.site.status_id(name), CATEGORY_IDS[category]
        return {
            "self": self.api_url(f"status/{status_id}"),
            "description": "",
            "name": name,
            "id": status_id,
            "statusCategory": {
                "self": self.api_url(f"statuscategory/{category_id}"),
                "id": category_id,
                "key": category,
                "colorName": _COLORS[category],
                "name": CATEGORY_NAMES[self.site.switches.language][category],
            },
        }

    def issue_type(self, name: str) -> dict[str, Any]:
        return self._resource("issuetype", name) | {"subtask": name in SUBTASK_TYPES}

    def project(self, project: Project) -> dict[str, Any]:
        return {
            "self": self.api_url(f"project/{project.id}"),
            "id": str(project.id),
            "key": project.key,
            "name": project.name,
            "projectTypeKey": "service_desk" if project.service_management else "software",
        }

    def _resource(self, kind: str, name: str) -> dict[str, Any]:
        number = self.site.named_id(kind, name)
        return {"self": self.api_url(f"{kind}/{number}"), "id": number, "name": name}

    def _parent(self, issue: JiraIssue) -> dict[str, Any] | None:
        # Data Center has a parent only for sub-tasks; custom fields link epics there, and what is above them.
        parent = self._parent_issue(issue) if self.site.is_cloud or issue.is_subtask else None
        return self._related(parent) if parent else None

    def _link(self, link: IssueLink) -> dict[str, Any]:
        kind = self._resource("issueLinkType", link.type)
        other = self.site.require_issue(link.other)
        return {
            "id": str(link.id),
            "self": self.api_url(f"issueLink/{link.id}"),
            "type": kind | {"inward": link.texts[0], "outward": link.texts[1]},
            "inwardIssue" if link.inward else "outwardIssue": self._related(other),
        }

    def _related(self, issue: JiraIssue) -> dict[str, Any]:
        """Return a parent or linked issue as it appears in the fields of another one."""
        fields = {
            "summary": issue.summary,
            "status": self.status(issue.status, self.site.category(issue)),
            "issuetype": self.issue_type(issue.type),
        }
        return {
            "id": str(issue.id),
            "key": issue.key,
            "self": self.api_url(f"issue/{issue.id}"),
            "fields": fields,
        }

    def _epic_key(self, issue: JiraIssue) -> str | None:
        has_epic = not issue.is_subtask and issue.type not in EPIC_AND_ABOVE
        parent = self._parent_issue(issue) if has_epic else None
        return parent.key if parent else None

    def _parent_key(self, issue: JiraIssue) -> str | None:
        """Return the key of the field of Advanced Roadmaps."""
        parent = self._parent_issue(issue) if issue.type in EPIC_AND_ABOVE else None
        return parent.key if parent else None

    def _parent_issue(self, issue: JiraIssue) -> JiraIssue | None:
        return None if issue.parent is None else self.site.issue(issue.parent)

    def _sprints(self, issue: JiraIssue) -> list[Any] | None:
        sprints = [self.site.sprints[number] for number in issue.sprints if number in self.site.sprints]
        shape = _sprint_as_object if self.site.is_cloud else _sprint_as_text
        return [shape(sprint) for sprint in sprints] or None

    # People.

    def user(self, account: JiraAccount) -> dict[str, Any]:
        common = {
            "emailAddress": account.email,
            "displayName": account.display,
            "active": True,
            "timeZone": account.timezone,
        }
        if self.site.is_cloud:
            link = self.api_url(f"user?accountId={account.id}")
            return {"self": link, "accountId": account.id, "accountType": "atlassian", **common}
        link = self.api_url(f"user?username={account.id}")
        key = f"JIRAUSER{10_100 + list(self.site.accounts).index(account.id)}"
        return {"self": link, "name": account.id, "key": key, **common}

    def _person(self, account_id: str | None) -> dict[str, Any] | None:
        account = self.site.accounts.get(account_id or "")
        return self.user(account) if account else None

    # Comments and history.

    def comment(
        self, issue: JiraIssue, comment: JiraComment, *, with_properties: bool = False
    ) -> dict[str, Any]:
        """Return a comment; GET and POST leave out its properties."""
        shape: dict[str, Any] = {
            "self": self.api_url(f"issue/{issue.id}/comment/{comment.id}"),
            "id": str(comment.id),
            "author": self._person(comment.author),
            "body": self.text(comment.body, comment.document),
            "updateAuthor": self._person(comment.editor or comment.author),
            "created": self.time(comment.created),
            "updated": self.time(comment.updated),
        }
        if self.site.is_cloud:
            shape["jsdPublic"] = comment.public
        if with_properties:
            shape["properties"] = [{"key": key, "value": value} for key, value in comment.properties.items()]
        return shape

    def _comment_field(self, issue: JiraIssue) -> dict[str, Any]:
        comments = [self.comment(issue, comment) for comment in issue.comments]
        total = len(comments)
        return {"comments": comments, "maxResults": total, "total": total, "startAt": 0}

    def changelog(self, issue: JiraIssue, *, in_search: bool) -> dict[str, Any]:
        """Return the changelog. Cloud: newest first and truncated; Data Center: complete, oldest first."""
        total = len(issue.history)
        histories = [self.history(entry) for entry in issue.history]
        cap = total
        if self.site.is_cloud:
            cap = _MAX_SEARCH_HISTORY if in_search else _MAX_DIRECT_HISTORY
            histories = histories[::-1][:cap]
        return {"startAt": 0, "maxResults": cap, "total": total, "histories": histories}

    def history(self, entry: HistoryEntry, fields: Collection[str] = ()) -> dict[str, Any]:
        """Return an entry of a changelog; with ``fields`` (ids) only its items about these."""
        items = [
            {
                "field": item.field,
                **({"fieldId": field_id(item.field)} if self.site.is_cloud else {}),
                "fieldtype": "custom" if item.field == "Flagged" else "jira",
                "from": item.before_id,
                "fromString": item.before,
                "to": item.after_id,
                "toString": item.after,
            }
            for item in entry.items
            if not fields or field_id(item.field) in fields
        ]
        author = self._person(entry.author)
        return {"id": str(entry.id), "author": author, "created": self.time(entry.at), "items": items}


def _select_fields(fields: Sequence[str], every: Sequence[str]) -> list[str]:
    excluded = {name[1:] for name in fields if name.startswith("-")}
    included = [name for name in fields if not name.startswith("-")]
    if "*all" in included or "*navigable" in included or not included:
        heavy = set() if "*all" in included else {"comment"}
        return [name for name in every if name not in excluded | heavy]
    return [name for name in every if name in included and name not in excluded]


def _format_utc(moment: datetime | None) -> str | None:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z" if moment else None


def _sprint_as_object(sprint: Sprint) -> Mapping[str, Any]:
    dates = {"startDate": _format_utc(sprint.start), "endDate": _format_utc(sprint.end)}
    known = {name: value for name, value in dates.items() if value}
    names = {"id": sprint.id, "name": sprint.name, "state": sprint.state, "boardId": sprint.board}
    return {**names, "goal": "", **known}


def _sprint_as_text(sprint: Sprint) -> str:
    start, end = (_format_utc(moment) or "<null>" for moment in (sprint.start, sprint.end))
    return (
        f"com.atlassian.greenhopper.service.sprint.Sprint@{sprint.id:08x}[id={sprint.id},"
        f"rapidViewId={sprint.board},state={sprint.state.upper()},name={sprint.name},startDate={start},"
        f"endDate={end},completeDate=<null>,activatedDate={start},sequence={sprint.id},goal=]"
    )
