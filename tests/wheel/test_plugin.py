"""Connectors of somebody else, installed with the wheel: the example, and the one that docs/connectors.md shows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.sandbox.server import Sandbox
from tests.support.distribution import (
    ROOT,
    Program,
    build,
    checkout,
    installed,
    locked_versions,
    program,
    wheel_in,
)
from tests.support.journey_world import TOKENS, github_seed, jira_seed

ACCOUNT = "increment-sync@acme.example"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example."""
    return checkout(tmp_path_factory.mktemp("example"), "examples/connector-plugin")


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that ``docs/connectors.md`` shows."""
    folder = tmp_path_factory.mktemp("guide")
    page = (ROOT / "docs" / "connectors.md").read_text(encoding="utf-8")
    for name, text in re.findall(r"^\*\*`(\S+)`\*\*\n\n```\w+\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def commands(built: Path, example: Path, guide: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment with the wheel and both connectors, in the versions that are locked."""
    folder = tmp_path_factory.mktemp("plugins")
    wheels = []
    for source in (example, guide):
        build(source, folder / source.name, "--wheel")
        wheels.append(str(wheel_in(folder / source.name)))
    versions = locked_versions("dev.lock", folder / "versions.txt")
    program_wheel = f"{wheel_in(built)}[sandbox,testing]"
    return installed(folder / "env", "--constraint", str(versions), program_wheel, *wheels)


@pytest.mark.parametrize(("name", "least"), [("example", 120), ("guide", 40)])
def test_a_connector_of_somebody_else_meets_the_contract(
    name: str, least: int, commands: Path, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    shutil.copytree(request.getfixturevalue(name) / "tests", tmp_path / "tests")
    done = subprocess.run(
        [str(commands / "python"), "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", "tests"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed and int(passed[1]) >= least, done.stdout


def test_the_suite_is_no_plugin_of_everybody(commands: Path, tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(
        "import sys\ndef test_other(): assert 'connectors' not in sys.modules\n", encoding="utf-8"
    )
    done = subprocess.run([str(commands / "python"), "-m", "pytest", "-q"], cwd=tmp_path, check=False)
    assert done.returncode == 0


class Notes:
    """A Git folder of Markdown files, written by dana."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "churn").mkdir(parents=True)
        self.git("init", "--quiet")
        self.write("anchor", "id: n1\ntitle: Churn research")
        for number in range(2, 5):
            self.write(f"note-{number}", f"id: n{number}\ntitle: Read a paper\nlabels: [research]  # by hand")
        self.commit()

    def write(self, name: str, fields: str) -> None:
        text = f"---\n{fields}\n---\nWhat we want to know.\n"
        (self.root / "churn" / f"{name}.md").write_text(text, encoding="utf-8")

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Notes")

    def read(self, name: str) -> str:
        return (self.root / "churn" / f"{name}.md").read_text(encoding="utf-8")

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=Dana", "-c", "user.email=dana@acme.example")
        done = subprocess.run(["git", *identity, *arguments], cwd=self.root, check=True, capture_output=True)
        return done.stdout.decode()


def write_workspace(root: Path, box: Sandbox, notes: Notes) -> None:
    today = datetime.now(UTC).date()
    (root / "plans").mkdir()
    (root / "mappings").mkdir()
    (root / "increment-sync.yaml").write_text(
        f"""\
instance: plugin
trackers:
  jira: {{kind: jira-cloud, url: "{box.url("jira")}", write_spacing: 0}}
  github: {{kind: github, url: "{box.url("github")}", write_spacing: 0}}
  notes: {{kind: markdown, root: {notes.root}, account: {ACCOUNT}}}
push: {{enabled: true}}
""",
        encoding="utf-8",
    )
    (root / "plans" / "now.yaml").write_text(
        f"""\
increment: now
start: {today - timedelta(days=30)}
end: {today + timedelta(days=60)}
goals:
  - id: retention
    title: Keep subscribers
    commitment: committed
    anchor: jira:DS-1
    capabilities:
      - {{id: model, title: Churn model, team: science, anchor: "jira:DS-2"}}
      - {{id: features, title: Churn features, team: science, anchor: "github:acme/churn#1"}}
      - {{id: research, title: Churn research, team: science, anchor: "notes:churn/anchor.md"}}
""",
        encoding="utf-8",
    )
    (root / "mappings" / "science.yaml").write_text(
        """\
team: science
sources:
  - jira: {project: DS}
  - github: {repo: acme/churn}
  - notes: {folder: churn}
rules:
  - {id: model, when: {labels: [model]}, assign: model}
  - {id: features, when: {labels: [features]}, assign: features}
  - {id: research, when: {labels: [research]}, assign: research}
""",
        encoding="utf-8",
    )


@contextmanager
def serve() -> Iterator[Sandbox]:
    with Sandbox.from_seed({"trackers": {"jira": jira_seed(2), "github": github_seed(2)}}) as box:
        yield box


def written(use: Program, code: int = 0) -> str:
    """Run, and return the changes that were written, as JSON; empty if there were none."""
    done = use("run", "--json")
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    changes = json.loads(done.stdout)["changes"]
    return json.dumps(changes) if changes else ""


def test_a_connector_of_somebody_else_takes_part_in_a_run(commands: Path, tmp_path: Path) -> None:
    notes, work = Notes(tmp_path / "notes"), tmp_path / "work"
    work.mkdir()
    with serve() as box:
        write_workspace(work, box, notes)
        use = program(commands, work, TOKENS)
        checked = use("mappings", "check")
        assert checked.returncode == 0, checked.stdout
        first = written(use)
        assert all(key in first for key in ("DS-2", "acme/churn#1", "churn/anchor.md", "churn/note-2.md"))
        for number in range(2, 5):
            assert '"capability:research"' in notes.read(f"note-{number}")
            assert "# by hand" in notes.read(f"note-{number}")
        assert "<!-- increment-sync:begin" in notes.read("anchor"), "its own markup"
        assert "**Planned: 0 of 3 issues done**" in notes.read("anchor")
        assert notes.git("log", "--format=%ae", "-1").strip() == ACCOUNT
        assert notes.git("status", "--porcelain") == ""
        head = notes.git("rev-parse", "HEAD")
        assert written(use) == ""
        assert notes.git("rev-parse", "HEAD") == head

        text = notes.read("note-2").replace('"capability:research", ', "")
        (notes.root / "churn" / "note-2.md").write_text(text, encoding="utf-8")
        notes.commit()
        written(use)
        assert "capability:research" not in notes.read("note-2"), "a person took the label away"
        overrides = use("overrides", "--json")
        assert "churn/note-2.md" in overrides.stdout and "dana@acme.example" in overrides.stdout

        notes.write("broken", "id: [n9")
        notes.commit()
        written(use, code=1)
        assert "churn/broken.md" in use("run").stderr
        assert "capability:research" not in notes.read("note-2")
