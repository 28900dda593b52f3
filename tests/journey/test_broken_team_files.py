"""A broken mapping file of one team stops no other team and removes nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sync.cli.commands.explain import explain
from sync.cli.commands.history import history
from sync.cli.commands.overrides import list_overrides
from sync.cli.commands.report import report
from sync.cli.commands.snapshot import export_snapshot
from sync.cli.commands.status import status
from sync.cli.commands.status_history import status_since
from sync.cli.commands.unplanned import unplanned
from sync.cli.main import main
from sync.runtime.invocation import Invocation
from tests.support.journey_world import FEATURES, MAPPING, MODEL, PLAN, CommandResult, JourneyWorld

SCIENCE = MAPPING.replace("  - github: {repo: acme/churn}\n", "").replace(
    "  - {id: features, when: {labels: [features]}, assign: features}\n", ""
)
PLATFORM = """\
team: platform
sources:
  - github: {repo: acme/churn}
  - jira: {project: OPS}
rules:
  - {id: features, when: {labels: [features]}, assign: features}
labels: {capability: {prefix: "plat:"}}
"""
Q4 = "increment:2026-q4"
BROKEN = "mappings/platform.yaml"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[JourneyWorld]:
    plan = PLAN.replace("Churn features, team: science", "Churn features, team: platform")
    with JourneyWorld(tmp_path, plan=plan, mapping=SCIENCE, more_mappings={"platform": PLATFORM}) as world:
        world.run()
        yield world


def test_other_teams_go_on_and_last_known_good_rules_apply(world: JourneyWorld) -> None:
    before = world.snapshot()
    world.edit(BROKEN, "assign: features", "assign: featurs")
    result = world.run()
    assert result.code == 3
    assert f"{BROKEN} is broken: its last known good version is used until it is corrected" in result.err
    assert f"  {BROKEN}:6:56: error: rules[0].assign:" in result.err
    assert 'did you mean "features"?' in result.err
    assert world.snapshot() == before
    world.jira.add_issue("DS", summary="Another model", labels=["model"])
    world.github.add_issue("acme/churn", title="Another feature", labels=["features"])
    world.run()
    assert world.labels("DS-14") == {"model", "capability:model", Q4}
    assert world.labels("acme/churn#14") == {"features", "plat:features", Q4}
    assert world.run().code == 3
    assert world.writes() == []


def test_corrected_file_applies_at_once(world: JourneyWorld) -> None:
    world.write(BROKEN, "rules: [")
    assert world.run().code == 3
    world.write(BROKEN, PLATFORM.replace("labels: [features]", "labels: [infra]"))
    assert world.run(max_removals=100).code == 0
    assert world.labels("acme/churn#11") == {"features"}


def test_preview_and_reconcile_go_on_and_json_reports_the_file(world: JourneyWorld) -> None:
    world.write(BROKEN, "rules: [")
    result = world.run(as_json=True)
    (unusable,) = result.json["unusable_files"]
    assert result.code == result.json["exit_code"] == 3
    assert (unusable["file"], unusable["holds"]) == (BROKEN, "former rules")
    assert unusable["problems"][0].startswith(f"{BROKEN}:")
    assert BROKEN in world.preview().err
    result = world.reconcile(yes=True)
    assert (result.code, world.writes()) == (3, [])
    assert BROKEN in result.err


def test_a_new_file_that_never_worked_is_left_out(world: JourneyWorld) -> None:
    before = world.snapshot()
    world.write("mappings/growth.yaml", "team: growth\nrules: nothing\n")
    result = world.run()
    assert result.code == 3
    assert "mappings/growth.yaml is broken: it is left out until it is corrected" in result.err
    assert world.snapshot() == before


GROWTH = "mappings/growth.yaml"


def test_capability_that_a_new_broken_file_may_feed_is_uncertain(world: JourneyWorld) -> None:
    world.jira.add_issue("DS", summary="Growth")
    planned = '      - {id: growth, title: Growth model, team: growth, anchor: "jira:DS-14"}\n'
    world.write("plans/2026-q4.yaml", (world.root / "plans/2026-q4.yaml").read_text() + planned)
    world.write(GROWTH, "team: growth\nrules: nothing\n")
    assert world.run().code == 3
    assert (world.labels("DS-14"), world.comments("DS-14")) == (set(), [])
    (line,) = [line for line in world.status_text().out.splitlines() if "Growth model" in line]
    assert "not known" in line
    assert f"not read: {GROWTH}" in line
    assert "empty" not in line
    world.write(GROWTH, "team: growth\nsources:\n  - jira: {project: DS}\nrules: []\n")
    world.run()
    assert world.labels("DS-14") == {"state:empty"}


def test_issues_moved_into_a_new_broken_file_keep_their_labels(world: JourneyWorld) -> None:
    before = world.snapshot()
    rule = "{id: model, when: {labels: [model]}, assign: model}"
    world.edit("mappings/science.yaml", rule, "{id: other, when: {labels: [other]}, assign: features}")
    world.write(GROWTH, f"team: growth\nsources: nothing\nrules:\n  - {rule}\n")
    assert world.run().code == 3
    assert world.snapshot() == before
    world.write(GROWTH, f"team: growth\nsources:\n  - jira: {{project: DS}}\nrules:\n  - {rule}\n")
    assert world.run().code == 0
    assert world.labels("DS-11") == {"model", "capability:model", Q4}


def test_a_link_out_of_the_workspace_is_neither_read_nor_quoted(world: JourneyWorld, tmp_path: Path) -> None:
    secret = tmp_path.parent / "elsewhere.yaml"
    secret.write_text("team: s3cret\n", encoding="utf-8")
    (world.root / BROKEN).unlink()
    (world.root / BROKEN).symlink_to(secret)
    result = world.run()
    assert result.code == 3
    assert "leads out of the workspace" in result.err
    assert "s3cret" not in result.out + result.err
    assert world.writes() == []


def test_run_stops_if_a_team_of_the_last_run_would_be_missing(world: JourneyWorld) -> None:
    """A file that was renamed and broken at once looks new, and its team's labels would look left over."""
    (world.root / "mappings/science.yaml").rename(world.root / "mappings/research.yaml")
    world.edit("mappings/research.yaml", "assign: model", "assign: modl")
    stops(world)


