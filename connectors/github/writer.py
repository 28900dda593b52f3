"""Writes on GitHub: single labels, and our own comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from connectors.errors import BadPayload, Gone, NotConfirmed, OutcomeUnknown
from connectors.github.auth import AlreadyExists
from connectors.github.payload import parse_comment, parse_label_names, split_key, text_in
from connectors.http.response import ApiResponse
from connectors.model import Comment, IssueRef
from connectors.ports import Cache

if TYPE_CHECKING:
    from connectors.github.client import GuardedRequester


class GithubWriter:
    """``IssueWriter`` of GitHub. Methods without docstring do exactly what the port says."""

    def __init__(self, *, client: GuardedRequester, cache: Cache) -> None:
        self.tracker = client.tracker
        self._client = client
        self._cache = cache

    def ensure_label(self, container: str, name: str, color: str, description: str) -> None:
        key = self._labels_cache_key(container)
        known = self._cache.get(key) or []
        if name.lower() in known:
            return
        label = {"name": name, "color": color.removeprefix("#"), "description": description[:100]}
        with suppress(AlreadyExists):  # created by us, by a person, or by our own attempt without response
            repository = self._client.repository(f"repos/{container}")
            self._client.ask(lambda: repository.create_label(**label), kind="idempotent", expects=201)
        self._cache.put(key, [*known, name.lower()])

    def rename_label(self, container: str, old: str, new: str) -> bool:
        path = f"repos/{container}/labels/{quote(old, safe='')}"
        try:
            response = self._client.send("PATCH", path, kind="idempotent", json={"new_name": new})
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
        return f"github:{self.tracker}:{self._client.base_url}:labels:{container.lower()}"

    def change_labels(self, ref: IssueRef, add: Sequence[str], remove: Sequence[str]) -> None:
        # Of PyGithub's methods, add_to_labels sends a bare list, against GitHub's advice, and remove_from_labels a "/"
        # in the name as it is.
        path = f"{issue_path(ref.key)}/labels"
        if add:
            response = self._client.send("POST", path, kind="idempotent", json={"labels": list(add)})
            current = _label_set(response, ref)
            missing = [name for name in add if name.casefold() not in current]
            if missing:
                raise NotConfirmed(
                    f"{ref}: GitHub accepted the label {missing[0]} but did not put it on the issue"
                )
        for name in remove:
            try:
                response = self._client.send("DELETE", f"{path}/{quote(name, safe='')}", kind="idempotent")
            except Gone:  # also sent for issues that we may not see
                response = self._client.get(path, params={"per_page": 100})
            if name.casefold() in _label_set(response, ref):
                raise NotConfirmed(
                    f"{ref}: GitHub answers that it removed the label {name}, and still shows it"
                )

    def create_comment(self, ref: IssueRef, body: str, marker: Mapping[str, str]) -> Comment:
        """Create a comment. ``marker`` is ignored: on GitHub the caller puts it into ``body``."""
        del marker
        issue = self._client.issue(issue_path(ref.key))
        response = self._client.ask(lambda: issue.create_comment(body), kind="create", expects=201)
        try:
            return _parse_written(response, body, ref)
        except BadPayload as error:
            raise OutcomeUnknown(f"{error}; look for the comment before repeating") from None

    def edit_comment(self, ref: IssueRef, comment_id: str, body: str, marker: Mapping[str, str]) -> Comment:
        """Replace the text of a comment. ``marker`` is ignored: on GitHub the caller puts it into ``body``."""
        del marker
        comment = self._client.comment(comment_path(issue_path(ref.key), comment_id))
        response = self._client.ask(lambda: comment.edit(body), kind="idempotent")
        return _parse_written(response, body, ref, comment_id)

    def delete_comment(self, ref: IssueRef, comment_id: str) -> None:
        issue = issue_path(ref.key)
        path = comment_path(issue, comment_id)
        try:
            self._client.ask(self._client.comment(path).delete, kind="idempotent", expects=204)
        except Gone:
            # GitHub sends 404 also for issues that we may not see: the issue must be readable, the comment not.
            self._client.get(issue)
            with suppress(Gone):
                self._client.get(path)
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
