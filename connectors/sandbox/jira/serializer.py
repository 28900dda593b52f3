"""JSON of the Jira sandbox's responses: issues, comments, users, changelogs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from connectors.sandbox.jira.adf import text_to_adf
from connectors.sandbox.jira.dates import format_time
from connectors.sandbox.jira.model import (
    CATEGORY_IDS,
    CATEGORY_NAMES,
    EPIC_LINK_FIELD,
    FLAGGED_FIELD,
    SPRINT_FIELD,
    SUBTASK_TYPES,
    HistoryEntry,
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


@dataclass(slots=True)
class JiraSerializer:
    """Builds JSON for one caller: times in the caller's zone, texts in the format of the API version."""

    site: JiraSiteStore
    caller: JiraCaller
    _cached_builders: dict[str, Callable[[JiraIssue], Any]] = field(default_factory=dict)

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
        builders = self._cached_builders = self._cached_builders or self._field_builders()
        shape["fields"] = {
            name: self._shorten_comments(builders[name](issue), in_search)
            for name in _select_fields(fields, list(builders))
            if not (name == "parent" and builders[name](issue) is None)
        }
        if "changelog" in expand:
            shape["changelog"] = self.changelog(issue, in_search=in_search)
        return shape

    def _shorten_comments(self, value: Any, in_search: bool) -> Any:
        if in_search and self.site.is_cloud and isinstance(value, dict) and "comments" in value:
            return {
                **value,
                "comments": value["comments"][-_MAX_SEARCH_COMMENTS:],
                "maxResults": _MAX_SEARCH_COMMENTS,
            }
        return value

    def _field_builders(self) -> dict[str, Callable[[JiraIssue], Any]]:
        builders: dict[str, Callable[[JiraIssue], Any]] = {
            "summary": lambda issue: issue.summary,
            "description": lambda issue: self.text(issue.description),
            "issuetype": lambda issue: self.issue_type(issue.type),
            "project": lambda issue: self.project(self.site.projects[issue.project]),
            "status": lambda issue: self.status(issue.status, self.site.category(issue)),
            "resolution": lambda issue: self._named_resource("resolution", issue.resolution),
            "resolutiondate": lambda issue: self.time(issue.resolved),
            "labels": lambda issue: list(issue.labels),
            "components": lambda issue: self._named_resources("component", issue.components),
            "fixVersions": lambda issue: self._named_resources("version", issue.fix_versions),
            "parent": self._parent,
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
        for name in self.site.fields:
            builders[name] = lambda issue, name=name: issue.custom.get(name)  # type: ignore[misc]
        return builders

    def status(self, name: str, category: str) -> dict[str, Any]:
        status_id = self.site.status_id(name)
        return {
            "self": self.api_url(f"status/{status_id}"),
            "description": "",
            "name": name,
            "id": status_id,
            "statusCategory": {
                "self": self.api_url(f"statuscategory/{CATEGORY_IDS[category]}"),
                "id": CATEGORY_IDS[category],
                "key": category,
                "colorName": _COLORS[category],
                "name": CATEGORY_NAMES[self.site.switches.language][category],
            },
        }

    def issue_type(self, name: str) -> dict[str, Any]:
        subtask = name in SUBTASK_TYPES
        number = self.site.named_id("issuetype", name)
        return {"self": self.api_url(f"issuetype/{number}"), "id": number, "name": name, "subtask": subtask}

    def project(self, project: Project) -> dict[str, Any]:
        kind = "service_desk" if project.service_management else "software"
        return {
            "self": self.api_url(f"project/{project.id}"),
            "id": str(project.id),
            "key": project.key,
            "name": project.name,
            "projectTypeKey": kind,
        }

    def _named_resource(self, kind: str, name: str | None) -> dict[str, Any] | None:
        if name is None:
            return None
        number = self.site.named_id(kind, name)
        return {"self": self.api_url(f"{kind}/{number}"), "id": number, "name": name}

    def _named_resources(self, kind: str, all_names: Sequence[str]) -> list[dict[str, Any] | None]:
        return [self._named_resource(kind, name) for name in all_names]

    def _parent(self, issue: JiraIssue) -> dict[str, Any] | None:
        # Data Center has a parent only for sub-tasks; a custom field links epics there.
        if issue.parent is None or not (self.site.is_cloud or issue.is_subtask):
            return None
        parent = self.site.issue(issue.parent)
        if parent is None:
            return None
        fields = {
            "summary": parent.summary,
            "status": self.status(parent.status, self.site.category(parent)),
            "issuetype": self.issue_type(parent.type),
        }
        return {
            "id": str(parent.id),
            "key": parent.key,
            "self": self.api_url(f"issue/{parent.id}"),
            "fields": fields,
        }

    def _epic_key(self, issue: JiraIssue) -> str | None:
        parent = self.site.issue(issue.parent) if issue.parent and not issue.is_subtask else None
        return parent.key if parent else None

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
        return {"self": link, "name": account.id, "key": self._user_key(account.id), **common}

    def _user_key(self, name: str) -> str:
        return f"JIRAUSER{10_100 + list(self.site.accounts).index(name)}"

    def _person(self, account_id: str | None) -> dict[str, Any] | None:
        account = self.site.accounts.get(account_id or "")
        return self.user(account) if account else None

    # Comments and history.

    def comment(self, issue: JiraIssue, comment: JiraComment) -> dict[str, Any]:
        """Return a comment without its properties, as in GET and POST."""
        shape = {
            "self": self.api_url(f"issue/{issue.id}/comment/{comment.id}"),
            "id": str(comment.id),
            "author": self._person(comment.author),
            "body": self.text(comment.body, comment.document),
            "updateAuthor": self._person(comment.editor or comment.author),
            "created": self.time(comment.created),
            "updated": self.time(comment.updated),
        }
        return {**shape, "jsdPublic": comment.public} if self.site.is_cloud else shape

    def _comment_field(self, issue: JiraIssue) -> dict[str, Any]:
        comments = [self.comment(issue, comment) for comment in issue.comments]
        total = len(comments)
        return {"comments": comments, "maxResults": total, "total": total, "startAt": 0}

    def changelog(self, issue: JiraIssue, *, in_search: bool) -> dict[str, Any]:
        """Return the changelog. Cloud: newest first and truncated; Data Center: complete, oldest first."""
        total = len(issue.history)
        if not self.site.is_cloud:
            histories = [self.history(entry) for entry in issue.history]
            return {"startAt": 0, "maxResults": total, "total": total, "histories": histories}
        cap = _MAX_SEARCH_HISTORY if in_search else _MAX_DIRECT_HISTORY
        newest = [self.history(entry) for entry in reversed(issue.history)]
        return {"startAt": 0, "maxResults": cap, "total": total, "histories": newest[:cap]}

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
    return {
        "id": sprint.id,
        "name": sprint.name,
        "state": sprint.state,
        "boardId": sprint.board,
        "goal": "",
        **known,
    }


def _sprint_as_text(sprint: Sprint) -> str:
    start, end = (_format_utc(moment) or "<null>" for moment in (sprint.start, sprint.end))
    return (
        f"com.atlassian.greenhopper.service.sprint.Sprint@{sprint.id:08x}[id={sprint.id},"
        f"rapidViewId={sprint.board},state={sprint.state.upper()},name={sprint.name},startDate={start},"
        f"endDate={end},completeDate=<null>,activatedDate={start},sequence={sprint.id},goal=]"
    )
