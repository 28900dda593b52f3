"""Manual overrides that runs found."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select

from connectors.model import IssueRef
from sync.model.records import OverrideKind, OverrideRecord
from sync.store.base import StorePart, matches_ref, row_values
from sync.store.database import upsert
from sync.store.tables import overrides

_SELECT_OLDEST_FIRST: Final = select(overrides).order_by(
    *(overrides.c[name] for name in ("since", "tracker", "issue_id", "kind", "label"))
)


class OverridesPart(StorePart):
    def overrides(self) -> list[OverrideRecord]:
        """Return all overrides, oldest first."""
        return self._fetch_records(OverrideRecord, _SELECT_OLDEST_FIRST)

    def overrides_on(self, ref: IssueRef) -> list[OverrideRecord]:
        """Return the overrides on one issue, oldest first."""
        return self._fetch_records(OverrideRecord, _SELECT_OLDEST_FIRST.where(matches_ref(overrides, ref)))

    def add_override(
        self, ref: IssueRef, kind: OverrideKind, label: str, *, since: datetime, run_id: str, note: str = ""
    ) -> None:
        """Save an override. An existing one keeps ``since`` and ``run_id``; key and note are updated.

        ``label`` is the whole label, or the subject for a comment.
        """
        self.add_overrides(
            [OverrideRecord(ref=ref, kind=kind, label=label, since=since, run_id=run_id, note=note)]
        )

    def add_overrides(self, records: Iterable[OverrideRecord]) -> None:
        """Save many overrides like ``add_override`` in one transaction."""
        rows = [row_values(record) for record in records]
        with self._database.write() as connection:
            upsert(connection, overrides, rows, update=("key", "note"))

    def remove_override(self, ref: IssueRef, kind: OverrideKind, label: str) -> None:
        """Delete an override that was withdrawn. Does nothing without one."""
        of_issue = delete(overrides).where(matches_ref(overrides, ref))
        self._write(of_issue.where(overrides.c.kind == kind, overrides.c.label == label))
