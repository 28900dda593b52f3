"""Writer of a tracker. Methods without docstring do exactly what ``connectors.ports.IssueWriter`` says."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from connectors.errors import ConnectorError, Gone, MalformedIssue, Rejected
from connectors.model import Comment, IssueRef
from increment_sync_markdown.document import BrokenDocument, Note, parse, with_labels, with_notes
from increment_sync_markdown.folder import File, Folder
from increment_sync_markdown.git import Repository
from increment_sync_markdown.reader import MarkdownReader


class MarkdownWriter:
    """Writes labels and comments into the files. In a repository, each write is one commit of our account."""

    def __init__(
        self,
        folder: Folder,
        repository: Repository | None,
        reader: MarkdownReader,
        now: Callable[[], datetime],
    ) -> None:
        self.tracker = folder.tracker
        self._folder, self._repository, self._reader, self._now = folder, repository, reader, now

    def ensure_label(self, container: str, name: str, color: str, description: str) -> None:
        """Do nothing: labels are texts in the files."""

    def rename_label(self, container: str, old: str, new: str) -> bool:
        """Return False: labels are texts in the files."""
        del container, old, new
        return False

    def change_labels(self, ref: IssueRef, add: Sequence[str], remove: Sequence[str]) -> None:
        def edit(text: str) -> str:
            labels = set(parse(text).texts("labels"))
            wanted = (labels | set(add)) - (set(remove) - set(add))
            return text if wanted == labels else with_labels(text, wanted)

        self._edit(ref, "Change labels", edit)

    def create_comment(self, ref: IssueRef, body: str, marker: Mapping[str, str]) -> Comment:
        del marker  # it is in the text
        note = Note(uuid.uuid4().hex[:12], self._reader.whoami().id, self._time(), body)
        self._edit(ref, "Add the status comment", lambda text: with_notes(text, (*parse(text).notes, note)))
        return self._reader.comment(ref, note.id)

    def edit_comment(self, ref: IssueRef, comment_id: str, body: str, marker: Mapping[str, str]) -> Comment:
        del marker

        def edit(text: str) -> str:
            notes = parse(text).notes
            if comment_id not in {note.id for note in notes}:
                raise Gone(f"{ref}: there is no comment {comment_id}")
            changed = (
                replace(note, text=body, edited=self._time()) if note.id == comment_id else note
                for note in notes
            )
            return with_notes(text, tuple(changed))

        self._edit(ref, "Edit the status comment", edit)
        return self._reader.comment(ref, comment_id)

    def delete_comment(self, ref: IssueRef, comment_id: str) -> None:
        def edit(text: str) -> str:
            notes = parse(text).notes
            left = tuple(note for note in notes if note.id != comment_id)
            return text if left == notes else with_notes(text, left)

        self._edit(ref, "Delete the status comment", edit)

    def _edit(self, ref: IssueRef, message: str, edit: Callable[[str], str]) -> None:
        """Replace the file of an issue, and commit it. Nothing is left behind if the commit fails."""
        try:
            file = self._reader.find(ref.key, ref.id)
            text = edit(file.text)
        except (BrokenDocument, MalformedIssue) as error:
            raise Rejected(f"{ref} cannot be edited: {error}") from error
        if text == file.text:
            return
        if self._repository is None:
            self._folder.replace(file, text)
            return
        if file.key in self._repository.uncommitted():
            raise Rejected(f"{ref} has changes that are not committed; commit them, and the next run writes")
        self._folder.replace(file, text)
        try:
            self._repository.commit(
                file.key, f"{message} of {file.key}", self._reader.whoami().id, self._now()
            )
        except ConnectorError:
            self._folder.replace(File(file.key, text, file.modified), file.text)
            raise

    def _time(self) -> str:
        return self._now().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
