"""A workspace, two trackers in memory and the people who use them, for the stories about writing back."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.errors import ConnectorError
from connectors.memory import MemoryTracker
from connectors.model import Comment, Cursor, Failed, Issue, IssueRef, Pulled, Source, Wanted
from sync.cli.render import problems_text
from sync.config.settings import store_url
from sync.model.run import Options, Outcome
from sync.pipeline.run import carry_out, look, remember_outcome
from sync.runtime.bootstrap import configure
from sync.runtime.context import Job
from sync.runtime.run_lock import held
from sync.store import JournalRow, OverrideRow, Store, open_store

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


class Tracker(MemoryTracker):
    """A tracker whose lists can be stale, whose history can be silent, and which counts its requests."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.stale: dict[str, Issue] = {}
        """What lists say of an issue instead of the truth, by key."""
        self.direct_reads: list[str] = []
        self.refusing_writes: dict[str, ConnectorError] = {}
        """``remove`` or ``delete`` -> what becomes of such a write."""
        self.unreadable: dict[str, ConnectorError] = {}
        """What a direct read of an issue comes to, by key."""

    def list_as_now(self, key: str) -> None:
        """From now on lists show the issue as it is at this moment."""
        self.stale[key] = self._at(key).issue

    def forget_who_labelled(self, key: str) -> None:
        self._at(key).put_by.clear()

    def read(self, key: str, wanted: Wanted) -> Issue:
        self.direct_reads.append(key)
        if key in self.unreadable:
            raise self.unreadable[key]
        return super().read(key, wanted)

    def pull(
        self, sources: Sequence[tuple[Source, Cursor | None]], wanted: Wanted
    ) -> Iterator[Pulled | Failed]:
        for answer in super().pull(sources, wanted):
            if isinstance(answer, Failed):
                yield answer
            else:
                shown = tuple(self.stale.get(issue.ref.key, issue) for issue in answer.issues)
                yield replace(answer, issues=shown)

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


class World:
    """The goal's anchor is DS-1 on Jira, the one of ``features`` is acme/churn#1 on GitHub."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = datetime(2026, 11, 2, 8, tzinfo=UTC)
        self.jira = Tracker("jira", ["DS", "OPS"], now=lambda: self.now, me=ME)
        self.github = Tracker("github", ["acme/churn", "acme/plan"], now=lambda: self.now, me=ME)
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

    def pass_time(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    # ---- the program

    def run(self, *, writes: bool = True, keeps: bool = True, **options: Any) -> Outcome:
        """One execution, an hour after the last."""
        self.pass_time(hours=1)
        with_options = Options(**options)

        def work(job: Job) -> Outcome:
            with held(job, "a test"):
                outcome = carry_out(job, with_options, look(job, with_options, keeps=keeps))
                if writes:
                    remember_outcome(job, outcome)
            return outcome

        outcome: Outcome = self.with_job(work, writes=writes)
        return outcome

    def preview(self, **options: Any) -> Outcome:
        return self.run(writes=False, keeps=False, **options)

    def with_job(self, work: Callable[[Job], Any], *, writes: bool = True) -> Any:
        configured = configure(self.root)
        store = self.store()
        run_id = f"run-{next(self._runs):03}"
        try:
            store.start_run(run_id, "run", {})
            return work(
                Job(
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
        settings = configure(self.root).settings
        return open_store(store_url(settings, self.root), now=lambda: self.now)

    # ---- what is there

    def tracker_of(self, key: str) -> Tracker:
        return self.github if "/" in key else self.jira

    def labels(self, key: str) -> set[str]:
        return set(self.tracker_of(key)._at(key).issue.labels)

    def comments(self, key: str) -> list[Comment]:
        return list(self.tracker_of(key)._at(key).comments.values())

    def overrides(self) -> set[tuple[str, str, str]]:
        """(key, kind, label)"""
        return {(row.ref.key, row.kind, row.label) for row in self.override_rows()}

    def override_rows(self) -> list[OverrideRow]:
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

    def journal(self) -> list[JournalRow]:
        store = self.store()
        try:
            return store.journal()
        finally:
            store.close()

    def snapshot(self) -> dict[str, Any]:
        """Everything on the trackers, to see that nothing changed."""
        return {
            kept.issue.ref.key: (kept.issue.labels, dict(kept.comments))
            for tracker in self.trackers.values()
            for kept in tracker._kept.values()
        }


def notes(outcome: Outcome) -> str:
    """What a person is told beside the changes."""
    return "\n".join(problems_text(outcome))
