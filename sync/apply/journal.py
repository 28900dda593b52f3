"""Every write is announced in the journal before it is sent, and its result noted after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from connectors.errors import ConnectorError, NotConfirmed, OutcomeUnknown, SkipIssue
from connectors.model import IssueRef
from sync.model.changes import Reason
from sync.model.records import Operation
from sync.runtime.context import RunContext


class JournalWriter:
    """Writes the journal of one run."""

    def __init__(self, context: RunContext) -> None:
        self._job = context

    def record_intent(
        self,
        ref: IssueRef,
        op: Operation,
        payload: Mapping[str, Any],
        reason: Reason,
        before: Mapping[str, Any],
    ) -> int:
        """Say what will be sent and what was there before. Out: the id of the entry."""
        return self._job.store.journal_intent(
            run_id=self._job.run_id,
            at=self._job.now(),
            ref=ref,
            op=op,
            payload=payload,
            before=before,
            rule=reason.rule,
            why=reason.text,
            account=self._job.readers[ref.tracker].whoami().name,
        )

    @contextmanager
    def recording_errors(
        self, entries: Sequence[int], *, except_for: type[ConnectorError] | None = None
    ) -> Iterator[None]:
        """Around the request: notes what became of entries whose write raised, and lets the error through.

        What may have taken effect is ``unknown``, which ``settle.py`` clears up. An error of the kind ``except_for``
        is not noted: the caller finds out more.
        """
        try:
            yield
        except ConnectorError as error:
            if except_for is None or not isinstance(error, except_for):
                self._record_error(entries, error)
            raise

    def _record_error(self, entries: Sequence[int], error: ConnectorError) -> None:
        unclear = error.follows_ambiguous_write or isinstance(error, (NotConfirmed, OutcomeUnknown))
        refused = isinstance(error, SkipIssue) and not unclear
        for entry in entries:
            self._job.store.journal_result(
                entry, "failed" if refused else "unknown", self._job.now(), detail=str(error)
            )
