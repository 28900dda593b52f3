"""No secret is revealed, however it is encoded.

One hostile token per tracker, every log level, every command, trackers that echo requests, and the debug output of the
clients.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from connectors.http.redaction import SecretRedactor
from tests.support.journey_world import JourneyWorld, github_seed, jira_seed
from tests.support.leaks import (
    assert_no_file_holds,
    assert_none_of,
    call,
    everything_loud,
    forms,
    leaks,
    real_command_line,
)

EMAIL = "robot@acme.example"
JIRA_TOKEN = "jira'q\"%2F+{}.*[x]$^|\\d(é)end"
GITHUB_TOKEN = "ghp_a/b+c=%25&<tag>;'\"\\nK(?i)"
SECRETS = (JIRA_TOKEN, GITHUB_TOKEN)
BASIC = base64.b64encode(f"{EMAIL}:{JIRA_TOKEN}".encode("latin-1")).decode()
LEAKS = leaks(dict.fromkeys(SECRETS, EMAIL))
OWN = {"jira": JIRA_TOKEN, "github": GITHUB_TOKEN}


def repeating(secret: str) -> dict[str, object]:
    """The answer of a tracker, or of a proxy before it, that says what it was sent, in every form."""
    message = " ".join(forms(secret, EMAIL).values())
    sent = f"Basic {BASIC}" if secret == JIRA_TOKEN else f"Bearer {secret}"
    return {"message": message, "errorMessages": [message], "errors": {"authorization": sent}}


def assert_nothing_in(text: str, where: str) -> None:
    assert_none_of(LEAKS, text, where)


@pytest.fixture
def noisy() -> Iterator[io.StringIO]:
    with everything_loud() as message:
        yield message


@pytest.fixture
def world(tmp_path: Path, noisy: io.StringIO) -> Iterator[JourneyWorld]:
    jira, github = jira_seed(2), github_seed(2)
    jira["accounts"][0]["token"] = JIRA_TOKEN
    github["accounts"][0]["token"] = GITHUB_TOKEN
    environment = {"JIRA_EMAIL": EMAIL, "JIRA_API_TOKEN": JIRA_TOKEN + "\n", "GH_TOKEN": f" {GITHUB_TOKEN}\n"}
    with (
        JourneyWorld(tmp_path / "workspace", jira=jira, github=github, environment=environment) as world,
        real_command_line(world),
    ):
        yield world


COMMANDS = (
    ("doctor",),
    ("preview", "--out", "changes.json"),
    ("run", "--metrics", "run.prom"),
    ("reconcile", "--yes"),
    ("status", "--json"),
    ("history", "--json"),
    ("explain", "DS-11", "--live"),
    ("report", "--format", "json", "--out", "report.json"),
    ("snapshot", "export", "snapshot.json"),
    ("mappings", "check"),
)


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_no_command_reveals_a_secret(
    world: JourneyWorld, noisy: io.StringIO, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    monkeypatch.chdir(world.root)
    for command in COMMANDS if level == "debug" else COMMANDS[:3]:
        assert_nothing_in(call(world, level, *command), " ".join(command))
    assert [entry for entry in world.box.log.entries if entry.authenticated_as], "the tokens were accepted"
    assert_nothing_in(noisy.getvalue(), "debug output of the clients")
    assert assert_no_file_holds(LEAKS, world.root) >= (8 if level == "debug" else 6)


@pytest.mark.parametrize("status", [401, 403, 422, 500])
def test_tracker_that_echoes_requests_is_not_quoted(world: JourneyWorld, status: int) -> None:
    for tracker, secret in OWN.items():
        world.fault("status", tracker=tracker, status=status, nth=2, times=3, body=repeating(secret))
    message = call(world, "debug", "run") + call(world, "debug", "history", "--json")
    assert_nothing_in(message, "answers")
    assert_no_file_holds(LEAKS, world.root)


def test_redirects_with_the_secret_in_their_address_are_not_quoted(world: JourneyWorld) -> None:
    for tracker, secret in OWN.items():
        address = f"https://evil.example/{quote(secret, safe='')}"
        world.fault("redirect", tracker=tracker, location=address, times=None)
    message = call(world, "debug", "run")
    assert "evil.example" in message
    assert_nothing_in(message, "redirects")


def test_secret_invalid_in_a_header_is_not_revealed(
    world: JourneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    for token in ("snow☃man-token", "in two\nlines-token"):
        monkeypatch.setenv("GH_TOKEN", token)
        message = call(world, "debug", "run") + call(world, "debug", "doctor")
        assert token not in message
        assert repr(token)[1:-1] not in message


def test_a_crash_keeps_a_traceback_without_secrets(
    world: JourneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burst(*_: object, **__: object) -> None:
        raise RuntimeError(" ".join(LEAKS.values()))

    monkeypatch.setattr("sync.pipeline.run.determine_redaction_policy", burst)
    message = call(world, "debug", "run")
    assert_nothing_in(message, "crash")
    saved = Path(message.rpartition("details are in ")[2].strip())
    assert "RuntimeError" in saved.read_text()
    assert_nothing_in(saved.read_text(), "traceback")
    saved.unlink()


def test_every_encoding_of_a_secret_is_redacted() -> None:
    hider = SecretRedactor([*SECRETS, "-----BEGIN KEY-----\nMIIEowIBAAKCAQEA\n-----END KEY-----"])
    for name, form in LEAKS.items():
        assert_nothing_in(hider.redact(f"before {form} after"), name)
    value = {"a": [{"b": SECRETS[0]}, ValueError(SECRETS[1]), SECRETS[0].encode()], "n": 1, "x": None}
    hidden = hider.redact_value(value)
    assert_nothing_in(str(hidden), "nested")
    assert (hidden["n"], hidden["x"]) == (1, None)
    assert hider.redact("one line: MIIEowIBAAKCAQEA") == "one line: ***"
    assert SecretRedactor(["", " ", "abc"]).redact("abc") == "abc", "too short to be told from ordinary text"
