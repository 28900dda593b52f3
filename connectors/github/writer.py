"""Writes on GitHub: single labels, and comments of our own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from connectors.errors import BadPayload, Gone, NotConfirmed, OutcomeUnknown
from connectors.github.auth import AlreadyExists
from connectors.github.payload import parse_comment, parse_label_names, split_key
from connectors.http.client import ApiResponse, Transport
from connectors.model import Comment, IssueRef
from connectors.ports import Cache


class GithubWriter:
    """Writes over GitHub's REST API. See ``ports.IssueWriter`` for the contract."""

    def __init__(self, *, tracker: str, transport: Transport, cache: Cache) -> None:
        self.tracker = tracker
        self._transport = transport
        self._cache = cache

    def ensure_label(self, container: str, name: str, color: str, description: str) -> None:
        key = self._labels_cache_key(container)
        known = self._cache.get(key) or []
        if name.lower() in known:
            return
        wanted = {"name": name, "color": color.removeprefix("#"), "description": description[:100]}
        with suppress(AlreadyExists):  # by us, by a person, or by our own lost attempt
            self._transport.send("POST", f"repos/{container}/labels", kind="idempotent", json=wanted)
        self._cache.put(key, [*known, name.lower()])

    def rename_label(self, container: str, old: str, new: str) -> bool:
        path = f"repos/{container}/labels/{quote(old, safe='')}"
        try:
            self._transport.send("PATCH", path, kind="idempotent", json={"new_name": new})
        except (Gone, AlreadyExists) as error:
            if error.follows_ambiguous_write:
                raise
            return False
        key = self._labels_cache_key(container)
        known = [name for name in self._cache.get(key) or [] if name != old.lower()]
        self._cache.put(key, [*known, new.lower()])
        return True

    def _labels_cache_key(self, container: str) -> str:
        return f"github:{self.tracker}:{self._transport.base_url}:labels:{container.lower()}"

    def change_labels(self, ref: IssueRef, add: Sequence[str], remove: Sequence[str]) -> None:
        path = f"{issue_path(ref.key)}/labels"
        if add:
            reply = self._transport.send("POST", path, kind="idempotent", json={"labels": list(add)})
            on_it = {name.casefold() for name in parse_label_names(reply.data, f"the labels of {ref.key}")}
            missing = [name for name in add if name.casefold() not in on_it]
            if missing:
                raise NotConfirmed(
                    f"{ref}: GitHub accepted the label {missing[0]} but did not put it on the issue"
                )
        for name in remove:
            try:
                self._transport.send("DELETE", f"{path}/{quote(name, safe='')}", kind="idempotent")
            except Gone:
                self._confirm_removed(ref, path, name)

    def _confirm_removed(self, ref: IssueRef, path: str, name: str) -> None:
        """404 may also mean that the issue cannot be seen, or nothing at all: then the label is still there."""
        labels = self._transport.send("GET", path, kind="read", params={"per_page": 100}).data
        if name.casefold() in {
            each.casefold() for each in parse_label_names(labels, f"the labels of {ref.key}")
        }:
            raise NotConfirmed(f"{ref}: GitHub says that the label {name} is not there, and shows it")

    def create_comment(self, ref: IssueRef, body: str, marker: Mapping[str, str]) -> Comment:
        """``marker`` is ignored: on GitHub the caller writes it into ``body``."""
        del marker
        path = f"{issue_path(ref.key)}/comments"
        reply = self._transport.send("POST", path, kind="create", json={"body": body})
        try:
            return _parse_written(reply, body, ref)
        except BadPayload as error:
            raise OutcomeUnknown(f"{error}; look for the comment before repeating") from None

    def edit_comment(self, ref: IssueRef, comment_id: str, body: str, marker: Mapping[str, str]) -> Comment:
        """``marker`` is ignored: on GitHub the caller writes it into ``body``."""
        del marker
        path = comment_path(issue_path(ref.key), comment_id)
        reply = self._transport.send("PATCH", path, kind="idempotent", json={"body": body})
        return _parse_written(reply, body, ref, comment_id)

    def delete_comment(self, ref: IssueRef, comment_id: str) -> None:
        issue = issue_path(ref.key)
        path = comment_path(issue, comment_id)
        try:
            self._transport.send("DELETE", path, kind="idempotent")
        except Gone:
            self._transport.send("GET", issue, kind="read")
            with suppress(Gone):
                self._transport.send("GET", path, kind="read")
                raise NotConfirmed(
                    f"{ref}: GitHub says that our comment is not there, and shows it"
                ) from None


def issue_path(key: str) -> str:
    """Path of an issue's resources, from its key. Gone for what is no issue key."""
    parts = split_key(key)
    if parts is None:
        raise Gone(f"'{key}' is no issue of GitHub; write owner/repo#number")
    return f"repos/{parts[0]}/issues/{parts[1]}"


def comment_path(issue: str, comment_id: str) -> str:
    """Path of a comment: it lies below the repository, not below its issue (whose path is given)."""
    return f"{issue.rsplit('/', 1)[0]}/comments/{quote(comment_id, safe='')}"


def _parse_written(reply: ApiResponse, body: str, ref: IssueRef, comment_id: str | None = None) -> Comment:
    """The comment in an answer, if it is the one that was written; else BadPayload."""
    written = parse_comment(reply.data)
    if not _same_text(written.body, body) or written.id != (comment_id or written.id):
        raise BadPayload(f"{ref}: GitHub answered with another comment than the one that was written")
    return written


def _same_text(one: str, other: str) -> bool:
    return _normalized(one) == _normalized(other)


def _normalized(text: Any) -> str:
    return "\n".join(str(text).split("\r\n")).strip()
