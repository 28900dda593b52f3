"""What can be changed over the API of the GitHub look-alike: labels, comments, issues."""

from __future__ import annotations

import re
from typing import Any

from connectors.sandbox.core.tracker import Response
from connectors.sandbox.github.call import ApiError, Call, invalid
from connectors.sandbox.github.model import Comment, Issue, Repo
from connectors.sandbox.github.read_endpoints import the_label

MAX_BODY = 65_536
MAX_LABELS = 100
MAX_LABEL_NAME = 50
MAX_LABEL_DESCRIPTION = 100


# ---- labels of a repository


def create_label(call: Call) -> Response:
    """POST labels of a repository"""
    repo = call.repo()
    call.need(repo, "write")
    name, color, description = _label_parts(call, repo, taken_by=None)
    if name is None:
        raise invalid("Label", "missing_field", "name")
    label = call.state.create_label(repo, name, color=color or "ededed", description=description)
    return Response(status=201, data=call.shapes.label(repo, label))


def edit_label(call: Call) -> Response:
    """PATCH a label of a repository; ``new_name`` renames it on every issue"""
    repo, label = call.repo(), the_label(call)
    call.need(repo, "write")
    name, color, description = _label_parts(call, repo, taken_by=label.name)
    label.name = name or label.name
    label.color = color or label.color
    label.description = description if "description" in call.body else label.description
    return Response(data=call.shapes.label(repo, label))


def delete_label(call: Call) -> Response:
    """DELETE a label of a repository, and with it from every issue"""
    repo, label = call.repo(), the_label(call)
    call.need(repo, "write")
    repo.labels.remove(label)
    for issue in repo.issues.values():
        if label in issue.labels:
            issue.labels.remove(label)
    return Response(status=204)


def _label_parts(
    call: Call, repo: Repo, *, taken_by: str | None
) -> tuple[str | None, str | None, str | None]:
    """Name, colour and description that were sent, checked. ``taken_by``: the label that is edited."""
    body = call.body
    name = body.get("new_name", body.get("name") if taken_by is None else None)
    if name is not None:
        _check_label_name(name)
        other = repo.label_named(name)
        if other is not None and other.name != taken_by:
            raise invalid("Label", "already_exists", "name")
    color = body.get("color")
    if color is not None and not re.fullmatch(r"[0-9A-Fa-f]{6}", str(color)):
        raise invalid("Label", "invalid", "color")
    description = body.get("description")
    if description is not None and len(str(description)) > MAX_LABEL_DESCRIPTION:
        raise _too_long("Label", "description", MAX_LABEL_DESCRIPTION)
    return name, color, description


def _check_label_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise invalid("Label", "missing_field", "name")
    if len(name) > MAX_LABEL_NAME:
        raise _too_long("Label", "name", MAX_LABEL_NAME)
    return name


def _too_long(resource: str, name: str, limit: int) -> ApiError:
    return invalid(resource, "custom", name, f"{name} is too long (maximum is {limit} characters)")


# ---- labels of an issue


def add_labels(call: Call) -> Response:
    """POST labels of an issue: adds, never removes"""
    repo, issue = call.issue()
    account = call.need(repo, "triage")
    names = _label_names(call.request.json)
    _put_labels(call, repo, issue, names, account.login)
    return _labels_of(call, repo, issue)


def replace_labels(call: Call) -> Response:
    """PUT labels of an issue: those that are not named are taken off"""
    repo, issue = call.issue()
    account = call.need(repo, "triage")
    names = _label_names(call.request.json)
    wanted = {name.lower() for name in names}
    for label in list(issue.labels):
        if label.name.lower() not in wanted:
            call.state.unlabel(repo.full_name, issue.number, label.name, account.login)
    _put_labels(call, repo, issue, names, account.login)
    return _labels_of(call, repo, issue)


def remove_label(call: Call) -> Response:
    """DELETE one label of an issue"""
    repo, issue = call.issue()
    account = call.need(repo, "triage")
    if issue.label_named(call.args["label"]) is None:
        raise ApiError(404, "Label does not exist")
    call.state.unlabel(repo.full_name, issue.number, call.args["label"], account.login)
    return _labels_of(call, repo, issue)


def remove_all_labels(call: Call) -> Response:
    """DELETE all labels of an issue"""
    repo, issue = call.issue()
    account = call.need(repo, "triage")
    for label in list(issue.labels):
        call.state.unlabel(repo.full_name, issue.number, label.name, account.login)
    return Response(status=204)


