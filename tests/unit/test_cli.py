"""The command line: usage errors, interruptions, pipes, colors, and errors as JSON."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer

from sync.cli import main as cli
from sync.cli.arguments.common import INVOCATION
from sync.runtime.invocation import Invocation
from sync.runtime.session import start_logging
from tests.support.journey_world import MAPPING, PLAN

SETTINGS = """\
instance: here
trackers:
  jira: {kind: jira-cloud, url: "http://127.0.0.1:9"}
  github: {kind: github, url: "http://127.0.0.1:9"}
push: {enabled: false}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    files = {"increment-sync.yaml": SETTINGS, "plans/q4.yaml": PLAN, "mappings/science.yaml": MAPPING}
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def increment_sync(*arguments: str) -> int:
    """As from a shell, but in this process."""
    return cli.invoke(lambda: cli.app(list(arguments), standalone_mode=False))


# ---- usage


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["run", "--nonsense"],
        ["run", "--max-duration", "soon"],
        ["run", "--max-writes", "many"],
        ["run", "--max-removals", "-1"],
        ["apply"],
        ["explain"],
        ["--log-level", "loud", "run"],
        ["preview", "--format", "pdf"],
        ["init", "--jira-kind", "jira-cloudy"],
        ["mappings", "nonsense"],
        ["history", "--limit", "0"],
        ["history", "--limit", "9" * 30],
    ],
)
def test_usage_errors_exit_with_64_and_a_message(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert increment_sync(*arguments) == 64
    output = capsys.readouterr()
    assert output.out == ""
    assert "Error" in output.err
    assert "Traceback" not in output.err


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--help"], ["[OPTIONS] COMMAND", "Commands:", "\n  preview ", "\n  undo "]),
        (["run", "--help"], ["run [OPTIONS]", "--max-removals", "--accept-overrides"]),
        (["mappings", "--help"], ["mappings [OPTIONS] COMMAND", "\n  check ", "\n  suggest "]),
        (["--version"], [f"increment-sync {version('increment-sync')}"]),
    ],
)
def test_help_and_version_are_printed_and_exit_with_0(
    arguments: list[str], shown: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert increment_sync(*arguments) == 0
    output = capsys.readouterr()
    assert [text for text in shown if text not in output.out] == []
    assert output.err == ""


# ---- no workspace, or one that is there already

NEED_A_WORKSPACE = [
    ["run"], ["reconcile"], ["preview"], ["status"], ["unplanned"], ["explain", "DS-1"], ["history"],
    ["overrides"], ["doctor"], ["settings"], ["mappings", "check"],
]  # fmt: skip


@pytest.mark.parametrize("arguments", NEED_A_WORKSPACE, ids=" ".join)
def test_every_command_without_a_workspace_points_to_init(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert increment_sync("-C", str(tmp_path), *arguments) == 3
    output = capsys.readouterr()
    assert "increment-sync init" in output.out + output.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", NEED_A_WORKSPACE, ids=" ".join)
def test_errors_are_json_with_the_json_option(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert increment_sync("-C", str(tmp_path), *arguments, "--json") == 3
    document = json.loads(capsys.readouterr().out)
    assert document["version"] == 1
    assert document.get("exit_code", 3) == 3
    assert "increment-sync init" in json.dumps(document)


def test_a_missing_folder_exits_with_3(tmp_path: Path) -> None:
    assert increment_sync("-C", str(tmp_path / "nope"), "status") == 3


def test_errors_without_the_json_option_leave_stdout_empty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    increment_sync("-C", str(tmp_path), "status", "--json")
    capsys.readouterr()
    increment_sync("-C", str(tmp_path), "status")
    assert capsys.readouterr().out == ""


def test_init_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert increment_sync("init", str(tmp_path)) == 0
    before = {path: path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.*") if path.is_file()}
    (tmp_path / "plans" / "mine.yaml").write_text("mine", encoding="utf-8")
    capsys.readouterr()
    assert increment_sync("init", str(tmp_path)) == 1
    assert "is already there; nothing was written" in capsys.readouterr().err
    assert {path: path.read_text(encoding="utf-8") for path in before} == before


def test_init_keeps_an_existing_gitignore_and_prints_the_missing_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ignoring = tmp_path / ".gitignore"
    ignoring.write_text("*.pyc\n", encoding="utf-8")
    assert increment_sync("init", str(tmp_path)) == 0
    assert ignoring.read_text(encoding="utf-8") == "*.pyc\n"
    assert "add this line to it: .increment-sync/" in capsys.readouterr().out


def test_init_writes_a_valid_workspace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    increment_sync("init", str(tmp_path / "Data Science!"))
    assert increment_sync("-C", str(tmp_path / "Data Science!"), "mappings", "check", "--strict") == 0


def test_init_below_a_file_fails_with_a_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert increment_sync("init", str(tmp_path / "file" / "folder")) == 1
    assert "Not a directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ["--team", "My Team: #1"],
        ["--timezone", "Berlin"],
        ["--jira", "acme.atlassian.net"],
        ["--github", "no-owner"],
        ["--project", "DS: x"],
        ["--team", "../outside"],
    ],
)
def test_init_with_invalid_options_writes_nothing(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new"
    code = increment_sync("init", str(folder), *options)
    output = capsys.readouterr()
    assert "Traceback" not in output.err
    if code == 0:
        assert increment_sync("-C", str(folder), "mappings", "check") == 0, capsys.readouterr().err
    else:
        assert code == 64
        assert not folder.exists()


# ---- what goes wrong in the middle


def test_ctrl_c_exits_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    assert cli.invoke(interrupted) == 130
    assert capsys.readouterr().err == "increment-sync: interrupted\n"


def test_an_aborted_question_exits_with_130() -> None:
    def broken_off() -> None:
        raise typer.Abort

    assert cli.invoke(broken_off) == 130


def test_an_unexpected_error_prints_one_line_and_saves_the_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def bug() -> None:
        raise ZeroDivisionError("division by zero")

    assert cli.invoke(bug) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "this is a bug in increment-sync: ZeroDivisionError" in line
    details = Path(line.rpartition(" ")[2])
    assert "division by zero" in details.read_text(encoding="utf-8")
    details.unlink()


def test_a_saved_traceback_contains_no_secret(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("from-a-file-1234\n", encoding="utf-8")
    monkeypatch.setenv("GH_TOKEN", "ghp_very-secret")
    monkeypatch.setenv("JIRA_API_TOKEN_FILE", str(file))
    monkeypatch.setenv("INCREMENT_SYNC_OTHER_PAT", "pat-very-secret")

    def bug() -> None:
        invocation = Invocation(environment=dict(os.environ))
        INVOCATION.set(invocation)
        start_logging(invocation, online=True)
        raise RuntimeError("Bearer ghp_very-secret from-a-file-1234 pat-very-secret")

    cli.invoke(bug)
    details = Path(capsys.readouterr().err.split()[-1])
    text = details.read_text(encoding="utf-8")
    details.unlink()
    assert "RuntimeError" in text
    assert not any(secret in text for secret in ("very-secret", "from-a-file"))


# ---- as a real process


def process(
    *arguments: str, environment: Mapping[str, str] | None = None, **options: Any
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "sync", *arguments],
        env={**os.environ, **(environment or {})},
        # A shell that starts the tests in the background has them, and all their children, ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        **options,
    )


def test_a_closed_pipe_is_no_error(workspace: Path) -> None:
    started = process(
        "-C", str(workspace), "mappings", "check", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert started.stdout is not None
    started.stdout.close()
    _, err = started.communicate(timeout=60)
    assert (started.returncode, err) == (0, b"")


@pytest.mark.parametrize("seed", [None, "trackers: [1", "trackers: {a: {kind: x}}", "nothing"])
def test_a_broken_seed_is_reported_in_one_line(
    seed: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "seed.yaml"
    if seed is not None:
        path.write_text(seed, encoding="utf-8")
    assert increment_sync("sandbox", "--seed", str(path)) == 1
    output = capsys.readouterr().err
    assert "this is a bug" not in output
    assert "seed" in output or "trackers" in output


def test_a_port_in_use_is_reported_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert increment_sync("sandbox", "--port", port) == 1
    assert f"cannot listen on port {port}" in capsys.readouterr().err


def test_a_very_long_duration_is_accepted(workspace: Path) -> None:
    assert increment_sync("-C", str(workspace), "run", "--max-duration", "99999999999999999h") == 3


def test_ctrl_c_stops_the_sandbox_quietly() -> None:
    started = process("sandbox", "--port", "0", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert started.stdout is not None
    assert b"Mock servers" in started.stdout.readline()
    time.sleep(0.3)
    started.send_signal(signal.SIGINT)
    _, err = started.communicate(timeout=60)
    assert started.returncode in (0, 130)
    assert b"Traceback" not in err


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """What a person sees who has the program write to a terminal."""
    ours, theirs = pty.openpty()
    started = process(
        *arguments, environment={"TERM": "xterm-256color", **environment}, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    received = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the terminal is closed when the last writer ends
            break
        if not part:
            break
        received += part
    os.close(ours)
    started.wait(timeout=60)
    return received.decode()


def quick_to_fail(workspace: Path) -> None:
    """Closed ports are asked again several times, which takes seconds; without certificates a request fails at once."""
    settings = workspace / "increment-sync.yaml"
    settings.write_text(SETTINGS.replace("http://127.0.0.1:9", "https://tracker.invalid"), encoding="utf-8")


def test_no_color_and_ci_disable_colors_and_the_progress_line(workspace: Path) -> None:
    quick_to_fail(workspace)
    tokens = {"JIRA_EMAIL": "a@example.com", "JIRA_API_TOKEN": "token-1", "GH_TOKEN": "token-2"}
    tokens["REQUESTS_CA_BUNDLE"] = str(workspace / "missing.pem")
    preview = ("-C", str(workspace), "preview")
    plain = on_a_terminal(*preview, NO_COLOR="1", CI="1", **tokens)
    assert "REQUESTS_CA_BUNDLE" in plain
    assert "\x1b" not in plain
    colourful = on_a_terminal(*preview, **tokens)
    assert "\x1b" in colourful


def test_help_lists_commands_with_their_whole_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert increment_sync("--help") == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "read what changed, roll up, write labels and status comments. reconcile" in text
