"""Writes on Jira: single labels and our own comments, as quietly as we may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from connectors.errors import BadPayload, Gone, NotConfirmed, OutcomeUnknown
from connectors.http.client import ApiResponse
from connectors.jira.activity import MARKER_PROPERTY, parse_comment
from connectors.jira.site import Forbidden, JiraSite
from connectors.model import Comment, IssueRef


class JiraWriter:
    """The ``IssueWriter`` of Jira. Errors are those of the port."""

    def __init__(self, site: JiraSite) -> None:
        self.tracker = site.tracker
        self._site = site

    def ensure_label(self, container: str, name: str, color: str, description: str) -> None:
        """Nothing: Jira's labels are free strings."""

    def rename_label(self, container: str, old: str, new: str) -> bool:
        """Never: Jira's labels are free strings."""
        del container, old, new
        return False

    def change_labels(self, ref: IssueRef, add: Sequence[str], remove: Sequence[str]) -> None:
        """One edit for all: Jira carries it out whole or not at all, so nothing needs a check between."""
        operations = [{"add": label} for label in add] + [{"remove": label} for label in remove]
        if operations:
            self._put_without_mail(ref, f"/issue/{quote(ref.id)}", {"update": {"labels": operations}})

    def create_comment(self, ref: IssueRef, body: str, marker: Mapping[str, str]) -> Comment:
        path = f"/issue/{quote(ref.id)}/comment"
        reply = self._site.send("POST", path, kind="create", json=_comment_payload(body, marker))
        try:
            comment = parse_comment(reply.data, marker)
        except BadPayload as broken:
            raise OutcomeUnknown(
                f"{ref}: a comment was sent, and the answer is no comment: {broken}"
            ) from None
        if bool(comment.body.strip()) != bool(body.strip()):
            raise OutcomeUnknown(f"{ref}: Jira answers that it created a comment with another text than ours")
        return comment

    def edit_comment(self, ref: IssueRef, comment_id: str, body: str, marker: Mapping[str, str]) -> Comment:
        path = f"/issue/{quote(ref.id)}/comment/{quote(comment_id)}"
        comment = parse_comment(
            self._put_without_mail(ref, path, _comment_payload(body, marker)).data, marker
        )
        if comment.id != comment_id:
            raise BadPayload(
                f"{ref}: Jira answers with comment {comment.id} to an edit of comment {comment_id}"
            )
        return comment

    def delete_comment(self, ref: IssueRef, comment_id: str) -> None:
        path = f"/issue/{quote(ref.id)}/comment/{quote(comment_id)}"
        try:
            self._site.send("DELETE", path, kind="idempotent")
        except Gone:
            self._site.confirm_login()
            with suppress(Gone):
                self._site.send("GET", path, kind="read")
                raise NotConfirmed(f"{ref}: Jira says that our comment is not there, and shows it") from None

    def _put_without_mail(self, ref: IssueRef, path: str, content: Mapping[str, Any]) -> ApiResponse:
        """An edit that mails nobody, where we may say so.

        Data Center refuses the whole edit when we may not, and the wording about Cloud leaves open that it is
        dropped: so the right is looked up first.
        """
        project = ref.key.rpartition("-")[0]
        if not self._site.can_suppress_mail(project):
            return self._site.send("PUT", path, kind="idempotent", json=content)
        quiet = {"notifyUsers": "false"}
        try:
            return self._site.send("PUT", path, kind="idempotent", json=content, params=quiet)
        except Forbidden:
            reply = self._site.send("PUT", path, kind="idempotent", json=content)
            self._site.mark_mail_suppression_refused(project)
            return reply


def _comment_payload(body: str, marker: Mapping[str, str]) -> dict[str, Any]:
    """A comment as it is sent. The second property keeps it from customers in service management projects,
    where comments are public by default; other projects keep it without meaning, which is cheaper and safer
    than to find out (and to miss) what kind each project is."""
    properties = [
        {"key": MARKER_PROPERTY, "value": dict(marker)},
        {"key": "sd.public.comment", "value": {"internal": True}},
    ]
    return {"body": body, "properties": properties}
