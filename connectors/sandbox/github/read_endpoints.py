"""What can be read from the GitHub look-alike besides lists of issues, and how apps get their tokens."""

from __future__ import annotations

import secrets
from datetime import timedelta

from connectors.sandbox.core.tracker import Response
from connectors.sandbox.github.call import ApiError, Call
from connectors.sandbox.github.model import App, Comment, Event, Issue, Label, Token
from connectors.sandbox.github.pagination import paged, read_since
from connectors.sandbox.github.serializer import stamp

TOKEN_LIFE = timedelta(hours=1)
_ONLY_IN_TIMELINE = ("cross-referenced",)


def me(call: Call) -> Response:
    """GET /user"""
    if call.caller.installed is not None:
        raise ApiError(403, "Resource not accessible by integration")
    return Response(data=call.shapes.user(call.who))


def user(call: Call) -> Response:
    """GET /users/{login}"""
    account = call.state.accounts.get(call.args["login"].lower())
    if account is None:
        raise ApiError(404, "Not Found")
    return Response(data=call.shapes.user(account))


def meta(call: Call) -> Response:
    """GET /meta"""
    version = {"installed_version": "3.19.0"} if call.state.settings.enterprise else {}
    return Response(data={"verifiable_password_authentication": False} | version)


def _app_of(call: Call) -> App:
    if call.caller.app is None:
        raise ApiError(401, "A JSON web token could not be decoded")
    return call.caller.app


def app(call: Call) -> Response:
    """GET /app"""
    return Response(data=call.shapes.app(_app_of(call)))


def installation(call: Call) -> Response:
    """GET /app/installations/{id}"""
    owner = _app_of(call)
    number = int(call.args["installation"])
    if number not in owner.installations:
        raise ApiError(404, "Not Found")
    data = {"id": number, "app_id": owner.id, "app_slug": owner.slug, "suspended_at": None}
    login = owner.installations[number]
    account = call.shapes.user(call.state.person(login)) if login else None
    return Response(data=data | {"account": account, "permissions": {"issues": "write", "metadata": "read"}})


def installation_token(call: Call) -> Response:
    """POST /app/installations/{id}/access_tokens"""
    owner = _app_of(call)
    if int(call.args["installation"]) not in owner.installations:
        raise ApiError(404, "Not Found")
    secret = f"ghs_{secrets.token_hex(16)}"
    expires = call.state.now() + TOKEN_LIFE
    call.state.tokens[secret] = Token(account=owner.bot, expires=expires, app=owner.id)
    data = {
        "token": secret,
        "expires_at": stamp(expires),
        "permissions": {"issues": "write", "metadata": "read"},
        "repository_selection": "all",
    }
    return Response(status=201, data=data)


def repository(call: Call) -> Response:
    """GET a repository"""
    return Response(data=call.shapes.repo(call.repo(), call.caller.account))


def issue(call: Call) -> Response:
    """GET one issue"""
    repo, found = call.issue()
    return Response(data=call.shapes.issue(repo, found, alone=True))


def repo_labels(call: Call) -> Response:
    """GET the labels of a repository"""
    repo = call.repo()
    return paged(
        call,
        f"/repositories/{repo.id}/labels",
        sorted(repo.labels, key=lambda label: label.name.lower()),
        lambda label: call.shapes.label(repo, label),
    )


def repo_label(call: Call) -> Response:
    """GET one label of a repository"""
    repo = call.repo()
    return Response(data=call.shapes.label(repo, the_label(call)))


def the_label(call: Call) -> Label:
    """The label that the path names. ApiError 404."""
    label = call.repo().label_named(call.args["label"])
    if label is None:
        raise ApiError(404, "Not Found")
    return label


def issue_labels(call: Call) -> Response:
    """GET the labels of an issue"""
    repo, found = call.issue()
    path = f"/repositories/{repo.id}/issues/{found.number}/labels"
    return paged(call, path, found.labels, lambda label: call.shapes.label(repo, label))


def issue_comments(call: Call) -> Response:
    """GET the comments of an issue, oldest first"""
    repo, found = call.issue()
    since = read_since(call, "IssueComment")
    rows = [comment for comment in found.comments if since is None or comment.updated >= since]
    path = f"/repositories/{repo.id}/issues/{found.number}/comments"
    return paged(call, path, rows, lambda comment: call.shapes.comment(repo, found, comment))


def repo_comments(call: Call) -> Response:
    """GET the comments of all issues of a repository"""
    repo = call.tracked()
    since = read_since(call, "IssueComment")
    by_update = call.request.query.get("sort") == "updated"
    rows: list[tuple[Issue, Comment]] = [
        (home, comment)
        for home in repo.issues.values()
        for comment in home.comments
        if since is None or comment.updated >= since
    ]
    rows.sort(
        key=lambda row: (row[1].updated if by_update else row[1].created, row[1].id),
        reverse=call.request.query.get("direction") == "desc",
    )
    path = f"/repositories/{repo.id}/issues/comments"
    return paged(call, path, rows, lambda row: call.shapes.comment(repo, *row))


def comment(call: Call) -> Response:
    """GET one comment"""
    repo = call.tracked()
    found = call.state.find_comment(repo, int(call.args["comment"]))
    if found is None:
        raise ApiError(404, "Not Found")
    return Response(data=call.shapes.comment(repo, *found))


def timeline(call: Call) -> Response:
    """GET the timeline of an issue: events and comments, oldest first"""
    repo, found = call.issue()
    rows: list[Event | Comment] = [*found.events, *found.comments]
    rows.sort(key=lambda row: (row.at if isinstance(row, Event) else row.created, row.id))

    def shape(row: Event | Comment) -> dict[str, object]:
        if isinstance(row, Event):
            return call.shapes.event(repo, row)
        told = call.shapes.comment(repo, found, row)
        return told | {"event": "commented", "actor": told["user"]}

    return paged(call, f"/repositories/{repo.id}/issues/{found.number}/timeline", rows, shape)


def issue_events(call: Call) -> Response:
    """GET the events of an issue, oldest first"""
    repo, found = call.issue()
    rows = [event for event in found.events if event.event not in _ONLY_IN_TIMELINE]
    path = f"/repositories/{repo.id}/issues/{found.number}/events"
    return paged(call, path, rows, lambda event: call.shapes.event(repo, event))


def repo_events(call: Call) -> Response:
    """GET the events of all issues of a repository, newest first"""
    repo = call.tracked()
    rows = [
        (home, event)
        for home in repo.issues.values()
        for event in home.events
        if event.event not in _ONLY_IN_TIMELINE
    ]
    rows.sort(key=lambda row: (row[1].at, row[1].id), reverse=True)

    def shape(row: tuple[Issue, Event]) -> dict[str, object]:
        return call.shapes.event(repo, row[1]) | {"issue": call.shapes.issue(repo, row[0])}

    return paged(call, f"/repositories/{repo.id}/issues/events", rows, shape)
