"""``settings``: every setting and credential with the place that it comes from, without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

from pydantic import BaseModel

from connectors.escape import escape_terminal
from connectors.registry import spec_of
from mappings.problems import Origin
from mappings.yaml.tree import KeyPath, dotted
from sync.cli.exit_codes import ExitCode
from sync.cli.output import Output, pick
from sync.cli.schemas import format_duration
from sync.config.credentials import PING_URL, Credentials, collect_file_secrets, read_credentials
from sync.config.secret_lookup import SECRETS_DIR, CredentialError, FoundValue
from sync.config.settings import Settings
from sync.runtime.invocation import WORKSPACE, Invocation

_WIDTH: Final = 80
_MAX_TEXT: Final = 1000
_PASSWORD: Final = re.compile(r"(?<=:)[^:/@]*(?=@)|(?<=[?&]password=)[^&]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceOfValue:
    """Where a value comes from."""

    kind: str
    """``option``, ``variable``, ``file``, ``folder``, ``default``, or ``current folder``."""
    name: str | None = None
    """Of the variable, or of the settings file."""
    line: int | None = None
    column: int | None = None
    path: str | None = None
    """Of the file that the variable names, or that was found in the secrets folder."""

    def __str__(self) -> str:
        place = f"{self.name}:{self.line}:{self.column}" if self.line else self.name or self.kind
        return f"{place} ({self.path})" if self.path else place


_DEFAULT: Final = SourceOfValue(kind="default")


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownValue:
    """One row: a setting, or a part of the credentials of a tracker."""

    key: str
    value: Any
    """None for a secret."""
    source: SourceOfValue
    is_secret: bool = False


def show_settings(invocation: Invocation) -> int:
    """Print all settings, then all credentials. Return 3 if a credential cannot be read."""
    invocation.redactor.add(collect_file_secrets(invocation.secrets))
    settings, problems = invocation.settings, list[str]()
    rows = [_workspace(invocation), *_settings_rows(settings)]
    credentials = [*_credential_rows(invocation, settings, problems), *_shared_rows(invocation, problems)]
    output = Output(invocation)
    code = ExitCode.INVALID if problems else ExitCode.DONE
    output.show(
        lambda: {
            "exit_code": code,
            "settings": [_document(invocation, row) for row in rows],
            "credentials": [_document(invocation, row) for row in credentials],
            "problems": problems,
        },
        lambda: [line for row in (*rows, *credentials) for line in _lines(invocation, row)],
    )
    if not output.as_json:
        output.notes(f"problem: {problem}" for problem in problems)
    return code


def _workspace(invocation: Invocation) -> ShownValue:
    if invocation.workspace is not None:
        source = SourceOfValue(kind="option", name="--workspace")
    elif invocation.environment.get(WORKSPACE, "").strip():
        source = SourceOfValue(kind="variable", name=WORKSPACE)
    else:
        source = SourceOfValue(kind="current folder")
    return ShownValue(key="workspace", value=str(invocation.root), source=source)


def _settings_rows(settings: Settings) -> Iterator[ShownValue]:
    for path, value in _leaves(settings, ()):
        origin = settings.origin_of(path)
        if value is not None or origin is not None:
            yield ShownValue(key=dotted(path), value=_plain(value), source=_source_of(origin))


def _leaves(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    """Yield key path and value of each setting that holds no others."""
    inner: Iterable[tuple[str, object]] = ()
    if isinstance(value, BaseModel):
        inner = ((name, getattr(value, name)) for name in type(value).model_fields)
    elif isinstance(value, Mapping):
        inner = value.items()
    else:
        yield path, value
    for name, each in inner:
        yield from _leaves(each, (*path, name))


def _source_of(origin: Origin | None) -> SourceOfValue:
    if origin is None:
        return _DEFAULT
    if origin.is_variable:
        return SourceOfValue(kind="variable", name=origin.file)
    return SourceOfValue(kind="file", name=origin.file, line=origin.line, column=origin.column)


def _plain(value: object) -> Any:
    """Return a value for JSON, without the passwords of URLs."""
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, str) and "://" in value:
        return _PASSWORD.sub("***", value)
    return str(value) if isinstance(value, Path) else value


def _credential_rows(invocation: Invocation, settings: Settings, problems: list[str]) -> Iterator[ShownValue]:
    """Yield the parts of all trackers; adds to ``problems`` what cannot be read."""
    for name, tracker in settings.trackers.items():
        try:
            credentials = read_credentials(name, tracker.kind, invocation.secrets, tracker.url)
        except CredentialError as error:
            problems.append(invocation.redactor.redact(str(error)))
            continue
        invocation.redactor.add(credentials.secrets())
        spec = spec_of(tracker.kind)
        for part in spec.credentials.parts:
            if part.name in credentials.found:
                yield _found_row(f"{name}: {part.name}", credentials.found[part.name], part.is_secret)
        yield from _server_row(name, credentials, tracker.url, spec.default_url)


def _server_row(
    name: str, credentials: Credentials, url: str | None, default: str | None
) -> Iterator[ShownValue]:
    """Yield the server of a tracker unless the settings or a variable with a URL name it."""
    if credentials.address.from_host:
        source = _source_of_found(credentials.found["host"])
        yield ShownValue(key=f"{name}: server", value=credentials.address.url, source=source)
    elif default and not credentials.address.url and url is None:
        yield ShownValue(key=f"{name}: server", value=default, source=_DEFAULT)


def _shared_rows(invocation: Invocation, problems: list[str]) -> Iterator[ShownValue]:
    """Yield the secrets folder and the health check."""
    if folder := invocation.environment.get(SECRETS_DIR, "").strip():
        source = SourceOfValue(kind="variable", name=SECRETS_DIR)
        yield ShownValue(key="secrets folder", value=folder, source=source)
    try:
        ping = invocation.secrets.find((PING_URL,))
    except CredentialError as error:
        problems.append(invocation.redactor.redact(str(error)))
        return
    if ping is not None:
        yield _found_row("health check", ping, is_secret=True)


def _found_row(key: str, found: FoundValue, is_secret: bool) -> ShownValue:
    value = None if is_secret else found.value
    return ShownValue(key=key, value=value, source=_source_of_found(found), is_secret=is_secret)


def _source_of_found(found: FoundValue) -> SourceOfValue:
    kind = "folder" if found.variable == SECRETS_DIR else "file" if found.file else "variable"
    return SourceOfValue(kind=kind, name=found.variable, path=str(found.file) if found.file else None)


def _document(invocation: Invocation, row: ShownValue) -> dict[str, Any]:
    value = invocation.redactor.redact_value(row.value)
    source = {name: each for name, each in pick(row.source, *SourceOfValue.__slots__).items() if each}
    return {"key": row.key, "value": value, "secret": row.is_secret, "source": source}


def _lines(invocation: Invocation, row: ShownValue) -> Iterator[str]:
    """Yield one line, or several where value and source do not fit beside each other."""
    value = "set" if row.is_secret else _text(invocation.redactor.redact_value(row.value))
    left = escape_terminal(f"{row.key} = {value}", _MAX_TEXT)
    right = escape_terminal(str(row.source), _MAX_TEXT)
    if len(left) + 2 + len(right) <= _WIDTH:
        yield left + right.rjust(_WIDTH - len(left))
    else:
        yield from wrap(left, _WIDTH, subsequent_indent="    ")
        yield from (line.rjust(_WIDTH) for line in wrap(right, _WIDTH))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "none"
    return "none" if value is None else str(value)
