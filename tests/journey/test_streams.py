"""Standard streams and signals of a real process: output never ends a run."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from sync.apply.executor import Executor
from sync.model.changes import Change
from sync.model.interruption import Interrupted
from tests.support.journey_world import PLAN, TOKENS, JourneyWorld, jira_seed

LONG_PLAN = PLAN.replace("2026-12-31", "2099-12-31")
"""The processes of these tests have a clock of their own."""
TITLE = "Größe der Modelle 機械学習 → 🚀"


def foreign_titles() -> dict[str, Any]:
    seed = jira_seed(2)
    for issue in seed["projects"]["DS"]["issues"][2:]:
        issue["summary"] = TITLE
    return seed


def shell(world: JourneyWorld, command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command line of a shell in which ``$SYNC`` is the program in the world's workspace."""
    inherited = {
        name: value for name, value in os.environ.items() if name not in ("LANG", "LC_ALL", "PYTHONUTF8")
    }
    program = {"SYNC": f"{sys.executable} -m sync -C {world.root}"}
    return subprocess.run(
        ["bash", "-c", command],
        env={**inherited, **TOKENS, **program, **environment},
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_characters_that_the_streams_cannot_show_are_replaced(
    make_world: Callable[..., JourneyWorld],
) -> None:
    world = make_world(jira=foreign_titles(), plan=LONG_PLAN.replace("Churn model", TITLE))
    done = shell(world, "$SYNC run && $SYNC explain DS-11 --json", PYTHONIOENCODING="ascii:strict")
    assert done.returncode == 0, done.stderr
    text, _, document = done.stdout.decode("ascii").partition("{")
    assert "capability:model" in text
    assert json.loads("{" + document)["title"] == TITLE
    assert world.run().out == "nothing to change\n"


CLOSED_OR_FULL = {
    # command line -> exit code
    "$SYNC run >&- 2>&- <&-": 0,
    "$SYNC run | head -c 1 >/dev/null; exit ${PIPESTATUS[0]}": 0,
    "$SYNC run >/dev/full": 74,
}


@pytest.mark.parametrize(("command", "code"), CLOSED_OR_FULL.items())
def test_a_run_without_anybody_to_talk_to_is_a_whole_run(
    command: str, code: int, world: JourneyWorld
) -> None:
    world.write("plans/2026-q4.yaml", LONG_PLAN)
    done = shell(world, command)
    assert b"Traceback" not in done.stderr
    assert (done.returncode, done.stdout) == (code, b"")
    assert (b"No space left" in done.stderr) == (command == "$SYNC run >/dev/full")
    assert "capability:model" in world.labels("DS-11")
    with sqlite3.connect(world.root / ".increment-sync" / "state.db") as file:
        # The first file that a process opens takes the number of a closed stream.
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with world.opened_store() as store:
        (run,) = store.recent_runs()
        outcomes = {entry.outcome for entry in store.journal(run_id=run.id)}
    assert (run.outcome, run.exit_code, outcomes) == ("done", 0, {"done"})


@pytest.mark.parametrize("command", ["status --json", "--help"])
def test_commands_that_only_show_tell_that_the_disk_is_full(command: str, world: JourneyWorld) -> None:
    world.run()
    done = shell(world, f"$SYNC --log-level error {command} >/dev/full")
    assert (done.returncode, done.stderr.count(b"\n")) == (74, 1)
    assert b"output was lost: No space left on device" in done.stderr


def test_a_question_without_an_answer_is_a_no(world: JourneyWorld) -> None:
    world.run()
    world.unlabel("DS-11", "capability:model")
    world.run()
    done = shell(world, "$SYNC overrides clear --issue DS-11 <&-")
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert [row["kind"] for row in world.overrides()["overrides"]] == ["veto"]


# ---- interrupted


def start(world: JourneyWorld, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "sync", "-C", str(world.root), *arguments],
        env={**os.environ, **TOKENS},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell that starts the tests in the background has all their children ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_what_it_wrote_and_the_next_one_goes_on(
    number: signal.Signals, world: JourneyWorld
) -> None:
    world.write("plans/2026-q4.yaml", LONG_PLAN)
    world.edit("increment-sync.yaml", "write_spacing: 0", "write_spacing: 20")
    started = start(world, "run")
    wait_for(
        lambda: any(entry.method == "POST" and "labels" in entry.path for entry in world.box.log.entries)
    )
    time.sleep(0.3)
    started.send_signal(number)
    _, err = started.communicate(timeout=10)
    assert started.returncode == 128 + number
    assert b"Traceback" not in err
    last = err.decode().splitlines()[-1]
    assert last.startswith("increment-sync: interrupted after ")
    assert last.endswith("; the next run goes on from there")
    with world.opened_store() as store:
        (run,) = store.recent_runs()
        done = [entry for entry in store.journal(run_id=run.id) if entry.outcome == "done"]
        assert store.lease() is None
    assert run.outcome is not None
    assert run.outcome in last
    assert (run.exit_code, run.summary["written"]) == (128 + number, len(done))
    world.edit("increment-sync.yaml", "write_spacing: 20", "write_spacing: 0")
    assert world.run().code == 0
    assert world.run().out == "nothing to change\n"


def stop_after_the_first_change(monkeypatch: pytest.MonkeyPatch, stop: BaseException) -> None:
    apply_one = Executor._apply_one

    def apply_and_stop(executor: Executor, change: Change) -> None:
        apply_one(executor, change)
        raise stop

    monkeypatch.setattr(Executor, "_apply_one", apply_and_stop)


@pytest.mark.parametrize("command", ["run", "apply", "undo", "reconcile"])
def test_every_command_that_writes_records_how_far_it_came(
    command: str, world: JourneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    if command == "undo":
        world.run()
    world.preview(world.root / "changes.json")
    stop_after_the_first_change(monkeypatch, Interrupted(signal.SIGTERM))
    done = {
        "run": world.run,
        "apply": lambda: world.apply(world.root / "changes.json"),
        "undo": lambda: world.undo(first_run(world), limit=100),
        "reconcile": lambda: world.reconcile(yes=True),
    }[command]()
    with world.opened_store() as store:
        run = store.recent_runs(1)[0]
        written = [entry.outcome for entry in store.journal(run_id=run.id)].count("done")
        assert store.lease() is None
    assert written > 0
    assert (done.code, run.exit_code, run.summary["written"]) == (143, 143, written)
    assert run.outcome == f"interrupted after {written} write{'s' * (written > 1)}"
    assert done.err.endswith(f"increment-sync: {run.outcome}; the next run goes on from there\n")


def first_run(world: JourneyWorld) -> str:
    with world.opened_store() as store:
        return store.runs_of_command("run")[0].id


def test_a_run_that_an_error_stops_records_how_far_it_came(
    world: JourneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after_the_first_change(monkeypatch, OSError(5, "Input/output error"))
    assert world.run().code == 1
    (run,) = world.history(as_json=True).json["runs"]
    assert run["outcome"].startswith("stopped after ")
    assert run["outcome"].endswith(": OSError")
    assert run["summary"]["written"] > 0


def test_an_interrupted_command_ends_its_json(world: JourneyWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_after_the_first_change(monkeypatch, Interrupted(signal.SIGINT))
    document = world.run(as_json=True).json
    assert document["exit_code"] == 130
    assert document["error"].startswith("interrupted after ")