def _put_labels(call: Call, repo: Repo, issue: Issue, names: list[str], login: str) -> None:
    there = {label.name.lower() for label in issue.labels}
    if len(there | {name.lower() for name in names}) > MAX_LABELS:
        raise _too_many_labels()
    for name in names:
        call.state.label(repo.full_name, issue.number, name, login)


def _too_many_labels() -> ApiError:
    return invalid("Issue", "custom", "labels", f"an issue has at most {MAX_LABELS} labels")


def _label_names(sent: Any) -> list[str]:
    """From ``{"labels": [...]}`` or a bare list; each a name or an object with one."""
    items = sent.get("labels") if isinstance(sent, dict) else sent
    if not isinstance(items, list):
        raise ApiError(422, "Invalid request. 'labels' has to be a list.")
    return [_check_label_name(item.get("name") if isinstance(item, dict) else item) for item in items]


def _labels_of(call: Call, repo: Repo, issue: Issue) -> Response:
    return Response(data=[call.shapes.label(repo, label) for label in issue.labels])


# ---- comments


def create_comment(call: Call) -> Response:
    """POST a comment"""
    repo, issue = call.issue()
    account = call.need(repo, "read")
    _check_unlocked(call, repo, issue)
    body = _text(call, "IssueComment")
    number = call.state.comment(
        repo.full_name, issue.number, body, account.login, via_app=call.caller.installed
    )
    created = call.state.find_comment(repo, number)
    assert created is not None  # noqa: S101 - it was made a line above, under the same lock
    return Response(status=201, data=call.shapes.comment(repo, *created))


def edit_comment(call: Call) -> Response:
    """PATCH a comment"""
    repo, issue, comment = _own_comment(call)
    body = _text(call, "IssueComment")
    call.state.edit_comment(repo.full_name, comment.id, body, call.who.login)
    return Response(data=call.shapes.comment(repo, issue, comment))


def delete_comment(call: Call) -> Response:
    """DELETE a comment"""
    repo, _, comment = _own_comment(call)
    call.state.delete_comment(repo.full_name, comment.id)
    return Response(status=204)


def _own_comment(call: Call) -> tuple[Repo, Issue, Comment]:
    """A comment that the caller may change: their own, or anybody's with write access."""
    repo = call.tracked()
    found = call.state.find_comment(repo, int(call.args["comment"]))
    if found is None:
        raise ApiError(404, "Not Found")
    issue, comment = found
    call.need(repo, "read" if comment.user is call.who else "write")
    _check_unlocked(call, repo, issue)
    return repo, issue, comment


def _check_unlocked(call: Call, repo: Repo, issue: Issue) -> None:
    if issue.locked and not call.may(repo, "write"):
        raise ApiError(403, "Unable to create comment because issue is locked.")


def _text(call: Call, resource: str, name: str = "body") -> str:
    text = call.body.get(name)
    if not isinstance(text, str) or not text.strip():
        raise invalid(resource, "missing_field", name)
    if len(text) > MAX_BODY:
        raise _too_long(resource, name, MAX_BODY)
    return text


# ---- issues, for people who try things out with curl


def create_issue(call: Call) -> Response:
    """POST an issue"""
    repo = call.tracked()
    account = call.need(repo, "read")
    body = call.body
    title = _text(call, "Issue", "title")
    labels = _label_names(body.get("labels", [])) if call.may(repo, "triage") else []
    text = _text(call, "Issue") if body.get("body") else None
    number = call.state.add_issue(repo.full_name, title, by=account.login, body=text, labels=labels)
    return Response(status=201, data=call.shapes.issue(repo, repo.issues[number], alone=True))


def edit_issue(call: Call) -> Response:
    """PATCH an issue: its title, its state with ``state_reason``, its labels (replaced)"""
    repo, issue = call.issue()
    account = call.need(repo, "triage")
    body, name, login = call.body, repo.full_name, account.login
    if "title" in body:
        call.state.retitle(name, issue.number, _text(call, "Issue", "title"), login)
    if body.get("state", issue.state) != issue.state:
        if body["state"] == "closed":
            call.state.close(name, issue.number, body.get("state_reason") or "completed", login)
        elif body["state"] == "open":
            call.state.reopen(name, issue.number, login)
        else:
            raise invalid("Issue", "invalid", "state")
    if "labels" in body:
        replace_labels(call)
    return Response(data=call.shapes.issue(repo, issue, alone=True))
