"""One request to the Jira sandbox: its caller, visible issues and projects, parameters, and error responses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.core.tracker import TrackerRequest, TrackerResponse
from connectors.sandbox.jira.model import JiraCaller, JiraIssue, Project
from connectors.sandbox.jira.serializer import JiraSerializer
from connectors.sandbox.jira.site import JiraSiteState


class JiraApiError(Exception):
    """Ends a request with an error status and Jira's error body."""

    def __init__(self, status: int, message: str = "", errors: Mapping[str, str] | None = None) -> None:
        super().__init__(message or str(errors))
        data = {"errorMessages": [message] if message else [], "errors": dict(errors or {})}
        self.response = TrackerResponse(status=status, data=data)


def field_error(field: str, message: str) -> JiraApiError:
    """Return a 400 error about one field."""
    return JiraApiError(400, errors={field: message})


@dataclass(frozen=True, slots=True)
class JiraCall:
    """A request with its caller and what is needed to respond."""

    site: JiraSiteState
    caller: JiraCaller
    request: TrackerRequest
    serializer: JiraSerializer

    def can_see(self, issue: JiraIssue) -> bool:
        """Return True if the caller may browse the project of an issue."""
        return self.caller.can_see(self.site.projects.get(issue.project))

    def issue(self, key_or_id: str) -> JiraIssue:
        """Return the issue by id, key or former key. JiraApiError 404 if it is missing or invisible."""
        issue = self.site.issue(key_or_id)
        if issue is None or not self.can_see(issue):
            raise JiraApiError(404, "Issue does not exist or you do not have permission to see it.")
        return issue

    def project(self, key_or_id: str) -> Project:
        """Return the project by key or id. JiraApiError 404 if it is missing or invisible."""
        for project in self.site.projects.values():
            if key_or_id.upper() == project.key or key_or_id == str(project.id):
                if self.caller.can_see(project):
                    return project
                break
        raise JiraApiError(404, f"No project could be found with key '{key_or_id}'.")

    @property
    def account_id(self) -> str:
        """The caller's account id. JiraApiError 401 for anonymous callers."""
        if self.caller.account is None:
            message = "You are not authenticated. Authentication required to perform this operation."
            raise JiraApiError(401, message)
        return self.caller.account.id

    def has_permission(self, permission: str, project: str | None) -> bool:
        """Return True if the caller has a permission on a project, or on the site for None."""
        account = self.caller.account
        return account is not None and account.has_permission(permission, project)

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object of the body. JiraApiError 400."""
        if not isinstance(self.request.json, dict):
            raise JiraApiError(400, "Can not deserialize the request body: it has to be a JSON object.")
        return self.request.json

    @property
    def notifies_users(self) -> bool:
        """False if the query has ``notifyUsers=false``."""
        return self.request.query.get("notifyUsers", "true").lower() != "false"

    def expands(self, name: str) -> bool:
        """Return True if the query expands something."""
        return name in self.request.query.get("expand", "")


def parse_integer(parameters: Mapping[str, Any], name: str, default: int) -> int:
    """Return an integer of the query or body. JiraApiError 400."""
    value = parameters.get(name)
    if value is None or value == "":
        return default
    try:
        return int(str(value))
    except ValueError:
        raise JiraApiError(400, f"The value '{value}' of '{name}' is not a whole number.") from None


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
