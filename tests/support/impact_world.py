"""Workspace with a filled store, for tests that edit a mapping and compute its impact."""

from __future__ import annotations

import io
import json
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sync.cli import main as cli
from sync.cli.commands.mappings_impact import impact
from sync.cli.commands.snapshot import export_snapshot, import_snapshot
from sync.runtime.bootstrap import load_configuration
from sync.runtime.invocation import Invocation
from sync.runtime.session import open_workspace_store
from sync.store import Store
from tests.support.store_world import CHURN, START, Clock, issue, pull

SETTINGS = """\
instance: acme
push: {enabled: true}
trackers:
  jira: {kind: jira-cloud, url: https://acme.invalid}
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
      - {id: features, title: Features, team: science}
      - {id: model, title: Model, team: science, iterations: [v1, v2], anchor: "jira:DS-101"}
"""
MAPPING = """\
team: science
sources:
  - jira: {project: DS}
rules:
  - {id: features, when: {labels: [features]}, assign: features}
  - {id: model, when: {labels: [model]}, assign: model}
"""
OTHER_MAPPING = """\
team: platform
sources:
  - github: {repo: acme/churn}
rules:
  - {id: all-of-it, when: {labels: [model]}, assign: model}
"""


@dataclass(frozen=True, slots=True)
class CommandResult:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Workspace:
    """Issues DS-1 to DS-3 (features, model, nothing), acme/churn#4 (model), and the anchors DS-100 and DS-101."""

    def __init__(self, root: Path) -> None:
        self.root, self.clock = root, Clock()
        self.clock.forward(hours=6)
        self.write("increment-sync.yaml", SETTINGS)
        self.write("plans/2026-q4.yaml", PLAN)
        self.write("mappings/science.yaml", MAPPING)
        self.write("mappings/platform.yaml", OTHER_MAPPING)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        self.write(name, text.replace(old, new))

    def fill(self) -> Workspace:
        with self.store() as store:
            pull(
                store,
                issue(1, labels=frozenset({"features"})),
                issue(2, labels=frozenset({"model"})),
                issue(3, title="Look | at `this` @ada"),
                issue(100),
                issue(101),
            )
            pull(store, issue(4, tracker="github", labels=frozenset({"model"})), source=CHURN)
        return self

    def store(self) -> Any:
        """The workspace's store, opened for the time of a block."""
        return open_workspace_store(load_configuration(self.root), self.clock)

    def more(self, store: Store, *numbers: int, **facts: Any) -> None:
        """More issues of the project DS; those that were there stay."""
        pull(store, *(issue(number, **facts) for number in numbers), at=START, full=False)

    # ---- git

    def commit(self) -> str:
        self.git("init", "-q", "-b", "main")
        self.git("add", "-A", "plans", "mappings", "increment-sync.yaml")
        self.git("-c", "user.name=Ada", "-c", "user.email=ada@acme.invalid", "commit", "-q", "-m", "before")
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.root), *arguments],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    # ---- commands

    def invocation(self, *, as_json: bool = False) -> Invocation:
        return Invocation(
            workspace=self.root, log_level="error", as_json=as_json, environment={}, now=self.clock
        )

    def impact(
        self,
        against: str | Path = "HEAD",
        *,
        snapshot: Path | None = None,
        format_: Any = "text",
        detailed: bool = False,
    ) -> CommandResult:
        return _run(lambda: impact(self.invocation(), str(against), snapshot, format_, detailed=detailed))

    def export(self, file: Path, *, bodies: bool = False) -> CommandResult:
        return _run(lambda: export_snapshot(self.invocation(), file, bodies=bodies))

    def load(self, file: Path, *, replace: bool = False) -> CommandResult:
        return _run(lambda: import_snapshot(self.invocation(), file, replace=replace))


def _run(command: Any) -> CommandResult:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.invoke(command)
    return CommandResult(code, out.getvalue(), err.getvalue())
