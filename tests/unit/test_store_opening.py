"""Opening stores by URL, and the messages when that fails."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Pool, event

from sync.store import Store, StoreError, open_store
from tests.support.postgres import new_database
from tests.support.store_world import DS, START, Clock, issue, pull


def refusal(url: str) -> str:
    """The sentence with which a store does not open."""
    with pytest.raises(StoreError) as refused:
        open_store(url, now=Clock())
    return str(refused.value)


def is_a_sentence(text: str) -> bool:
    return text[0].isupper() and text.rstrip("'")[-1] in ".]" and "Traceback" not in text and "\n" not in text


def test_folder_is_created_and_store_persists(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/.increment-sync/deep/state.db"
    store = open_store(url, now=Clock())
    pull(store, issue(1))
    store.close()

    later = Clock()
    later.forward(days=30)
    again = open_store(url, now=later)
    assert again.created_at == START
    assert [known.issue for known in again.known_issues()] == [issue(1)]
    again.close()


def test_memory_store_is_new_each_time() -> None:
    for _ in range(2):
        store = open_store("sqlite://", now=Clock())
        assert list(store.known_issues()) == []
        pull(store, issue(1))
        store.close()


@pytest.mark.usefixtures("durable")
def test_sqlite_file_survives_crash_and_power_cut(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/state.db", now=Clock())
    with store._database.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
    store.close()
    full = 2
    assert pragmas == {"journal_mode": "wal", "synchronous": full, "busy_timeout": 30_000, "foreign_keys": 1}


def test_new_or_current_store_opens_without_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    program = (
        "import sys; from datetime import datetime, UTC; from sync.store import open_store;"
        "before = 'alembic' in sys.modules;"
        "open_store(sys.argv[1], now=lambda: datetime.now(UTC)).close();"
        "print(before, 'alembic' in sys.modules, 'psycopg' in sys.modules)"
    )
    message = [
        subprocess.run(
            [sys.executable, "-c", program, url], check=True, capture_output=True, text=True
        ).stdout.split()
        for _ in range(2)
    ]
    assert message == [["False", "False", "False"], ["False", "False", "False"]]


def test_two_processes_can_create_the_same_store_concurrently(tmp_path: Path) -> None:
    program = (
        "import sys; from datetime import datetime, UTC; from sync.store import open_store;"
        "store = open_store(sys.argv[1], now=lambda: datetime.now(UTC)); print(store.created_at); store.close()"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, f"sqlite:///{tmp_path}/state.db"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    message = {process.communicate()[0] for process in started}
    assert len(message) == 1, message
    assert {process.returncode for process in started} == {0}


@pytest.mark.parametrize("content", [b"not a database at all, " * 400, b"\x00" * 5000], ids=["text", "zeros"])
def test_file_that_is_not_a_store_is_refused_and_unchanged(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "state.db"
    file.write_bytes(content)
    message = refusal(f"sqlite:///{file}")
    assert "is damaged or is not an increment-sync store" in message and str(file) in message
    assert is_a_sentence(message)
    assert file.read_bytes() == content


def test_torn_pages_are_reported_while_the_store_is_used(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    store = open_store(f"sqlite:///{file}", now=Clock())
    pull(store, *(issue(number) for number in range(300)))
    store.close()
    pages = bytearray(file.read_bytes())
    pages[20_000:-1] = b"\xff" * (len(pages) - 20_001)
    file.write_bytes(pages)
    with pytest.raises(StoreError, match="is damaged"):
        _read_everything(f"sqlite:///{file}")


def _read_everything(url: str) -> None:
    store = open_store(url, now=Clock())
    try:
        list(store.known_issues())
    finally:
        store.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_store_of_a_newer_version_is_refused(tmp_path: Path, kind: str) -> None:
    url = new_database() if kind == "postgresql" else f"sqlite:///{tmp_path}/state.db"
    store = open_store(url, now=Clock())
    with store._database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.close()
    message = refusal(url)
    assert "was written by a newer increment-sync (its schema is 9999" in message
    assert is_a_sentence(message)


@contextmanager
def _disk_with_room_for(pages: int) -> Iterator[None]:
    def limit(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(Pool, "connect", limit)
    try:
        yield
    finally:
        event.remove(Pool, "connect", limit)


def test_full_disk_loses_no_committed_data(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    with _disk_with_room_for(120):
        store = open_store(url, now=Clock())
        pull(store, issue(1))
        with pytest.raises(StoreError, match="the disk or quota is full") as full:
            pull(store, *(issue(number, body="x" * 3000) for number in range(2, 400)))
        assert is_a_sentence(str(full.value))
        assert [known.issue.ref.key for known in store.known_issues()] == ["DS-1"]
        state = store.source_state(DS)
        assert state is not None and state.count == 1
        store.close()


def test_full_disk_at_creation_is_reported(tmp_path: Path) -> None:
    with _disk_with_room_for(5):
        assert "the disk or quota is full" in refusal(f"sqlite:///{tmp_path}/state.db")


@contextmanager
def _somebody_without_rights() -> Iterator[None]:
    """Permissions mean nothing to root, so be somebody else for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Reachable for everybody, which pytest's own folders are not."""
    with tempfile.TemporaryDirectory(prefix="increment-sync-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_unwritable_folder_is_named(open_folder: Path) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o555)
    with _somebody_without_rights():
        in_it = refusal(f"sqlite:///{closed}/state.db")
        below_it = refusal(f"sqlite:///{closed}/below/state.db")
    assert str(closed) in in_it and "cannot be opened" in in_it and is_a_sentence(in_it)
    assert f"{closed}/below" in below_it and "cannot be created" in below_it and is_a_sentence(below_it)


def test_read_only_file_is_named(open_folder: Path) -> None:
    file = open_folder / "state.db"
    open_store(f"sqlite:///{file}", now=Clock()).close()
    file.chmod(0o444)
    with _somebody_without_rights(), pytest.raises(StoreError) as refused:
        _write_something(f"sqlite:///{file}")
    assert str(file) in str(refused.value) and "Correct the permissions" in str(refused.value)


def _write_something(url: str) -> None:
    store = open_store(url, now=Clock())
    try:
        pull(store, issue(1))
    finally:
        store.close()


def test_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    assert "cannot be opened" in refusal(f"sqlite:///{tmp_path}")


def test_lock_by_another_program_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.store.open.BUSY_MILLISECONDS", 50)
    store = open_store(f"sqlite:///{tmp_path}/state.db", now=Clock())
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="is locked by another program"):
        pull(store, issue(1))
    assert list(store.known_issues()) == []
    other.execute("ROLLBACK")
    other.close()
    pull(store, issue(1))
    store.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("state.db", "is not a database URL"),
        ("postgresql://me:s3cret@localhost:port/db", "is not a database URL"),
        ("mysql://root:s3cret@db/plans", "cannot live in 'mysql'"),
        ("postgresql://me:s3cret@127.0.0.1:1/plans", "plans on 127.0.0.1:1 cannot be used"),
        ("postgres://me:s3cret@127.0.0.1:1/plans?password=s3cret", "plans on 127.0.0.1:1 cannot be used"),
    ],
)
def test_unusable_url_is_reported_without_its_password(url: str, says: str) -> None:
    message = refusal(url)
    assert says in message and "s3cret" not in message and is_a_sentence(message)


def test_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    message = refusal("postgresql://localhost/plans")
    assert "pip install 'increment-sync[postgres]'" in message and is_a_sentence(message)


def test_missing_database_is_reported() -> None:
    url = new_database().replace("test_", "nowhere_")
    assert "does not exist" in refusal(url)


def test_lost_server_connection_is_reported() -> None:
    store: Store = open_store(new_database(), now=Clock())
    kill = "SELECT pg_terminate_backend(pg_backend_pid())"
    with pytest.raises(StoreError, match="cannot be used"), store._database.write() as connection:
        connection.exec_driver_sql(kill)
    pull(store, issue(1))
    assert [known.issue for known in store.known_issues()] == [issue(1)]
    store.close()


def test_missing_table_rights_are_reported() -> None:
    url = new_database()
    open_store(url, now=Clock()).close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute("CREATE ROLE guest LOGIN")
    message = refusal(url.replace("postgres:@", "guest:@"))
    assert "read-only for this account" in message and is_a_sentence(message)
