"""Read endpoints of the GitHub sandbox except lists of issues, and installation tokens."""

from __future__ import annotations

import secrets
from datetime import timedelta

from connectors.sandbox.core.tracker import TrackerResponse
from connectors.sandbox.github.call import ApiCall, GithubApiError
from connectors.sandbox.github.model import AccessToken, App, Event, GithubComment, GithubIssue, Label
from connectors.sandbox.github.pagination import paginate, parse_since
from connectors.sandbox.github.serializer import format_time

INSTALLATION_TOKEN_LIFETIME = timedelta(hours=1)
_TIMELINE_ONLY_EVENTS = ("cross-referenced",)


def get_authenticated_user(call: ApiCall) -> TrackerResponse:
    """GET /user"""
    if call.caller.installation_app_id is not None:
        raise GithubApiError(403, "Resource not accessible by integration")
    return TrackerResponse(data=call.serializer.user(call.account))


def get_user(call: ApiCall) -> TrackerResponse:
    """GET /users/{login}"""
    account = call.state.accounts.get(call.args["login"].lower())
    if account is None:
        raise GithubApiError(404, "Not Found")
    return TrackerResponse(data=call.serializer.user(account))


def get_meta(call: ApiCall) -> TrackerResponse:
    """GET /meta"""
    version = {"installed_version": "3.19.0"} if call.state.settings.enterprise else {}
    return TrackerResponse(data={"verifiable_password_authentication": False} | version)


def _require_app(call: ApiCall) -> App:
    if call.caller.app is None:
        raise GithubApiError(401, "A JSON web token could not be decoded")
    return call.caller.app


def get_app(call: ApiCall) -> TrackerResponse:
    """GET /app"""
    return TrackerResponse(data=call.serializer.app(_require_app(call)))


def get_installation(call: ApiCall) -> TrackerResponse:
    """GET /app/installations/{id}"""
    owner = _require_app(call)
    number = int(call.args["installation"])
    if number not in owner.installations:
        raise GithubApiError(404, "Not Found")
    data = {"id": number, "app_id": owner.id, "app_slug": owner.slug, "suspended_at": None}
    login = owner.installations[number]
    account = call.serializer.user(call.state.account_for(login)) if login else None
    return TrackerResponse(
        data=data | {"account": account, "permissions": {"issues": "write", "metadata": "read"}}
    )


def create_installation_token(call: ApiCall) -> TrackerResponse:
    """POST /app/installations/{id}/access_tokens"""
    owner = _require_app(call)
    if int(call.args["installation"]) not in owner.installations:
        raise GithubApiError(404, "Not Found")
    secret = f"ghs_{secrets.token_hex(16)}"
    expires = call.state.now() + INSTALLATION_TOKEN_LIFETIME
    call.state.tokens[secret] = AccessToken(account=owner.bot, expires=expires, app_id=owner.id)
    data = {
        "token": secret,
        "expires_at": format_time(expires),
        "permissions": {"issues": "write", "metadata": "read"},
        "repository_selection": "all",
    }
    return TrackerResponse(status=201, data=data)


def get_repository(call: ApiCall) -> TrackerResponse:
    """GET a repository"""
    return TrackerResponse(data=call.serializer.repo(call.repo(), call.caller.account))


def get_issue(call: ApiCall) -> TrackerResponse:
    """GET one issue"""
    repo, found = call.issue()
    return TrackerResponse(data=call.serializer.issue(repo, found, detailed=True))


def list_repo_labels(call: ApiCall) -> TrackerResponse:
    """GET the labels of a repository"""
    repo = call.repo()
    return paginate(
        call,
        f"/repositories/{repo.id}/labels",
        sorted(repo.labels, key=lambda label: label.name.lower()),
        lambda label: call.serializer.label(repo, label),
    )


def get_repo_label(call: ApiCall) -> TrackerResponse:
    """GET one label of a repository"""
    repo = call.repo()
    return TrackerResponse(data=call.serializer.label(repo, require_label(call)))


