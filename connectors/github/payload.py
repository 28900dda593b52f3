"""Parsing of GitHub's JSON into the values of ``model.py``. BadPayload names missing or malformed values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from connectors.errors import BadPayload
from connectors.model import Category, Comment, FieldSelection, Issue, IssueRef, LabelEvent, LabelHistory

_CATEGORIES: Final[Mapping[str, Category]] = {"open": "todo", "closed": "done"}
"""GitHub has no category for work in progress."""

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_KEY: Final = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)#(?P<number>[1-9]\d*)", re.ASCII)


def parse_issue(raw: Any, *, tracker: str, container: str, web_url: str, selection: FieldSelection) -> Issue:
    """Parse one issue of a list or a direct read.

    ``container``: requested repository, used if the JSON names none. ``web_url``: address that people browse.
    """
    fields = require_object(raw, "an issue")
    number = require(fields, "number", "an issue")
    subject = f"issue #{number}"
    container = repo_from_url(fields.get("repository_url")) or container
    state = clean_text(require(fields, "state", subject))
    key = f"{container}#{number}"
    return Issue(
        ref=IssueRef(tracker=tracker, id=str(require(fields, "id", subject)), key=key),
        url=clean_text(fields.get("html_url") or f"{web_url}/{container}/issues/{number}"),
        title=clean_text(fields.get("title")),
        container=container,
        status=state,
        category=_CATEGORIES.get(state),
        resolution=clean_text(fields.get("state_reason")) or None,
        type=text_in(fields.get("type"), "name"),
        body=clean_text(fields.get("body")) if selection.body else "",
        labels=frozenset(parse_label_names(fields.get("labels"), subject)),
        milestone=text_in(fields.get("milestone"), "title") or None,
        parent=issue_key_from_url(fields.get("parent_issue_url")),
        assignees=_logins(fields.get("assignees")),
        author=text_in(fields.get("user"), "login"),
        reporter=text_in(fields.get("user"), "login"),
        created=parse_time(require(fields, "created_at", subject), subject),
        updated=parse_time(require(fields, "updated_at", subject), subject),
        closed=parse_time(fields["closed_at"], subject) if fields.get("closed_at") else None,
        is_pull_request=bool(fields.get("pull_request")),
        locked=fields.get("locked") is True,
    )


def parse_comment(raw: Any) -> Comment:
    """Parse one comment, without ``marker``: on GitHub our marker is in the body."""
    fields = require_object(raw, "a comment")
    comment_id = str(require(fields, "id", "a comment"))
    subject = f"comment {comment_id}"
    created = parse_time(require(fields, "created_at", subject), subject)
    return Comment(
        id=comment_id,
        author_id=parse_account_id(fields.get("user")),
        body=clean_text(fields.get("body")),
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
    if user.get("type") == "Bot":
        return clean_text(user.get("login"))
    return str(user.get("id") or "")


def parse_label_names(raw: Any, subject: str) -> tuple[str, ...]:
    """Return the names in a list of labels: objects with a name, or plain names on old servers."""
    if raw is None:
        return ()
    names = [
        label if isinstance(label, str) else text_in(label, "name") for label in require_list(raw, subject)
    ]
    return tuple(clean_text(name) for name in names if name)


def split_key(key: str) -> tuple[str, int] | None:
    """``acme/churn#7`` -> ``("acme/churn", 7)``; None if the text is no issue key."""
    found = _KEY.fullmatch(key)
    return (found["repo"], int(found["number"])) if found else None


def repo_from_url(url: Any) -> str | None:
    """``https://api.github.com/repos/acme/churn`` -> ``acme/churn``."""
    found = re.search(r"/repos/([^/]+/[^/]+)$", urlsplit(url).path) if isinstance(url, str) else None
    return clean_text(found[1]) if found else None


def issue_key_from_url(url: Any) -> str | None:
    """``https://api.github.com/repos/acme/churn/issues/4`` -> ``acme/churn#4``."""
    path = urlsplit(url).path if isinstance(url, str) else ""
    found = re.search(r"/repos/([^/]+/[^/]+)/issues/(\d+)$", path)
    return clean_text(f"{found[1]}#{found[2]}") if found else None


def web_url_of(api_url: str) -> str:
    """Return the address that people browse, from the address of the API (github.com, or an Enterprise Server)."""
    parts = urlsplit(api_url)
    host = "github.com" if parts.netloc == "api.github.com" else parts.netloc
    path = parts.path.rstrip("/").removesuffix("/api/v3")
    return f"{parts.scheme}://{host}{path}"


def parse_time(text: Any, subject: str) -> datetime:
    """Return an ISO 8601 time in UTC, or raise BadPayload."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise BadPayload(f"GitHub's answer about {subject} holds {text!r} where a time belongs") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def clean_text(text: Any) -> str:
    """Return the text without NUL and lone surrogates, which databases and other trackers refuse."""
    return _LONE_SURROGATE.sub("\ufffd", str(text).replace("\x00", "")) if text is not None else ""


def require(fields: Mapping[str, Any], name: str, subject: str) -> Any:
    """Return a value of a JSON object. BadPayload, which names ``subject``, if it is missing, null or empty."""
    value = fields.get(name)
    if value is None or value == "":
        raise BadPayload(f'GitHub\'s answer about {subject} has no "{name}"; nothing of it is used')
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
    return clean_text(raw.get(key)) if isinstance(raw, Mapping) else ""


def _logins(raw: Any) -> tuple[str, ...]:
    return tuple(login for user in raw or () if (login := text_in(user, "login")))
