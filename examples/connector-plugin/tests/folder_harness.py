"""People who work in a folder of Markdown files, with or without Git."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from increment_sync_markdown.spec import SPEC

from connectors.model import Source
from connectors.ports import IssueReader, IssueWriter
from connectors.testing import TrackerHarness, VirtualTime, open_arguments


class FolderHarness(TrackerHarness):
    """A folder without Git: nobody knows who changed what."""

    keeps_history = False

    def __init__(self, root: Path) -> None:
        self.spec, self.time, self.root, self.number = SPEC, VirtualTime(), root, 0
        for container in ("notes", "ops"):
            (root / container).mkdir(parents=True)
        self.open()
        self.source = Source(tracker="markdown", container="notes")
        self.missing = Source(tracker="markdown", container="nope")

    def open(self) -> None:
        arguments = open_arguments(SPEC, self.time, options={"root": str(self.root)})
        self.reader, self.writer = SPEC.open(arguments)

    def write(self, key: str, text: str) -> None:
        """Save a file as dana."""
        path = self.root / key
        path.write_text(text, encoding="utf-8")
        os.utime(path, (self.time.now().timestamp(),) * 2)

    def set(self, key: str, name: str, value: str | None) -> None:
        """Set a field of the front matter, or take it away."""
        lines = (self.root / key).read_text(encoding="utf-8").split("\n")
        lines = [line for line in lines if not line.startswith(f"{name}:")]
        self.write(key, "\n".join(lines if value is None else [lines[0], f"{name}: {value}", *lines[1:]]))

    def labels(self, key: str) -> list[str]:
        lines = (self.root / key).read_text(encoding="utf-8").split("\n")
        return [label for line in lines if line.startswith("labels: ") for label in json.loads(line[8:])]

    # ---- what the suite asks for

    def add_issue(self, title: str, *, labels: tuple[str, ...] = (), body: str = "") -> str:
        self.number += 1
        key = f"notes/issue-{self.number}.md"
        self.write(
            key,
            f"---\nid: n{self.number}\ntitle: {title}\nlabels: {json.dumps(labels)}\n"
            f"created: {self.time.now().isoformat()}\n---\n{body}\n",
        )
        return key

    def label(self, key: str, name: str) -> None:
        self.set(key, "labels", json.dumps([*self.labels(key), name]))

    def unlabel(self, key: str, name: str) -> None:
        self.set(key, "labels", json.dumps([label for label in self.labels(key) if label != name]))

    def close(self, key: str) -> None:
        self.set(key, "status", "done")
        self.set(key, "closed", self.time.now().isoformat())

    def reopen(self, key: str) -> None:
        self.set(key, "status", "todo")
        self.set(key, "closed", None)

    def comment(self, key: str, body: str) -> str:
        text = (self.root / key).read_text(encoding="utf-8")
        name = f"c{text.count('<!-- comment ')}"
        header = f"<!-- comment {name} by dana@acme.example at {self.time.now().isoformat()} -->"
        self.write(key, f"{text.rstrip()}\n\n{header}\n{body}\n")
        return name

    def comments_of(self, key: str) -> list[str]:
        sections = (self.root / key).read_text(encoding="utf-8").split("<!-- comment ")[1:]
        return [section.partition("-->\n")[2].strip() for section in sections]

    def delete(self, key: str) -> None:
        (self.root / key).unlink()

    def move(self, key: str) -> str:
        (self.root / key).rename(self.root / "ops" / Path(key).name)
        return f"ops/{Path(key).name}"

    def pass_minutes(self, minutes: float) -> None:
        self.time.sleep(60 * minutes)


class GitHarness(FolderHarness):
    """A folder in a Git repository. What dana did is committed before the connector looks."""

    keeps_history = True

    def __init__(self, root: Path) -> None:
        root.mkdir()
        self.root = root
        self.git("init", "--quiet")
        super().__init__(root)
        self.has_changes = False

    def git(self, *arguments: str) -> None:
        command = ["git", "-c", "user.name=Dana", "-c", "user.email=dana@acme.example", *arguments]
        dates = {}
        if hasattr(self, "time"):
            dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), self.time.now().isoformat())
        subprocess.run(command, cwd=self.root, env=os.environ | dates, check=True, capture_output=True)

    def commit(self) -> None:
        """Commit everything as dana."""
        if self.has_changes:
            self.has_changes = False
            self.git("add", "--all")
            self.git("commit", "--quiet", "--allow-empty", "--message", "Work")

    @property
    def reader(self) -> IssueReader:  # type: ignore[override]
        self.commit()
        return self._reader

    @reader.setter
    def reader(self, reader: IssueReader) -> None:
        self._reader = reader

    @property
    def writer(self) -> IssueWriter:  # type: ignore[override]
        self.commit()
        return self._writer

    @writer.setter
    def writer(self, writer: IssueWriter) -> None:
        self._writer = writer

    def write(self, key: str, text: str) -> None:
        super().write(key, text)
        self.has_changes = True

    def set(self, key: str, name: str, value: str | None) -> None:
        self.commit()  # each act is a commit of its own
        super().set(key, name, value)

    def close(self, key: str) -> None:
        self.set(key, "status", "done")  # the commit says when

    def delete(self, key: str) -> None:
        super().delete(key)
        self.has_changes = True

    def move(self, key: str) -> str:
        self.has_changes = True
        return super().move(key)

    def pass_minutes(self, minutes: float) -> None:
        self.commit()
        super().pass_minutes(minutes)