def require_label(call: ApiCall) -> Label:
    """Return the label of the path. GithubApiError 404."""
    label = call.repo().find_label(call.args["label"])
    if label is None:
        raise GithubApiError(404, "Not Found")
    return label


def list_issue_labels(call: ApiCall) -> TrackerResponse:
    """GET the labels of an issue"""
    repo, found = call.issue()
    path = f"/repositories/{repo.id}/issues/{found.number}/labels"
    return paginate(call, path, found.labels, lambda label: call.serializer.label(repo, label))


def list_issue_comments(call: ApiCall) -> TrackerResponse:
    """GET the comments of an issue, oldest first"""
    repo, found = call.issue()
    since = parse_since(call, "IssueComment")
    rows = [comment for comment in found.comments if since is None or comment.updated >= since]
    path = f"/repositories/{repo.id}/issues/{found.number}/comments"
    return paginate(call, path, rows, lambda comment: call.serializer.comment(repo, found, comment))


def list_repo_comments(call: ApiCall) -> TrackerResponse:
    """GET the comments of all issues of a repository"""
    repo = call.repo_with_issues()
    since = parse_since(call, "IssueComment")
    by_update = call.request.query.get("sort") == "updated"
    rows: list[tuple[GithubIssue, GithubComment]] = [
        (issue, comment)
        for issue in repo.issues.values()
        for comment in issue.comments
        if since is None or comment.updated >= since
    ]
    rows.sort(
        key=lambda row: (row[1].updated if by_update else row[1].created, row[1].id),
        reverse=call.request.query.get("direction") == "desc",
    )
    path = f"/repositories/{repo.id}/issues/comments"
    return paginate(call, path, rows, lambda row: call.serializer.comment(repo, *row))


def get_comment(call: ApiCall) -> TrackerResponse:
    """GET one comment"""
    repo = call.repo_with_issues()
    found = call.state.find_comment(repo, int(call.args["comment"]))
    if found is None:
        raise GithubApiError(404, "Not Found")
    return TrackerResponse(data=call.serializer.comment(repo, *found))


def list_timeline(call: ApiCall) -> TrackerResponse:
    """GET the timeline of an issue: events and comments, oldest first"""
    repo, found = call.issue()
    rows: list[Event | GithubComment] = [*found.events, *found.comments]
    rows.sort(key=lambda row: (row.at if isinstance(row, Event) else row.created, row.id))

    def serialize(row: Event | GithubComment) -> dict[str, object]:
        if isinstance(row, Event):
            return call.serializer.event(repo, row)
        comment = call.serializer.comment(repo, found, row)
        return comment | {"event": "commented", "actor": comment["user"]}

    return paginate(call, f"/repositories/{repo.id}/issues/{found.number}/timeline", rows, serialize)


def list_issue_events(call: ApiCall) -> TrackerResponse:
    """GET the events of an issue, oldest first"""
    repo, found = call.issue()
    rows = [event for event in found.events if event.event not in _TIMELINE_ONLY_EVENTS]
    path = f"/repositories/{repo.id}/issues/{found.number}/events"
    return paginate(call, path, rows, lambda event: call.serializer.event(repo, event))


def list_repo_events(call: ApiCall) -> TrackerResponse:
    """GET the events of all issues of a repository, newest first"""
    repo = call.repo_with_issues()
    rows = [
        (issue, event)
        for issue in repo.issues.values()
        for event in issue.events
        if event.event not in _TIMELINE_ONLY_EVENTS
    ]
    rows.sort(key=lambda row: (row[1].at, row[1].id), reverse=True)

    def serialize(row: tuple[GithubIssue, Event]) -> dict[str, object]:
        return call.serializer.event(repo, row[1]) | {"issue": call.serializer.issue(repo, row[0])}

    return paginate(call, f"/repositories/{repo.id}/issues/events", rows, serialize)
