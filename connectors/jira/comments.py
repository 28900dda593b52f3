"""Comments of an issue with our marker, which the two kinds of Jira give away differently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from connectors.errors import BadPayload, Gone
from connectors.jira.activity import MARKER_PROPERTY, comment_from, marker_from
from connectors.jira.scalars import need, rows
from connectors.jira.site import JiraSite
from connectors.model import Comment, IssueRef

MARKERS_AT_ONCE = 1000
PAGE = 1000


def all_comments(site: JiraSite, ref: IssueRef) -> list[Comment]:
    """Every comment, oldest first. Markers are looked up only on those of our own account, and on those that look
    like ours: another account may have been ours, or keep them for another installation."""
    found = {comment.id: comment for comment in map(comment_from, _listed(site, ref))}
    me = site.account().id
    unmarked = [each for each in found.values() if each.marker is None and _may_be_marked(each, me)]
    for comment_id, marker in _markers(site, unmarked):
        found[comment_id] = replace(found[comment_id], marker=marker)
    return sorted(found.values(), key=lambda comment: (comment.created, len(comment.id), comment.id))


def one_comment(site: JiraSite, ref: IssueRef, comment_id: str) -> Comment:
    """One comment with its marker, in one request. Gone when it is not there."""
    if site.cloud:
        # Asked for by id, and looked at by id: a stale answer may hold another one.
        listed = [row for row in _with_properties(site, [comment_id]) if str(row.get("id")) == comment_id]
        if not listed:
            raise Gone(f"{ref}: comment {comment_id} is not there any more, or not visible to this account")
        return comment_from(listed[0])
    path = f"/issue/{quote(ref.id)}/comment/{quote(comment_id)}"
    raw = site.send("GET", path, kind="read", params={"expand": "properties"}).data
    comment = comment_from(raw)
    if "properties" not in raw and _may_be_marked(comment, site.account().id):
        return replace(comment, marker=_marker_of(site, comment_id))
    return comment


def _may_be_marked(comment: Comment, me: str) -> bool:
    """The footer of our comments names the program, as the marker does."""
    return comment.author_id == me or MARKER_PROPERTY in comment.body


def _listed(site: JiraSite, ref: IssueRef) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        asked = {"startAt": len(found), "maxResults": PAGE, "orderBy": "created"}
        if not site.cloud:
            asked["expand"] = "properties"
        told = site.send("GET", f"/issue/{quote(ref.id)}/comment", kind="read", params=asked).data
        page = rows(need(told, "comments", f"the comments of {ref}"), f"the comments of {ref}")
        found += page
        total = need(told, "total", f"the comments of {ref}")
        if len(found) >= total:
            return found
        if not page:
            raise BadPayload(f"{ref}: Jira gave {len(found)} of {total} comments and then no more")


def _markers(site: JiraSite, comments: Sequence[Comment]) -> Iterable[tuple[str, Mapping[str, str] | None]]:
    if not site.cloud:
        yield from ((comment.id, _marker_of(site, comment.id)) for comment in comments)
        return
    ids = [comment.id for comment in comments]
    for start in range(0, len(ids), MARKERS_AT_ONCE):
        for raw in _with_properties(site, ids[start : start + MARKERS_AT_ONCE]):
            yield str(need(raw, "id", "a comment")), marker_from(raw.get("properties"))


def _with_properties(site: JiraSite, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Cloud's only way to read comment properties in bulk."""
    asked = {"ids": [int(each) for each in ids]}
    told = site.send("POST", "/comment/list", kind="read", params={"expand": "properties"}, json=asked).data
    return rows(need(told, "values", "a list of comments"), "a list of comments")


def _marker_of(site: JiraSite, comment_id: str) -> Mapping[str, str] | None:
    try:
        path = f"/comment/{quote(comment_id)}/properties/{MARKER_PROPERTY}"
        raw = site.send("GET", path, kind="read").data
    except Gone:
        return None
    return marker_from([raw])
