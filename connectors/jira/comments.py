"""Comments of an issue with our marker, which the two kinds of Jira give away differently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from connectors.errors import BadPayload, Gone
from connectors.jira.activity import MARKER_PROPERTY, parse_comment, parse_marker
from connectors.jira.scalars import require, require_objects
from connectors.jira.site import JiraSite
from connectors.model import Comment, IssueRef

MARKER_BATCH_SIZE = 1000
PAGE_SIZE = 1000


def fetch_comments(site: JiraSite, ref: IssueRef) -> list[Comment]:
    """Every comment, oldest first. Markers are looked up only on those of our own account, and on those that look
    like ours: another account may have been ours, or keep them for another installation."""
    found = {comment.id: comment for comment in map(parse_comment, _fetch_raw_comments(site, ref))}
    me = site.account().id
    unmarked = [each for each in found.values() if each.marker is None and _may_be_marked(each, me)]
    for comment_id, marker in _fetch_markers(site, unmarked):
        found[comment_id] = replace(found[comment_id], marker=marker)
    return sorted(found.values(), key=lambda comment: (comment.created, len(comment.id), comment.id))


def fetch_comment(site: JiraSite, ref: IssueRef, comment_id: str) -> Comment:
    """One comment with its marker, in one request. Gone when it is not there."""
    if site.cloud:
        # Asked for by id, and looked at by id: a stale answer may hold another one.
        listed = [
            row for row in _fetch_with_properties(site, [comment_id]) if str(row.get("id")) == comment_id
        ]
        if not listed:
            raise Gone(f"{ref}: comment {comment_id} is not there any more, or not visible to this account")
        return parse_comment(listed[0])
    path = f"/issue/{quote(ref.id)}/comment/{quote(comment_id)}"
    raw = site.send("GET", path, kind="read", params={"expand": "properties"}).data
    comment = parse_comment(raw)
    if "properties" not in raw and _may_be_marked(comment, site.account().id):
        return replace(comment, marker=_fetch_marker(site, comment_id))
    return comment


def _may_be_marked(comment: Comment, me: str) -> bool:
    """The footer of our comments names the program, as the marker does."""
    return comment.author_id == me or MARKER_PROPERTY in comment.body


def _fetch_raw_comments(site: JiraSite, ref: IssueRef) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        asked = {"startAt": len(found), "maxResults": PAGE_SIZE, "orderBy": "created"}
        if not site.cloud:
            asked["expand"] = "properties"
        told = site.send("GET", f"/issue/{quote(ref.id)}/comment", kind="read", params=asked).data
        page = require_objects(require(told, "comments", f"the comments of {ref}"), f"the comments of {ref}")
        found += page
        total = require(told, "total", f"the comments of {ref}")
        if len(found) >= total:
            return found
        if not page:
            raise BadPayload(f"{ref}: Jira gave {len(found)} of {total} comments and then no more")


def _fetch_markers(
    site: JiraSite, comments: Sequence[Comment]
) -> Iterable[tuple[str, Mapping[str, str] | None]]:
    if not site.cloud:
        yield from ((comment.id, _fetch_marker(site, comment.id)) for comment in comments)
        return
    ids = [comment.id for comment in comments]
    for start in range(0, len(ids), MARKER_BATCH_SIZE):
        for raw in _fetch_with_properties(site, ids[start : start + MARKER_BATCH_SIZE]):
            yield str(require(raw, "id", "a comment")), parse_marker(raw.get("properties"))


def _fetch_with_properties(site: JiraSite, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Cloud's only way to read comment properties in bulk."""
    asked = {"ids": [int(each) for each in ids]}
    told = site.send("POST", "/comment/list", kind="read", params={"expand": "properties"}, json=asked).data
    return require_objects(require(told, "values", "a list of comments"), "a list of comments")


def _fetch_marker(site: JiraSite, comment_id: str) -> Mapping[str, str] | None:
    try:
        path = f"/comment/{quote(comment_id)}/properties/{MARKER_PROPERTY}"
        raw = site.send("GET", path, kind="read").data
    except Gone:
        return None
    return parse_marker([raw])
