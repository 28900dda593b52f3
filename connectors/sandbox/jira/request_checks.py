"""Error responses of the Jira sandbox, and parsing of parameters that several endpoints share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from connectors.sandbox.core.tracker import TrackerRequest, TrackerResponse
from connectors.sandbox.jira.model import JiraCaller, JiraIssue, Project
from connectors.sandbox.jira.site_store import JiraSiteStore


class JiraApiError(Exception):
    """Ends a request with an error status and Jira's error body."""

    def __init__(self, status: int, message: str = "", errors: Mapping[str, str] | None = None) -> None:
        super().__init__(message or str(errors))
        self.status = status
        self.message = message
        self.errors = dict(errors or {})

    def to_response(self) -> TrackerResponse:
        messages = [self.message] if self.message else []
        return TrackerResponse(status=self.status, data={"errorMessages": messages, "errors": self.errors})


def require_visible_issue(site: JiraSiteStore, caller: JiraCaller, key_or_id: str) -> JiraIssue:
    """Return the issue by id, key or former key. JiraApiError 404 if it is missing or invisible for the caller."""
    issue = site.issue(key_or_id)
    if issue is None or not caller.can_see(site.projects.get(issue.project)):
        raise JiraApiError(404, "Issue does not exist or you do not have permission to see it.")
    return issue


def require_visible_project(site: JiraSiteStore, caller: JiraCaller, key_or_id: str) -> Project:
    """Return the project by key or id. JiraApiError 404 if it is missing or invisible for the caller."""
    for project in site.projects.values():
        if key_or_id.upper() == project.key or key_or_id == str(project.id):
            if caller.can_see(project):
                return project
            break
    raise JiraApiError(404, f"No project could be found with key '{key_or_id}'.")


def require_account_id(caller: JiraCaller) -> str:
    """Return the caller's account id. JiraApiError 401 for anonymous callers."""
    if caller.account is None:
        raise JiraApiError(
            401, "You are not authenticated. Authentication required to perform this operation."
        )
    return caller.account.id


def has_permission(caller: JiraCaller, permission: str, project: str | None) -> bool:
    return caller.account is not None and caller.account.has_permission(permission, project)


def require_json_object(request: TrackerRequest) -> dict[str, Any]:
    """Return the body as an object. JiraApiError 400."""
    if not isinstance(request.json, dict):
        raise JiraApiError(400, "Can not deserialize the request body: it has to be a JSON object.")
    return request.json


def parse_integer(value: object, name: str, default: int) -> int:
    """Return an integer of the query or body. JiraApiError 400."""
    if value is None or value == "":
        return default
    try:
        return int(str(value))
    except ValueError:
        reject_non_integer(value, name)


def reject_non_integer(value: object, name: str) -> NoReturn:
    raise JiraApiError(400, f"The value '{value}' of '{name}' is not a whole number.")


def parse_flag(request: TrackerRequest, name: str, default: bool) -> bool:
    """Return a true/false parameter of the query."""
    return request.query.get(name, str(default)).lower() != "false"


def parse_array(value: object, name: str) -> list[Any]:
    """Return an array of a body; absent and null are empty. JiraApiError 400 for anything else."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise JiraApiError(400, f"Can not deserialize '{name}': it has to be an array.")
    return value


def parse_names(value: object) -> list[str]:
    """Return a list of names: comma-separated in a query, an array in a body."""
    if isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip()]
    return [str(name) for name in value] if isinstance(value, list) else []
