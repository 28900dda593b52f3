"""No secret comes out, by whatever way it got in and in whatever form: one hostile token per tracker, every level of
logs, every command, trackers that repeat what they were sent, and the debug output of the clients beneath."""

from __future__ import annotations

import base64
import http.client
import io
import logging
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from connectors.secrecy import Hider
from sync import cli
from sync.commands.ways import Ways
from tests.journey_world import World, github_seed, jira_seed

EMAIL = "robot@acme.example"
JIRA_TOKEN = "jira'q\"%2F+{}.*[x]$^|\\d(é)end"
GITHUB_TOKEN = "ghp_a/b+c=%25&<tag>;'\"\\nK(?i)"
SECRETS = (JIRA_TOKEN, GITHUB_TOKEN)
BASIC = base64.b64encode(f"{EMAIL}:{JIRA_TOKEN}".encode("latin-1")).decode()


def forms(secret: str) -> dict[str, str]:
    """What a leak would look like; written down apart from the code that is tested."""
    utf8, latin = secret.encode(), secret.encode("latin-1")
    pairs = (f"{EMAIL}:".encode() + utf8, f"{EMAIL}:".encode() + latin)
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


LEAKS = {f"{name} of {secret[:4]}": form for secret in SECRETS for name, form in forms(secret).items()}
OWN = {"jira": JIRA_TOKEN, "github": GITHUB_TOKEN}


def repeating(secret: str) -> dict[str, object]:
    """The answer of a tracker, or of a proxy before it, that says what it was sent, in every form."""
    said = " ".join(forms(secret).values())
    sent = f"Basic {BASIC}" if secret == JIRA_TOKEN else f"Bearer {secret}"
    return {"message": said, "errorMessages": [said], "errors": {"authorization": sent}}


def assert_nothing_in(text: str, where: str) -> None:
    assert not [name for name, form in LEAKS.items() if form in text], f"{where}: {text[:2000]}"


@pytest.fixture
def noisy(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Everything beneath us at its most talkative, as somebody who debugs would switch it on."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    for name in (
        "jira",
        "jira.client",
        "jira.resilientsession",
        "github",
        "github.Requester",
        "urllib3",
        "requests",
    ):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    yield said
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noisy: io.StringIO) -> Iterator[World]:
    jira, github = jira_seed(2), github_seed(2)
    jira["accounts"][0]["token"] = JIRA_TOKEN
    github["accounts"][0]["token"] = GITHUB_TOKEN
    environment = {"JIRA_EMAIL": EMAIL, "JIRA_API_TOKEN": JIRA_TOKEN + "\n", "GH_TOKEN": f" {GITHUB_TOKEN}\n"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with World(tmp_path / "workspace", jira=jira, github=github, environment=environment) as world:
        # The command line has no other clock than the real one.
        monkeypatch.setitem(Ways.__init__.__kwdefaults__, "now", world.clock)
        monkeypatch.setitem(Ways.__init__.__kwdefaults__, "sleep", world._sleep)
        yield world


def call(world: World, level: str, *arguments: str) -> str:
    """All that a command of the real command line says."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        cli.call(
            lambda: cli.app(["-C", str(world.root), "--log-level", level, *arguments], standalone_mode=False)
        )
    return out.getvalue() + err.getvalue()


COMMANDS = (
    ("doctor",),
    ("preview", "--out", "changes.json"),
    ("run",),
    ("reconcile", "--yes"),
    ("status", "--json"),
    ("history", "--json"),
    ("explain", "DS-11", "--live"),
    ("report", "--format", "html", "--out", "report.html"),
    ("snapshot", "export", "snapshot.json"),
    ("mappings", "check"),
)


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_no_command_tells_a_secret(
    world: World, noisy: io.StringIO, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    monkeypatch.chdir(world.root)
    for command in COMMANDS if level == "debug" else COMMANDS[:3]:
        assert_nothing_in(call(world, level, *command), " ".join(command))
    assert [entry for entry in world.box.log.entries if entry.authenticated_as], "the tokens were accepted"
    assert_nothing_in(noisy.getvalue(), "debug output of the clients")
    written = [path for path in world.root.rglob("*") if path.is_file()]
    assert len(written) >= (7 if level == "debug" else 5)
    for path in written:
        assert_nothing_in(path.read_bytes().decode("latin-1"), path.name)
        assert_nothing_in(path.read_bytes().decode(errors="replace"), path.name)


@pytest.mark.parametrize("status", [401, 403, 422, 500])
def test_a_tracker_that_repeats_what_it_was_sent_is_not_quoted(world: World, status: int) -> None:
    for tracker, secret in OWN.items():
        world.fault("status", tracker=tracker, status=status, nth=2, times=3, body=repeating(secret))
    said = call(world, "debug", "run") + call(world, "debug", "history", "--json")
    assert_nothing_in(said, "answers")
    for path in (path for path in world.root.rglob("*") if path.is_file()):
        assert_nothing_in(path.read_bytes().decode(errors="replace"), path.name)


def test_redirects_with_the_secret_in_their_address_are_not_quoted(world: World) -> None:
    for tracker, secret in OWN.items():
        address = f"https://evil.example/{quote(secret, safe='')}"
        world.fault("redirect", tracker=tracker, location=address, times=None)
    said = call(world, "debug", "run")
    assert "evil.example" in said
    assert_nothing_in(said, "redirects")


def test_a_secret_that_no_header_can_hold_is_not_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for token in ("snow☃man-token", "in two\nlines-token"):
        monkeypatch.setenv("GH_TOKEN", token)
        said = call(world, "debug", "run") + call(world, "debug", "doctor")
        assert token not in said
        assert repr(token)[1:-1] not in said


def test_a_crash_keeps_a_traceback_without_secrets(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def burst(*_: object, **__: object) -> None:
        raise RuntimeError(" ".join(LEAKS.values()))

    monkeypatch.setattr("sync.run.find_out", burst)
    said = call(world, "debug", "run")
    assert_nothing_in(said, "crash")
    kept = Path(said.rpartition("details are in ")[2].strip())
    assert "RuntimeError" in kept.read_text()
    assert_nothing_in(kept.read_text(), "traceback")
    kept.unlink()


def test_every_form_is_hidden_wherever_it_stands() -> None:
    hider = Hider([*SECRETS, "-----BEGIN KEY-----\nMIIEowIBAAKCAQEA\n-----END KEY-----"])
    for name, form in LEAKS.items():
        assert_nothing_in(hider.text(f"before {form} after"), name)
    value = {"a": [{"b": SECRETS[0]}, ValueError(SECRETS[1]), SECRETS[0].encode()], "n": 1, "x": None}
    hidden = hider.value(value)
    assert_nothing_in(str(hidden), "nested")
    assert (hidden["n"], hidden["x"]) == (1, None)
    assert hider.text("one line: MIIEowIBAAKCAQEA") == "one line: ***"
    assert Hider(["", " ", "abc"]).text("abc") == "abc", "too short to be told from ordinary text"
