"""Lists of the GitHub sandbox: filters, sort order, pages by number and by cursor."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from connectors.sandbox.core.tracker import TrackerResponse
from connectors.sandbox.github.call import ApiCall, GithubApiError, validation_error
from connectors.sandbox.github.model import GithubIssue, Repo

MAX_NUMBERED_ROWS = 10_000
_Row = TypeVar("_Row")
_Key = tuple[int, int]
_SORT_KEYS: Mapping[str, Callable[[GithubIssue], _Key]] = {
    "created": lambda issue: (int(issue.created.timestamp()), issue.id),
    "updated": lambda issue: (int(issue.updated.timestamp()), issue.id),
    "comments": lambda issue: (len(issue.comments), issue.id),
}


def list_issues(call: ApiCall) -> TrackerResponse:
    """GET the issues of a repository, pull requests included"""
    repo = call.repo_with_issues()
    order = call.request.query.get("sort", "created")
    direction = call.request.query.get("direction", "desc")
    key = _SORT_KEYS.get(order)
    if key is None:
        raise validation_error("GithubIssue", "invalid", "sort")
    if direction not in ("asc", "desc"):
        raise validation_error("GithubIssue", "invalid", "direction")
    rows = sorted(_filter_issues(call, repo), key=key, reverse=direction == "desc")
    page, links = _issue_page(call, rows, key, descending=direction == "desc")
    return _page_response(call, [call.serializer.issue(repo, issue) for issue in page], links)


def _filter_issues(call: ApiCall, repo: Repo) -> list[GithubIssue]:
    query = call.request.query
    state = query.get("state", "open")
    if state not in ("open", "closed", "all"):
        raise validation_error("GithubIssue", "invalid", "state")
    since = parse_since(call, "GithubIssue")
    labels = [name.strip().lower() for name in query.get("labels", "").split(",") if name.strip()]
    visible = list(repo.issues.values())
    if call.state.search_lag:
        moment = call.state.now() - call.state.search_lag
        visible = [version for issue in visible if (version := issue.version_at(moment))]
    return [
        issue
        for issue in visible
        if (state == "all" or issue.state == state)
        and (since is None or issue.updated >= since)
        and all(issue.find_label(name) for name in labels)
    ]


def parse_since(call: ApiCall, resource: str) -> datetime | None:
    """Return the parameter ``since`` in whole seconds, UTC where no zone is given. GithubApiError 422."""
    text = call.request.query.get("since")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        raise validation_error(resource, "invalid", "since") from None


def _page_parameters(call: ApiCall) -> tuple[int, int]:
    """Return ``per_page``, 100 at most, and ``page``."""

    def positive(name: str, default: int) -> int:
        text = call.request.query.get(name, "")
        return (text.isdecimal() and int(text[:9])) or default

    return min(100, positive("per_page", 30)), positive("page", 1)


def _issue_page(
    call: ApiCall, rows: Sequence[GithubIssue], key: Callable[[GithubIssue], _Key], *, descending: bool
) -> tuple[Sequence[GithubIssue], dict[str, dict[str, str]]]:
    """Return one page, and the query parameters of the other pages by relation."""
    size, number = _page_parameters(call)
    after = call.request.query.get("after")
    if after:
        last_seen = _decode_cursor(after)
        rest = [row for row in rows if (key(row) < last_seen if descending else key(row) > last_seen)]
    else:
        if size * number > MAX_NUMBERED_ROWS:
            raise GithubApiError(422, "Page numbers end here; use cursor based pagination (after/before).")
        rest = list(rows[size * (number - 1) :])
    page = rest[:size]
    links: dict[str, dict[str, str]] = {}
    if len(rest) > size:
        links["next"] = {"page": str(number + 1), "after": _encode_cursor(key(page[-1]))}
        links["last"] = {"page": str(-(-len(rows) // size))}
    return page, links


def _encode_cursor(key: _Key) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def _decode_cursor(cursor: str) -> _Key:
    try:
        value, number = json.loads(base64.urlsafe_b64decode(cursor))
        return int(value), int(number)
    except (binascii.Error, ValueError, TypeError, OverflowError):
        raise GithubApiError(422, "The cursor in 'after' is not valid.") from None


def paginate(
    call: ApiCall, rows: Sequence[_Row], serialize: Callable[[_Row], dict[str, Any]]
) -> TrackerResponse:
    """Return a page by number of any other list of a repository."""
    size, number = _page_parameters(call)
    links: dict[str, dict[str, str]] = {}
    if len(rows) > size * number:
        links["next"] = {"page": str(number + 1)}
        links["last"] = {"page": str(-(-len(rows) // size))}
    if number > 1:
        links["prev"] = {"page": str(number - 1)}
        links["first"] = {"page": "1"}
    page = rows[size * (number - 1) : size * number]
    return _page_response(call, [serialize(row) for row in page], links)


def _page_response(
    call: ApiCall, data: list[dict[str, Any]], links: dict[str, dict[str, str]]
) -> TrackerResponse:
    """Return rows, with links to other pages by relation and query parameters."""
    path = f"/repositories/{call.repo().id}{call.args['rest']}"
    query = {name: value for name, value in call.request.query.items() if name not in ("page", "after")}
    parts = [
        f'<{call.serializer.api}{path}?{urlencode(query | parameters)}>; rel="{relation}"'
        for relation, parameters in links.items()
    ]
    return TrackerResponse(data=data, headers={"Link": ", ".join(parts)} if parts else {})
