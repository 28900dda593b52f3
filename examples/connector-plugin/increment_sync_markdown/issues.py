"""Files as issues, comments and histories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from connectors.errors import MalformedIssue
from connectors.model import (
    Category,
    Comment,
    FieldSelection,
    Issue,
    IssueChange,
    IssueRef,
    LabelEvent,
    LabelHistory,
)
from increment_sync_markdown.document import BrokenDocument, Document, Note, parse
from increment_sync_markdown.folder import File, Folder
from increment_sync_markdown.git import Event, History

STATUSES: Final[Mapping[str, Category]] = {"todo": "todo", "doing": "doing", "done": "done"}
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def as_comment(note: Note) -> Comment:
    """Return a comment of a file. A time that is none counts as unknown."""
    created = _time(note.created) or EPOCH
    return Comment(
        id=note.id,
        author_id=note.author,
        body=note.text,
        created=created,
        updated=_time(note.edited) or created,
    )


def build_issue(
    tracker: str, name: str, file: File, folder: Folder, selection: FieldSelection, history: History
) -> Issue:
    """Return the issue that a file is. Raises BrokenDocument."""
    document, container = parse(file.text), file.key.partition("/")[0]
    status = document.text("status") or "todo"
    category = STATUSES.get(status)
    created = _read_time(document, "created") or history.born.get(name)
    if created is None:
        raise BrokenDocument(
            "it has no `created`; write a time such as 2026-11-20T09:00:00Z, or commit the file"
        )
    changes = [event for event in history.events.get(name, ()) if event.kind == "status"]
    closed = changes[-1].at if changes and changes[-1].after == status else None
    return Issue(
        ref=IssueRef(tracker=tracker, id=name, key=file.key),
        url=folder.path(file.key).absolute().as_uri(),
        title=document.text("title") or file.key,
        container=container,
        status=status,
        category=category,
        created=created,
        updated=max(created, history.touched.get(file.key, file.modified)),
        closed=(_read_time(document, "closed") or closed) if category == "done" else None,
        type=document.text("type"),
        body=document.body if selection.body else "",
        labels=frozenset(filter(None, document.texts("labels"))),
        assignees=document.texts("assignees"),
        author=document.text("author"),
        reporter=document.text("author"),
        parent=document.text("parent") or None,
        fields={
            field: value for field in selection.fields if (value := _as_list(document.fields.get(field)))
        },
    )


def _as_list(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value or ()


def require_id(file: File, tracker: str) -> str:
    """Return the permanent id of an issue. Raises MalformedIssue."""
    try:
        name = parse(file.text).text("id")
    except BrokenDocument as error:
        raise MalformedIssue(f"{tracker}: {file.key}: {error}", key=file.key) from error
    if not name or len(name) > 64 or not name.replace("-", "").isalnum():
        sentence = (
            f"{tracker}: {file.key} has no `id`; write one that no other file has, such as `id: 7f3a-11`"
        )
        raise MalformedIssue(sentence, key=file.key)
    return name


def id_or_none(file: File) -> str | None:
    """Return the permanent id of an issue; None if the file names none."""
    try:
        return require_id(file, "")
    except MalformedIssue:
        return None


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _read_time(document: Document, name: str) -> datetime | None:
    text = document.text(name)
    if (at := _time(text)) is None and text:
        raise BrokenDocument(f"`{name}` is no time; write it as 2026-11-20T09:00:00Z")
    return at


def label_histories(events: Sequence[Event]) -> dict[str, LabelHistory]:
    """Return the latest addition and removal of each label."""
    histories: dict[str, LabelHistory] = {}
    for event in events:
        if event.kind == "label" and event.after:
            added = LabelEvent(label=event.after, author_id=event.author, at=event.at)
            histories[event.after.lower()] = LabelHistory(added=added)
        elif event.kind == "label":
            removed = LabelEvent(label=event.before, author_id=event.author, at=event.at)
            before = histories.get(event.before.lower())
            histories[event.before.lower()] = LabelHistory(
                added=before.added if before else None, removed=removed
            )
    return histories


def as_change(ref: IssueRef, event: Event) -> IssueChange:
    """Return an event as a change of an issue."""
    return IssueChange(
        ref=ref,
        id=f"{event.commit}:{event.kind}:{event.before}:{event.after}",
        at=event.at,
        kind=event.kind,
        before=event.before,
        after=event.after,
    )
