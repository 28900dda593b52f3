"""The commands of the guide and the workflow for pull requests, run as written."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guide.md"
WORKFLOW = ROOT / "examples" / "ci" / "mappings.yml"
PORT = "8765"
_MARK = re.compile(r"<!-- (file|append|exits with|background|prints)(?:: | )?(.*?) ?-->")


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A piece of code of the guide, and what the mark in front of it says to do with it."""

    mark: str
    value: str
    language: str
    text: str
    line: int


def blocks(text: str) -> list[Block]:
    found: list[Block] = []
    mark, value = "run", ""
    for token in MarkdownIt().parse(text):
        if token.type == "html_block":
            match = _MARK.fullmatch(token.content.strip())
            assert match, f"unknown mark in the guide: {token.content}"
            mark, value = match[1], match[2]
        elif token.type == "fence":
            found.append(
                Block(
                    mark=mark,
                    value=value,
                    language=token.info,
                    text=token.content,
                    line=(token.map or [0])[0] + 1,
                )
            )
            mark, value = "run", ""
    return found


class Reader:
    """Somebody who does what the guide says, in one shell, and reads what the commands print."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self._state = folder.parent / "shell"
        self._state.write_text(f"cd {folder}\n", encoding="utf-8")
        self.printed = ""
        """By the last commands, both streams."""
        self.unread: list[str] = []
        """Commands that run until they are stopped."""

    @property
    def here(self) -> Path:
        return Path(self._state.read_text(encoding="utf-8").splitlines()[0].removeprefix("cd ").strip("'"))

    def follow(self, block: Block) -> None:
        text = block.text.replace(PORT, str(self.port))
        if block.mark in ("file", "append"):
            path = self.here / block.value
            before = path.read_text(encoding="utf-8") if block.mark == "append" else ""
            path.write_text(before + text, encoding="utf-8")
        elif block.mark == "prints":
            self._read(text, block.line)
        elif block.mark == "background":
            self.unread.append(text)
        else:
            self._run(text, int(block.value) if block.mark == "exits with" else 0, block.line)

    def _run(self, text: str, code: int, line: int) -> None:
        keep = f'{{ printf "cd %q\\n" "$PWD"; export -p; }} > "{self._state}"'
        script = f"set -e\n. {self._state}\ntrap '{keep}' EXIT\n{text}"
        done = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, env=environment(self.folder), timeout=120
        )
        self.printed = done.stdout + done.stderr
        assert done.returncode == code, f"guide, line {line}:\n{text}\n{self.printed}"

    def _read(self, expected: str, line: int) -> None:
        said = " ".join(self.printed.split())
        for wanted in expected.splitlines():
            text = " ".join(wanted.split())
            assert text in said, f"guide, line {line}: {wanted!r} is not in\n{self.printed}"


def environment(home: Path) -> dict[str, str]:
    """As after installing: the command on the path, a git that knows who works."""
    person = {"NAME": "Somebody", "EMAIL": "somebody@example.invalid"}
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "COLUMNS": "200",
        **{f"GIT_{who}_{what}": text for who in ("AUTHOR", "COMMITTER") for what, text in person.items()},
    }


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def in_background(command: str, folder: Path, port: int) -> Iterator[None]:
    """The command, until the reader is done; begins when its port answers."""
    process = subprocess.Popen(
        command.split(), env=environment(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(300):
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, f"{command} ended by itself"
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_the_commands_of_the_guide_work_as_written(tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    reader = Reader(folder, free_port())
    first, *rest = blocks(GUIDE.read_text(encoding="utf-8"))
    reader.follow(first)
    (background,) = reader.unread
    with in_background(background, folder, reader.port):
        for block in rest:
            reader.follow(block)
        assert reader.unread == [background]
        follow_the_workflow(reader)
    assert sum(block.mark == "run" for block in rest) > 10


def test_every_file_named_in_the_guide_exists() -> None:
    named = set(re.findall(r"`((?:docs|examples|tests)/[^`]+)`", GUIDE.read_text(encoding="utf-8")))
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []


def workflow() -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = YAML(typ="safe").load(WORKFLOW.read_text(encoding="utf-8"))
    return loaded


def follow_the_workflow(reader: Reader) -> None:
    """What the workflow does with a pull request to the branch that the guide's workspace is on."""
    job = workflow()["jobs"]["mappings"]
    # This is what GitHub makes of it: bash -eo pipefail.
    assert job["defaults"]["run"]["shell"] == "bash"
    steps = {step["name"]: "set -eo pipefail\n" + step["run"] for step in job["steps"] if "run" in step}
    summary = reader.folder / "summary.md"
    reader._run(
        f"""
        git update-ref refs/remotes/origin/main HEAD~1
        export GITHUB_STEP_SUMMARY={summary} BASE=origin/main
        increment-sync snapshot export snapshot.json.gz
        rm -r .increment-sync
        unset JIRA_EMAIL JIRA_API_TOKEN GH_TOKEN
        """,
        0,
        0,
    )
    for name in ("Check", "Test", "Impact", "Summary"):
        reader._run(steps[name], 0, 0)
    text = summary.read_text(encoding="utf-8")
    assert "acme/churn" in text
    assert "loader-bugs" in text
    assert "3 passed, 0 failed" in text
    suite = ElementTree.parse(reader.here / "mapping-tests.xml").getroot()  # noqa: S314 - our own file
    assert len(list(suite.iter("testcase"))) == 3
    mapping = reader.here / "mappings" / "churn-science.yaml"
    good = mapping.read_text(encoding="utf-8")
    mapping.write_text(good.replace("labels: [bug]", "lables: [bug]"), encoding="utf-8")
    reader._run(steps["Check"], 3, 0)
    assert "::error file=mappings/churn-science.yaml,line=" in reader.printed
    mapping.write_text(good.replace("when: {parent: DS-140}", "when: {parent: DS-141}"), encoding="utf-8")
    reader._run(steps["Test"], 3, 0)


def test_the_workflow_uses_no_secrets_and_no_untrusted_text_in_scripts() -> None:
    text = WORKFLOW.read_text(encoding="utf-8")
    assert "secrets." not in text
    assert "pull_request_target" not in text
    for step in workflow()["jobs"]["mappings"]["steps"]:
        assert "${{" not in step.get("run", ""), step["name"]


@pytest.mark.parametrize("name", ["Check", "Test", "Impact", "Comment", "Summary"])
def test_every_step_of_the_workflow_is_documented(name: str) -> None:
    assert f"| {name} |" in (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    assert name in {step.get("name") for step in workflow()["jobs"]["mappings"]["steps"]}
