"""The invocation of a command: environment, clock, output options, and what is derived from them once."""

from __future__ import annotations

import getpass
import os
import socket
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final

from connectors.http.redaction import SecretRedactor
from sync.config.credentials import collect_secrets
from sync.config.secret_lookup import SecretLookup
from sync.config.settings import Settings, find_workspace_root, load_settings

WORKSPACE: Final = "INCREMENT_SYNC_WORKSPACE"
"""Variable with the folder of the workspace; the option ``--workspace`` wins."""


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One call of a command. The only source of environment, clock, settings and secrets for what the command does."""

    workspace: Path | None = None
    """Folder at or below that of ``increment-sync.yaml``; None: that of the environment, or the current folder."""
    log_level: str | None = None
    as_json: bool = False
    environment: Mapping[str, str]
    now: Callable[[], datetime] = utc_now
    """Return an aware time. All code of a command takes the time from here."""
    sleep: Callable[[float], None] = time.sleep

    @cached_property
    def root(self) -> Path:
        """The folder of ``increment-sync.yaml``; without one the start of the search."""
        named = self.environment.get(WORKSPACE, "").strip()
        return find_workspace_root((self.workspace or Path(named)).resolve())

    @cached_property
    def settings(self) -> Settings:
        """The settings of the workspace with those of the environment, read at first use. Raises InvalidWorkspace."""
        return load_settings(self.root, self.environment)

    @cached_property
    def secrets(self) -> SecretLookup:
        """Finds what must not stand in the settings, by the names of variables; reads each file once."""
        return SecretLookup(self.environment)

    @cached_property
    def redactor(self) -> SecretRedactor:
        """Hides every secret of the environment in logs, messages and tracebacks."""
        return SecretRedactor(collect_secrets(self.environment))

    @property
    def color(self) -> bool:
        return "NO_COLOR" not in self.environment

    @property
    def interactive(self) -> bool:
        """True if a person at a terminal can answer questions."""
        return sys.stdin.isatty() and sys.stdout.isatty() and "CI" not in self.environment


def new_run_id(now: datetime) -> str:
    """Return an id that sorts by time and is unique across machines: ``20261123-140612-3f9a``."""
    return f"{now:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:4]}"


def describe_process() -> str:
    """Return user, host and process id, which other runs show while this one holds the lease."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()} pid {os.getpid()}"
