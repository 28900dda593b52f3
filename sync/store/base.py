"""Base class of the parts of the store, and conversion of ``IssueRef`` from and to rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_

from connectors.model import IssueRef
from sync.store.codec import RowValues
from sync.store.database import Database


class StorePart:
    """Base of one topic of the store; ``Store`` combines all of them."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now


def ref_columns(ref: IssueRef) -> dict[str, str]:
    """Return the columns of a ref."""
    return {"tracker": ref.tracker, "issue_id": ref.id, "key": ref.key}


def parse_ref(row: RowValues) -> IssueRef:
    """Return the ref of a row."""
    return IssueRef(tracker=row["tracker"], id=row["issue_id"], key=row["key"])


def matches_ref(table: Table, ref: IssueRef) -> ColumnElement[bool]:
    """Return the condition that a row is about this issue."""
    return and_(table.c.tracker == ref.tracker, table.c.issue_id == ref.id)


def row_with_ref(row: RowValues) -> dict[str, Any]:
    """Return the columns of a row with the ref as one value, as the record classes take them."""
    values = {name: value for name, value in row.items() if name not in ("tracker", "issue_id", "key")}
    return {"ref": parse_ref(row), **values}
