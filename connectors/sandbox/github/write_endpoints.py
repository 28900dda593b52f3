"""Write endpoints of the GitHub sandbox: labels, comments, issues."""

from __future__ import annotations

import re
from typing import Any

from connectors.sandbox.core.tracker import TrackerResponse
from connectors.sandbox.github.call import ApiCall, GithubApiError, validation_error
from connectors.sandbox.github.model import GithubComment, GithubIssue, Repo

MAX_BODY_LENGTH = 65_536
MAX_ISSUE_LABELS = 100
MAX_LABEL_NAME_LENGTH = 50
MAX_LABEL_DESCRIPTION_LENGTH = 100


# ---- labels of a repository


def create_label(call: ApiCall) -> TrackerResponse:
    """POST labels of a repository"""
    repo = call.repo()
    call.require_access(repo, "write")
    name, color, description = _parse_label_fields(call, repo, taken_by=None)
    if name is None:
        raise validation_error("Label", "missing_field", "name")
    label = call.state.create_label(repo, name, color=color or "ededed", description=description)
    return TrackerResponse(status=201, data=call.serializer.label(repo, label))


def edit_label(call: ApiCall) -> dict[str, Any]:
    """PATCH a label of a repository; ``new_name`` renames it on all issues"""
    repo, label = call.label()
    call.require_access(repo, "write")
    name, color, description = _parse_label_fields(call, repo, taken_by=label.name)
    label.name = name or label.name
    label.color = color or label.color
    label.description = description if "description" in call.body else label.description
    return call.serializer.label(repo, label)


def delete_label(call: ApiCall) -> TrackerResponse:
    """DELETE a label of a repository and from all issues"""
    repo, label = call.label()
    call.require_access(repo, "write")
    call.state.delete_label(repo.full_name, label.name)
    return TrackerResponse(status=204)


def _parse_label_fields(
    call: ApiCall, repo: Repo, *, taken_by: str | None
) -> tuple[str | None, str | None, str | None]:
    """Return name, colour and description that were sent, checked. ``taken_by``: the label that is edited."""
    body = call.body
    name = body.get("new_name", body.get("name") if taken_by is None else None)
    if name is not None:
        _check_label_name(name)
        other = repo.find_label(name)
        if other is not None and other.name != taken_by:
            raise validation_error("Label", "already_exists", "name")
    color = body.get("color")
    if color is not None and not re.fullmatch(r"[0-9A-Fa-f]{6}", str(color)):
        raise validation_error("Label", "invalid", "color")
    description = body.get("description")
    if description is not None and len(str(description)) > MAX_LABEL_DESCRIPTION_LENGTH:
        raise _too_long_error("Label", "description", MAX_LABEL_DESCRIPTION_LENGTH)
    return name, color, description


def _check_label_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise validation_error("Label", "missing_field", "name")
    if len(name) > MAX_LABEL_NAME_LENGTH:
        raise _too_long_error("Label", "name", MAX_LABEL_NAME_LENGTH)
    return name


def _too_long_error(resource: str, name: str, limit: int) -> GithubApiError:
    return validation_error(resource, "custom", name, f"{name} is too long (maximum is {limit} characters)")


# ---- labels of an issue


def add_labels(call: ApiCall) -> list[dict[str, Any]]:
    """POST labels of an issue: adds them to the present ones"""
    return _set_labels(call, keep=True)


def replace_labels(call: ApiCall) -> list[dict[str, Any]]:
    """PUT labels of an issue: removes all others"""
    return _set_labels(call, keep=False)


def _set_labels(call: ApiCall, *, keep: bool) -> list[dict[str, Any]]:
    repo, issue = call.issue()
    login = call.require_access(repo, "triage").login
    names = _label_names(call.request.json)
    if not keep:
        _remove_labels(call, repo, issue, keep={name.lower() for name in names})
    present = {label.name.lower() for label in issue.labels}
    if len(present | {name.lower() for name in names}) > MAX_ISSUE_LABELS:
        limit = f"an issue has at most {MAX_ISSUE_LABELS} labels"
        raise validation_error("GithubIssue", "custom", "labels", limit)
    for name in names:
        call.state.label(repo.full_name, issue.number, name, login)
    return _serialize_labels(call, repo, issue)


def remove_label(call: ApiCall) -> list[dict[str, Any]]:
    """DELETE one label of an issue"""
    repo, issue = call.issue()
    account = call.require_access(repo, "triage")
    if issue.find_label(call.args["label"]) is None:
        raise GithubApiError(404, "Label does not exist")
    call.state.unlabel(repo.full_name, issue.number, call.args["label"], account.login)
    return _serialize_labels(call, repo, issue)


