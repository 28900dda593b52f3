"""Cache in the store: small JSON values with an expiry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, delete, select

from sync.store.database import Database, chunks, upsert
from sync.store.tables import cache

_SELECT_VALUE: Final = select(cache.c.value).where(
    cache.c.tracker == bindparam("of"), cache.c.key == bindparam("named"), cache.c.expires > bindparam("at")
)
"""Built once: building a query takes as long as running it, and a run reads dozens of values."""


class StoredCache:
    """Implements ``connectors.ports.Cache`` for one tracker. Thread-safe."""

    def __init__(self, database: Database, now: Callable[[], datetime], tracker: str) -> None:
        self._database = database
        self._now = now
        self._tracker = tracker

    def get(self, key: str) -> Any | None:
        """Return the value of a key; None if it is unknown or expired."""
        parameters = {"of": self._tracker, "named": key, "at": self._now()}
        with self._database.read() as connection:
            return connection.execute(_SELECT_VALUE, parameters).scalar()

    def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """Return key -> value of those keys that are known and not expired."""
        query = select(cache.c.key, cache.c.value).where(
            cache.c.tracker == self._tracker, cache.c.expires > self._now()
        )
        with self._database.read() as connection:
            return {
                row.key: row.value
                for chunk in chunks(keys)
                for row in connection.execute(query.where(cache.c.key.in_(chunk)))
            }

    def put_if_changed(self, key: str, value: Any, *, days: float = 30) -> None:
        """Save a JSON value unless the key has it already."""
        if self.get(key) != value:
            self.put(key, value, days=days)

    def put(self, key: str, value: Any, *, days: float = 30) -> None:
        """Save a JSON value for a number of days. None deletes the key."""
        now = self._now()
        row = {"tracker": self._tracker, "key": key, "value": value, "expires": now + timedelta(days=days)}
        with self._database.write() as connection:
            connection.execute(delete(cache).where(cache.c.expires <= now))
            if value is None:
                connection.execute(delete(cache).where(cache.c.tracker == self._tracker, cache.c.key == key))
            else:
                upsert(connection, cache, [row], update=("value", "expires"))
