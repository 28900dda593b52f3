"""Log lines say which team, source and rule they are about, and messages come whole."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from typing import Any

import pytest

from sync.cli import main as cli
from sync.cli.commands.run import run
from sync.model.run import RunOptions
from tests.support.journey_world import JourneyWorld


def logged_run(world: JourneyWorld) -> list[dict[str, Any]]:
    """Run with logs and return their events."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        cli.invoke(lambda: run(replace(world.invocation(), log_level="info"), RunOptions()))
    lines = err.getvalue().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def the(events: list[dict[str, Any]], name: str, **fields: str) -> dict[str, Any]:
    """Return the first event of this name with these fields."""
    found = [each for each in events if each["event"] == name and fields.items() <= each.items()]
    assert found, (name, fields, events)
    return found[0]


def test_events_carry_team_source_rule_and_reason(world: JourneyWorld) -> None:
    events = logged_run(world)
    assert {each["run_id"] for each in events} == {world.last_run()}
    assert the(events, "source.read", source="jira:DS")["team"] == "science"
    written = the(events, "change.applied", issue="jira:DS-11")
    assert written["why"] == "rule model of team science assigns it to model"
    assert {name: written[name] for name in ("team", "source", "rule")} == {
        "team": "science",
        "source": "jira:DS",
        "rule": "model",
    }
    comment = the(events, "change.applied", issue="github:acme/churn#1", why="roll-up of capability:features")
    assert (comment["team"], "rule" in comment) == ("science", False)


def test_failures_and_waits_carry_them_as_well(world: JourneyWorld) -> None:
    world.run()
    world.fault("status", status=404, tracker="github", path="*/issues", times=None)
    world.fault("status", status=503, tracker="jira", headers={"Retry-After": "7"})
    events = logged_run(world)
    failed = the(events, "source.failed", source="github:acme/churn")
    assert failed["team"] == "science"
    assert "acme/churn" in failed["reason"]
    assert the(events, "request.waiting", tracker="jira")["source"] == "jira:DS"
    world.box.faults.clear()
    world.github.close("acme/churn", 11, by="ada")
    world.label("DS-11", "none")
    world.unlabel("DS-11", "model")
    world.fault("status", status=400, method="PUT", tracker="jira", times=None)
    events = logged_run(world)
    rejected = the(events, "change.failed", issue="jira:DS-11")
    assert (rejected["source"], "400" in rejected["reason"]) == ("jira:DS", True)


def test_the_advice_of_a_refusal_is_not_cut_off(world: JourneyWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    advice = "x" * 500 + " give one of the two another account"
    monkeypatch.setattr(
        "sync.pipeline.run.check_instance", lambda _: (_ for _ in ()).throw(LookupError(advice))
    )
    assert world.run().err == f"increment-sync: {advice}\n"
