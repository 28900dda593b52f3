"""Files that a variable, an option or the workspace names, and that are no files: one sentence, and nobody waits."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sync.cli import main as cli
from tests.support.journey_world import TOKENS, CommandResult, JourneyWorld

KINDS = ("pipe", "device", "folder", "socket", "big", "empty", "binary", "missing")


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """End a test that waits for the other end of a pipe."""
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it waits"))
    signal.alarm(20)
    yield
    signal.alarm(0)


@pytest.fixture
def path_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Return a function that makes a path of a kind."""

    def make(kind: str) -> Path:
        path = tmp_path / kind
        match kind:
            case "pipe":
                os.mkfifo(path)
            case "device":
                return Path("/dev/zero")
            case "folder":
                path.mkdir()
            case "socket":
                monkeypatch.chdir(tmp_path)  # the name of a socket may have 100 characters only
                with socket.socket(socket.AF_UNIX) as server:
                    server.bind(kind)
            case "big":
                path.write_bytes(b"x" * 2_100_000)
            case "empty":
                path.touch()
            case "binary":
                path.write_bytes(b"\x00\x01\xff\xfe")
        return path

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_a_credential_file_that_is_none_is_one_sentence(
    kind: str, path_of: Callable[[str], Path], make_world: Callable[..., JourneyWorld]
) -> None:
    world = make_world(jira=1, github=1)
    world.run()
    path = path_of(kind)
    world.environment = {name: value for name, value in TOKENS.items() if name != "GH_TOKEN"}
    world.environment |= {"GH_TOKEN_FILE": str(path), "INCREMENT_SYNC_PING_URL_FILE": str(path)}
    done = world.run()
    assert done.code == 3
    assert f"GH_TOKEN_FILE names {path}" in done.err.splitlines()[-1]
    assert world.requests == ()
    # Commands that send nothing do not look at credentials.
    assert world.status_text().code == 0
    assert world.explain("DS-11").err == ""


@pytest.mark.parametrize("kind", KINDS)
def test_an_input_file_that_is_none_is_one_sentence(
    kind: str, path_of: Callable[[str], Path], world: JourneyWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(path_of(kind))
    world.environment = {}

    def call(*arguments: str) -> CommandResult:
        code = cli.invoke(lambda: cli.app(["-C", str(world.root), *arguments], standalone_mode=False))
        return CommandResult(code=code, out=(output := capsys.readouterr()).out, err=output.err)

    commands = [
        ("apply", path),
        ("snapshot", "import", path),
        ("mappings", "check", "--snapshot", path),
        ("forecast", "backtest", path),
        ("mappings", "test", path),
        ("sandbox", "--seed", path),
    ]
    for command in commands:
        done = call(*command)
        if (kind, command[:2]) == ("folder", ("mappings", "test")):
            continue  # a folder of tests
        assert done.code in (1, 3, 64), (command, done)
        assert "this is a bug" not in done.err, command
        assert path in done.out + done.err, command


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["increment-sync.yaml", "mappings/science.yaml", "plans/2026-q4.yaml"])
def test_a_file_of_the_workspace_that_is_none_is_one_sentence(
    kind: str, name: str, path_of: Callable[[str], Path], world: JourneyWorld
) -> None:
    (world.root / name).unlink()
    if kind != "missing":
        path_of(kind).rename(world.root / name) if kind != "device" else (world.root / name).symlink_to(
            "/dev/zero"
        )
    done = world.status_text()
    assert done.code == 3 or (kind == "missing" and name.startswith("plans")) or done.code == 1, done
    assert "this is a bug" not in done.err
    assert done.err
