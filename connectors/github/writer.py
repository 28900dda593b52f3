"""Writes on GitHub: single labels, and our own comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from urllib.parse import quote

from connectors.errors import BadPayload, Gone, NotConfirmed, OutcomeUnknown
from connectors.github.auth import AlreadyExists
from connectors.github.payload import parse_comment, parse_label_names, split_key, text_in
from connectors.http.client import Transport
from connectors.http.response import ApiResponse
from connectors.model import Comment, IssueRef
from connectors.ports import Cache


class GithubWriter:
    """``IssueWriter`` of GitHub. Methods without docstring do exactly what the port says."""

    def __init__(self, *, transport: Transport, cache: Cache) -> None:
        self.tracker = transport.tracker
        self._transport = transport
        self._cache = cache

    def ensure_label(self, container: str, name: str, color: str, description: str) -> None:
        key = self._labels_cache_key(container)
        known = self._cache.get(key) or []
        if name.lower() in known:
            return
        label = {"name": name, "color": color.removeprefix("#"), "description": description[:100]}
        with suppress(AlreadyExists):  # created by us, by a person, or by our own attempt without response
            self._transport.send(
                "POST", f"repos/{container}/labels", kind="idempotent", expects=201, json=label
            )
        self._cache.put(key, [*known, name.lower()])

    def rename_label(self, container: str, old: str, new: str) -> bool:
        path = f"repos/{container}/labels/{quote(old, safe='')}"
        try:
            response = self._transport.send("PATCH", path, kind="idempotent", json={"new_name": new})
        except (Gone, AlreadyExists) as error:
            if error.follows_ambiguous_write:
                raise  # an earlier attempt may have renamed the label
            return False
        if text_in(response.data, "name").casefold() != new.casefold():
            raise NotConfirmed(
                f"{container}: GitHub answers that it renamed {old} to {new}, and shows neither"
            )
        key = self._labels_cache_key(container)
        known = [name for name in self._cache.get(key) or [] if name != old.lower()]
        self._cache.put(key, [*known, new.lower()])
        return True

    def _labels_cache_key(self, container: str) -> str:
        return f"github:{self.tracker}:{self._transport.base_url}:labels:{container.lower()}"

    def change_labels(self, ref: IssueRef, add: Sequence[str], remove: Sequence[str]) -> None:
        path = f"{issue_path(ref.key)}/labels"
        if add:
            response = self._transport.send("POST", path, kind="idempotent", json={"labels": list(add)})
            current = _label_set(response, ref)
            missing = [name for name in add if name.casefold() not in current]
            if missing:
                raise NotConfirmed(
                    f"{ref}: GitHub accepted the label {missing[0]} but did not put it on the issue"
                )
        for name in remove:
            try:
                response = self._transport.send("DELETE", f"{path}/{quote(name, safe='')}", kind="idempotent")
            except Gone:  # also sent for issues that we may not see
                response = self._transport.get(path, params={"per_page": 100})
            if name.casefold() in _label_set(response, ref):
                raise NotConfirmed(
                    f"{ref}: GitHub answers that it removed the label {name}, and still shows it"
                )

    def create_comment(self, ref: IssueRef, body: str, marker: Mapping[str, str]) -> Comment:
        """Create a comment. ``marker`` is ignored: on GitHub the caller puts it into ``body``."""
        del marker
        path = f"{issue_path(ref.key)}/comments"
        response = self._transport.send("POST", path, kind="create", expects=201, json={"body": body})
        try:
            return _parse_written(response, body, ref)
        except BadPayload as error:
            raise OutcomeUnknown(f"{error}; look for the comment before repeating") from None

    def edit_comment(self, ref: IssueRef, comment_id: str, body: str, marker: Mapping[str, str]) -> Comment:
        """Replace the text of a comment. ``marker`` is ignored: on GitHub the caller puts it into ``body``."""
        del marker
        path = comment_path(issue_path(ref.key), comment_id)
        response = self._transport.send("PATCH", path, kind="idempotent", json={"body": body})
        return _parse_written(response, body, ref, comment_id)

    def delete_comment(self, ref: IssueRef, comment_id: str) -> None:
        issue = issue_path(ref.key)
        path = comment_path(issue, comment_id)
        try:
            self._transport.send("DELETE", path, kind="idempotent", expects=204)
        except Gone:
            # GitHub sends 404 also for issues that we may not see: the issue must be readable, the comment not.
            self._transport.get(issue)
            with suppress(Gone):
                self._transport.get(path)
                raise NotConfirmed(
                    f"{ref}: GitHub answers that our comment does not exist, and still shows it"
                ) from None


def issue_path(key: str) -> str:
    """Return the API path of an issue. Gone if the text is no issue key."""
    parts = split_key(key)
    if parts is None:
        raise Gone(f"'{key}' is no issue of GitHub; write owner/repo#number")
    return f"repos/{parts[0]}/issues/{parts[1]}"


def comment_path(issue: str, comment_id: str) -> str:
    """Return the API path of a comment, which is below the repository, from the path of its issue."""
    return f"{issue.rsplit('/', 1)[0]}/comments/{quote(comment_id, safe='')}"


def _label_set(response: ApiResponse, ref: IssueRef) -> set[str]:
    """Return the labels in a response, case-folded as GitHub compares them. NotConfirmed if it has no list."""
    if not isinstance(response.data, list):
        raise NotConfirmed(f"{ref}: GitHub answered a change of labels without the labels of the issue")
    return {name.casefold() for name in parse_label_names(response.data, f"the labels of {ref.key}")}


def _parse_written(response: ApiResponse, body: str, ref: IssueRef, comment_id: str | None = None) -> Comment:
    """Return the comment in a response. BadPayload if it is not the one that was written."""
    written = parse_comment(response.data)
    is_same = _normalized(written.body) == _normalized(body)
    if not is_same or written.id != (comment_id or written.id):
        raise BadPayload(f"{ref}: GitHub answered with another comment than the one that was written")
    return written


def _normalized(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
