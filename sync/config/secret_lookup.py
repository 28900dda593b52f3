"""Lookup of a value by the name of its variable: in the environment, in a file that it names, in the secrets folder."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from connectors.regular_file import read_regular_file

SECRETS_DIR: Final = "INCREMENT_SYNC_SECRETS_DIR"
_MAX_BYTES: Final = 64_000
"""Far more than a private key has."""


class CredentialError(Exception):
    """A credential is missing or unreadable; the message says which variable to set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundValue:
    """A value, and where it was found."""

    value: str
    variable: str
    """NAME, NAME_FILE, or that of the secrets folder."""
    file: Path | None = None

    @property
    def place(self) -> str:
        """The variable; for the secrets folder also the name of the file."""
        in_folder = self.variable == SECRETS_DIR and self.file is not None
        return f"{self.variable} ({self.file.name})" if in_folder and self.file else self.variable


class SecretLookup:
    """Finds values by the names of their variables. Reads each file once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self._folder = environment.get(SECRETS_DIR, "").strip()
        self._read: dict[Path, str | OSError | UnicodeDecodeError] = {}

    def find(self, names: Iterable[str]) -> FoundValue | None:
        """Return the value of the first name that has one. Raises CredentialError if its file cannot be used."""
        return next(filter(None, map(self._find, names)), None)

    def _find(self, name: str) -> FoundValue | None:
        """Look for NAME, then for the file of NAME_FILE, then in the secrets folder."""
        if value := self.environment.get(name, "").strip():
            return FoundValue(value=value, variable=name)
        if path := self.environment.get(f"{name}_FILE", "").strip():
            return self._of_file(Path(path), f"{name}_FILE")
        candidates = (Path(self._folder) / each for each in (name, name.lower())) if self._folder else ()
        file = next(filter(os.path.lexists, candidates), None)
        return self._of_file(file, SECRETS_DIR) if file else None

    def _of_file(self, path: Path, variable: str) -> FoundValue:
        text = self._text(path)
        if isinstance(text, Exception):
            reason = text.strerror if isinstance(text, OSError) else "not a text file"
            raise CredentialError(f"{variable} names {path}, which cannot be read: {reason}") from None
        if any(unicodedata.category(char) == "Cc" and char not in "\r\n\t" for char in text):
            raise CredentialError(f"{variable} names {path}, which cannot be read: not a text file")
        if not text:
            raise CredentialError(f"{variable} names {path}, which is empty; write the secret into it")
        return FoundValue(value=text, variable=variable, file=path)

    def _text(self, path: Path) -> str | OSError | UnicodeDecodeError:
        if path not in self._read:
            try:
                self._read[path] = read_regular_file(path, _MAX_BYTES).decode("utf-8-sig").strip()
            except (OSError, UnicodeDecodeError) as error:
                self._read[path] = error
        return self._read[path]

    def texts_of_files(self, endings: tuple[str, ...]) -> Iterator[str]:
        """Yield the texts of all files for names with one of the endings; files that cannot be read have none."""
        named = tuple(f"{ending}_FILE" for ending in endings)
        files = [Path(value) for name, value in self.environment.items() if name.endswith(named)]
        if self._folder:
            with suppress(OSError):
                files += [
                    path for path in Path(self._folder).iterdir() if path.name.upper().endswith(endings)
                ]
        yield from (text for text in map(self._text, files) if isinstance(text, str) and text)
