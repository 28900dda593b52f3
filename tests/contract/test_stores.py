"""Memory, a SQLite file and PostgreSQL are the same store."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.contract.store_suite", "tests.contract.store_acts_suite")

from sync.store import Store, open_store  # noqa: E402
from tests.contract.store_acts_suite import (  # noqa: E402
    FiguresContract,
    JournalContract,
    LeaseContract,
    PushedContract,
    RunsContract,
)
from tests.contract.store_suite import EventsContract, IssuesContract, SourcesContract  # noqa: E402
from tests.postgres import database_name, drop_database, new_database  # noqa: E402
from tests.store_world import Clock  # noqa: E402


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "memory":
        yield "sqlite://"
    elif request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/made/on/demand/state.db"
    else:
        fresh = new_database(_template())
        yield fresh
        drop_database(fresh)


@cache
def _template() -> str:
    """A database with the schema in it: copying it is quicker than migrating for each test."""
    fresh = new_database()
    open_store(fresh, now=Clock()).close()
    return database_name(fresh)


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


class TestRuns(RunsContract):
    pass


class TestLease(LeaseContract):
    pass


class TestPushed(PushedContract):
    pass


class TestJournal(JournalContract):
    pass


class TestFigures(FiguresContract):
    pass
