"""``doctor`` in workspaces with one problem each: messages, exit codes, and no writes."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.core.faults import Fault
from sync.cli import main as cli
from sync.cli.commands.doctor import doctor
from tests.support.journey_world import PLAN, TOKENS, CommandResult, JourneyWorld, github_seed, jira_seed

OPEN = {"check": "push", "text": "is on for all teams"}


def examine(world: JourneyWorld, *, as_json: bool = False, **changed: Any) -> CommandResult:
    """`increment-sync doctor` in a world; ``changed``: other ways to call it."""
    changes = replace(world.invocation(as_json=as_json), **changed)
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.invoke(lambda: doctor(changes))
    return CommandResult(code=code, out=out.getvalue(), err=err.getvalue())


def lines(result: CommandResult, level: str) -> list[str]:
    assert "Traceback" not in result.err
    return [
        line.removeprefix(level).strip() for line in result.out.splitlines() if line.startswith(f"{level} ")
    ]


def only_problem(result: CommandResult, *, code: int) -> str:
    assert result.code == code, result.out
    (line,) = lines(result, "problem")
    return line


def repository(**facts: Any) -> dict[str, Any]:
    """A GitHub seed whose one repository is somehow different."""
    seed = github_seed(1)
    seed["repos"]["acme/churn"] |= facts
    return seed


def robot(*rights: str) -> dict[str, Any]:
    """A Jira seed where our account has these rights alone."""
    seed = jira_seed(1)
    seed["accounts"][0]["permissions"] = list(rights)
    return seed


@pytest.fixture
def world(tmp_path: Path) -> Iterator[JourneyWorld]:
    with JourneyWorld(tmp_path) as world:
        yield world


# ---- nothing is wrong


def test_a_valid_workspace_passes_and_nothing_is_written(world: JourneyWorld) -> None:
    before = world.snapshot()
    result = examine(world)
    assert result.code == 0
    assert lines(result, "problem") == lines(result, "warning") == []
    assert result.out.splitlines()[-1] == "0 problems, 0 warnings"
    assert world.snapshot() == before
    assert {entry.method for entry in world.box.log.entries} == {"GET"}


def test_names_the_account_and_the_variables_without_secrets(world: JourneyWorld) -> None:
    out = examine(world).out
    assert "credentials jira: found in JIRA_EMAIL, JIRA_API_TOKEN" in out
    assert "knows us as sync-robot" in out
    assert TOKENS["GH_TOKEN"] not in out
    assert TOKENS["JIRA_API_TOKEN"] not in out


def test_lists_the_labels_that_a_run_may_create(world: JourneyWorld) -> None:
    result = examine(world, as_json=True)
    (labels,) = [c for c in result.json["checks"] if c["check"] == "labels" and "acme/churn" in c["subject"]]
    assert labels["level"] == "ok"
    assert "capability:features" in labels["text"]
    assert "created before first use" in labels["text"]


def test_existing_labels_are_not_new_whatever_their_case(world: JourneyWorld) -> None:
    world.github.create_label(world.github.repo("acme/churn"), "Capability:FEATURES")
    (line,) = [line for line in lines(examine(world), "ok") if line.startswith("labels github:acme/churn")]
    assert "9 of 10 labels do not exist yet" in line
    assert "capability:features" not in line


def test_disabled_push_is_no_problem(world: JourneyWorld) -> None:
    world.edit("increment-sync.yaml", "enabled: true", "enabled: false")
    result = examine(world)
    assert result.code == 0
    assert any("is off: `run` writes nothing" in line for line in lines(result, "ok"))


def test_json_contains_every_check_and_the_exit_code(world: JourneyWorld) -> None:
    result = examine(world, as_json=True)
    assert result.json["ok"] is True
    assert result.json["exit_code"] == result.code == 0
    assert OPEN in [{"check": c["check"], "text": c["text"]} for c in result.json["checks"]]


# ---- files


def test_a_missing_workspace_points_to_init(tmp_path: Path) -> None:
    changes = JourneyWorld(tmp_path).invocation()
    out = io.StringIO()
    with redirect_stdout(out):
        assert cli.invoke(lambda: doctor(changes)) == 3
    assert "run `increment-sync init`" in out.getvalue()


def test_file_problems_are_listed_and_trackers_are_still_checked(
    world: JourneyWorld,
) -> None:
    world.edit("mappings/science.yaml", "assign: model", "assign: modle")
    world.edit("plans/2026-q4.yaml", "end: 2026-12-31", "end: 2026-09-30")
    result = examine(world)
    assert result.code == 3
    places = [line.split()[1] for line in lines(result, "problem")]
    assert {place.split(":")[0] for place in places} == {"mappings/science.yaml", "plans/2026-q4.yaml"}
    assert 'did you mean "model"?' in result.out
    assert "knows us as sync-robot" in result.out


def test_a_broken_settings_file_exits_with_3(world: JourneyWorld) -> None:
    world.write("increment-sync.yaml", "instance: [unclosed\n")
    result = examine(world)
    assert result.code == 3
    assert lines(result, "problem")[0].startswith("settings increment-sync.yaml:")


def test_a_mapping_warning_is_a_warning(world: JourneyWorld) -> None:
    world.edit("mappings/science.yaml", "labels: [model]", "title: '\\\\bmüde'")
    result = examine(world)
    assert result.code == 0
    (warning,) = lines(result, "warning")
    assert warning.startswith("mappings mappings/science.yaml:")


# ---- credentials and trackers


def test_a_missing_token_names_its_variable_and_the_other_tracker_is_checked(
    world: JourneyWorld,
) -> None:
    environment = {name: value for name, value in TOKENS.items() if name != "GH_TOKEN"}
    result = examine(world, environment=environment)
    problem = only_problem(result, code=3)
    assert "set GH_ENTERPRISE_TOKEN or GITHUB_ENTERPRISE_TOKEN (" in problem
    assert "source jira:DS: exists" in result.out


@pytest.mark.parametrize("variable", ["GH_TOKEN", "JIRA_API_TOKEN"])
def test_a_rejected_token_differs_from_an_unreachable_tracker(world: JourneyWorld, variable: str) -> None:
    result = examine(world, environment=TOKENS | {variable: "expired-secret"})
    assert "check" in only_problem(result, code=3)
    assert "expired-secret" not in result.out + result.err


def test_a_token_with_a_line_break_is_a_credentials_problem(world: JourneyWorld) -> None:
    result = examine(world, environment=TOKENS | {"GH_TOKEN": "one\ntwo"})
    assert "line breaks" in only_problem(result, code=3)


def test_an_unknown_host_exits_with_1_and_names_the_url_to_check(
    world: JourneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def look_up(host: Any, *rest: Any, **more: Any) -> Any:
        if host == "githbu.example":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    world.edit("increment-sync.yaml", world.box.url("github"), "https://githbu.example/api/v3")
    problem = only_problem(examine(world), code=1)
    assert "unknown host githbu.example" in problem
    assert "check url" in problem


def test_a_site_of_the_other_kind_is_a_settings_problem(world: JourneyWorld) -> None:
    world.edit("increment-sync.yaml", "jira-cloud", "jira-dc")
    result = examine(world, environment=TOKENS | {"JIRA_PAT": "jira-token"})
    assert "write kind: jira-cloud" in only_problem(result, code=3)


def test_a_wrong_clock_is_a_warning(world: JourneyWorld) -> None:
    result = examine(world, now=lambda: world.clock.now() + timedelta(minutes=5))
    assert result.code == 0
    assert len(lines(result, "warning")) == 2
    assert all("300 s ahead of the server's" in line for line in lines(result, "warning"))


# ---- sources


def test_a_renamed_repository_is_named_by_its_new_name(world: JourneyWorld) -> None:
    world.github.rename_repo("acme/churn", "acme/retention")
    result = examine(world)
    assert result.code == 1
    assert "was renamed or moved to acme/retention; write the new name" in lines(result, "problem")[0]


def test_a_missing_repository_and_its_anchor_are_named(world: JourneyWorld) -> None:
    world.edit("mappings/science.yaml", "acme/churn", "acme/nope")
    problem = only_problem(examine(world), code=1)
    assert problem.startswith("source github:acme/nope: ")
    assert "check its name in the mapping" in problem


def test_disabled_issues_are_a_problem(tmp_path: Path) -> None:
    with JourneyWorld(tmp_path, github=repository(has_issues=False)) as world:
        result = examine(world)
        assert result.code == 1
        assert "issues are disabled" in lines(result, "problem")[0]


def test_an_archived_repository_is_a_problem_only_while_push_is_on(tmp_path: Path) -> None:
    with JourneyWorld(tmp_path, github=repository(archived=True)) as world:
        assert "is archived" in only_problem(examine(world), code=1)
        world.edit("increment-sync.yaml", "enabled: true", "enabled: false")
        result = examine(world)
        assert result.code == 0
        assert "needed when push is switched on" in lines(result, "warning")[0]


def test_a_missing_project_names_the_account(world: JourneyWorld) -> None:
    world.edit("mappings/science.yaml", "project: DS", "project: NOPE")
    problem = only_problem(examine(world), code=1)
    assert "there is no project NOPE" in problem
    assert "robot-1" in problem


@pytest.mark.parametrize(
    ("jql", "code", "advice"),
    [
        ("component = ", 3, "Jira cannot read this `jql`"),
        ("(status = Open", 3, "Jira cannot read this `jql`"),
        ("nosuchfield = 1", 1, "correct it in the mapping"),
    ],
)
def test_an_invalid_jql_is_found_before_the_first_run(
    world: JourneyWorld, jql: str, code: int, advice: str
) -> None:
    world.edit("mappings/science.yaml", "{project: DS}", f"{{project: DS, jql: '{jql}'}}")
    assert advice in only_problem(examine(world), code=code)


# ---- rights


def test_a_read_only_token_is_a_problem_only_with_push(tmp_path: Path) -> None:
    with JourneyWorld(tmp_path, github=repository(permissions={"sync-robot": "read"})) as world:
        result = examine(world)
        assert result.code == 1
        assert "may only read; give it the role" in lines(result, "problem")[0]
        world.edit("increment-sync.yaml", "enabled: true", "enabled: false")
        assert examine(world).code == 0


def test_triage_rights_suffice_for_existing_labels_only(tmp_path: Path) -> None:
    with JourneyWorld(tmp_path, github=repository(permissions={"sync-robot": "triage"})) as world:
        assert "create them yourself" in only_problem(examine(world), code=1)
        result = examine(world, as_json=True)
        repo = world.github.repo("acme/churn")
        states = ("empty", "planned", "in-progress", "done", "cancelled")
        for name in (
            *("capability:model", "capability:features", "increment:2026-q4"),
            *("flag:blocked", "flag:scope-growth", *(f"state:{state}" for state in states)),
        ):
            world.github.create_label(repo, name)
        assert examine(world).code == 0, result.out


@pytest.mark.parametrize(
    ("rights", "lacking"),
    [
        (["browse", "comment"], "Edit Issues"),
        (["browse", "edit"], "Add Comments"),
    ],
)
def test_a_missing_jira_permission_is_named(tmp_path: Path, rights: list[str], lacking: str) -> None:
    with JourneyWorld(tmp_path, jira=robot(*rights)) as world:
        assert lacking in only_problem(examine(world), code=1)


# ---- anchors


def test_a_missing_anchor_names_the_plan(world: JourneyWorld) -> None:
    world.edit("plans/2026-q4.yaml", "jira:DS-2", "jira:DS-999")
    problem = only_problem(examine(world), code=1)
    assert problem.startswith("anchor jira:DS-999: ")
    assert "correct the anchor in the plan" in problem


def test_moved_and_locked_anchors_are_warnings(world: JourneyWorld) -> None:
    world.jira.move("DS-2", "OPS", "ada")
    world.github.lock_issue("acme/churn", 1, True, by="ada")
    result = examine(world)
    assert result.code == 0
    moved, locked = lines(result, "warning")
    assert "was moved to OPS-" in moved
    assert "is locked" in locked


def test_containers_of_anchors_outside_the_sources_are_checked(tmp_path: Path) -> None:
    plan = PLAN.replace("github:acme/churn#1", "github:acme/attic#1")
    seed = github_seed(1)
    seed["repos"]["acme/attic"] = {
        "permissions": {"sync-robot": "read"},
        "issues": [{"number": 1, "title": "Somewhere else"}],
    }
    with JourneyWorld(tmp_path, github=seed, plan=plan) as world:
        result = examine(world)
        assert result.code == 1
        assert all("github:acme/attic" in line for line in lines(result, "problem"))


# ---- store


def test_a_damaged_store_is_a_problem_and_stays_unchanged(world: JourneyWorld) -> None:
    path = world.root / ".increment-sync" / "state.db"
    path.parent.mkdir()
    path.write_bytes(b"no database at all" * 500)
    before = path.read_bytes()
    assert "Put a backup in its place" in only_problem(examine(world), code=1)
    assert path.read_bytes() == before


def test_a_running_run_is_ok_and_a_dead_one_a_warning(world: JourneyWorld) -> None:
    with world.opened_store() as store:
        store.acquire_lease("20261120-090000-dead", "ada@host pid 7", timedelta(minutes=5))
    result = examine(world)
    assert result.code == 0
    assert any("ada@host pid 7" in line and "is running" in line for line in lines(result, "ok"))
    world.clock.advance(timedelta(minutes=6))
    result = examine(world)
    assert result.code == 0
    assert "the next run takes its place" in lines(result, "warning")[0]


def test_push_for_some_teams_names_the_others(tmp_path: Path) -> None:
    other = "team: other\nsources:\n  - jira: {project: OPS}\nrules:\n  - {id: a, when: {labels: [x]}, assign: model}\n"
    with JourneyWorld(tmp_path, more_mappings={"other": other}) as world:
        world.edit("increment-sync.yaml", "{enabled: true}", "{enabled: true, teams: [science]}")
        result = examine(world)
        assert result.code == 0, result.out
        assert any("is on for science, not for other" in line for line in lines(result, "ok"))


# ---- who hears when runs stop


def test_checks_whether_the_metrics_file_can_be_written(tmp_path: Path) -> None:
    with JourneyWorld(tmp_path / "w", settings="metrics: {textfile: out/sync.prom}\n") as world:
        out = world.root / "out"
        assert f"the folder {out} does not exist; create it" in only_problem(examine(world), code=1)
        out.mkdir()
        result = examine(world)
        assert (result.code, f"{out / 'sync.prom'} can be written" in result.out) == (0, True)
        world.edit("increment-sync.yaml", "sync.prom", "sync.txt")
        result = examine(world)
        assert result.code == 0
        assert "only names that end in .prom, not sync.txt" in lines(result, "warning")[0]


def test_reports_missing_monitoring(world: JourneyWorld) -> None:
    assert "nobody is notified when runs fail or stop" in examine(world).out
    url = {"INCREMENT_SYNC_PING_URL": "https://hc.example/secret-uuid"}
    result = examine(world, environment=TOKENS | url)
    assert "nobody is notified" not in result.out
    assert "secret-uuid" not in result.out
    missing = {"INCREMENT_SYNC_PING_URL_FILE": "/nonexistent/ping"}
    assert "names /nonexistent/ping" in only_problem(examine(world, environment=TOKENS | missing), code=3)


# ---- everything at once


def test_an_unreachable_tracker_does_not_hide_the_other(world: JourneyWorld) -> None:
    world.box.faults.add(Fault(kind="status", status=503, tracker="jira", times=None))
    result = examine(world)
    assert result.code == 1
    assert "source github:acme/churn: exists" in result.out
    assert all("jira" in line for line in lines(result, "problem"))


def test_configuration_problems_win_over_tracker_problems(world: JourneyWorld) -> None:
    world.github.rename_repo("acme/churn", "acme/retention")
    result = examine(world, environment=TOKENS | {"JIRA_API_TOKEN": "wrong"}, as_json=True)
    assert result.code == result.json["exit_code"] == 3
    assert result.json["ok"] is False
    assert {c["check"] for c in result.json["checks"] if c["level"] == "problem"} >= {"credentials", "source"}
    assert json.loads(result.out) == result.json
