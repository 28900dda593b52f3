"""Distributions of the program and of connectors, built and installed into empty environments."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
Program = Callable[..., "subprocess.CompletedProcess[str]"]


def build(source: Path, out: Path, *options: str) -> str:
    """Build a project into a folder. Out: what the build printed."""
    command = [sys.executable, "-m", "build", "--no-isolation", *options, "--outdir", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def locked_versions(lock: str, file: Path) -> Path:
    """Write the versions of a lock as constraints."""
    lines = (ROOT / "requirements" / lock).read_text(encoding="utf-8").splitlines()
    versions = [line.removesuffix("\\").strip() for line in lines if line[:1].isalnum()]
    file.write_text("\n".join(versions), encoding="utf-8")
    return file


def checkout(folder: Path, part: str = ".") -> Path:
    """What git tracks and what is new, copied: a build leaves folders of its own beside the sources.

    ``part``: a folder of the checkout.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", part],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    target = folder / "checkout"
    for name in filter(None, os.fsdecode(listed.stdout).split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes((ROOT / name).read_bytes())
    return target / part


def wheel_in(folder: Path) -> Path:
    return next(folder.glob("*.whl"))


def installed(folder: Path, *arguments: str) -> Path:
    """An empty environment into which pip installed ``arguments``. Out: its folder of commands."""
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "bin"


def program(commands: Path, folder: Path, variables: Mapping[str, str] | None = None) -> Program:
    """The installed ``increment-sync``, run in a folder that has nothing to do with the checkout.

    ``variables``: more of its environment.
    """
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "NO_COLOR": "1", "COLUMNS": "80"}
    environment |= variables or {}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(commands / "increment-sync"), *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
