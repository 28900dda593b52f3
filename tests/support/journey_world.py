"""A workspace and the sandbox trackers behind it, for end-to-end tests over HTTP.

Program and trackers share one clock. It stands still until a test moves it; sleeping moves it, too.
"""

from __future__ import annotations

import copy
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from connectors.sandbox.core.faults import Fault, FaultKind
from connectors.sandbox.core.tracker import Clock, LogEntry, Tracker, TrackerRequest, TrackerResponse
from connectors.sandbox.server import Sandbox
from sync.cli import main as cli
from sync.cli.arguments.common import INVOCATION
from sync.cli.commands.apply import apply_file
from sync.cli.commands.explain import explain
from sync.cli.commands.history import history
from sync.cli.commands.mappings_test import run_cases
from sync.cli.commands.overrides import OverrideFilter, clear_overrides, list_overrides
from sync.cli.commands.preview import preview
from sync.cli.commands.reconcile import reconcile
from sync.cli.commands.run import run
from sync.cli.commands.status import status
from sync.cli.commands.undo import UndoOptions, undo
from sync.model.run import RunOptions
from sync.runtime.bootstrap import load_configuration
from sync.runtime.invocation import Invocation
from sync.runtime.session import open_workspace_store
from sync.store import Store

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
TOKENS: Mapping[str, str] = {
    "JIRA_EMAIL": "robot@acme.example",
    "JIRA_API_TOKEN": "jira-token",
    "GH_TOKEN": "github-token",
}
GOAL, MODEL, FEATURES = "DS-1", "DS-2", "acme/churn#1"
"""Anchors of the goal and of its capabilities ``model`` (on Jira) and ``features`` (on GitHub)."""

SETTINGS = """\
instance: journey
trackers:
{trackers}
push: {{enabled: true}}
"""
PLAN = """\
increment: 2026-q4
start: 2026-10-01
end: 2026-12-31
goals:
  - id: retention
    title: Keep subscribers
    commitment: committed
    anchor: jira:DS-1
    capabilities:
      - {id: model, title: Churn model, team: science, anchor: "jira:DS-2"}
      - {id: features, title: Churn features, team: science, anchor: "github:acme/churn#1"}
"""
MAPPING = """\
team: science
sources:
  - jira: {project: DS}
  - github: {repo: acme/churn}
rules:
  - {id: model, when: {labels: [model]}, assign: model}
  - {id: features, when: {labels: [features]}, assign: features}
"""


def jira_seed(issues: int, *, kind: str = "jira-cloud", scoped: bool = False) -> dict[str, Any]:
    """A Jira site with the two anchors and so many issues labelled ``model``: DS-11, DS-12..."""
    return {
        "kind": kind,
        "accounts": [
            {"id": "robot-1", "email": "robot@acme.example", "token": "jira-token", "scoped": scoped},
            {"id": "ada", "email": "ada@acme.example"},
        ],
        "projects": {
            "DS": {
                "issues": [
                    {"key": GOAL, "summary": "Keep subscribers", "type": "Epic", "created": "60d ago"},
                    {"key": MODEL, "summary": "Churn model", "type": "Epic", "created": "60d ago"},
                    *({"key": f"DS-{n}", **_JIRA_ISSUE} for n in range(11, 11 + issues)),
                ]
            },
            "OPS": {},
        },
    }


_JIRA_ISSUE = {"summary": "Try something", "labels": ["model"], "created": "20d ago", "status": "To Do"}


