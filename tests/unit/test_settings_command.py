"""``settings``: where each value comes from; and variables on the way through the command line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sync.cli import main as cli
from sync.config.credentials import without_credentials

SETTINGS = """\
instance: here
trackers:
  jira: {kind: jira-cloud, url: "https://jira.example"}
  github: {kind: github}
push: {enabled: false}
"""

PLACE = ("kind", "name", "line", "column", "path")


class Shell:
    """Calls commands in this process, as from a shell."""

    def __init__(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.root, self._monkeypatch, self._capsys = root, monkeypatch, capsys
        self.err = ""

    def __call__(self, *arguments: str, code: int = 0, **variables: str) -> str:
        """Return stdout."""
        environment = {**without_credentials(os.environ), "INCREMENT_SYNC_WORKSPACE": str(self.root)}
        self._monkeypatch.setattr(os, "environ", environment | variables)
        found = cli.invoke(lambda: cli.app(list(arguments), standalone_mode=False))
        out, self.err = self._capsys.readouterr()
        assert found == code, self.err or out
        return out


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    root = tmp_path / "workspace"
    root.mkdir()
    (root / "increment-sync.yaml").write_text(SETTINGS, encoding="utf-8")
    yield Shell(root, monkeypatch, capsys)


def rows(document: Mapping[str, Any]) -> dict[str, tuple[Any, str]]:
    """Key -> value and place."""
    return {
        row["key"]: (
            row["value"],
            ":".join(str(row["source"][name]) for name in PLACE if name in row["source"]),
        )
        for row in (*document["settings"], *document["credentials"])
    }


def test_each_value_is_shown_with_its_place(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "GH_TOKEN").write_text("from-the-folder\n", encoding="utf-8")
    (tmp_path / "mail").write_text("robot@acme.example\n", encoding="utf-8")
    variables = {
        "INCREMENT_SYNC_SET_PUSH__ENABLED": "true",
        "INCREMENT_SYNC_SET_STORE": "postgresql://bot:pw-12345@db.example/x?sslmode=require",
        "INCREMENT_SYNC_SET_OVERLAP": "5m",
        "INCREMENT_SYNC_SECRETS_DIR": str(tmp_path),
        "INCREMENT_SYNC_PING_URL": "https://hc.example/secret-path-1",
        "JIRA_EMAIL_FILE": str(tmp_path / "mail"),
        "JIRA_API_TOKEN": "token-of-jira",
    }
    out = shell("settings", "--json", **variables)
    found = rows(json.loads(out))
    expected = {
        "workspace": (str(shell.root), "variable:INCREMENT_SYNC_WORKSPACE"),
        "instance": ("here", "file:increment-sync.yaml:1:1"),
        "trackers.jira.url": ("https://jira.example", "file:increment-sync.yaml:3:28"),
        "push.enabled": (True, "variable:INCREMENT_SYNC_SET_PUSH__ENABLED"),
        "store": (
            "postgresql://bot:***@db.example/x?sslmode=require",
            "variable:INCREMENT_SYNC_SET_STORE",
        ),
        "overlap": ("5m", "variable:INCREMENT_SYNC_SET_OVERLAP"),
        "timezone": ("UTC", "default"),
        "jira: email": ("robot@acme.example", f"file:JIRA_EMAIL_FILE:{tmp_path}/mail"),
        "jira: token": (None, "variable:JIRA_API_TOKEN"),
        "github: token": (None, f"folder:INCREMENT_SYNC_SECRETS_DIR:{tmp_path}/GH_TOKEN"),
        "github: server": ("https://api.github.com", "default"),
        "health check": (None, "variable:INCREMENT_SYNC_PING_URL"),
    }
    assert {key: found.get(key) for key in expected} == expected
    text = shell("settings", **variables)
    assert "github: token = set\n" in text
    for secret in ("from-the-folder", "pw-12345", "token-of-jira", "secret-path"):
        assert secret not in out + text + shell.err


def test_the_text_fits_80_columns(shell: Shell) -> None:
    variables = {"INCREMENT_SYNC_SET_TRACKERS__JIRA__FORMER_ACCOUNTS": json.dumps(["a" * 50] * 9)}
    lines = shell("settings", JIRA_EMAIL="a" * 200, **variables).splitlines()
    assert max(map(len, lines)) == 80
    assert f"{'INCREMENT_SYNC_SET_TRACKERS__JIRA__FORMER_ACCOUNTS':>80}" in lines


def test_a_token_in_the_wrong_place_stays_hidden(shell: Shell) -> None:
    variables = {"INCREMENT_SYNC_SET_INSTANCE": "token-of-jira", "JIRA_API_TOKEN": "token-of-jira"}
    out = shell("settings", **variables) + shell("settings", "--json", **variables)
    assert "token-of-jira" not in out


def test_a_credential_that_cannot_be_read_does_not_hide_the_rest(shell: Shell, tmp_path: Path) -> None:
    variables = {"GH_TOKEN_FILE": str(tmp_path), "JIRA_EMAIL": "a@example.com"}
    assert "jira: email = a@example.com" in shell("settings", code=3, **variables)
    assert f"problem: GH_TOKEN_FILE names {tmp_path}, which cannot be read: not a regular" in shell.err
    document = json.loads(shell("settings", "--json", code=3, **variables))
    assert document["exit_code"] == 3
    assert "GH_TOKEN_FILE" in document["problems"][0]


# ---- variables and other commands


@pytest.mark.parametrize("command", [["run"], ["doctor"], ["status"], ["settings"], ["mappings", "check"]])
def test_a_variable_that_is_no_setting_ends_every_command(shell: Shell, command: list[str]) -> None:
    out = shell(*command, code=3, INCREMENT_SYNC_SET_PUSH__ENABLE="hunter2")
    said = out + shell.err
    assert "INCREMENT_SYNC_SET_PUSH__ENABLE" in said
    assert "this variable is no setting; did you mean INCREMENT_SYNC_SET_PUSH__ENABLED?" in said
    assert "hunter2" not in said


def test_an_annotation_names_the_variable_in_its_text(shell: Shell) -> None:
    out = shell("mappings", "check", "--format", "github", code=3, INCREMENT_SYNC_SET_TIMEZONE="Mars")
    assert (
        "::error title=increment-sync%3A shape::INCREMENT_SYNC_SET_TIMEZONE: the value is not an IANA" in out
    )


def test_the_option_wins_over_the_variable(shell: Shell, tmp_path: Path) -> None:
    other = tmp_path / "other" / "plans"
    other.mkdir(parents=True)
    (other.parent / "increment-sync.yaml").write_text(SETTINGS.replace("here", "there"), encoding="utf-8")
    assert "instance = here " in shell("settings")
    text = shell("-C", str(other), "settings")
    assert "instance = there " in text
    assert "--workspace" in text
    assert "instance = there " in shell("settings", INCREMENT_SYNC_WORKSPACE=str(other))


@pytest.mark.parametrize("folder", ["", "  "])
def test_an_empty_variable_names_no_workspace(
    shell: Shell, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shell.root)
    assert "current folder" in shell("settings", INCREMENT_SYNC_WORKSPACE=folder)


def test_a_workspace_that_is_not_there_is_named(shell: Shell, tmp_path: Path) -> None:
    shell("status", code=3, INCREMENT_SYNC_WORKSPACE=str(tmp_path / "gone"))
    assert f"there is no increment-sync.yaml in {tmp_path}/gone or above it" in shell.err
