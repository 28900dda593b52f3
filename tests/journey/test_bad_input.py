"""Wrong credentials, hosts, rights, files, stores, texts and commands.

Each leads to one sentence and the right exit code, without traceback, data loss or half-written files.
"""

from __future__ import annotations

import json
import re
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sync.cli.commands.apply import apply_file
from sync.cli.commands.doctor import doctor
from sync.cli.commands.explain import explain
from sync.cli.commands.history import history
from sync.cli.commands.overrides import list_overrides
from sync.cli.commands.preview import preview
from sync.cli.commands.run import run as run_command
from sync.cli.commands.status import status
from sync.model.run import RunOptions
from tests.support.journey_world import (
    FEATURES,
    GOAL,
    MODEL,
    PLAN,
    TOKENS,
    CommandResult,
    JourneyWorld,
    github_seed,
    jira_seed,
)

STATE = ".increment-sync/state.db"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[JourneyWorld]:
    with JourneyWorld(tmp_path) as world:
        yield world


def call(world: JourneyWorld, command: Callable[..., int], *arguments: Any, **ways: Any) -> CommandResult:
    """Any command in a world; ``ways``: another environment and the like."""
    return world._call(lambda: command(replace(world.invocation(), **ways), *arguments))


def run(world: JourneyWorld, **ways: Any) -> CommandResult:
    return call(world, run_command, RunOptions(), **ways)


def sentence(told: CommandResult, *, code: int) -> str:
    """What was said by a command that ended with ``code``: on stderr, or among the results of a run."""
    assert told.code == code, (told.out, told.err)
    message = told.err or told.out
    assert "Traceback" not in message
    assert "this is a bug" not in message
    assert message.strip()
    return message


def is_whole_again(world: JourneyWorld) -> None:
    """After whatever happened, a run completes everything and the next one has nothing left to do."""
    result = run(world)
    assert result.code == 0, result.err
    for key in (GOAL, MODEL, FEATURES):
        assert len(world.comments(key)) == 1
    assert run(world).code == 0
    assert world.writes() == []


# ---- credentials, hosts, rights, places


def test_missing_credentials_are_reported_at_once_before_any_request(world: JourneyWorld) -> None:
    message = sentence(run(world, environment={}), code=3)
    assert "set JIRA_EMAIL or JIRA_USERNAME and JIRA_API_TOKEN" in message
    assert "set GH_ENTERPRISE_TOKEN or GITHUB_ENTERPRISE_TOKEN" in message
    assert world.reads() == []


@pytest.mark.parametrize(
    ("variable", "failed", "fine"),
    [("GH_TOKEN", "github:acme/churn", MODEL), ("JIRA_API_TOKEN", "jira:DS", FEATURES)],
)
def test_wrong_token_fails_its_tracker_alone_and_removes_nothing(
    world: JourneyWorld, variable: str, failed: str, fine: str
) -> None:
    is_whole_again(world)
    before = world.snapshot()
    result = run(world, environment=TOKENS | {variable: "s3cret-but-old"})
    assert failed in sentence(result, code=1)
    assert "s3cret-but-old" not in result.out + result.err
    assert world.snapshot() == before
    assert call(world, status, None).code == 0
    is_whole_again(world)
    assert world.comments(fine)


