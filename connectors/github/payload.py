"""Pure: what GitHub's REST API answers -> the values of ``model.py``. BadPayload says what is missing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from connectors.errors import BadPayload
from connectors.model import Category, Comment, FieldSelection, Issue, IssueRef, LabelEvent, LabelHistory

_CATEGORIES: Final[Mapping[str, Category]] = {"open": "todo", "closed": "done"}
"""GitHub has no class for work under way."""

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_KEY: Final = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)#(?P<number>[1-9]\d*)", re.ASCII)


def parse_issue(raw: Any, *, tracker: str, container: str, web_url: str, selection: FieldSelection) -> Issue:
    """One issue of a list or of a direct read. ``container`` is the repository that was asked for; the
    payload's own word for it wins. ``web_url_of`` is the address of the site that people see."""
    fields = require_object(raw, "an issue")
    number = require(fields, "number", "an issue")
    what = f"issue #{number}"
    container = repo_from_url(fields.get("repository_url")) or container
    state = clean_text(require(fields, "state", what))
    key = f"{container}#{number}"
    return Issue(
        ref=IssueRef(tracker=tracker, id=str(require(fields, "id", what)), key=key),
        url=clean_text(fields.get("html_url") or f"{web_url}/{container}/issues/{number}"),
        title=clean_text(fields.get("title")),
        container=container,
        status=state,
        category=_CATEGORIES.get(state),
        resolution=clean_text(fields.get("state_reason")) or None,
        type=_text_in(fields.get("type"), "name"),
        body=clean_text(fields.get("body")) if selection.body else "",
        labels=frozenset(parse_label_names(fields.get("labels"), what)),
        milestone=_text_in(fields.get("milestone"), "title") or None,
        parent=issue_key_from_url(fields.get("parent_issue_url")),
        assignees=_logins(fields.get("assignees")),
        author=_text_in(fields.get("user"), "login"),
        reporter=_text_in(fields.get("user"), "login"),
        created=parse_time(require(fields, "created_at", what), what),
        updated=parse_time(require(fields, "updated_at", what), what),
        closed=parse_time(fields["closed_at"], what) if fields.get("closed_at") else None,
        is_pull_request=bool(fields.get("pull_request")),
        locked=fields.get("locked") is True,
    )


def parse_comment(raw: Any) -> Comment:
    """One comment. GitHub keeps our marker in the body, so ``marker`` is None."""
    fields = require_object(raw, "a comment")
    comment_id = str(require(fields, "id", "a comment"))
    what = f"comment {comment_id}"
    created = parse_time(require(fields, "created_at", what), what)
    return Comment(
        id=comment_id,
        author_id=parse_account_id(fields.get("user")),
        body=clean_text(fields.get("body")),
        created=created,
        updated=parse_time(fields["updated_at"], what) if fields.get("updated_at") else created,
    )


def parse_label_origins(rows: Iterable[Any]) -> dict[str, LabelEvent]:
    """Of an issue's events, oldest first: who last put each label that none of them took away again."""
    stories = parse_label_histories(rows).values()
    standing = [
        story.added for story in stories if story.added and story.added.author_id and not story.removed
    ]
    return {event.label: event for event in standing}


def parse_label_histories(rows: Iterable[Any]) -> dict[str, LabelHistory]:
    """Of an issue's events, oldest first: how each label came and went, by its name in small letters."""
    stories: dict[str, LabelHistory] = {}
    for raw in rows:
        fields = require_object(raw, "an event")
        label = _text_in(fields.get("label"), "name")
        if fields.get("event") not in ("labeled", "unlabeled") or not label:
            continue
        at = parse_time(require(fields, "created_at", "an event"), "an event")
        event = LabelEvent(label=label, author_id=parse_account_id(fields.get("actor")), at=at)
        # GitHub compares label names without case, and a label may be recased later.
        before = stories.get(label.casefold(), LabelHistory())
        put = fields["event"] == "labeled"
        stories[label.casefold()] = (
            LabelHistory(added=event) if put else LabelHistory(added=before.added, removed=event)
        )
    return stories


def parse_account_id(user: Any) -> str:
    """What identifies an author: the numeric id, which survives a change of login; empty for deleted users.

    A GitHub App learns its own name without a further request, but not the id of its bot user. So bots
    go by their login on both sides.
    """
    if not isinstance(user, Mapping):
        return ""
    if user.get("type") == "Bot":
        return clean_text(user.get("login"))
    return str(user.get("id") or "")


def parse_label_names(raw: Any, what: str) -> tuple[str, ...]:
    """Names from a list of labels, each an object with a name (or, on old servers, the name itself)."""
    if raw is None:
        return ()
    names = [
        label if isinstance(label, str) else _text_in(label, "name") for label in require_list(raw, what)
    ]
    return tuple(clean_text(name) for name in names if name)


def split_key(key: str) -> tuple[str, int] | None:
    """``acme/churn#7`` -> ``("acme/churn", 7)``; None for what is no issue key."""
    found = _KEY.fullmatch(key)
    return (found["repo"], int(found["number"])) if found else None


def repo_from_url(url: Any) -> str | None:
    """``https://api.github.com/repos/acme/churn`` -> ``acme/churn``."""
    found = re.search(r"/repos/([^/]+/[^/]+)$", urlsplit(url).path) if isinstance(url, str) else None
    return clean_text(found[1]) if found else None


def issue_key_from_url(url: Any) -> str | None:
    """``https://api.github.com/repos/acme/churn/issues/4`` -> ``acme/churn#4``."""
    found = (
        re.search(r"/repos/([^/]+/[^/]+)/issues/(\d+)$", urlsplit(url).path) if isinstance(url, str) else None
    )
    return clean_text(f"{found[1]}#{found[2]}") if found else None


def web_url_of(api_url: str) -> str:
    """The site that people see, from the address of its API (github.com, or an Enterprise Server)."""
    parts = urlsplit(api_url)
    host = "github.com" if parts.netloc == "api.github.com" else parts.netloc
    path = parts.path.rstrip("/").removesuffix("/api/v3")
    return f"{parts.scheme}://{host}{path}"


def parse_time(text: Any, what: str) -> datetime:
    """An aware UTC time from ISO 8601."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise BadPayload(f"GitHub's answer about {what} holds {text!r} where a time belongs") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def clean_text(text: Any) -> str:
    """Text that every store and every other tracker takes: no NUL, no half of a surrogate pair."""
    return _LONE_SURROGATE.sub("\ufffd", str(text).replace("\x00", "")) if text is not None else ""


def require(fields: Mapping[str, Any], name: str, what: str) -> Any:
    value = fields.get(name)
    if value is None or value == "":
        raise BadPayload(f'GitHub\'s answer about {what} has no "{name}"; nothing of it is used')
    return value


def require_object(raw: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise BadPayload(
            f"GitHub's answer holds {type(raw).__name__} where {what} belongs; nothing of it is used"
        )
    return raw


def require_list(raw: Any, what: str) -> list[Any]:
    if not isinstance(raw, list):
        raise BadPayload(f"GitHub's answer about {what} is not a list; nothing of it is used")
    return raw


def _text_in(raw: Any, key: str) -> str:
    return clean_text(raw.get(key)) if isinstance(raw, Mapping) else ""


def _logins(raw: Any) -> tuple[str, ...]:
    return tuple(login for user in raw or () if (login := _text_in(user, "login")))
