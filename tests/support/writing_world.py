"""A workspace with two in-memory trackers, for tests of writing labels and comments."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.errors import ConnectorError
from connectors.model import (
    Comment,
    Cursor,
    FailedSource,
    FieldSelection,
    Issue,
    IssueRef,
    LabelHistory,
    PulledSource,
    Source,
)
from sync.cli.run_output import run_problem_lines
from sync.config.settings import store_url
from sync.model.run import RunOptions, RunResult
from sync.pipeline.run import apply_changes, plan_run, save_run_result
from sync.runtime.bootstrap import load_configuration
from sync.runtime.context import RunContext
from sync.runtime.run_lock import run_lock
from sync.store import JournalEntry, OverrideRecord, Store, open_store
from tests.support.memory_tracker import MemoryTracker

ME = "increment-sync"
SETTINGS = """\
instance: acme
timezone: UTC
store: sqlite:///state.db
trackers:
  jira: {kind: jira-dc, url: "http://127.0.0.1:1"}
  github: {kind: github, url: "http://127.0.0.1:1"}
push: {enabled: true}
"""
PLAN = """\
increment: 2026-q4
start: 2026-10-01
end: 2026-12-31
goals:
  - id: retention
    title: Keep subscribers
    anchor: jira:DS-1
    capabilities:
      - id: features
        title: Churn feature set
        team: science
        anchor: github:acme/churn#1
      - id: model
        title: Churn model
        team: science
"""
MAPPING = """\
team: science
sources:
  - jira: {project: DS}
  - github: {repo: acme/churn}
rules:
  - id: by-features
    when: {labels: {any: [features]}}
    assign: features
  - id: by-model
    when: {labels: {any: [model]}}
    assign: model
"""
FEATURES, MODEL, INCREMENT = "capability:features", "capability:model", "increment:2026-q4"


class FaultyTracker(MemoryTracker):
    """In-memory tracker with stale lists, missing histories and rejected writes, which records direct reads."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.stale: dict[str, Issue] = {}
        """Key -> issue that lists return in place of the real one."""
        self.direct_reads: list[str] = []
        self.refusing_writes: dict[str, ConnectorError] = {}
        """``remove`` or ``delete`` -> error that such a write raises."""
        self.unreadable: dict[str, ConnectorError] = {}
        """Key -> error that a direct read raises."""
        self.failing_histories: ConnectorError | None = None
        """Error that label histories end with."""
        self.without_history: set[str] = set()
        """Keys of issues without a readable label history."""
        self.histories_read: list[str] = []
        self.made_labels: list[tuple[str, str, str, str]] = []
        """Container, name, color and description of each label that was made."""

    def freeze_list(self, key: str) -> None:
        """From now on, lists return the issue as it is at this moment."""
        self.stale[key] = self._issue_at(key).issue

    def transfer(self, key: str, container: str) -> IssueRef:
        """Move an issue as GitHub does: a new issue takes over, and its comments have new ids."""
        self.move(key, container)
        stored = self._issue_at(key)
        del self._issues[stored.issue.ref.id]
        ref = replace(stored.issue.ref, id=str(next(self._ids)))
        self._issues[ref.id] = replace(stored, issue=replace(stored.issue, ref=ref), comments={})
        for former in stored.comments.values():
            copied = replace(former, id=str(next(self._ids)))
            self._issues[ref.id].comments[copied.id] = copied
        self._ids_by_key |= {key: ref.id, ref.key: ref.id}
        return ref

    def forget_label_authors(self, key: str) -> None:
        """Remove the label history of an issue."""
        self._issue_at(key).label_origins.clear()
        self._issue_at(key).label_histories.clear()

    def read(self, key: str, wanted: FieldSelection) -> Issue:
        self.direct_reads.append(key)
        if key in self.unreadable:
            raise self.unreadable[key]
        return super().read(key, wanted)

    def pull(
        self, sources: Sequence[tuple[Source, Cursor | None]], wanted: FieldSelection
    ) -> Iterator[PulledSource | FailedSource]:
        for answer in super().pull(sources, wanted):
            if isinstance(answer, FailedSource):
                yield answer
            else:
                shown = tuple(self.stale.get(issue.ref.key, issue) for issue in answer.issues)
                yield replace(answer, issues=shown)

    def label_histories(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Mapping[str, LabelHistory]]:
        self.histories_read += [ref.key for ref in refs]
        if self.failing_histories:
            raise self.failing_histories
        found = super().label_histories(refs)
        return {ref: history for ref, history in found.items() if ref.key not in self.without_history}

    def ensure_label(self, container: str, name: str, color: str, description: str) -> None:
        self.made_labels.append((container, name, color, description))

    def change_labels(self, ref: IssueRef, add: Sequence[str], remove: Sequence[str]) -> None:
        if "/" not in ref.key:
            if remove and "remove" in self.refusing_writes:
                raise self.refusing_writes["remove"]
            super().change_labels(ref, add, remove)
            return
        super().change_labels(ref, add, [])
        if remove and "remove" in self.refusing_writes:
            raise self.refusing_writes["remove"]
        super().change_labels(ref, [], remove)

    def delete_comment(self, ref: IssueRef, comment_id: str) -> None:
        if "delete" in self.refusing_writes:
            raise self.refusing_writes["delete"]
        super().delete_comment(ref, comment_id)