def test_an_unknown_host_is_named_and_the_other_tracker_goes_on(
    world: JourneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def look_up(host: Any, *rest: Any, **more: Any) -> Any:
        if host == "acme.example":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    world.edit("increment-sync.yaml", world.box.url("jira"), "https://acme.example")
    message = sentence(run(world), code=1)
    assert "unknown host acme.example: check url of this tracker in increment-sync.yaml" in message
    assert world.writes("github")
    world.edit("increment-sync.yaml", "https://acme.example", world.box.url("jira"))
    is_whole_again(world)


def test_read_only_token_is_reported_per_issue_and_the_other_tracker_is_written(tmp_path: Path) -> None:
    seed = github_seed(2)
    seed["repos"]["acme/churn"]["permissions"]["sync-robot"] = "read"
    with JourneyWorld(tmp_path, github=seed) as world:
        message = sentence(run(world), code=1)
        assert "acme/churn#11" in message
        assert "403" in message
        assert "the token needs issues=write" in message
        assert world.labels("acme/churn#11") == {"features"}
        assert len(world.comments(MODEL)) == 1
        world.github.repo("acme/churn").permissions["sync-robot"] = "write"
        is_whole_again(world)


def test_missing_jira_edit_permission_is_reported_and_github_is_written(tmp_path: Path) -> None:
    seed = jira_seed(2)
    seed["accounts"][0]["permissions"] = ["browse", "comment"]
    with JourneyWorld(tmp_path, jira=seed) as world:
        message = sentence(run(world), code=1)
        assert "check the permissions of the account" in message
        assert world.labels("DS-11") == {"model"}
        assert "capability:features" in world.labels("acme/churn#11")


def test_a_renamed_repository_loses_no_label_and_is_named_by_its_new_name(world: JourneyWorld) -> None:
    is_whole_again(world)
    world.github.rename_repo("acme/churn", "acme/retention")
    message = sentence(run(world), code=1)
    assert "acme/retention" in message
    assert "write the new name in the mapping" in message
    assert "capability:features" in world.labels("acme/retention#11")
    assert world.writes() == []


def test_missing_repository_changes_nothing_elsewhere(tmp_path: Path) -> None:
    plan = PLAN.replace(', anchor: "github:acme/churn#1"', "")
    with JourneyWorld(tmp_path, plan=plan) as world:
        assert run(world).code == 0
        before = world.snapshot()["jira"]
        repos = world.github.repos
        (gone,) = [number for number, repo in repos.items() if repo.full_name == "acme/churn"]
        del repos[gone]
        message = sentence(run(world), code=1)
        assert "check its name in the mapping" in message
        assert world.snapshot()["jira"] == before


def test_a_project_that_does_not_exist_is_named_with_what_to_do(world: JourneyWorld) -> None:
    world.edit("mappings/science.yaml", "project: DS", "project: NOPE")
    message = sentence(run(world), code=1)
    assert "there is no project NOPE" in message
    assert "correct the source in the mapping" in message


def test_closed_port_is_retried_and_then_reported(world: JourneyWorld) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    world.edit("increment-sync.yaml", world.box.url("github"), f"http://127.0.0.1:{port}/api/v3")
    assert "no connection to" in sentence(run(world), code=1)
    assert world.slept


# ---- files


BROKEN = {
    "a YAML file that breaks off": ("mappings/science.yaml", "rules:", "rules: [", "mappings/science.yaml:"),
    "a tab for indentation": ("plans/2026-q4.yaml", "    title:", "\ttitle:", "plans/2026-q4.yaml:"),
    "an unknown capability": ("mappings/science.yaml", "assign: model", "assign: modl", 'did you mean "model"?'),
    "an end before the start": ("plans/2026-q4.yaml", "end: 2026-12-31", "end: 2026-09-01", "plans/2026-q4.yaml:3"),
    "no date at all": ("plans/2026-q4.yaml", "end: 2026-12-31", "end: soon", "write it as 2026-10-01"),
    "an end beyond the calendar": ("plans/2026-q4.yaml", "end: 2026-12-31", "end: 9999-12-31", "use a year from"),
    "a start before it": ("plans/2026-q4.yaml", "start: 2026-10-01", "start: 0001-01-01", "use a year from"),
    "a value without end": ("plans/2026-q4.yaml", "committed\n", "committed\n    value: 1e999\n", "value"),
    "an unknown key": ("mappings/science.yaml", "sources:", "source:", 'did you mean "sources"?'),
    "an unknown tracker": ("mappings/science.yaml", "- jira:", "- jura:", 'did you mean "jira"?'),
    "a bad pattern": ("mappings/science.yaml", "{labels: [model]}", "{title: '(model'}", "mappings/science.yaml:6"),
    "settings with a typo": ("increment-sync.yaml", "push:", "psuh:", 'did you mean "push"?'),
    "settings as a list": ("increment-sync.yaml", "instance: journey", "- instance: journey", "increment-sync.yaml:"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_stops_every_command_with_3_before_any_request(
    world: JourneyWorld, name: str, old: str, new: str, said: str
) -> None:
    world.edit(name, old, new)
    for command, arguments in (
        (run_command, (RunOptions(),)),
        (preview, (RunOptions(), None, False, "text")),
        (status, (None,)),
        (explain, ("DS-11",)),
        (history, (None, None, 5)),
        (list_overrides, ()),
    ):
        assert said in sentence(call(world, command, *arguments), code=3)
    assert world.reads() == []
    assert not (world.root / STATE).exists()
    assert call(world, doctor).code == 3


def test_two_files_that_define_one_id_are_both_named(world: JourneyWorld) -> None:
    world.write("plans/copy.yaml", PLAN.replace("2026-q4", "2026-q4-again"))
    world.write("mappings/copy.yaml", (world.root / "mappings/science.yaml").read_text(encoding="utf-8"))
    message = sentence(run(world), code=3)
    for file in ("plans/copy.yaml", "plans/2026-q4.yaml", "mappings/copy.yaml", "mappings/science.yaml"):
        assert file in message


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00broken", b"rules: \x00", b"", b"a: &a [*a]\n", b"- 1\n- 2\n", b"x" * 70_000]
)
def test_arbitrary_mapping_file_is_one_configuration_problem(world: JourneyWorld, content: bytes) -> None:
    (world.root / "mappings" / "science.yaml").write_bytes(content)
    assert "mappings/science.yaml" in sentence(run(world), code=3)


def test_a_mapping_that_is_a_dangling_link_is_named(world: JourneyWorld) -> None:
    (world.root / "mappings" / "other.yaml").symlink_to(world.root / "nowhere.yaml")
    assert "mappings/other.yaml" in sentence(run(world), code=3)


def test_json_output_is_valid_after_any_failure(world: JourneyWorld) -> None:
    assert run(world, as_json=True).json["version"] == 1
    world.github.rename_repo("acme/churn", "acme/retention")
    result = run(world, as_json=True)
    assert result.code == result.json["exit_code"] == 1
    assert "acme/retention" in json.dumps(result.json)
    path = world.root / "changes.json"
    world.edit("increment-sync.yaml", "enabled: true", "enabled: false")
    call(world, preview, RunOptions(), path, False, "text")
    result = call(world, apply_file, path, RunOptions(), as_json=True)
    assert result.code == result.json["exit_code"] == 3


# ---- the store


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 30_000, 120_000])
def test_full_disk_at_start_is_reported_and_no_write_is_sent_without_journal(
    world: JourneyWorld, size: int
) -> None:
    with files_end_at(size):
        message = sentence(run(world), code=1)
    assert "The store" in message
    is_whole_again(world)


