"""History of the files, from the commits of the Git repository that the root lies in."""

from __future__ import annotations

import os
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from connectors.errors import Rejected, Unavailable
from connectors.model import ChangeKind
from increment_sync_markdown.document import BrokenDocument, parse
from increment_sync_markdown.folder import KEY

_SECONDS: Final = 120
_NO_FILE: Final = "0" * 40


@dataclass(frozen=True, slots=True)
class Event:
    """A commit changed the state, a label or the key of an issue."""

    commit: str
    author: str
    at: datetime
    kind: ChangeKind
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class _State:
    """What a commit says of an issue, as far as histories need it."""

    id: str
    key: str
    status: str
    labels: frozenset[str]


@dataclass(slots=True)
class History:
    """All commits up to ``head``, read once."""

    head: str = ""
    touched: dict[str, datetime] = field(default_factory=dict)
    """Key -> time of the last commit that changed the file."""
    born: dict[str, datetime] = field(default_factory=dict)
    """Id -> time of its first commit."""
    events: defaultdict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    """Id -> events, oldest first."""


@dataclass(frozen=True, slots=True)
class _Commit:
    name: str
    author: str
    at: datetime
    blobs: dict[str, str] = field(default_factory=dict)
    """Key -> content that it has after the commit; ``_NO_FILE`` if it is deleted."""


class Repository:
    """Git in the root of a tracker. Commands run without hooks and without the variables of another repository."""

    def __init__(self, tracker: str, root: Path) -> None:
        self._tracker, self._root = tracker, root
        self._history = History()
        self._prefix: str | None = None
        """Path of the root in the repository."""

    def exists(self) -> bool:
        """Return True if the root lies in a repository."""
        return self._git("rev-parse", "--git-dir").returncode == 0

    def uncommitted(self) -> frozenset[str]:
        """Return the keys of files that differ from the last commit, or are in none."""
        shown = self._output(
            "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--", "."
        )
        if self._prefix is None:
            self._prefix = self._output("rev-parse", "--show-prefix").strip()
        return frozenset(line[3:].removeprefix(self._prefix) for line in shown.split("\0"))

    def history(self) -> History:
        """Return what the commits say. A merge counts as one commit of who merged."""
        head = self._git("rev-parse", "--verify", "--quiet", "HEAD").stdout.decode().strip()
        if head != self._history.head:
            self._history = self._read(head)
        return self._history

    def commit(self, key: str, message: str, author: str, at: datetime) -> None:
        """Commit one file and nothing else. Raises Rejected if Git refuses."""
        identity = {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (
                ("NAME", "increment-sync"),
                ("EMAIL", author),
                ("DATE", f"{int(at.timestamp())} +0000"),
            )
        }
        done = self._git(
            "commit",
            "--quiet",
            "--no-verify",
            "--no-gpg-sign",
            "--only",
            "-m",
            message,
            "--",
            key,
            more=identity,
        )
        if done.returncode:
            raise Rejected(f"{self._tracker}: {key} cannot be committed: {_first_line(done)}")

    def _read(self, head: str) -> History:
        history, files, known = History(head), dict[str, _State](), dict[str, _State]()
        commits = list(self._commits())
        contents = self._contents({blob for commit in commits for blob in commit.blobs.values()} - {_NO_FILE})
        for commit in commits:
            for key, blob in commit.blobs.items():
                history.touched[key] = commit.at
                if state := _state(key, contents.get(blob)):
                    files[key] = state
                else:
                    files.pop(key, None)
            for key in commit.blobs:
                if after := files.get(key):
                    history.born.setdefault(after.id, commit.at)
                    history.events[after.id] += _events(commit, known.get(after.id), after)
                    known[after.id] = after
        return history

    def _commits(self) -> Iterator[_Commit]:
        """Yield the commits of the checked-out branch, oldest first."""
        options = (
            "--reverse",
            "--first-parent",
            "-m",
            "--raw",
            "--no-abbrev",
            "--no-renames",
            "-z",
            "--relative",
        )
        words = iter(self._output("log", *options, "--format=%x1e%H%x1f%ct%x1f%ae", "--", ".").split("\0"))
        commit = None
        for word in words:
            if word.startswith("\x1e"):
                if commit:
                    yield commit
                name, seconds, author = word[1:].split("\x1f", 2)
                commit = _Commit(name, author, datetime.fromtimestamp(int(seconds), UTC))
            elif commit and word.lstrip("\n").startswith(":"):
                key = next(words)
                if KEY.fullmatch(key):
                    commit.blobs[key] = word.split()[3]
        if commit:
            yield commit

    def _contents(self, blobs: set[str]) -> Mapping[str, str]:
        """Return the text of blobs by their names. What is no text is left out."""
        listed = "\n".join(sorted(blobs)).encode()
        raw, found, place = self._git("cat-file", "--batch", stdin=listed).stdout, {}, 0
        while (end := raw.find(b"\n", place)) >= 0:
            words = raw[place:end].decode().split()
            size = int(words[2]) if len(words) == 3 else -1
            content, place = raw[end + 1 : end + 1 + max(size, 0)], end + 1 + size + 1
            try:
                found[words[0]] = content.decode()
            except UnicodeDecodeError:
                continue
        return found

    def _output(self, *arguments: str) -> str:
        done = self._git(*arguments)
        if done.returncode and not (arguments[0] == "log" and not self._has_commits()):
            raise Unavailable(f"{self._tracker}: git cannot read {self._root}: {_first_line(done)}")
        return os.fsdecode(done.stdout)

    def _has_commits(self) -> bool:
        return self._git("rev-parse", "--verify", "--quiet", "HEAD").returncode == 0

    def _git(
        self, *arguments: str, stdin: bytes = b"", more: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", *arguments]
        try:
            return subprocess.run(  # noqa: S603 - no shell, and keys behind --
                command,
                cwd=self._root,
                env=clean | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"} | dict(more or {}),
                input=stdin,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"{self._tracker}: git cannot be run in {self._root}: {error}") from error


def _state(key: str, text: str | None) -> _State | None:
    """Return what a version of a file says; None if it is no issue."""
    try:
        document = parse(text or "")
        name = document.text("id")
        return (
            _State(name, key, document.text("status") or "todo", frozenset(document.texts("labels")))
            if name
            else None
        )
    except BrokenDocument:
        return None


def _events(commit: _Commit, before: _State | None, after: _State) -> Iterator[Event]:
    had = before.labels if before else frozenset()
    changes: list[tuple[ChangeKind, str, str]] = [
        *(("label", label, "") for label in sorted(had - after.labels)),
        *(("label", "", label) for label in sorted(after.labels - had)),
    ]
    if before and before.status != after.status:
        changes.append(("status", before.status, after.status))
    if before and before.key != after.key:
        changes.append(("key", before.key, after.key))
    return (Event(commit.name, commit.author, commit.at, kind, old, new) for kind, old, new in changes)


def _first_line(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = (done.stderr or done.stdout).decode(errors="replace").splitlines()
    return lines[0] if lines else f"exit code {done.returncode}"
