"""Forms of a leaked secret, and all outputs of the command line that could contain one."""

from __future__ import annotations

import base64
import http.client
import io
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from sync.cli import main as cli
from sync.runtime.invocation import Invocation
from tests.support.journey_world import JourneyWorld

LOUD = ("jira", "jira.client", "jira.resilientsession", "github", "github.Requester", "urllib3", "requests")


def forms(secret: str, user: str) -> dict[str, str]:
    """Return the forms of a leaked secret, independent of the tested code."""
    utf8, latin = secret.encode(), secret.encode("latin-1")
    pairs = (f"{user}:".encode() + utf8, f"{user}:".encode() + latin)
    return {
        "plain": secret,
        "url": quote(secret, safe=""),
        "url, slashes kept": quote(secret),
        "form": quote_plus(secret),
        "python": repr(secret)[1:-1],
        "json": secret.replace("\\", "\\\\").replace('"', '\\"'),
        **{
            f"base64 {n}": base64.b64encode(each).decode().rstrip("=") for n, each in enumerate((utf8, latin))
        },
        **{f"basic {n}": base64.b64encode(each).decode().rstrip("=") for n, each in enumerate(pairs)},
        "base64 for urls": base64.urlsafe_b64encode(utf8).decode().rstrip("="),
    }


def leaks(secrets: Mapping[str, str]) -> dict[str, str]:
    """Name of a leak -> its form. ``secrets``: secret -> user that it belongs to."""
    return {
        f"{name} of {secret[:4]}": form
        for secret, user in secrets.items()
        for name, form in forms(secret, user).items()
    }


def assert_none_of(leaks: Mapping[str, str], text: str, where: str) -> None:
    assert not [name for name, form in leaks.items() if form in text], f"{where}: {text[:2000]}"


def assert_no_file_holds(leaks: Mapping[str, str], root: Path) -> int:
    """Check every file below a folder. Return the number of files."""
    written = [path for path in root.rglob("*") if path.is_file()]
    for path in written:
        for text in (path.read_bytes().decode("latin-1"), path.read_bytes().decode(errors="replace")):
            assert_none_of(leaks, text, path.name)
    return len(written)


@contextmanager
def everything_loud() -> Iterator[io.StringIO]:
    """Log everything of the libraries at level DEBUG, as for debugging. Yield the log."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    with pytest.MonkeyPatch.context() as patch:
        root.setLevel(logging.DEBUG)
        for name in LOUD:
            patch.setattr(logging.getLogger(name), "level", logging.DEBUG)
        patch.setattr(http.client.HTTPConnection, "debuglevel", 1)
        yield log
    root.removeHandler(handler)
    root.setLevel(level)


@contextmanager
def real_command_line(world: JourneyWorld) -> Iterator[None]:
    """Replace the clock and the environment of the real command line by those of the world."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(Invocation.__init__.__kwdefaults__, "now", world.clock)
        patch.setitem(Invocation.__init__.__kwdefaults__, "sleep", world._sleep)
        for name, value in world.environment.items():
            patch.setenv(name, value)
        yield


def call(world: JourneyWorld, level: str, *arguments: str) -> str:
    """Run a command of the real command line. Return stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        cli.invoke(
            lambda: cli.app(["-C", str(world.root), "--log-level", level, *arguments], standalone_mode=False)
        )
    return out.getvalue() + err.getvalue()