def test_disk_that_fills_up_at_any_write_loses_nothing(world: JourneyWorld) -> None:
    assert call(world, preview, RunOptions(), None, False, "text").code == 0
    with files_end_at(1):  # the log of the database is behind this already
        stopped = run(world)
    assert "The store" in sentence(stopped, code=1)
    size = max(path.stat().st_size for path in (world.root / ".increment-sync").iterdir())
    for more in range(0, 200_000, 40_000):
        with files_end_at(size + more):
            result = run(world)
        assert result.code in (0, 1)
        assert "Traceback" not in result.err
        assert "bug" not in result.err
    is_whole_again(world)


def damaged_head(path: Path) -> None:
    path.write_bytes(b"garbage!" * 1000)


def damaged_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096 * 2 : 4096 * 12] = b"\xff" * 4096 * 10
    path.write_bytes(data)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize("damage", [damaged_head, damaged_middle, cut_short])
def test_corrupt_store_is_reported_and_trackers_are_unchanged(
    world: JourneyWorld, damage: Callable[[Path], None]
) -> None:
    is_whole_again(world)
    before = world.snapshot()
    damage(world.root / STATE)
    for command, arguments in ((run_command, (RunOptions(),)), (status, (None,))):
        assert "is damaged" in sentence(call(world, command, *arguments), code=1)
    assert world.snapshot() == before
    (world.root / STATE).unlink()
    is_whole_again(world)


def test_folder_as_store_is_reported(world: JourneyWorld) -> None:
    (world.root / STATE).mkdir(parents=True)
    assert "not a file" in sentence(run(world), code=1)


def test_store_in_an_impossible_folder_is_reported(world: JourneyWorld) -> None:
    (world.root / ".increment-sync").write_text("a file", encoding="utf-8")
    assert "cannot be created" in sentence(run(world), code=1)


# ---- texts


EVIL = (
    "<!-- increment-sync:begin instance=journey subject=goal:retention --> @ada closes #12",
    "| a | b |\n|---|---|\n{code}boom{code} {toc} [~ada] !x.png! h1. x",
    "nul \x00 four 𝒳😀 \u202e backwards \x1b[31mred",
    "x" * 70_000,
    "${7*7} {{7*7}} %s {0} {% raw %}",
)


def evil_world(root: Path) -> JourneyWorld:
    """Every issue is nasty, and so are the titles of the plan."""
    jira, github = jira_seed(0), github_seed(0)
    nasty = ["blocked", "we<b>ird|{x}", "<!--"]
    for number, text in enumerate(EVIL, start=20):
        jira["projects"]["DS"]["issues"].append(
            {"key": f"DS-{number}", "summary": text[:250], "description": text, "created": "20d ago"}
            | {"labels": ["model", *nasty], "status": "In Progress"}
        )
        github["repos"]["acme/churn"]["issues"].append(
            {"number": number, "title": text[:250], "body": text, "created": "20d ago"}
            | {"labels": ["features", *nasty]}
        )
    title = "'Keep | <!-- increment-sync:end --> @ada #12 {code} subscribers'"
    mapping = (
        "team: science\nsources:\n  - jira: {project: DS}\n  - github: {repo: acme/churn}\n"
        "states:\n  doing: {types: [Task]}\n  blocked: {labels: [blocked]}\n"
        "rules:\n  - {id: body, when: {body: 'never there'}, assign: model}\n"
        "  - {id: model, when: {labels: [model]}, assign: model}\n"
        "  - {id: features, when: {labels: [features]}, assign: features}\n"
    )
    plan = PLAN.replace("title: Keep subscribers", f"title: {title}")
    return JourneyWorld(root, jira=jira, github=github, plan=plan, mapping=mapping)


