"""The places of files: any path, private files, and stores that can only be looked at."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sync.cli import main as cli
from tests.support.journey_world import TOKENS, JourneyWorld

PATHS = [
    "plans_feature%2Fnew-rules",
    "what?mode=memory&a=b#c%20d% 'e' \"f\" %(here)s",
    "größe 機械\nline:drive;@host:5432",
    os.fsdecode(b"latin-\xe9"),
]


def call(world: JourneyWorld, *arguments: str) -> int:
    return cli.invoke(lambda: cli.app(["-C", str(world.root), *arguments], standalone_mode=False))


@pytest.mark.parametrize("name", PATHS, ids=ascii)
def test_everything_stays_in_the_workspace_whatever_its_path(name: str, tmp_path: Path) -> None:
    with JourneyWorld(tmp_path / name / "plans", jira=1, github=1) as world:
        assert world.preview(world.root / "changes.json").code == 0
        assert world.run().code == 0
        assert world.run().out == "nothing to change\n"
        assert call(world, "report", "--format", "json", "--out", str(world.root / "report.json")) == 0
        assert call(world, "snapshot", "export", str(world.root / "snapshot.gz")) == 0
        assert call(world, "mappings", "check") == 0
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert [path.name for path in (tmp_path / name).iterdir()] == ["plans"]
    files = {path.relative_to(world.root).as_posix() for path in world.root.rglob("*") if path.is_file()}
    assert files == {
        *("increment-sync.yaml", "plans/2026-q4.yaml", "mappings/science.yaml"),
        *("changes.json", "report.json", "snapshot.gz", ".increment-sync/state.db"),
    }


def test_files_with_issues_are_private_whatever_the_umask(world: JourneyWorld) -> None:
    before = os.umask(0)
    try:
        world.preview(world.root / "changes.json")
        world.run()
        call(world, "report", "--format", "json", "--out", str(world.root / "public" / "report.json"))
        call(world, "snapshot", "export", str(world.root / "snapshot"))
        call(world, "unplanned", "--csv", str(world.root / "unplanned.csv"))
        with world.opened_store() as store:
            store.cache.put("key", 1, days=1)
            files = [
                *("changes.json", "public/report.json", "snapshot", "unplanned.csv"),
                *(f".increment-sync/state.db{ending}" for ending in ("", "-wal", "-shm")),
            ]
            modes = {name: stat.S_IMODE((world.root / name).stat().st_mode) for name in files}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(files, 0o600)
    folders = [world.root / ".increment-sync", world.root / "public"]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700, 0o700]


def test_doctor_warns_of_a_store_that_others_can_read(
    world: JourneyWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    world.run()
    store = world.root / ".increment-sync" / "state.db"
    call(world, "doctor")
    assert "chmod" not in capsys.readouterr().out
    store.chmod(0o644)
    call(world, "doctor")
    assert f"others than its owner may open {store}" in capsys.readouterr().out


# ---- read-only

PROGRAM = """
import sys
from sync.cli import main as cli
root, *commands = sys.argv[1:]
for command in commands:
    print(f"== {command}", flush=True)
    code = cli.invoke(lambda: cli.app(["-C", root, *command.split()], standalone_mode=False))
    print(f"-> {code}", flush=True)
"""
AS_ROOT = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && cd "$2" && exec "${@:3}"'


@pytest.fixture
def read_only(world: JourneyWorld) -> Iterator[Callable[..., str]]:
    """Return a function that runs commands of the program while its workspace cannot be written."""
    root = world.root

    def run(*commands: str) -> str:
        program = [sys.executable, "-c", PROGRAM, str(root), *commands]
        if os.geteuid() == 0:  # permissions do not stop root, but a read-only mount does
            if (
                shutil.which("unshare") is None
                or subprocess.run(["unshare", "-m", "true"], check=False).returncode
            ):
                pytest.skip("root needs a mount of its own to be stopped from writing")
            program = ["unshare", "-m", "bash", "-c", AS_ROOT, "bash", str(root), str(Path.cwd()), *program]
        environment = {**os.environ, **TOKENS}
        return subprocess.check_output(
            program, env=environment, stderr=subprocess.STDOUT, text=True, timeout=90
        )

    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    yield run
    for folder in folders:
        folder.chmod(0o700)


def close_for_writing(root: Path) -> None:
    for path in [*root.rglob("*"), root]:
        path.chmod(0o555 if path.is_dir() else 0o444)


LOOKS = [
    *(
        "status",
        "status --json",
        "status --at 2026-11-20T09:30",
        "status --since 2026-11-20",
        "explain DS-11",
    ),
    *("report --format json --out -", "history", "history --issue DS-11", "overrides", "forecast", "audit"),
    *("learning", "predictability", "unplanned", "mappings check", "mappings test"),
]
WRITES = ["run", "preview", "overrides clear --issue DS-11 --yes", "doctor"]


def test_a_store_that_cannot_be_written_can_be_looked_at(
    world: JourneyWorld, read_only: Callable[..., str]
) -> None:
    world.run()
    world.unlabel("DS-11", "capability:model")
    world.run()
    before = {path: path.read_bytes() for path in world.root.rglob("*") if path.is_file()}
    close_for_writing(world.root)
    shown = read_only(*LOOKS, *WRITES)
    codes = {part.splitlines()[0]: int(part.rpartition("-> ")[2]) for part in shown.split("== ")[1:]}
    assert {name: code for name, code in codes.items() if code} == dict.fromkeys(WRITES, 1), shown
    for part in shown.split("== ")[-len(WRITES) :]:
        assert "cannot be written: the file, its folder or the database is read-only" in part
    assert "this is a bug" not in shown
    assert '"store.read_only"' in shown
    assert {path: path.read_bytes() for path in world.root.rglob("*") if path.is_file()} == before


def test_a_killed_run_leaves_a_journal_that_is_read_as_well(
    world: JourneyWorld, read_only: Callable[..., str]
) -> None:
    """With the index of the journal (-shm) SQLite reads it; without it the message says what to do."""
    world.run()
    state = world.root / ".increment-sync"
    with world.opened_store() as store:
        store.start_run("20261120-100000-abcd", "run", {}, "killed")
        copies = {path.name: path.read_bytes() for path in state.iterdir()}
    for name, content in copies.items():
        (state / name).write_bytes(content)
    assert (state / "state.db-wal").stat().st_size
    close_for_writing(world.root)
    assert "20261120-100000-abcd" in read_only("history")
    state.chmod(0o700)
    (state / "state.db-shm").unlink()
    state.chmod(0o555)
    shown = read_only("history")
    assert "was not closed properly and is read-only" in shown
    assert shown.endswith("-> 1\n")
