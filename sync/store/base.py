"""What every part of the store has, and how an ``IssueRef`` goes into rows and comes out of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_

from connectors.model import IssueRef
from sync.store.codec import RowValues
from sync.store.database import Database


class StorePart:
    """A topic of the store; ``Store`` is made of all of them."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now


def ref_columns(ref: IssueRef) -> dict[str, str]:
    """The columns of a ref."""
    return {"tracker": ref.tracker, "issue_id": ref.id, "key": ref.key}


def parse_ref(row: RowValues) -> IssueRef:
    """The ref of a row."""
    return IssueRef(tracker=row["tracker"], id=row["issue_id"], key=row["key"])


def matches_ref(table: Table, ref: IssueRef) -> ColumnElement[bool]:
    """The condition that a row is about this issue."""
    return and_(table.c.tracker == ref.tracker, table.c.issue_id == ref.id)


def row_with_ref(row: RowValues) -> dict[str, Any]:
    """The columns of a row, with the ref as one value: what the row classes take."""
    values = {name: value for name, value in row.items() if name not in ("tracker", "issue_id", "key")}
    return {"ref": parse_ref(row), **values}
