"""Count records (how each issue counted, and when) and plan history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Select, Text, bindparam, func, insert, or_, select, type_coerce, update

from connectors.model import IssueRef
from sync.model.attribution import CountRecord, PlanFacts, Transition
from sync.store.base import StorePart, row_values
from sync.store.codec import load_json
from sync.store.database import chunks, insert_rows, upsert
from sync.store.tables import counted, plan_history, rollups, store_facts

_PLAN_COLUMNS: Final = ("at", "run_id", "digest", "body", "names")
_VALUE_COLUMNS: Final = (
    *("capability", "state", "team", "rule", "since", "run_id", "fingerprint", "until", "ended_by", "id"),
)
_SELECT_COUNTED: Final = select(
    *(counted.c[name] for name in ("tracker", "issue_id", "key")),
    type_coerce(counted.c.began, Text),
    type_coerce(counted.c.ended, Text),
    *(counted.c[name] for name in _VALUE_COLUMNS),
)
"""In the order that ``_build_count_record`` expects, with transitions as raw JSON."""
_SAVED_FACT: Final = "counted"
"""Name of the fact that holds the time of the last save."""


class CountedIssuesPart(StorePart):
    def current_count_records(self) -> list[CountRecord]:
        """Return how every issue counts since the last run that saved it."""
        return self._fetch_count_records(_SELECT_COUNTED.where(counted.c.until.is_(None)))

    def count_records_between(self, since: datetime, at: datetime) -> list[CountRecord]:
        """Return all records valid at some time from ``since`` to ``at``, in the order they were saved."""
        valid = or_(counted.c.until.is_(None), counted.c.until > since)
        query = _SELECT_COUNTED.where(counted.c.since <= at, valid).order_by(counted.c.id)
        return self._fetch_count_records(query)

    def last_ended_count_records(self, refs: Collection[IssueRef]) -> dict[IssueRef, CountRecord]:
        """Return the last ended record of each of these issues. Issues without one are left out."""
        found: dict[IssueRef, CountRecord] = {}
        by_tracker: defaultdict[str, list[str]] = defaultdict(list)
        for ref in refs:
            by_tracker[ref.tracker].append(ref.id)
        for tracker, ids in by_tracker.items():
            for chunk in chunks(ids):
                of_issues = (counted.c.tracker == tracker, counted.c.issue_id.in_(chunk))
                query = _SELECT_COUNTED.where(*of_issues, counted.c.until.is_not(None))
                found |= {row.ref: row for row in self._fetch_count_records(query.order_by(counted.c.id))}
        return found

    def count_records_saved_at(self) -> datetime | None:
        """Return when the run started to read that last saved count records, changed or not; None before the first."""
        found: datetime | None = self._fetch_value(
            select(store_facts.c.at).where(store_facts.c.name == _SAVED_FACT)
        )
        return found

    def save_count_records(
        self,
        read_at: datetime,
        ended: Collection[CountRecord],
        started: Collection[CountRecord],
        plan: PlanFacts | None,
    ) -> None:
        """End records, add new ones, and add the plans if they changed, in one transaction.

        ``read_at``: when the run started to read.
        """
        ends = [
            {"row": row.id, "at": row.until, "turn": _transition_body(row.ended), "by": row.ended_by}
            for row in ended
        ]
        closing = (
            update(counted)
            .where(counted.c.id == bindparam("row"))
            .values(until=bindparam("at"), ended=bindparam("turn"), ended_by=bindparam("by"))
        )
        with self._database.write() as connection:
            for chunk in chunks(ends):
                connection.execute(closing, chunk)
            insert_rows(connection, counted, map(_count_record_values, started))
            if plan is not None:
                values = {name: getattr(plan, name) for name in _PLAN_COLUMNS}
                connection.execute(insert(plan_history).values(values))
            upsert(connection, store_facts, [{"name": _SAVED_FACT, "at": read_at}], update=("at",))

    def plan_history(self) -> list[PlanFacts]:
        """Return all versions of the plans, oldest first. Each is valid from its ``at`` on."""
        return self._fetch_records(PlanFacts, select(plan_history).order_by(plan_history.c.id))

    def plan_at(self, at: datetime | None = None) -> PlanFacts | None:
        """Return the plans at a time, by default the latest; None before the first."""
        query = select(plan_history).order_by(plan_history.c.id.desc()).limit(1)
        if at is not None:
            query = query.where(plan_history.c.at <= at)
        return self._fetch_record(PlanFacts, query)

    def first_rollup_at(self) -> datetime | None:
        """Return the time of the first saved roll-up."""
        found: datetime | None = self._fetch_value(select(func.min(rollups.c.at)))
        return found

    def _fetch_count_records(self, query: Select[Any]) -> list[CountRecord]:
        with self._database.read() as connection:
            return [_build_count_record(*row) for row in connection.execute(query)]


def _build_count_record(
    tracker: str, issue_id: str, key: str, began: str, ended: str | None, *values: Any
) -> CountRecord:
    """Build a record. Called for every issue in every run, so transitions, most of which are alike, are cached."""
    return CountRecord(
        ref=IssueRef(tracker=tracker, id=issue_id, key=key),
        began=_parse_transition(began),
        ended=_parse_transition(ended) if ended else None,
        **dict(zip(_VALUE_COLUMNS, values, strict=True)),
    )


@lru_cache(maxsize=4096)
def _parse_transition(text: str) -> Transition:
    return Transition(**load_json(text))


def _count_record_values(row: CountRecord) -> dict[str, Any]:
    return row_values(row) | {"began": _transition_body(row.began), "ended": _transition_body(row.ended)}


def _transition_body(transition: Transition | None) -> dict[str, str] | None:
    return asdict(transition) if transition else None