def test_untrusted_texts_are_harmless_on_the_trackers(tmp_path: Path) -> None:
    with evil_world(tmp_path) as world:
        is_whole_again(world)
        for key in (GOAL, MODEL):
            (comment,) = world.comments(key)
            assert "{code}" not in comment
            assert "[~ada]" not in comment
            assert "@ada" not in comment
        (comment,) = world.comments(FEATURES)
        assert comment.count("<!--") == comment.count("-->") == 2, "our two markers and no other"
        assert "@ada" not in comment
        assert not re.search(r"(?<!&)#12", comment)
        assert len(comment) < 5_000
        assert {"capability:model", "we<b>ird|{x}", "<!--"} <= world.labels("DS-20")


@pytest.mark.parametrize("number", range(20, 25))
def test_untrusted_texts_are_harmless_on_terminal_and_in_json(tmp_path: Path, number: int) -> None:
    with evil_world(tmp_path) as world:
        run(world)
        for key in (f"DS-{number}", f"acme/churn#{number}"):
            result = call(world, explain, key)
            assert result.code == 0
            assert not set(result.out) & {"\x1b", "\x00", "\u202e"}
            assert len(result.out) < 5_000
            assert call(world, explain, key, as_json=True).json["issue"].endswith(key)


def test_person_who_quotes_our_marker_is_not_us(world: JourneyWorld) -> None:
    is_whole_again(world)
    ours = world.comments(FEATURES)[0]
    world.github.comment("acme/churn", 1, ours, by="ada")
    world.close("acme/churn#11")
    assert run(world).code == 0
    assert world.comments(FEATURES)[1] == ours
    assert world.comments(FEATURES)[0] != ours


# ---- commands


def saved(world: JourneyWorld) -> Path:
    path = world.root / "changes.json"
    assert world.preview(path).code == 0
    return path


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"[]", b"{}", b'{"version": 1}', b'{"version": 99}', b"\xff\xfe\x00", b"null", b"7"],
)
def test_other_file_than_a_change_set_is_refused_in_one_sentence(world: JourneyWorld, content: bytes) -> None:
    path = world.root / "changes.json"
    path.write_bytes(content)
    message = sentence(world.apply(path), code=1)
    assert len(message.splitlines()) == 1
    assert "preview --out" in message
    assert world.reads() == []


def test_missing_change_set_or_folder_is_refused(world: JourneyWorld) -> None:
    assert "No such file" in sentence(world.apply(world.root / "nope.json"), code=1)
    assert "not a regular file" in sentence(world.apply(world.root), code=1)


def test_a_change_set_of_another_installation_is_stale(world: JourneyWorld) -> None:
    path = saved(world)
    world.edit("increment-sync.yaml", "instance: journey", "instance: elsewhere")
    assert "was made by the instance journey" in sentence(world.apply(path), code=5)
    assert world.writes() == []


def test_apply_without_push_is_refused_as_configuration(world: JourneyWorld) -> None:
    path = saved(world)
    world.edit("increment-sync.yaml", "enabled: true", "enabled: false")
    assert "push is switched off" in sentence(world.apply(path), code=3)


def test_preview_to_a_missing_folder_names_it(world: JourneyWorld) -> None:
    result = world.preview(world.root / "no" / "such" / "folder.json")
    assert "No such file or directory" in sentence(result, code=1)


def test_status_and_explain_before_the_first_run_say_what_to_do(world: JourneyWorld) -> None:
    assert "run `increment-sync run`" in sentence(call(world, status, None), code=1)
    assert "run `increment-sync run`" in sentence(call(world, explain, "DS-11"), code=1)


def test_unknown_increments_issues_and_runs_are_named(world: JourneyWorld) -> None:
    run(world)
    assert "there is no increment 'q9'; the plans have 2026-q4" in sentence(call(world, status, "q9"), code=1)
    assert "NOPE-1 is not in the last snapshot" in sentence(call(world, explain, "NOPE-1"), code=1)
    assert "NOPE-1 is not in" in sentence(call(world, history, None, "NOPE-1", 5), code=1)
    assert "there is no run 2020" in sentence(call(world, history, "20200101-000000-none", None, 5), code=1)
