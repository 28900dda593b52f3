"""``rehearse``: simulation of a workspace with faults; the real trackers get no request."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sync.cli import main as cli
from sync.cli.commands.rehearse import rehearse
from tests.support.journey_world import JourneyWorld

MakeWorld = Callable[..., JourneyWorld]


@pytest.fixture
def settled(make_world: MakeWorld) -> JourneyWorld:
    world = make_world(jira=2, github=2)
    world.run()
    return world


def simulate(world: JourneyWorld, capsys: pytest.CaptureFixture[str], schedules: int = 4) -> tuple[int, dict]:
    code = cli.invoke(lambda: rehearse(world.invocation(as_json=True), seed=0, schedules=schedules))
    return code, json.loads(capsys.readouterr().out)


def test_a_simulation_changes_nothing_real(settled: JourneyWorld, capsys: pytest.CaptureFixture[str]) -> None:
    store = settled.root / ".increment-sync" / "state.db"
    settled.box.log.clear()
    before, stored = settled.snapshot(), contents(store)
    code, document = simulate(settled, capsys)
    assert code == 0, document
    assert (document["schedules"], document["converged"]) == (4, 4)
    assert sum(document["faults"].values()) > 4
    assert document["failures"] == []
    assert document["writes"] == 0, "the sandbox trackers have the content of the real ones"
    assert settled.box.log.entries == ()
    assert settled.snapshot() == before
    assert contents(store) == stored


def test_the_preview_counts_writes_and_mails_of_the_next_run(
    settled: JourneyWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    settled.edit(
        "mappings/science.yaml", "labels: [features]}, assign: features", "labels: [x]}, assign: features"
    )
    code, document = simulate(settled, capsys, schedules=1)
    assert code == 0, document
    assert document["writes"] > 0
    text = cli.invoke(lambda: rehearse(settled.invocation(), seed=0, schedules=1))
    assert text == 0
    assert f"Without faults the next run would write {document['writes']} times." in capsys.readouterr().out


def test_a_simulation_finds_writes_that_are_not_recovered(
    make_world: MakeWorld, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(jira=1, github=1)
    assert world.preview().code == 0  # read, and nothing written yet
    monkeypatch.setattr("sync.pipeline.run.recover_pending_writes", lambda _: [])
    code, document = simulate(world, capsys, schedules=8)
    assert code == 1
    assert any(b["rule"] == "journalled" for each in document["failures"] for b in each["broken"])
    first = document["failures"][0]["seed"]
    assert cli.invoke(lambda: rehearse(world.invocation(), seed=first, schedules=1)) == 1
    assert f"increment-sync rehearse --seed {first} --schedules 1" in capsys.readouterr().err


def test_a_first_run_spread_over_several_converges(
    make_world: MakeWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    world = make_world(jira=1, github=1, settings="limits: {new_comments: 1}\n")
    assert world.preview().code == 0
    code, document = simulate(world, capsys, schedules=6)
    assert code == 0, document["failures"]


def test_without_the_sandbox_extra_the_error_says_what_to_install(
    settled: JourneyWorld, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(("sync.simulation", "werkzeug"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "werkzeug", None)
    monkeypatch.setitem(sys.modules, "werkzeug.wrappers", None)
    monkeypatch.delitem(sys.modules, "connectors.sandbox.core.wsgi_app", raising=False)
    monkeypatch.delitem(sys.modules, "connectors.sandbox.server", raising=False)
    assert cli.invoke(lambda: rehearse(settled.invocation(), seed=0, schedules=1)) == 1
    assert "pip install 'increment-sync[sandbox]'" in capsys.readouterr().err


def contents(store: Path) -> list[str]:
    import sqlite3

    with sqlite3.connect(store) as connection:
        found = list(connection.iterdump())
    connection.close()
    return found
