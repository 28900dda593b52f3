"""Files of a tracker: found, read and replaced, never outside of its root."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from connectors.errors import Gone, MalformedIssue, Rejected, SourceMissing, Unavailable
from connectors.regular_file import MEGABYTE, read_regular_file

NAME: Final = r"[\w-][\w.-]*"
"""Name of a folder or file: no separator, no hidden file, no ``..``."""
KEY: Final = re.compile(rf"{NAME}/{NAME}\.md")
_NO_ISSUE: Final = "readme.md"


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is now."""

    key: str
    text: str
    modified: datetime
    """UTC."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Root of a tracker."""

    tracker: str
    root: Path

    def containers(self) -> list[str]:
        """Return the names of all containers. Raises SourceMissing if there is no root."""
        try:
            entries = sorted(os.scandir(self.root), key=lambda entry: entry.name)
        except OSError as error:
            raise SourceMissing(f"{self.tracker}: {self.root} cannot be read: {error.strerror}") from error
        return [
            each.name
            for each in entries
            if re.fullmatch(NAME, each.name) and each.is_dir(follow_symlinks=False)
        ]

    def files(self, container: str) -> Iterator[File | MalformedIssue]:
        """Yield every file of a container that should be an issue, or why it is none."""
        if container not in self.containers():
            raise SourceMissing(
                f"{self.tracker}: there is no folder {container} in {self.root}; correct the mapping"
            )
        try:
            names = sorted(path.name for path in (self.root / container).iterdir())
        except OSError as error:
            sentence = f"{self.tracker}: {self.root / container} cannot be read: {error.strerror}"
            raise Unavailable(sentence) from error
        for name in names:
            if name.startswith(".") or not name.endswith(".md") or name.lower() == _NO_ISSUE:
                continue
            try:
                yield self.file(f"{container}/{name}")
            except Gone:
                continue  # deleted a moment ago
            except MalformedIssue as error:
                yield error

    def file(self, key: str) -> File:
        """Read one file. Raises Gone if it does not exist, and MalformedIssue if it cannot be used."""
        path, described = self.path(key), f"{self.tracker}: {key}"
        try:
            status = path.lstat()
            if path.parent.is_symlink() or stat.S_ISLNK(status.st_mode):
                raise MalformedIssue(f"{described} is a link; put the file itself there", key=key)
            text = read_regular_file(path, MEGABYTE).decode()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Gone(f"{described} does not exist") from error
        except UnicodeDecodeError as error:
            raise MalformedIssue(f"{described} is not in UTF-8; save it as UTF-8", key=key) from error
        except OSError as error:
            raise MalformedIssue(f"{described} cannot be read: {error.strerror}", key=key) from error
        return File(key, text, datetime.fromtimestamp(status.st_mtime, UTC))

    def path(self, key: str) -> Path:
        """Return the path for a key. Raises MalformedIssue for a name that is not allowed."""
        if not KEY.fullmatch(key):
            sentence = (
                f"{self.tracker}: rename {key!r}; letters, digits, dots, hyphens and underscores are allowed"
            )
            raise MalformedIssue(sentence, key=key)
        return self.root / key

    def replace(self, before: File, text: str) -> None:
        """Replace a file as a whole.

        Raises Rejected if somebody changed it since it was read, or if it cannot be written.
        """
        path, described = self.path(before.key), f"{self.tracker}: {before.key}"
        if len(text.encode()) > MEGABYTE:
            raise Rejected(f"{described} would be larger than 1 MB; remove old comments")
        if self.file(before.key).text != before.text:
            raise Rejected(f"{described} was changed at the same time; the next run tries again")
        temporary = ""
        try:
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
                temporary = file.name
                file.write(text.encode())
                file.flush()
                os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except PermissionError as error:
            raise Rejected(
                f"{described} cannot be written: {error.strerror}; give this account the right"
            ) from error
        except OSError as error:
            raise Unavailable(f"{described} cannot be written: {error.strerror}") from error
        finally:
            if temporary:
                Path(temporary).unlink(missing_ok=True)
