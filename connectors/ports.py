"""What the rest of the program may ask of a tracker. These docstrings are the contract;
tests/contract/connector_suite.py holds every connector to it, the one in memory included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from connectors.model import (
    Account,
    Census,
    CheckResult,
    Comment,
    Cursor,
    FailedSource,
    FieldSelection,
    HistoryRequest,
    Issue,
    IssueRef,
    LabelEvent,
    LabelHistory,
    PulledSource,
    Source,
    SourceHistory,
)


class Cache(Protocol):
    """Small facts that outlive a run: identity, field ids, known labels. JSON values, by key."""

    def get(self, key: str) -> Any | None:
        """The value, or None when unknown or too old."""
        ...

    def put(self, key: str, value: Any, *, days: float = 30) -> None:
        """Keep a JSON value for so many days."""
        ...


class IssueReader(Protocol):
    """Reads one tracker. Never writes."""

    tracker: str

    def whoami(self) -> Account:
        """Our account, asked of the tracker once and cached. AuthFailed when the tracker knows us not."""
        ...

    def pull(
        self, sources: Sequence[tuple[Source, Cursor | None]], selection: FieldSelection
    ) -> Iterator[PulledSource | FailedSource]:
        """Read each source from its cursor, or whole where the cursor is None. One answer per source.

        A source is Pulled only when every page was read; anything less is Failed. No error is raised for
        what concerns a source. Sources may share requests. An issue appears once per source.
        """
        ...

    def census(self, sources: Sequence[Source], selection: FieldSelection) -> Iterator[Census | FailedSource]:
        """The ids of all issues of each source, as cheaply as the tracker allows, read whole or Failed."""
        ...

    def read(self, key: str, selection: FieldSelection) -> Issue:
        """One issue, read directly (not from a search index). Follows a move: the answer has the new key.

        ``key`` is an issue key, or an id where the tracker addresses by id.
        Gone when it is not there or not visible; other ConnectorErrors as they come.
        """
        ...

    def comments(self, ref: IssueRef) -> list[Comment]:
        """All comments of an issue, every page, oldest first, with markers where the tracker keeps them."""
        ...

    def comment(self, ref: IssueRef, comment_id: str) -> Comment:
        """One comment with its marker. Gone when it is not there."""
        ...

    def label_origins(self, ref: IssueRef) -> dict[str, LabelEvent]:
        """Who last put each label that is on the issue now, by label. Labels without known origin are absent."""
        ...

    def label_histories(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Mapping[str, LabelHistory]]:
        """How every label came to these issues and went, by its name in small letters. An issue whose story cannot be
        told whole is left out; ConnectorErrors for what concerns more than one issue. One request per issue on GitHub,
        per 100 on Data Center, per 1000 on Cloud; more where there is much to tell."""
        ...

    def histories(
        self, requests: Sequence[HistoryRequest], selection: FieldSelection
    ) -> Iterator[SourceHistory | FailedSource]:
        """What happened to issues: changes of status, Jira's flag, and labels among ``wanted.state_labels``.

        One answer for each source, at most one request per 100 issues on Jira; on GitHub a few pages of the
        repository's events, none when no issue is asked for. A history that is too long for that is told as far
        as it was read, and its issues are not among ``whole``. No error is raised for what concerns a source.
        Where ``Pulled.changes`` came with the issues, nobody need ask.
        """
        ...

    def edits_send_mail(self, container: str) -> bool:
        """Whether people are mailed when we edit labels or a comment there: on Jira unless our account may say
        otherwise. Asked of the tracker at most once a week."""
        ...

    def is_public(self, container: str) -> bool:
        """Whether anybody at all can read the issues of a container. A Jira site counts as private. At most one
        request; ConnectorErrors as they come."""
        ...

    def diagnose(
        self, sources: Sequence[Source], labels: Mapping[str, Sequence[str]]
    ) -> Iterator[CheckResult]:
        """Look, without writing, whether a run could work: who we are, the clock, each source, our rights.

        ``labels``: container -> labels that a run may put there. Our account, the sources and the
        rights are asked anew, not taken from the cache. Raises no ConnectorError: whatever is wrong is a finding.
        """
        ...


class IssueWriter(Protocol):
    """Writes on one tracker, one request at a time. Never replaces a set."""

    tracker: str

    def ensure_label(self, container: str, name: str, color: str, description: str) -> None:
        """The label exists afterwards (GitHub). Nothing on trackers whose labels are free strings."""
        ...

    def rename_label(self, container: str, old: str, new: str) -> bool:
        """The label ``old`` is called ``new`` afterwards, on every issue of the container. False where that
        cannot be: labels are free strings (Jira), ``new`` exists already, or ``old`` does not."""
        ...

    def change_labels(self, ref: IssueRef, add: Sequence[str], remove: Sequence[str]) -> None:
        """Add, check that the additions took, then remove. Adding what is there and removing what is not
        are both fine. OutcomeUnknown does not arise: both can be repeated."""
        ...

    def create_comment(self, ref: IssueRef, body: str, marker: Mapping[str, str]) -> Comment:
        """Create and return a comment with our marker. OutcomeUnknown when the answer was lost: it is never
        repeated blindly. Returns only what the tracker really created (id and body are checked)."""
        ...

    def edit_comment(self, ref: IssueRef, comment_id: str, body: str, marker: Mapping[str, str]) -> Comment:
        """Replace the text of a comment. Gone when it is not there."""
        ...

    def delete_comment(self, ref: IssueRef, comment_id: str) -> None:
        """Remove a comment. One that is gone already is fine."""
        ...