def remove_all_labels(call: ApiCall) -> TrackerResponse:
    """DELETE all labels of an issue"""
    repo, issue = call.issue()
    call.require_access(repo, "triage")
    _remove_labels(call, repo, issue, keep=set())
    return TrackerResponse(status=204)


def _remove_labels(call: ApiCall, repo: Repo, issue: GithubIssue, keep: set[str]) -> None:
    for label in list(issue.labels):
        if label.name.lower() not in keep:
            call.state.unlabel(repo.full_name, issue.number, label.name, call.account.login)


def _serialize_labels(call: ApiCall, repo: Repo, issue: GithubIssue) -> list[dict[str, Any]]:
    return [call.serializer.label(repo, label) for label in issue.labels]


def _label_names(sent: Any) -> list[str]:
    """Return label names from ``{"labels": [...]}`` or a bare list, each a name or an object with one."""
    items = sent.get("labels") if isinstance(sent, dict) else sent
    if not isinstance(items, list):
        raise GithubApiError(422, "Invalid request. 'labels' has to be a list.")
    return [_check_label_name(item.get("name") if isinstance(item, dict) else item) for item in items]


# ---- comments


def create_comment(call: ApiCall) -> TrackerResponse:
    """POST a comment"""
    repo, issue = call.issue()
    account = call.require_access(repo, "read")
    _check_unlocked(call, repo, issue)
    body = _require_text(call, "IssueComment")
    app_id = call.caller.installation_app_id
    call.state.comment(repo.full_name, issue.number, body, account.login, app_id=app_id)
    return TrackerResponse(status=201, data=call.serializer.comment(repo, issue, issue.comments[-1]))


def edit_comment(call: ApiCall) -> dict[str, Any]:
    """PATCH a comment"""
    repo, issue, comment = _editable_comment(call)
    body = _require_text(call, "IssueComment")
    call.state.edit_comment(repo.full_name, comment.id, body, call.account.login)
    return call.serializer.comment(repo, issue, comment)


def delete_comment(call: ApiCall) -> TrackerResponse:
    """DELETE a comment"""
    repo, _, comment = _editable_comment(call)
    call.state.delete_comment(repo.full_name, comment.id)
    return TrackerResponse(status=204)


def _editable_comment(call: ApiCall) -> tuple[Repo, GithubIssue, GithubComment]:
    """Return a comment that the caller may change: their own, or any with write access."""
    repo, issue, comment = call.comment()
    call.require_access(repo, "read" if comment.user is call.account else "write")
    _check_unlocked(call, repo, issue)
    return repo, issue, comment


def _check_unlocked(call: ApiCall, repo: Repo, issue: GithubIssue) -> None:
    if issue.locked and not call.has_access(repo, "write"):
        raise GithubApiError(403, "Unable to create comment because issue is locked.")


def _require_text(call: ApiCall, resource: str, name: str = "body") -> str:
    text = call.body.get(name)
    if not isinstance(text, str) or not text.strip():
        raise validation_error(resource, "missing_field", name)
    if len(text) > MAX_BODY_LENGTH:
        raise _too_long_error(resource, name, MAX_BODY_LENGTH)
    return text


# ---- issues, for manual tests with curl


def create_issue(call: ApiCall) -> TrackerResponse:
    """POST an issue"""
    repo = call.repo_with_issues()
    account = call.require_access(repo, "read")
    body = call.body
    title = _require_text(call, "GithubIssue", "title")
    labels = _label_names(body.get("labels", [])) if call.has_access(repo, "triage") else []
    text = _require_text(call, "GithubIssue") if body.get("body") else None
    number = call.state.add_issue(repo.full_name, title, by=account.login, body=text, labels=labels)
    return TrackerResponse(status=201, data=call.serializer.issue(repo, repo.issues[number], detailed=True))


def edit_issue(call: ApiCall) -> dict[str, Any]:
    """PATCH an issue: title, state with ``state_reason``, labels (replaced)"""
    repo, issue = call.issue()
    account = call.require_access(repo, "triage")
    body, name, login = call.body, repo.full_name, account.login
    if "title" in body:
        call.state.retitle(name, issue.number, _require_text(call, "GithubIssue", "title"), login)
    if body.get("state", issue.state) != issue.state:
        if body["state"] == "closed":
            call.state.close(name, issue.number, body.get("state_reason") or "completed", login)
        elif body["state"] == "open":
            call.state.reopen(name, issue.number, login)
        else:
            raise validation_error("GithubIssue", "invalid", "state")
    if "labels" in body:
        replace_labels(call)
    return call.serializer.issue(repo, issue, detailed=True)