def test_run_stops_without_an_earlier_run(world: JourneyWorld) -> None:
    (world.root / ".increment-sync" / "state.db").unlink()
    world.write(BROKEN, "rules: [")
    stops(world)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("plans/2026-q4.yaml", "end: 2026-12-31", "end: soon"),
        ("plans/2026-q4.yaml", "id: features", "id: renamed"),
        ("increment-sync.yaml", "push:", "psuh:"),
    ],
)
def test_broken_shared_file_stops_all_teams(world: JourneyWorld, file: str, old: str, new: str) -> None:
    world.edit(file, old, new)
    stops(world)


def test_one_of_several_plans_is_not_left_out(world: JourneyWorld) -> None:
    world.write("plans/2027-q1.yaml", "increment: 2027-q1\nstart: soon\n")
    world.write(BROKEN, "rules: [")
    stops(world)


def test_run_stops_without_a_valid_mapping_file(world: JourneyWorld) -> None:
    world.write(BROKEN, "rules: [")
    world.write("mappings/science.yaml", "rules: [")
    stops(world)


def stops(world: JourneyWorld) -> None:
    before = world.snapshot()
    assert world.run().code == 3
    assert world.reads() == []
    assert world.snapshot() == before
    assert world.comments(MODEL)
    assert world.comments(FEATURES)


FIGURES: dict[str, Callable[[Invocation], int]] = {
    "status": lambda ways: status(ways, None),
    "status --json": lambda ways: status(replace(ways, as_json=True), None),
    "status --since": lambda ways: status_since(ways, None, "2026-11-20", None),
    "unplanned": lambda ways: unplanned(ways, None),
    "report": lambda ways: report(ways, None, Path("-"), "markdown", None),
    "history": lambda ways: history(ways, None, None, 5),
    "overrides": list_overrides,
}


@pytest.mark.parametrize("command", FIGURES.values(), ids=FIGURES.keys())
def test_all_teams_are_shown_and_the_broken_file_is_named(
    world: JourneyWorld, command: Callable[[Invocation], int]
) -> None:
    def call() -> CommandResult:
        return world._call(lambda: command(world.invocation()), timedelta())

    sound = call()
    world.write(BROKEN, "rules: [")
    result = call()
    assert (sound.code, result.code) == (0, 3)
    assert result.out == sound.out
    assert f"{BROKEN} is broken: its last known good version is used until it is corrected" in result.err


@pytest.mark.parametrize("command", [["status", "--json"], ["unplanned", "--json"]])
def test_a_program_gets_one_document_and_no_second_one_about_the_broken_file(
    world: JourneyWorld, command: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    world.write(BROKEN, "rules: [")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["increment-sync", "-C", str(world.root), *command])
        with pytest.raises(SystemExit) as stop:
            main()
    result = capfd.readouterr()
    assert stop.value.code == 3
    assert json.loads(result.out)["version"] == 1
    assert f"{BROKEN} is broken" in result.err


def test_mappings_commands_need_valid_files(world: JourneyWorld) -> None:
    world.write(BROKEN, "rules: [")
    result = world._call(lambda: explain(world.invocation(), "DS-11"))
    assert (result.code, result.out) == (3, "")


def test_last_known_good_files_stay_out_of_snapshots(world: JourneyWorld) -> None:
    path = world.root / "snapshot.jsonl"
    assert world._call(lambda: export_snapshot(world.invocation(), path, bodies=False)).code == 0
    assert "sources:" not in path.read_text(encoding="utf-8")
