"""Specification of the connector. It is imported by every command that knows trackers, and so imports little."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from connectors.errors import AuthFailed
from connectors.markdown import MARKDOWN
from connectors.ports import IssueReader, IssueWriter
from connectors.spec import (
    SPEC_VERSION,
    ConnectorSpec,
    Finding,
    KeySpec,
    OpenArguments,
    Option,
    SourceSpec,
    Traits,
)

_NAME: Final = r"[\w-][\w.-]*"


def _open(arguments: OpenArguments) -> tuple[IssueReader, IssueWriter]:
    from increment_sync_markdown.folder import Folder
    from increment_sync_markdown.git import Repository
    from increment_sync_markdown.reader import MarkdownReader
    from increment_sync_markdown.writer import MarkdownWriter

    if not arguments.options["root"]:
        name = arguments.tracker
        raise AuthFailed(
            f"{name}: write trackers.{name}.root in increment-sync.yaml, the folder of its issues"
        )
    folder = Folder(arguments.tracker, Path(arguments.options["root"]))
    repository: Repository | None = Repository(arguments.tracker, folder.root)
    if not folder.root.is_dir() or not repository or not repository.exists():
        repository = None
    reader = MarkdownReader(folder, repository, arguments.options["account"], arguments.cache)
    return reader, MarkdownWriter(folder, repository, reader, arguments.now)


def _check_root(text: str) -> Iterator[Finding]:
    if not text.startswith("/") or "\0" in text:
        yield Finding("`root` is the whole path of a folder; write one such as /srv/notes.")


def _check_account(text: str) -> Iterator[Finding]:
    if not re.fullmatch(r"[^\s<>@]+@[^\s<>@]+", text):
        yield Finding(
            "`account` is the address in our commits; write one such as increment-sync@acme.example."
        )


def _check_folder(text: str) -> Iterator[Finding]:
    if not re.fullmatch(_NAME, text):
        yield Finding(f'"{text}" is not a folder directly below the root; write its name, such as churn.')


SPEC: Final = ConnectorSpec(
    version=SPEC_VERSION,
    name="markdown",
    title="Markdown files",
    kinds={"markdown": "Markdown files"},
    needs_url=False,
    open=_open,
    settings=(
        Option("root", "Folder whose folders hold the issues.", example="/srv/notes", check=_check_root),
        Option(
            "account",
            "Address under which comments are written and commits are made.",
            default="increment-sync@localhost",
            check=_check_account,
        ),
    ),
    keys=KeySpec(
        pattern=re.compile(rf"{_NAME}/{_NAME}\.md"),
        example="churn/retention.md",
        container=lambda key: key.partition("/")[0],
    ),
    source=SourceSpec(
        noun="folder",
        shape="{folder: NAME}",
        options=(
            Option("folder", "Folder below the root of the tracker.", example="churn", check=_check_folder),
        ),
    ),
    markup=replace(MARKDOWN, max_length=60_000),
    traits=Traits(
        edits_may_send_mail=False,
        labels_in_one_write=True,
        statuses={"todo": "todo", "doing": "doing", "done": "done"},
    ),
)
