"""Parsing of GitHub's JSON into the values of ``model.py``. BadPayload names missing or malformed values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from connectors.errors import BadPayload, MalformedIssue
from connectors.model import (
    Blocker,
    Category,
    Comment,
    FieldSelection,
    Issue,
    IssueRef,
    LabelEvent,
    LabelHistory,
)
from connectors.scalars import clean_text, id_or_none, in_utc, quote_value, text_or_empty

_CATEGORIES: Final[Mapping[str, Category]] = {"open": "todo", "closed": "done"}
"""GitHub has no category for work in progress."""

_KEY: Final = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)#(?P<number>[1-9]\d*)", re.ASCII)


MAX_BLOCKERS: Final = 50
"""Limit of GitHub for the blockers of one issue."""

T = TypeVar("T")


def parse_issue(raw: Any, *, tracker: str, container: str, web_url: str, selection: FieldSelection) -> Issue:
    """Parse one issue of a list or a direct read.

    ``container``: requested repository, used if the JSON names none. ``web_url``: address that people browse. What no
    figure needs may be missing; MalformedIssue names the missing or malformed value otherwise.
    """
    fields = raw if isinstance(raw, Mapping) else {}
    number = id_or_none(fields.get("number"))
    container = repo_from_url(fields.get("repository_url")) or container
    key = f"{container}#{number}" if number else ""
    try:
        require_object(raw, "an issue")
        ref = IssueRef(tracker=tracker, id=require_id(fields, "id", key or "an issue"), key=key)
        url = text_or_empty(fields.get("html_url")) or f"{web_url}/{container}/issues/{number}"
        return _parse_issue(fields, ref, container, url, selection)
    except BadPayload as error:
        raise MalformedIssue(str(error), id=id_or_none(fields.get("id")) or "", key=key) from None


def _parse_issue(
    fields: Mapping[str, Any], ref: IssueRef, container: str, url: str, selection: FieldSelection
) -> Issue:
    subject = f"issue #{require_id(fields, 'number', 'an issue')}"
    state = require_text(fields, "state", subject)
    return Issue(
        ref=ref,
        url=url,
        title=text_or_empty(fields.get("title")) or ref.key,
        container=container,
        status=state,
        category=_CATEGORIES.get(state),
        resolution=clean_text(_optional(fields, "state_reason", str, subject) or "") or None,
        type=text_in(_optional(fields, "type", dict, subject), "name"),
        body=text_or_empty(fields.get("body")) if selection.body else "",
        labels=frozenset(parse_label_names(require(fields, "labels", subject), f"the labels of {subject}")),
        milestone=text_in(_optional(fields, "milestone", dict, subject), "title") or None,
        parent=issue_key_from_url(fields.get("parent_issue_url")),
        blocked_by=_unnamed_blockers(fields, ref.tracker, subject) if selection.dependencies else (),
        assignees=_logins(_optional(fields, "assignees", list, subject)),
        author=text_in(fields.get("user"), "login"),
        reporter=text_in(fields.get("user"), "login"),
        created=parse_time(require(fields, "created_at", subject), subject),
        updated=parse_time(require(fields, "updated_at", subject), subject),
        closed=parse_time(fields["closed_at"], subject) if fields.get("closed_at") else None,
        is_pull_request=bool(fields.get("pull_request")),
        locked=fields.get("locked") is True,
    )


def _unnamed_blockers(fields: Mapping[str, Any], tracker: str, subject: str) -> tuple[Blocker, ...]:
    """Return one blocker without a name for each open one that the list counts."""
    summary = _optional(fields, "issue_dependencies_summary", dict, subject) or {}
    count = summary.get("blocked_by")
    if not isinstance(count, int) or count <= 0:
        return ()
    unnamed = Blocker(ref=IssueRef(tracker=tracker, id="", key=""), is_open=True)
    return (unnamed,) * min(count, MAX_BLOCKERS)


def parse_comment(raw: Any) -> Comment:
    """Parse one comment, without ``marker``: on GitHub our marker is in the body."""
    fields = require_object(raw, "a comment")
    comment_id = require_id(fields, "id", "a comment")
    subject = f"comment {comment_id}"
    created = parse_time(require(fields, "created_at", subject), subject)
    return Comment(
        id=comment_id,
        author_id=parse_account_id(fields.get("user")),
        body=text_or_empty(fields.get("body"), normalized=False),
        created=created,
        updated=parse_time(fields["updated_at"], subject) if fields.get("updated_at") else created,
    )


def parse_label_origins(events: Iterable[Any]) -> dict[str, LabelEvent]:
    """Return who last added each label that was not removed later, from an issue's events, oldest first."""
    histories = parse_label_histories(events).values()
    additions = [each.added for each in histories if each.added and each.added.author_id and not each.removed]
    return {event.label: event for event in additions}


def parse_label_histories(events: Iterable[Any]) -> dict[str, LabelHistory]:
    """Return the history of each label by its name in lower case, from an issue's events, oldest first."""
    histories: dict[str, LabelHistory] = {}
    for raw in events:
        fields = require_object(raw, "an event")
        label = text_in(fields.get("label"), "name")
        if fields.get("event") not in ("labeled", "unlabeled") or not label:
            continue
        at = parse_time(require(fields, "created_at", "an event"), "an event")
        event = LabelEvent(label=label, author_id=parse_account_id(fields.get("actor")), at=at)
        # GitHub compares label names without case, and the case of a label may be changed later.
        name = label.casefold()
        if fields["event"] == "labeled":
            histories[name] = LabelHistory(added=event)
        else:
            histories[name] = LabelHistory(added=histories.get(name, LabelHistory()).added, removed=event)
    return histories


