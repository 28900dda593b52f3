"""Reads of comments with our marker, which Cloud and Data Center return in different ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from connectors.errors import BadPayload, Gone
from connectors.jira.payload import MARKER_PROPERTY, parse_comment, parse_marker
from connectors.jira.scalars import require, require_count, require_id, require_objects
from connectors.jira.site import JiraSite
from connectors.model import Comment, IssueRef

MARKER_BATCH_SIZE = 1000
PAGE_SIZE = 1000


def fetch_comments(site: JiraSite, ref: IssueRef) -> list[Comment]:
    """Return every comment of an issue, oldest first.

    Markers are requested only for comments that may be ours: by our account, or with our footer, because another
    account may have been ours earlier.
    """
    found = {comment.id: comment for comment in map(parse_comment, _fetch_raw_comments(site, ref))}
    our_id = site.account().id
    unmarked = [each for each in found.values() if each.marker is None and _may_be_marked(each, our_id)]
    for comment_id, marker in _fetch_markers(site, unmarked):
        found[comment_id] = replace(found[comment_id], marker=marker)
    return sorted(found.values(), key=lambda comment: (comment.created, len(comment.id), comment.id))


def fetch_comment(site: JiraSite, ref: IssueRef, comment_id: str) -> Comment:
    """Return one comment with its marker. Gone if it does not exist."""
    if site.cloud:
        # The id is compared: a stale response may contain another comment.
        rows = [row for row in _fetch_with_properties(site, [comment_id]) if str(row.get("id")) == comment_id]
        if not rows:
            raise Gone(
                f"{ref}: comment {comment_id} does not exist any more, or is not visible to this account"
            )
        return parse_comment(rows[0])
    path = f"/issue/{quote(ref.id)}/comment/{quote(comment_id)}"
    raw = site.get(path, {"expand": "properties"})
    comment = parse_comment(raw)
    # Old Data Centers ignore expand=properties.
    if "properties" not in raw and _may_be_marked(comment, site.account().id):
        return replace(comment, marker=_fetch_marker(site, comment_id))
    return comment


def _may_be_marked(comment: Comment, our_id: str) -> bool:
    """Return True for comments by our account and for comments with our footer, which names the program."""
    return comment.author_id == our_id or MARKER_PROPERTY in comment.body


def _fetch_raw_comments(site: JiraSite, ref: IssueRef) -> list[dict[str, Any]]:
    subject = f"the comments of {ref}"
    found: dict[str, dict[str, Any]] = {}
    while True:
        params = {"startAt": len(found), "maxResults": PAGE_SIZE, "orderBy": "created"}
        if not site.cloud:
            params["expand"] = "properties"
        data = site.get(f"/issue/{quote(ref.id)}/comment", params)
        page = require_objects(require(data, "comments", subject), subject)
        known = len(found)
        found |= {require_id(raw, "id", "a comment"): raw for raw in page}
        total = require_count(data, "total", subject)
        if len(found) >= total:
            return list(found.values())
        if len(found) == known:
            raise BadPayload(f"{ref}: Jira returned {len(found)} of {total} comments and then no more")


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
    """Return comments with their properties, by the only bulk request for them on Cloud."""
    body = {"ids": [int(each) for each in ids]}
    data = site.send("POST", "/comment/list", kind="read", params={"expand": "properties"}, json=body).data
    return require_objects(require(data, "values", "a list of comments"), "a list of comments")


def _fetch_marker(site: JiraSite, comment_id: str) -> Mapping[str, str] | None:
    try:
        path = f"/comment/{quote(comment_id)}/properties/{MARKER_PROPERTY}"
        raw = site.get(path)
    except Gone:
        return None
    return parse_marker([raw])
