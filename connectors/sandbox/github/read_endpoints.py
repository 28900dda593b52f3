"""Read endpoints of the GitHub sandbox except lists of issues, and installation tokens."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from connectors.sandbox.core.tracker import TrackerResponse
from connectors.sandbox.github.call import ApiCall, GithubApiError, not_found
from connectors.sandbox.github.model import AccessToken, App, Event, GithubComment, GithubIssue
from connectors.sandbox.github.pagination import paginate, parse_since
from connectors.sandbox.github.serializer import APP_PERMISSIONS, format_time

INSTALLATION_TOKEN_LIFETIME = timedelta(hours=1)
_TIMELINE_ONLY_EVENTS = ("cross-referenced",)


def get_authenticated_user(call: ApiCall) -> dict[str, Any]:
    """GET /user"""
    if call.caller.installation_app_id is not None:
        raise GithubApiError(403, "Resource not accessible by integration")
    return call.serializer.user(call.account)


def get_user(call: ApiCall) -> dict[str, Any]:
    """GET /users/{login}"""
    account = call.state.accounts.get(call.args["login"].lower())
    if account is None:
        raise not_found()
    return call.serializer.user(account)


def get_meta(call: ApiCall) -> dict[str, Any]:
    """GET /meta"""
    version = {"installed_version": "3.19.0"} if call.state.settings.enterprise else {}
    return {"verifiable_password_authentication": False} | version


def _require_app(call: ApiCall) -> App:
    if call.caller.app is None:
        raise GithubApiError(401, "A JSON web token could not be decoded")
    return call.caller.app


def _require_installation(call: ApiCall) -> tuple[App, int]:
    app, number = _require_app(call), int(call.args["installation"])
    if number not in app.installations:
        raise not_found()
    return app, number


def get_app(call: ApiCall) -> dict[str, Any]:
    """GET /app"""
    return call.serializer.app(_require_app(call))


def get_installation(call: ApiCall) -> dict[str, Any]:
    """GET /app/installations/{id}"""
    app, number = _require_installation(call)
    login = app.installations[number]
    return {
        "id": number,
        "app_id": app.id,
        "app_slug": app.slug,
        "suspended_at": None,
        "account": call.serializer.user(call.state.account_for(login)) if login else None,
        "permissions": APP_PERMISSIONS,
    }


def create_installation_token(call: ApiCall) -> TrackerResponse:
    """POST /app/installations/{id}/access_tokens"""
    app, _ = _require_installation(call)
    secret = f"ghs_{secrets.token_hex(16)}"
    expires = call.state.now() + INSTALLATION_TOKEN_LIFETIME
    call.state.tokens[secret] = AccessToken(account=app.bot, expires=expires, app_id=app.id)
    data = {
        "token": secret,
        "expires_at": format_time(expires),
        "permissions": APP_PERMISSIONS,
        "repository_selection": "all",
    }
    return TrackerResponse(status=201, data=data)


def get_repository(call: ApiCall) -> dict[str, Any]:
    """GET a repository"""
    return call.serializer.repo(call.repo(), call.caller.account)


def get_issue(call: ApiCall) -> dict[str, Any]:
    """GET one issue"""
    return call.serializer.issue(*call.issue(), detailed=True)


def list_repo_labels(call: ApiCall) -> TrackerResponse:
    """GET the labels of a repository"""
    repo = call.repo()
    labels = sorted(repo.labels, key=lambda label: label.name.lower())
    return paginate(call, labels, lambda label: call.serializer.label(repo, label))


def get_repo_label(call: ApiCall) -> dict[str, Any]:
    """GET one label of a repository"""
    return call.serializer.label(*call.label())


def list_issue_labels(call: ApiCall) -> TrackerResponse:
    """GET the labels of an issue"""
    repo, issue = call.issue()
    return paginate(call, issue.labels, lambda label: call.serializer.label(repo, label))


def list_issue_comments(call: ApiCall) -> TrackerResponse:
    """GET the comments of an issue, oldest first"""
    _, issue = call.issue()
    return _comment_page(call, _updated_comments(call, [issue]))


def list_repo_comments(call: ApiCall) -> TrackerResponse:
    """GET the comments of all issues of a repository"""
    query = call.request.query
    by_update = query.get("sort") == "updated"
    rows = _updated_comments(call, call.repo_with_issues().issues.values())
    rows.sort(
        key=lambda row: (row[1].updated if by_update else row[1].created, row[1].id),
        reverse=query.get("direction") == "desc",
    )
    return _comment_page(call, rows)


def _updated_comments(
    call: ApiCall, issues: Iterable[GithubIssue]
) -> list[tuple[GithubIssue, GithubComment]]:
    """Return the comments that were updated at or after the parameter ``since``."""
    since = parse_since(call, "IssueComment")
    return [
        (issue, comment)
        for issue in issues
        for comment in issue.comments
        if since is None or comment.updated >= since
    ]


def _comment_page(call: ApiCall, rows: list[tuple[GithubIssue, GithubComment]]) -> TrackerResponse:
    repo = call.repo()
    return paginate(call, rows, lambda row: call.serializer.comment(repo, *row))


def get_comment(call: ApiCall) -> dict[str, Any]:
    """GET one comment"""
    return call.serializer.comment(*call.comment())


def list_blockers(call: ApiCall) -> TrackerResponse:
    """GET the issues that block an issue, without those that the caller may not read"""
    if call.state.settings.enterprise:
        raise not_found()
    _, issue = call.issue()
    rows = [
        (repo, each)
        for repo, each in call.state.blockers(issue)
        if call.state.access_level(repo, call.caller.account) != "none"
    ]
    return paginate(call, rows, lambda row: call.serializer.issue(*row))


def list_timeline(call: ApiCall) -> TrackerResponse:
    """GET the timeline of an issue: events and comments, oldest first"""
    repo, issue = call.issue()
    rows: list[Event | GithubComment] = [*issue.events, *issue.comments]
    rows.sort(key=lambda row: (row.at if isinstance(row, Event) else row.created, row.id))

    def serialize(row: Event | GithubComment) -> dict[str, object]:
        if isinstance(row, Event):
            return call.serializer.event(repo, row)
        comment = call.serializer.comment(repo, issue, row)
        return comment | {"event": "commented", "actor": comment["user"]}

    return paginate(call, rows, serialize)


def list_issue_events(call: ApiCall) -> TrackerResponse:
    """GET the events of an issue, oldest first"""
    repo, issue = call.issue()
    rows = [event for event in issue.events if event.event not in _TIMELINE_ONLY_EVENTS]
    return paginate(call, rows, lambda event: call.serializer.event(repo, event))


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
        issue, event = row
        return call.serializer.event(repo, event) | {"issue": call.serializer.issue(repo, issue)}

    return paginate(call, rows, serialize)
