"""Writes on Jira: single labels and our own comments, without mail where our account may suppress it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import quote

from connectors.errors import BadPayload, Gone, NotConfirmed, OutcomeUnknown
from connectors.http.response import ApiResponse
from connectors.jira.payload import MARKER_PROPERTY, parse_comment
from connectors.jira.site import Forbidden, JiraSite
from connectors.model import Comment, IssueRef


class JiraWriter:
    """``IssueWriter`` of Jira. Methods without docstring do exactly what the port says."""

    def __init__(self, site: JiraSite) -> None:
        self.tracker = site.tracker
        self._site = site

    def ensure_label(self, container: str, name: str, color: str, description: str) -> None:
        """Do nothing: labels on Jira are plain strings."""

    def rename_label(self, container: str, old: str, new: str) -> bool:
        """Return False: labels on Jira are plain strings."""
        del container, old, new
        return False

    def change_labels(self, ref: IssueRef, add: Sequence[str], remove: Sequence[str]) -> None:
        """Change all labels by one edit, which Jira applies completely or not at all: no check is needed between."""
        operations = [{"add": label} for label in add] + [{"remove": label} for label in remove]
        if operations:
            body = {"update": {"labels": operations}}
            self._put_without_mail(ref, f"/issue/{quote(ref.id)}", body, expects=204)

    def create_comment(self, ref: IssueRef, body: str, marker: Mapping[str, str]) -> Comment:
        path = f"/issue/{quote(ref.id)}/comment"
        response = self._site.send(
            "POST", path, kind="create", expects=201, json=_comment_payload(body, marker)
        )
        try:
            comment = parse_comment(response.data, marker)
        except BadPayload as error:
            raise OutcomeUnknown(
                f"{ref}: a comment was sent, and the answer is no comment: {error}"
            ) from None
        # Texts are not compared: Jira may normalize them.
        if bool(comment.body.strip()) != bool(body.strip()):
            raise OutcomeUnknown(f"{ref}: Jira answers that it created a comment with another text than ours")
        return comment

    def edit_comment(self, ref: IssueRef, comment_id: str, body: str, marker: Mapping[str, str]) -> Comment:
        path = f"/issue/{quote(ref.id)}/comment/{quote(comment_id)}"
        response = self._put_without_mail(ref, path, _comment_payload(body, marker), expects=200)
        comment = parse_comment(response.data, marker)
        if comment.id != comment_id:
            raise BadPayload(
                f"{ref}: Jira answers with comment {comment.id} to an edit of comment {comment_id}"
            )
        return comment

    def delete_comment(self, ref: IssueRef, comment_id: str) -> None:
        path = f"/issue/{quote(ref.id)}/comment/{quote(comment_id)}"
        try:
            self._site.send("DELETE", path, kind="idempotent", expects=204)
        except Gone:
            self._site.confirm_login()
            with suppress(Gone):
                self._site.get(path)
                raise NotConfirmed(
                    f"{ref}: Jira answers that our comment does not exist, and still shows it"
                ) from None

    def _put_without_mail(
        self, ref: IssueRef, path: str, payload: Mapping[str, Any], *, expects: int
    ) -> ApiResponse:
        """Send an edit, without mail to watchers if our account may suppress it.

        The permission is checked first: without it, Data Center refuses the whole edit, and the documentation of
        Cloud leaves open if Cloud drops it.
        """
        project = ref.key.rpartition("-")[0]
        put = partial(self._site.send, "PUT", path, kind="idempotent", expects=expects, json=payload)
        if not self._site.can_suppress_mail(project):
            return put()
        try:
            return put(params={"notifyUsers": "false"})
        except Forbidden:
            response = put()
            self._site.mark_mail_suppression_refused(project)
            return response


def _comment_payload(body: str, marker: Mapping[str, str]) -> dict[str, Any]:
    """Return the JSON of a comment with our marker.

    The second property hides the comment from customers in service management projects, where comments are public by
    default. Other projects store it without effect, which is cheaper and safer than finding out each project's type.
    """
    properties = [
        {"key": MARKER_PROPERTY, "value": dict(marker)},
        {"key": "sd.public.comment", "value": {"internal": True}},
    ]
    return {"body": body, "properties": properties}