def parse_account_id(user: Any) -> str:
    """Return the id of an author: the numeric id, which survives a change of login; empty for deleted users.

    Bots are identified by their login, because a GitHub App can find out its own name by one request, but not the id
    of its bot user.
    """
    if not isinstance(user, Mapping):
        return ""
    return text_or_empty(user.get("login" if user.get("type") == "Bot" else "id"))


def parse_label_names(raw: Any, subject: str) -> tuple[str, ...]:
    """Return the names in a list of labels: objects with a name, or plain names on old servers."""
    if raw is None:
        return ()
    rows = require_list(raw, subject)
    names = [text_or_empty(row.get("name") if isinstance(row, Mapping) else row) for row in rows]
    if not all(names):
        raise BadPayload(
            f"GitHub's answer about {subject} holds {quote_value(raw)} where the names of labels belong"
        )
    return tuple(names)


def split_key(key: str) -> tuple[str, int] | None:
    """``acme/churn#7`` -> ``("acme/churn", 7)``; None if the text is no issue key."""
    found = _KEY.fullmatch(key)
    return (found["repo"], int(found["number"])) if found else None


def repo_from_url(url: Any) -> str | None:
    """``https://api.github.com/repos/acme/churn`` -> ``acme/churn``."""
    found = re.search(r"/repos/([^/]+/[^/]+)$", _path_of(url))
    return clean_text(found[1]) if found else None


def issue_key_from_url(url: Any) -> str | None:
    """``https://api.github.com/repos/acme/churn/issues/4`` -> ``acme/churn#4``."""
    found = re.search(r"/repos/([^/]+/[^/]+)/issues/([0-9]+)$", _path_of(url))
    return clean_text(f"{found[1]}#{found[2]}") if found else None


def _path_of(url: Any) -> str:
    try:
        return urlsplit(url).path if isinstance(url, str) else ""
    except ValueError:  # for example a bracket that begins no address
        return ""


def web_url_of(api_url: str) -> str:
    """Return the address that people browse, from the address of the API (github.com, or an Enterprise Server)."""
    parts = urlsplit(api_url)
    host = "github.com" if parts.netloc == "api.github.com" else parts.netloc
    path = parts.path.rstrip("/").removesuffix("/api/v3")
    return f"{parts.scheme}://{host}{path}"


def parse_time(text: Any, subject: str) -> datetime:
    """Return an ISO 8601 time in UTC, or raise BadPayload."""
    try:
        read = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        read = None
    at = in_utc(read.replace(tzinfo=read.tzinfo or UTC)) if read else None
    if at is None:
        raise BadPayload(f"GitHub's answer about {subject} holds {quote_value(text)} where a time belongs")
    return at


def require(fields: Mapping[str, Any], name: str, subject: str) -> Any:
    """Return a value of a JSON object. BadPayload, which names ``subject``, if it is missing, null or empty."""
    value = fields.get(name)
    if value is None or value == "":
        raise BadPayload(f'GitHub\'s answer about {subject} has no "{name}"; nothing of it is used')
    return value


def require_id(fields: Mapping[str, Any], name: str, subject: str) -> str:
    """Return an id or number of a JSON object. BadPayload, which names ``subject``, for other values."""
    value = require(fields, name, subject)
    found = id_or_none(value)
    if found is None:
        raise BadPayload(f"GitHub's answer about {subject} holds {quote_value(value)} where an id belongs")
    return found


def require_text(fields: Mapping[str, Any], name: str, subject: str) -> str:
    """Return a text of a JSON object. BadPayload, which names ``subject``, for other values."""
    value = require(fields, name, subject)
    text = text_or_empty(value)
    if not text:
        raise BadPayload(f'GitHub\'s answer about {subject} holds {quote_value(value)} as its "{name}"')
    return text


def _optional(fields: Mapping[str, Any], name: str, kind: type[T], subject: str) -> T | None:
    """Return a value of a type, or None if it is missing or null. BadPayload for other values."""
    value = fields.get(name)
    if value is not None and not isinstance(value, kind):
        raise BadPayload(f'GitHub\'s answer about {subject} holds {quote_value(value)} as its "{name}"')
    return value


def require_object(raw: Any, subject: str) -> Mapping[str, Any]:
    """Return the value as a JSON object, or raise BadPayload."""
    if not isinstance(raw, Mapping):
        raise BadPayload(
            f"GitHub's answer holds {type(raw).__name__} where {subject} belongs; nothing of it is used"
        )
    return raw


def require_list(raw: Any, subject: str) -> list[Any]:
    """Return the value as a list, or raise BadPayload."""
    if not isinstance(raw, list):
        raise BadPayload(f"GitHub's answer about {subject} is not a list; nothing of it is used")
    return raw


def text_in(raw: Any, key: str) -> str:
    """Return a text of a JSON object; empty if there is no object or no text."""
    return text_or_empty(raw.get(key)) if isinstance(raw, Mapping) else ""


def _logins(users: list[Any] | None) -> tuple[str, ...]:
    return tuple(login for user in users or () if (login := text_in(user, "login")))
