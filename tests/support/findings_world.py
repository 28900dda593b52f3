"""A small workspace whose mapping a test changes, and a store with the issues of a test."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

from connectors.model import Cursor, FieldSelection, KnownIssue, PulledSource, Source
from connectors.registry import spec_of
from mappings.checks.snapshot_warnings import snapshot_warnings
from mappings.checks.unknown_names import NamesOfThePast
from mappings.checks.warnings import file_warnings
from mappings.labels import LabelScheme
from mappings.load import read_workspace
from mappings.load_result import LoadResult
from mappings.model import Overrides
from mappings.problems import Problem
from sync.cli import main as cli
from sync.store import open_store

NOW = datetime(2026, 11, 15, 12, tzinfo=UTC)
SETTINGS = """\
instance: tests
trackers:
  jira: {kind: jira-cloud, url: https://acme.example}
  github: {kind: github}
"""
PLAN = """\
increment: q4
start: 2026-10-01
end: 2026-12-31
goals:
  - id: goal
    title: A goal
    capabilities:
      - {id: features, title: Features, team: science}
      - {id: model, title: Model, team: science, iterations: [v1, v2]}
"""
HEAD = """\
team: science
sources:
  - jira: {project: DS}
  - github: {repo: acme/churn}
"""
RULES = """\
rules:
  - {id: features, when: {labels: [features]}, assign: features}
  - {id: model, when: {labels: [model]}, assign: model, iteration: v2}
"""
MAPPING = HEAD + RULES


def write(root: Path, *, plan: str = PLAN, **mappings: str) -> Path:
    """A workspace; mappings by name of their file."""
    texts = {"plans/q4.yaml": plan, "increment-sync.yaml": SETTINGS}
    texts |= {f"mappings/{name}.yaml": text for name, text in (mappings or {"science": MAPPING}).items()}
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def read(root: Path) -> LoadResult:
    trackers = {"jira": spec_of("jira-cloud"), "github": spec_of("github")}
    return read_workspace(root, trackers=trackers, timezone="UTC", labels=LabelScheme())


def from_files(root: Path, now: datetime = NOW) -> tuple[Problem, ...]:
    """What the files tell; they have no errors."""
    reading = read(root)
    assert [problem for problem in reading.problems if problem.severity == "error"] == []
    return file_warnings(reading, now).reported


def from_issues(
    root: Path,
    *known: KnownIssue,
    overrides: Overrides = Overrides(),
    now: datetime = NOW,
    past: NamesOfThePast = NamesOfThePast(),
) -> tuple[Problem, ...]:
    """What stored issues tell."""
    reading = read(root)
    assert reading.workspace is not None, reading.problems
    return snapshot_warnings(
        reading, reading.workspace, LabelScheme(), known, overrides, now, past=past
    ).reported


def brief(problems: Sequence[Problem]) -> list[tuple[str, str]]:
    """Name of the check and ``line:column`` of each."""
    return [(each.check, f"{each.origin.line}:{each.origin.column}") for each in problems]


def store(root: Path, *known: KnownIssue) -> Path:
    """A store of the workspace that holds these issues, as if they had been pulled."""
    path = root / ".increment-sync" / "state.db"
    opened = open_store(f"sqlite:///{path}", now=lambda: NOW)
    for source in (Source(tracker="jira", container="DS"), Source(tracker="github", container="acme/churn")):
        issues = tuple(each.issue for each in known if source.name in each.sources)
        cursor = Cursor(watermark=NOW, updated_since=NOW)
        pulled = PulledSource(source=source, issues=issues, cursor=cursor, full=True)
        opened.save_pull(pulled, FieldSelection(), NOW)
    opened.close()
    return path


def call(root: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of ``increment-sync -C root ...``."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.invoke(lambda: cli.app(["-C", str(root), *arguments], standalone_mode=False))
    return code, out.getvalue(), err.getvalue()
