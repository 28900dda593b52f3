"""Waiting and start-up time: sources are read in parallel, and commands start without vendor libraries."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sync.cli.commands.run import run
from sync.model.run import RunOptions
from tests.support.journey_world import MAPPING, PLAN, JourneyWorld, github_seed, jira_seed

MakeWorld = Callable[..., JourneyWorld]

FOUR_SOURCES = MAPPING.replace(
    "  - github: {repo: acme/churn}\n",
    "  - jira: {project: DS, jql: labels = model}\n"
    "  - github: {repo: acme/churn}\n"
    "  - github: {repo: acme/attic}\n",
)


def timed(command: Callable[[], object]) -> float:
    began = time.perf_counter()
    command()
    return time.perf_counter() - began


def test_four_sources_take_about_as_long_as_the_slowest(make_world: MakeWorld) -> None:
    latency = 0.1
    world = make_world(mapping=FOUR_SOURCES, jira=jira_seed(3), github=github_seed(3))
    world.run()
    world.run()
    world.run()
    own_time = min(timed(world.run) for _ in range(2))
    world.fault("latency", seconds=latency)
    waited = min(timed(world.run) for _ in range(3)) - own_time
    assert len(world.requests) == 4
    one_after_the_other = 4 * latency
    assert waited < 0.75 * one_after_the_other


def test_data_that_all_sources_of_a_site_need_is_requested_once(make_world: MakeWorld) -> None:
    world = make_world(mapping=FOUR_SOURCES)
    world.fault("latency", seconds=0.05)
    world.preview()
    jira = world.reads("jira")
    for shared in ("/serverInfo", "/myself", "/field", "/changelog/bulkfetch"):
        assert sum(shared in request for request in jira) == 1, "\n".join(jira)
    assert sum("/search/jql" in request for request in jira) == 2
    assert all(request.endswith("/comment -> 200") for request in jira[6:])


LIGHT = """
import sys
from sync.cli.main import app, invoke
code = invoke(lambda: app(sys.argv[1:], standalone_mode=False))
loaded = {name.split(".")[0] for name in sys.modules}
heavy = sorted(loaded & {"jira", "github", "sqlalchemy", "alembic", "numpy", "scipy"})
print("imported", code, *heavy)
"""


@pytest.mark.parametrize(
    "command", [["--help"], ["mappings", "check"], ["run", "--help"], ["forecast", "--help"]]
)
def test_it_starts_without_what_it_does_not_need(world: JourneyWorld, command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, *command],
        cwd=world.root,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines()[-1] == "imported 0", done.stderr


def test_the_program_that_crontabs_call_does_the_job(world: JourneyWorld) -> None:
    program = Path(sys.executable).with_name("increment-sync")
    environment = {**world.environment, "PATH": "", "HOME": str(world.root)}

    def called() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, "-C", world.root, "run"], env=environment, capture_output=True, text=True, timeout=60
        )

    first, second = called(), called()
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "12 changes written" in first.stdout
    assert "nothing to change" in second.stdout
    assert world.labels("DS-11") == {"model", "capability:model", "increment:2026-q4"}
    assert '"run_id"' in first.stderr, "away from a terminal, logs are JSON lines on stderr"


def test_a_wrong_option_is_a_usage_error(world: JourneyWorld) -> None:
    program = Path(sys.executable).with_name("increment-sync")
    done = subprocess.run([program, "run", "--nonsense"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 64
    assert "--nonsense" in done.stderr


def test_a_tracker_that_is_down_is_requested_once_and_reported_once(make_world: MakeWorld) -> None:
    plan = PLAN.replace("jira:DS-2", "jira:OPS-1")
    world = make_world(plan=plan)
    world.jira.add_issue("OPS", "Churn model", by="ada")
    world.run()
    world.edit("increment-sync.yaml", world.box.url("jira"), "http://127.0.0.1:9")
    began, loud = world.clock(), replace(world.invocation(), log_level="info")
    result = world._call(lambda: run(loud, RunOptions()))
    assert result.code == 1
    assert '"source.failed"' in result.err, "logs are on the same stream"
    texts = [line for line in result.err.splitlines() if not line.startswith("{")]
    assert "\n".join(texts).count("no connection to 127.0.0.1:9") == 1
    assert "anchors not read: jira:DS-1, jira:OPS-1: for the same reason" in result.err
    assert (world.clock() - began).total_seconds() < 30 * 60 + 15, "one round of attempts"