class _Quiet:
    def info(self, *_: Any, **__: Any) -> None: ...
    def warning(self, *_: Any, **__: Any) -> None: ...


class WritingWorld:
    """Workspace, trackers and clock.

    The goal's anchor is DS-1 on Jira, the one of ``features`` is acme/churn#1 on GitHub.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = datetime(2026, 11, 2, 8, tzinfo=UTC)
        self.jira = FaultyTracker("jira", ["DS", "OPS"], now=lambda: self.now, me=ME)
        self.github = FaultyTracker("github", ["acme/churn", "acme/plan"], now=lambda: self.now, me=ME)
        self.trackers = {"jira": self.jira, "github": self.github}
        self._runs = itertools.count(1)
        self.write("increment-sync.yaml", SETTINGS)
        self.write("plans/q4.yaml", PLAN)
        self.write("mappings/science.yaml", MAPPING)
        self.jira.add_issue("DS", "Goal: keep subscribers")
        self.github.add_issue("acme/churn", "Capability: churn features")
        self.pass_time(hours=1)

    # ---- the workspace

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {path}"
        self.write(path, text.replace(old, new))

    def lose_store(self) -> None:
        for file in self.root.glob("state.db*"):
            file.unlink()

    def backup(self) -> dict[Path, bytes]:
        """Return the files of the store."""
        return {file: file.read_bytes() for file in self.root.glob("state.db*")}

    def restore(self, backup: dict[Path, bytes]) -> None:
        """Put a backup of the store back."""
        self.lose_store()
        for file, content in backup.items():
            file.write_bytes(content)

    def clear_overrides(self) -> None:
        """Clear all overrides, as ``overrides clear`` does."""
        store = self.store()
        try:
            for row in store.overrides():
                store.remove_override(row.ref, row.kind, row.label)
        finally:
            store.close()

    def replace_comment_id(self, old: str, new: str) -> None:
        """Let the store know a status comment by another id."""
        store = self.store()
        try:
            for row in store.pushed_comments().values():
                if row.comment_id == old:
                    store.record_pushed_comment(replace(row, comment_id=new))
        finally:
            store.close()

    def pass_time(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    # ---- the program

    def run(self, *, writes: bool = True, keeps: bool = True, **options: Any) -> RunResult:
        """Run once, an hour after the last run."""
        self.pass_time(hours=1)
        with_options = RunOptions(**options)

        def work(run_context: RunContext) -> RunResult:
            with run_lock(run_context, "a test"):
                outcome = apply_changes(
                    run_context, with_options, plan_run(run_context, with_options, records=keeps)
                )
                if writes:
                    save_run_result(run_context, outcome)
            return outcome

        outcome: RunResult = self.with_context(work, writes=writes)
        return outcome

    def preview(self, **options: Any) -> RunResult:
        return self.run(writes=False, keeps=False, **options)

    def with_context(self, work: Callable[[RunContext], Any], *, writes: bool = True) -> Any:
        configured = load_configuration(self.root)
        store = self.store()
        run_id = f"run-{next(self._runs):03}"
        try:
            store.start_run(run_id, "run", {})
            return work(
                RunContext(
                    root=self.root,
                    run_id=run_id,
                    settings=configured.settings,
                    workspace=configured.workspace,
                    store=store,
                    readers=self.trackers,
                    writers=self.trackers if writes and configured.settings.push.enabled else {},
                    now=lambda: self.now,
                    log=_Quiet(),
                )
            )
        finally:
            store.close()

    def store(self) -> Store:
        settings = load_configuration(self.root).settings
        return open_store(store_url(settings, self.root), now=lambda: self.now)

    # ---- what is there

    def tracker_of(self, key: str) -> FaultyTracker:
        return self.github if "/" in key else self.jira

    def labels(self, key: str) -> set[str]:
        return set(self.tracker_of(key)._issue_at(key).issue.labels)

    def comments(self, key: str) -> list[Comment]:
        return list(self.tracker_of(key)._issue_at(key).comments.values())

    def overrides(self) -> set[tuple[str, str, str]]:
        """Return (key, kind, label) of each recorded override."""
        return {(row.ref.key, row.kind, row.label) for row in self.override_rows()}

    def override_rows(self) -> list[OverrideRecord]:
        store = self.store()
        try:
            return store.overrides()
        finally:
            store.close()

    def pushed(self, key: str) -> set[str]:
        store = self.store()
        try:
            return {
                label for ref, labels in store.pushed_labels().items() if ref.key == key for label in labels
            }
        finally:
            store.close()

    def journal(self) -> list[JournalEntry]:
        store = self.store()
        try:
            return store.journal()
        finally:
            store.close()

    def snapshot(self) -> dict[str, Any]:
        """Return labels and comments of all issues, to compare before and after."""
        return {
            stored.issue.ref.key: (stored.issue.labels, dict(stored.comments))
            for tracker in self.trackers.values()
            for stored in tracker._issues.values()
        }


def notes(outcome: RunResult) -> str:
    """Return the lines that a command prints beside the changes."""
    return "\n".join(run_problem_lines(outcome))
