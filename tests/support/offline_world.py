"""Workspace with a filled store and no tracker, for tests of commands that read only the store."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.model import Cursor, Issue, PulledSource, Source
from mappings.rules.conditions import field_selection_for
from sync.cli import main as cli
from sync.runtime.bootstrap import load_configuration
from sync.runtime.invocation import Invocation
from sync.runtime.session import open_workspace_store
from tests.support.match_world import issue

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)

SETTINGS = """\
instance: offline
trackers:
  jira: {kind: jira-cloud, url: https://acme.example}
  github: {kind: github}
"""
PLAN = """\
increment: 2026-q4
start: 2026-10-01
end: 2026-12-31
goals:
  - id: retention
    title: Keep subscribers
    anchor: jira:DS-100
    capabilities:
      - {id: features, title: Churn features, team: science, anchor: "github:acme/churn#12"}
      - {id: model, title: Churn model, team: science, anchor: "jira:DS-101", iterations: [v1, v2]}
"""
MAPPING = """\
team: science
sources:
  - jira: {project: DS}
  - github: {repo: acme/churn}
rules:
  - {id: features, when: {labels: [features]}, assign: features}
  - {id: model, when: {parent: DS-140}, assign: model, iteration: v2}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandResult:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def done(key: str, ago: float, **facts: Any) -> Issue:
    """Return an issue that was finished ``ago`` days ago."""
    closed = {"status": "Done", "category": "done", "closed": days_ago(ago), "updated": days_ago(ago)}
    return issue(key, **closed | facts)


class OfflineWorld:
    """Files in a folder, issues in its store; ``now`` stands at NOW."""

    def __init__(
        self,
        root: Path,
        *issues: Issue,
        plan: str = PLAN,
        mapping: str = MAPPING,
        more: dict[str, str] | None = None,
    ) -> None:
        self.root = root
        files = {
            "increment-sync.yaml": SETTINGS,
            "plans/2026-q4.yaml": plan,
            "mappings/science.yaml": mapping,
        }
        for name, text in (files | (more or {})).items():
            self.write(name, text)
        if issues:
            self.pull(issues)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def pull(self, issues: Iterable[Issue]) -> None:
        """Store issues as a run does, each in the source of its project or repository."""
        loaded = load_configuration(self.root)
        selection = field_selection_for(loaded.workspace.teams)
        stored = list(issues)
        with open_workspace_store(loaded, lambda: NOW) as store:
            for source in {each for team in loaded.workspace.teams for each in team.sources}:
                store.save_pull(_pulled(source, stored), selection, NOW)

    def invocation(self, *, as_json: bool = False) -> Invocation:
        return Invocation(
            workspace=self.root, log_level="error", as_json=as_json, environment={}, now=lambda: NOW
        )

    def call(self, command: Callable[[Invocation], int], *, as_json: bool = False) -> CommandResult:
        """Run a command in this workspace and capture its output."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = cli.invoke(lambda: command(self.invocation(as_json=as_json)))
        return CommandResult(code=code, out=out.getvalue(), err=err.getvalue())


def _pulled(source: Source, issues: Iterable[Issue]) -> PulledSource:
    place = (source.tracker, source.container)
    stored = tuple(each for each in issues if (each.ref.tracker, each.container) == place)
    return PulledSource(
        source=source, issues=stored, cursor=Cursor(watermark=NOW, updated_since=NOW), full=True
    )