def github_seed(issues: int, *, pull_requests: int = 0, server: str = "cloud") -> dict[str, Any]:
    """A repository with its anchor #1 and so many issues labelled ``features``: #11, #12..."""
    numbers = range(11, 11 + issues + pull_requests)
    return {
        "kind": "github",
        "server": server,
        "content_per_minute": 10_000,
        "content_per_hour": 10_000,
        "accounts": [
            {"login": "sync-robot", "token": "github-token"},
            {"login": "ada"},
        ],
        "repos": {
            "acme/churn": {
                "permissions": {"sync-robot": "write", "ada": "write"},
                "labels": ["features"],
                "issues": [
                    {"number": 1, "title": "Churn features", "created": "60d ago"},
                    *(
                        {
                            "number": n,
                            "title": "Build something",
                            "labels": ["features"],
                            "created": "20d ago",
                            "pull_request": n >= 11 + issues,
                        }
                        for n in numbers
                    ),
                ],
            },
            "acme/attic": {"permissions": {"sync-robot": "write", "ada": "write"}},
        },
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandResult:
    """Output and exit code of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class _Terminal(io.StringIO):
    """Text stream that pretends to be a terminal."""

    def isatty(self) -> bool:
        return True


class JourneyWorld:
    """Workspace, trackers, and methods for commands and for actions of people."""

    def __init__(
        self,
        root: Path,
        *,
        jira: int | dict[str, Any] = 3,
        github: int | dict[str, Any] = 3,
        plan: str = PLAN,
        mapping: str = MAPPING,
        more_mappings: Mapping[str, str] | None = None,
        settings: str = "",
        trackers: Callable[[Sandbox], str] | None = None,
        environment: Mapping[str, str] = TOKENS,
    ) -> None:
        """Set up, not yet started.

        ``jira`` and ``github``: number of issues, or a seed. ``settings``: lines added to the file.
        """
        self.clock = Clock(NOW)
        seeds = {
            "jira": jira_seed(jira) if isinstance(jira, int) else jira,
            "github": github_seed(github) if isinstance(github, int) else github,
        }
        self.box = Sandbox.from_seed({"trackers": seeds}, clock=self.clock)
        self.root, self.environment = root, environment
        self.requests: tuple[LogEntry, ...] = ()
        """Requests of the last command."""
        self.slept: list[float] = []
        self._garbled: dict[str, Tracker] = {}
        self._texts = {"plans/2026-q4.yaml": plan, "mappings/science.yaml": mapping}
        self._texts |= {f"mappings/{name}.yaml": text for name, text in (more_mappings or {}).items()}
        self._settings, self._trackers = settings, trackers or plain_trackers

    def __enter__(self) -> Self:
        self.box.start()
        self._texts["increment-sync.yaml"] = (
            SETTINGS.format(trackers=self._trackers(self.box)) + self._settings
        )
        for name, text in self._texts.items():
            self.write(name, text)
        return self

    def __exit__(self, *_: object) -> None:
        self.box.close()

    # ---- the workspace

    def write(self, name: str, text: str) -> None:
        """Write a file of the workspace."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace text in a file of the workspace."""
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        self.write(name, text.replace(old, new))

    @contextmanager
    def opened_store(self) -> Iterator[Store]:
        """Open the store beside the program."""
        with open_workspace_store(load_configuration(self.root), self.clock) as store:
            yield store

    # ---- commands

    def invocation(self, *, as_json: bool = False) -> Invocation:
        invocation = Invocation(
            workspace=self.root,
            log_level="error",
            as_json=as_json,
            environment=self.environment,
            now=self.clock,
            sleep=self._sleep,
        )
        INVOCATION.set(invocation)  # errors are reported by it, as with options of the command line
        return invocation

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(timedelta(seconds=seconds))

    def run(
        self,
        *,
        as_json: bool = False,
        after: timedelta = timedelta(minutes=30),
        metrics: Path | None = None,
        **options: Any,
    ) -> CommandResult:
        """Run ``increment-sync run``, some time after the last command."""
        return self._call(
            lambda: run(self.invocation(as_json=as_json), RunOptions(**options), metrics), after
        )

    def reconcile(
        self,
        *,
        yes: bool = False,
        answer: str | None = None,
        as_json: bool = False,
        after: timedelta = timedelta(minutes=30),
        **options: Any,
    ) -> CommandResult:
        """Run ``increment-sync reconcile``. ``answer``: text that a person types at the terminal."""
        invocation = self.invocation(as_json=as_json)
        return self._call(lambda: reconcile(invocation, RunOptions(**options), yes=yes), after, answer)

    def preview(
        self, out: Path | None = None, *, detailed: bool = False, format_: str = "text"
    ) -> CommandResult:
        return self._call(lambda: preview(self.invocation(), RunOptions(), out, detailed, format_))

    def apply(self, path: Path, **options: Any) -> CommandResult:
        return self._call(lambda: apply_file(self.invocation(), path, RunOptions(**options)))

    def undo(
        self,
        run_id: str,
        *,
        answer: str | None = None,
        as_json: bool = False,
        limit: int | None = None,
        **more: Any,
    ) -> CommandResult:
        """Run ``increment-sync undo``.

        ``answer``: text that a person types at the terminal. ``limit``: value of ``--max-removals``.
        """
        more.setdefault("yes", answer is None)
        more.setdefault("limits", RunOptions(max_removals=limit))
        options = UndoOptions(run_id=run_id, **more)
        return self._call(lambda: undo(self.invocation(as_json=as_json), options), answer=answer)

    def last_run(self) -> str:
        """Return the id of the last run of any command."""
        with self.opened_store() as store:
            return store.recent_runs(1)[0].id

    def explain(self, key: str) -> CommandResult:
        """Run ``increment-sync explain``."""
        return self._call(lambda: explain(self.invocation(), key))

    def status(self) -> Any:
        """Run ``increment-sync status --json`` and parse its output."""
        return self._call(lambda: status(self.invocation(as_json=True), None)).json

    def status_text(self, after: timedelta = timedelta(minutes=30)) -> CommandResult:
        """Run ``increment-sync status``."""
        return self._call(lambda: status(self.invocation(), None), after)

    def clear(self, *, yes: bool = True, answer: str | None = None, **which: Any) -> CommandResult:
        """Run ``increment-sync overrides clear``. ``answer``: text that a person types at the terminal."""
        wanted = OverrideFilter(yes=yes and answer is None, **which)
        return self._call(lambda: clear_overrides(self.invocation(), wanted), answer=answer)

    def history(self, run_id: str | None = None, *, as_json: bool = False, **more: Any) -> CommandResult:
        """Run ``increment-sync history``."""
        issue, since = more.get("issue"), more.get("since")
        return self._call(lambda: history(self.invocation(as_json=as_json), run_id, issue, 100, since))

    def overrides(self) -> Any:
        """Run ``increment-sync overrides --json`` and parse its output."""
        return self._call(lambda: list_overrides(self.invocation(as_json=True))).json

    def override_list(self) -> CommandResult:
        """Run ``increment-sync overrides``."""
        return self._call(lambda: list_overrides(self.invocation()))

    def mappings_test(self, *, as_json: bool = False) -> CommandResult:
        """Run ``increment-sync mappings test``."""
        return self._call(lambda: run_cases(self.invocation(as_json=as_json)))

    def _call(
        self, command: Callable[[], int], after: timedelta = timedelta(minutes=30), answer: str | None = None
    ) -> CommandResult:
        self.clock.advance(after)
        self.box.log.clear()
        person = answer is not None
        out, err = (_Terminal() if person else io.StringIO()), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), _typed_answer(answer):
            code = cli.invoke(command)
        self.requests = self.box.log.entries
        return CommandResult(code=code, out=out.getvalue(), err=err.getvalue())

    # ---- what was asked of the trackers

    def reads(self, tracker: str | None = None) -> list[str]:
        """Return the read requests of the last command: ``GET /path -> 200``."""
        return [_log_line(entry) for entry in self._of(tracker) if not _writes(entry)]

    def writes(self, tracker: str | None = None) -> list[str]:
        """Return the write requests of the last command."""
        return [_log_line(entry) for entry in self._of(tracker) if _writes(entry)]

    def _of(self, tracker: str | None) -> Iterable[LogEntry]:
        return [entry for entry in self.requests if tracker in (None, entry.tracker)]

    # ---- the trackers' world

    @property
    def jira(self) -> Any:
        return self.box.trackers["jira"].state  # type: ignore[attr-defined]

    @property
    def github(self) -> Any:
        return self.box.trackers["github"].state  # type: ignore[attr-defined]

    def labels(self, key: str) -> set[str]:
        """Return all labels of an issue."""
        if "#" in key:
            return {label.name for label in self.github.issue(*_split(key)).labels}
        return set(self.jira.require_issue(key).labels)

    def label(self, key: str, name: str, by: str = "ada") -> None:
        """Add a label as a person."""
        (self.github.label(*_split(key), name, by=by) if "#" in key else self.jira.label(key, name, by))

    def unlabel(self, key: str, name: str, by: str = "ada") -> None:
        """Remove a label as a person."""
        (self.github.unlabel(*_split(key), name, by=by) if "#" in key else self.jira.unlabel(key, name, by))

    def comments(self, key: str) -> list[str]:
        """Return the texts of all comments of an issue."""
        found = (
            self.github.issue(*_split(key)).comments if "#" in key else self.jira.require_issue(key).comments
        )
        return [comment.body for comment in found]

    def comment_id(self, key: str) -> int:
        """Return the id of the only comment."""
        found = (
            self.github.issue(*_split(key)).comments if "#" in key else self.jira.require_issue(key).comments
        )
        (only,) = found
        return int(only.id)

    def edit_comment(self, key: str, change: Callable[[str], str], by: str = "ada") -> None:
        """Edit the only comment of an issue as a person."""
        comment_id, text = self.comment_id(key), change(self.comments(key)[0])
        if "#" in key:
            self.github.edit_comment(_split(key)[0], comment_id, text, by=by)
        else:
            self.jira.edit_comment(key, comment_id, text, by)

    def delete_comment(self, key: str) -> None:
        """Delete the only comment of an issue as a person."""
        if "#" in key:
            self.github.delete_comment(_split(key)[0], self.comment_id(key))
        else:
            self.jira.delete_comment(key, self.comment_id(key), "ada")

    def close(self, key: str) -> None:
        """Close an issue as a person."""
        if "#" in key:
            self.github.close(*_split(key), by="ada")
        else:
            self.jira.set_status(key, "Done", "ada", "Done")

    def fault(self, kind: FaultKind, **more: Any) -> None:
        self.box.faults.add(Fault(kind=kind, **more))

    def touch(self, key: str, by: str = "ada") -> None:
        """Change the title of an issue as a person."""
        if "#" in key:
            self.github.retitle(*_split(key), "Touched", by=by)
        else:
            self.jira.edit(key, by, summary="Touched")

    def garble(self, key: str, change: Callable[[dict[str, Any]], None]) -> None:
        """Let a tracker describe one issue wrongly in all its answers, until ``restore``.

        ``change`` edits the JSON of the issue.
        """
        tracker = self.box.trackers["github" if "#" in key else "jira"]
        answer = tracker.handle

        def handle(request: TrackerRequest) -> TrackerResponse:
            response = answer(request)
            data = copy.deepcopy(response.data)
            for row in _issue_rows(data):
                if key in (row.get("key"), f"acme/churn#{row.get('number')}"):
                    change(row)
            return replace(response, data=data)

        self._garbled[tracker.name] = tracker
        tracker.handle = handle  # type: ignore[method-assign]

    def restore(self) -> None:
        """Let the trackers describe all issues rightly again."""
        for tracker in self._garbled.values():
            del tracker.handle
        self._garbled.clear()

    def snapshot(self) -> Any:
        """Return everything that people see on both trackers, without times and mails."""
        return {
            "jira": {issue.key: _jira_view(issue) for issue in self.jira.issues()},
            "github": {
                f"{repo.full_name}#{issue.number}": _github_view(issue)
                for repo in self.github.repos.values()
                for issue in repo.issues.values()
            },
        }


