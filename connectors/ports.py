"""Interfaces of a tracker for the rest of the program. The docstrings are the contract.

connectors/testing/ checks every connector against it, including the in-memory one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from connectors.check_result import CheckResult
from connectors.model import (
    Account,
    Census,
    Comment,
    FailedSource,
    FieldSelection,
    HistoryRequest,
    Issue,
    IssueRef,
    LabelEvent,
    LabelHistory,
    PulledSource,
    Source,
    SourceCursor,
    SourceHistory,
)


class Cache(Protocol):
    """Key-value store of JSON values that outlives a run: accounts, field ids, known labels."""

    def get(self, key: str) -> Any | None:
        """Return the value, or None if it is unknown or expired."""

    def put(self, key: str, value: Any, *, days: float = 30) -> None:
        """Store a JSON value for a number of days."""


class IssueReader(Protocol):
    """Read access to one tracker."""

    tracker: str

    def whoami(self) -> Account:
        """Return our account, requested once and cached. AuthFailed if the tracker rejects the credentials."""

    def pull(
        self, sources: Sequence[SourceCursor], selection: FieldSelection
    ) -> Iterator[PulledSource | FailedSource]:
        """Read each source from its cursor on, or completely where the cursor is None. One result per source.

        A source is PulledSource only if every page was read, otherwise FailedSource. Errors that concern a source
        are not raised. Sources may share requests. An issue appears once per source: in ``issues``, or in
        ``unreadable`` if its response cannot be used.
        """

    def census(self, sources: Sequence[Source], selection: FieldSelection) -> Iterator[Census | FailedSource]:
        """Read the ids of all issues of each source, as cheaply as the tracker allows. One result per source."""

    def read(self, key: str, selection: FieldSelection) -> Issue:
        """Read one issue directly, not from a search index. Follows a move: the result has the new key.

        ``key`` is an issue key, or an id where the tracker addresses by id.
        Raises Gone if the issue does not exist or is not visible, MalformedIssue if its response cannot be used, and
        other ConnectorErrors.
        """

    def comments(self, ref: IssueRef) -> list[Comment]:
        """Return all comments of an issue, oldest first, with markers where the tracker stores them."""

    def comment(self, ref: IssueRef, comment_id: str) -> Comment:
        """Return one comment with its marker. Raises Gone if it does not exist."""

    def label_origins(self, ref: IssueRef) -> dict[str, LabelEvent]:
        """Return who last added each current label of an issue. Labels of unknown origin are absent."""

    def label_histories(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Mapping[str, LabelHistory]]:
        """Return when each label was last added to and removed from issues, by the label in lower case.

        Issues whose history is not completely known are absent. Raises ConnectorErrors that concern more than one
        issue. Sends one request per issue on GitHub, per 100 issues on Data Center, per 1000 on Cloud; more for long
        histories.
        """

    def histories(
        self, requests: Sequence[HistoryRequest], selection: FieldSelection
    ) -> Iterator[SourceHistory | FailedSource]:
        """Read changes of status, of Jira's flag, and of labels in ``selection.state_labels``.

        One result per source. Sends at most one request per 100 issues on Jira; on GitHub a few pages of the
        repository's events, and none without issues. If a history is too long for that, its known part is returned
        and its issues are not ``complete``. Errors that concern a source are not raised. Not needed where
        ``PulledSource.changes`` came with the issues.
        """

    def edits_send_mail(self, container: str) -> bool:
        """Return True if people get mail when we edit labels or a comment there.

        On Jira that is so unless our account may suppress mail. Requested at most once a week.
        """

    def is_public(self, container: str) -> bool:
        """Return True if everybody can read the issues of a container. A Jira site counts as private.

        Sends at most one request. Raises ConnectorErrors.
        """

    def diagnose(
        self, sources: Sequence[Source], labels: Mapping[str, Sequence[str]]
    ) -> Iterator[CheckResult]:
        """Check without writing if a run can work: account, clock, each source, permissions.

        ``labels``: container -> labels that a run may put there. Account, sources and permissions are requested,
        not taken from the cache. Raises no ConnectorError: every failure is a result.
        """


class IssueWriter(Protocol):
    """Write access to one tracker, one request at a time. Never replaces a set of labels."""

    tracker: str

    def ensure_label(self, container: str, name: str, color: str, description: str) -> None:
        """Create the label if it does not exist (GitHub). No effect on trackers without label objects."""

    def rename_label(self, container: str, old: str, new: str) -> bool:
        """Rename a label on every issue of the container and return True.

        Returns False where that is not possible: the tracker has no label objects (Jira), ``new`` exists already,
        or ``old`` does not.
        """

    def change_labels(self, ref: IssueRef, add: Sequence[str], remove: Sequence[str]) -> None:
        """Add labels, check that they were added, then remove labels. May be repeated.

        Adding a present label and removing an absent one succeed. Never raises OutcomeUnknown.
        """

    def create_comment(self, ref: IssueRef, body: str, marker: Mapping[str, str]) -> Comment:
        """Create a comment with our marker and return it as the tracker stored it (id and body are checked).

        Raises OutcomeUnknown if the response was lost; the request is not repeated then.
        """

    def edit_comment(self, ref: IssueRef, comment_id: str, body: str, marker: Mapping[str, str]) -> Comment:
        """Replace the text of a comment. Raises Gone if it does not exist."""

    def delete_comment(self, ref: IssueRef, comment_id: str) -> None:
        """Delete a comment. Succeeds if it does not exist."""
