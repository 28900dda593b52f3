"""Small facts that outlive a run, with an end of life."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, delete, select

from sync.store.database import Database, upsert
from sync.store.tables import cache

_SELECT_VALUE: Final = select(cache.c.value).where(
    cache.c.tracker == bindparam("of"), cache.c.key == bindparam("named"), cache.c.expires > bindparam("at")
)
"""Built once: a run looks up dozens of facts, and building the query costs as much as asking it."""


class StoredCache:
    """``connectors.ports.Cache`` for one tracker. May be used from several threads."""

    def __init__(self, database: Database, now: Callable[[], datetime], tracker: str) -> None:
        self._database = database
        self._now = now
        self._tracker = tracker

    def get(self, key: str) -> Any | None:
        """The value, or None when unknown or too old."""
        asked = {"of": self._tracker, "named": key, "at": self._now()}
        with self._database.read() as connection:
            return connection.execute(_SELECT_VALUE, asked).scalar()

    def put(self, key: str, value: Any, *, days: float = 30) -> None:
        """Keep a JSON value for so many days, in place of an older one. None forgets the key."""
        now = self._now()
        row = {"tracker": self._tracker, "key": key, "value": value, "expires": now + timedelta(days=days)}
        with self._database.write() as connection:
            connection.execute(delete(cache).where(cache.c.expires <= now))
            if value is None:
                connection.execute(delete(cache).where(cache.c.tracker == self._tracker, cache.c.key == key))
            else:
                upsert(connection, cache, [row], update=("value", "expires"))
