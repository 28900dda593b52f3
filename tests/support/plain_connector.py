"""A connector of a third kind that implements nothing optional: keys like ``garden-1``, plain text, careful traits."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from connectors import registry
from connectors.escape import escape_terminal
from connectors.ports import IssueReader, IssueWriter
from connectors.spec import (
    SPEC_VERSION,
    ConnectorSpec,
    KeySpec,
    Markup,
    OpenArguments,
    Option,
    SourceSpec,
    Traits,
)
from tests.support.writing_world import FaultyTracker, WritingWorld

PLAN = """\
increment: 2026-q4
start: 2026-10-01
end: 2026-12-31
goals:
  - id: retention
    title: Keep subscribers
    anchor: plain:garden-1
    capabilities:
      - id: features
        title: Churn feature set
        team: science
"""
MAPPING = """\
team: science
sources:
  - plain: {folder: garden}
  - jira: {project: DS}
  - github: {repo: acme/churn}
rules:
  - id: by-features
    when: {labels: {any: [features]}}
    assign: features
"""


def _open(arguments: OpenArguments) -> tuple[IssueReader, IssueWriter]:
    raise NotImplementedError(f"{arguments.tracker} is in memory")


SPEC = ConnectorSpec(
    version=SPEC_VERSION,
    name="plain",
    title="Plain",
    kinds={"plain": "Plain"},
    needs_url=False,
    open=_open,
    keys=KeySpec(
        pattern=re.compile(r"[a-z]+-[1-9][0-9]*"),
        example="garden-12",
        container=lambda key: key.rpartition("-")[0],
    ),
    source=SourceSpec(
        options=(Option("folder", "Folder of issues."),), noun="folder", shape="{folder: name}"
    ),
    markup=Markup(
        escape=lambda text, limit=500: escape_terminal(text, limit),
        bold="",
        bullet="*",
        code=("'", "'"),
        table_header=lambda cells: ["= " + " = ".join(cells)],
        max_length=2_000,
        marks_in_text=True,
    ),
    traits=Traits(),
)


def install(patch: pytest.MonkeyPatch) -> None:
    """Let the registry find the connector beside the installed ones."""
    entry = EntryPoint(name="plain", value=f"{__name__}:SPEC", group=registry.GROUP)
    found = (*registry._installed(), entry)
    patch.setattr(registry, "_installed", lambda: found)


class PlainTracker(FaultyTracker):
    """In-memory tracker that records the sets of labels of each request."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.label_requests: list[tuple[list[str], list[str]]] = []
        self.renames: list[tuple[str, str]] = []

    def change_labels(self, ref: Any, add: Any, remove: Any) -> None:
        self.label_requests.append((list(add), list(remove)))
        super().change_labels(ref, add, remove)

    def rename_label(self, container: str, old: str, new: str) -> bool:
        self.renames.append((old, new))
        return super().rename_label(container, old, new)


class PlainWorld(WritingWorld):
    """A ``WritingWorld`` with a third tracker, whose issue ``garden-1`` is the anchor of the goal."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.plain = PlainTracker("plain", ["garden"], now=lambda: self.now, me="increment-sync")
        self.trackers = {**self.trackers, "plain": self.plain}
        self.edit("increment-sync.yaml", "trackers:\n", "trackers:\n  plain: {kind: plain}\n")
        self.write("mappings/science.yaml", MAPPING)
        self.write("plans/q4.yaml", PLAN)
        self.plain.add_issue("garden", "Goal: keep subscribers")

    def tracker_of(self, key: str) -> FaultyTracker:
        return self.plain if key.startswith("garden") else super().tracker_of(key)