def plain_trackers(box: Sandbox) -> str:
    """Return tracker settings: Jira Cloud with its site URL, GitHub with a token."""
    return (
        f"  jira: {{kind: jira-cloud, url: '{box.url('jira')}', write_spacing: 0}}\n"
        f"  github: {{kind: github, url: '{box.url('github')}', write_spacing: 0}}"
    )


@contextmanager
def _typed_answer(answer: str | None) -> Iterator[None]:
    """Replace standard input by the answer of a person."""
    before = sys.stdin
    sys.stdin = io.StringIO() if answer is None else _Terminal(answer + "\n")
    try:
        yield
    finally:
        sys.stdin = before


def _split(key: str) -> tuple[str, int]:
    repo, _, number = key.partition("#")
    return repo, int(number)


def _writes(entry: LogEntry) -> bool:
    reading = ("/search", "/search/jql", "/comment/list", "/changelog/bulkfetch", "/access_tokens")
    return entry.method != "GET" and not entry.path.endswith(reading)


def _log_line(entry: LogEntry) -> str:
    return f"{entry.tracker}: {entry.method} {entry.path} -> {entry.status}"


def _jira_view(issue: Any) -> Any:
    return sorted(issue.labels), [(comment.author, comment.body) for comment in issue.comments]


def _github_view(issue: Any) -> Any:
    labels = sorted(label.name for label in issue.labels)
    return labels, [(comment.user.login, comment.body) for comment in issue.comments]


def _issue_rows(data: Any) -> list[dict[str, Any]]:
    """Return the issues in an answer: rows of a list or search, or the answer itself."""
    rows = data.get("issues", [data]) if isinstance(data, dict) else data
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
