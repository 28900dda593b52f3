"""The store contract on SQLite in memory, an SQLite file and PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

pytest.register_assert_rewrite(
    "tests.contract.store_suite",
    "tests.contract.store_acts_suite",
    "tests.contract.store_counted_suite",
    "tests.contract.store_histories_suite",
)

from sync.store import Store, open_store, tables  # noqa: E402
from sync.store.columns import metadata  # noqa: E402
from tests.contract.store_acts_suite import (  # noqa: E402
    JournalContract,
    LeaseContract,
    PushedContract,
    RollupsContract,
    RunsContract,
)
from tests.contract.store_counted_suite import CountedContract  # noqa: E402
from tests.contract.store_histories_suite import HistoriesContract  # noqa: E402
from tests.contract.store_suite import EventsContract, IssuesContract, SourcesContract  # noqa: E402
from tests.support.postgres import empty_tables, new_database  # noqa: E402
from tests.support.store_world import Clock  # noqa: E402


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, migrated_file: Path) -> Iterator[str]:
    """Empty store. The file is a copy and the database is emptied, because migrating takes longer than a test."""
    if request.param == "memory":
        yield "sqlite://"
    elif request.param == "sqlite":
        yield f"sqlite:///{shutil.copy(migrated_file, tmp_path)}"
    else:
        yield _migrated_database()
        empty_tables(_migrated_database(), [table.name for table in _EMPTIED])


_EMPTIED = [table for table in reversed(metadata.sorted_tables) if table is not tables.store_facts]


@pytest.fixture(scope="module")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("migrated") / "state.db"
    open_store(f"sqlite:///{file}", now=Clock()).close()
    return file


@cache
def _migrated_database() -> str:
    fresh = new_database()
    open_store(fresh, now=Clock()).close()
    return fresh


@pytest.fixture
def store(url: str, clock: Clock) -> Iterator[Store]:
    opened = open_store(url, now=clock)
    yield opened
    opened.close()


class TestSources(SourcesContract):
    pass


class TestIssues(IssuesContract):
    pass


class TestEvents(EventsContract):
    pass


@pytest.fixture
def store_elsewhere(clock: Clock) -> Iterator[Store]:
    opened = open_store("sqlite://", now=clock)
    yield opened
    opened.close()


class TestHistories(HistoriesContract):
    pass


class TestRuns(RunsContract):
    pass


class TestLease(LeaseContract):
    pass


class TestPushed(PushedContract):
    pass


class TestJournal(JournalContract):
    pass


class TestRollups(RollupsContract):
    pass


class TestCounted(CountedContract):
    pass
