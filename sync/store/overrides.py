"""Manual overrides that runs found."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, select

from connectors.model import IssueRef
from sync.model.records import OverrideKind, OverrideRecord
from sync.store.base import StorePart, matches_ref, ref_columns, row_with_ref
from sync.store.database import upsert
from sync.store.tables import overrides


class OverridesPart(StorePart):
    def overrides(self) -> list[OverrideRecord]:
        """Return all overrides, oldest first."""
        return self._fetch(select(overrides))

    def overrides_on(self, ref: IssueRef) -> list[OverrideRecord]:
        """Return the overrides on one issue, oldest first."""
        return self._fetch(select(overrides).where(matches_ref(overrides, ref)))

    def _fetch(self, selected: Select[Any]) -> list[OverrideRecord]:
        query = selected.order_by(*(overrides.c[name] for name in _ORDER))
        with self._database.read() as connection:
            return [OverrideRecord(**row_with_ref(row)) for row in connection.execute(query).mappings()]

    def add_override(
        self, ref: IssueRef, kind: OverrideKind, label: str, *, since: datetime, run_id: str, note: str = ""
    ) -> None:
        """Save an override. An existing one keeps ``since`` and ``run_id``; key and note are updated.

        ``label`` is the whole label, or the subject for a comment.
        """
        row = ref_columns(ref) | {
            "kind": kind,
            "label": label,
            "since": since,
            "run_id": run_id,
            "note": note,
        }
        with self._database.write() as connection:
            upsert(connection, overrides, [row], update=("key", "note"))

    def add_overrides(self, rows: Iterable[OverrideRecord]) -> None:
        """Save many overrides like ``add_override`` in one transaction."""
        values = [
            ref_columns(row.ref)
            | {
                "kind": row.kind,
                "label": row.label,
                "since": row.since,
                "run_id": row.run_id,
                "note": row.note,
            }
            for row in rows
        ]
        with self._database.write() as connection:
            upsert(connection, overrides, values, update=("key", "note"))

    def remove_override(self, ref: IssueRef, kind: OverrideKind, label: str) -> None:
        """Delete an override that was withdrawn. Does nothing without one."""
        with self._database.write() as connection:
            connection.execute(
                delete(overrides).where(
                    matches_ref(overrides, ref), overrides.c.kind == kind, overrides.c.label == label
                )
            )


_ORDER = ("since", "tracker", "issue_id", "kind", "label")
