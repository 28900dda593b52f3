"""Journal entries around each write: the intent before the request, the result after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from connectors.errors import ConnectorError, NotConfirmed, OutcomeUnknown, SkipIssue, WriteRedirected
from connectors.model import IssueRef
from sync.model.changes import Reason
from sync.model.records import Operation, WriteOutcome
from sync.runtime.context import RunContext

_DOUBTS: Final = (NotConfirmed, OutcomeUnknown, WriteRedirected)
"""Errors after which a write may have taken effect."""


class JournalWriter:
    """Writes the journal of one run."""

    def __init__(self, context: RunContext) -> None:
        self._context = context

    def record_intent(
        self,
        ref: IssueRef,
        op: Operation,
        payload: Mapping[str, Any],
        reason: Reason,
        before: Mapping[str, Any],
    ) -> int:
        """Record what will be sent and the state before it. Return the id of the entry."""
        return self._context.store.journal_intent(
            run_id=self._context.run_id,
            at=self._context.now(),
            ref=ref,
            op=op,
            payload=payload,
            before=before,
            rule=reason.rule,
            why=reason.text,
            account=self._context.readers[ref.tracker].whoami().name,
        )

    @contextmanager
    def recording(
        self,
        ref: IssueRef,
        op: Operation,
        payload: Mapping[str, Any],
        reason: Reason,
        before: Mapping[str, Any],
    ) -> Iterator[int]:
        """Record the intent before the request in the ``with`` block, and its error after it."""
        entry = self.record_intent(ref, op, payload, reason, before)
        with self.recording_errors([entry]):
            yield entry

    @contextmanager
    def recording_errors(
        self, entries: Sequence[int], *, except_for: type[ConnectorError] | None = None
    ) -> Iterator[None]:
        """Record a connector error of a request for the given entries, then raise it again.

        A write that may have taken effect gets the result ``unknown``, which ``recover`` resolves. Errors of type
        ``except_for`` are not recorded, because the caller resolves them.
        """
        try:
            yield
        except ConnectorError as error:
            ambiguous = error.follows_ambiguous_write or isinstance(error, _DOUBTS)
            result: WriteOutcome = "failed" if isinstance(error, SkipIssue) and not ambiguous else "unknown"
            for entry in () if except_for and isinstance(error, except_for) else entries:
                self._context.store.journal_result(entry, result, self._context.now(), detail=str(error))
            raise
