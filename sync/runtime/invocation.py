"""How a command was called, and how it talks. Needs neither a store nor a tracker."""

from __future__ import annotations

import getpass
import json
import os
import socket
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sync.config.settings import find_workspace_root
from sync.runtime.bootstrap import utc_now


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """How a command was called: where, and how it should talk."""

    workspace: Path | None = None
    log_level: str | None = None
    as_json: bool = False
    environment: Mapping[str, str]
    now: Callable[[], datetime] = utc_now
    """Aware; everything that a command does takes its time from here."""
    sleep: Callable[[float], None] = time.sleep

    @property
    def root(self) -> Path:
        return find_workspace_root((self.workspace or Path.cwd()).resolve())

    @property
    def color(self) -> bool:
        return "NO_COLOR" not in self.environment

    @property
    def interactive(self) -> bool:
        """A person is at the terminal and may be asked."""
        return sys.stdin.isatty() and sys.stdout.isatty() and "CI" not in self.environment


def new_run_id(now: datetime) -> str:
    """Sortable by time, unique between machines: ``20261123-140612-3f9a``."""
    return f"{now:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:4]}"


def describe_process() -> str:
    """Who works: shown to whoever finds the lease taken."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()} pid {os.getpid()}"


def pluralize(number: int, noun: str) -> str:
    """``1 error``, ``2 errors``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def confirm(invocation: Invocation, question: str, *, skipped: str, action: str = "do it") -> bool:
    """Ask the person at the terminal; anything but a yes is a no. Without one, ``skipped`` is what did not happen."""
    if not invocation.interactive or invocation.as_json:
        print_error(f"{skipped}: there is no terminal to ask at; add --yes to {action}")
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def print_line(text: str = "") -> None:
    """Data for people goes to stdout."""
    sys.stdout.write(text + "\n")


def print_json(document: Mapping[str, Any]) -> None:
    """Data for programs goes to stdout."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True, default=str) + "\n")


def print_error(text: str) -> None:
    """What went wrong, and notes, go to stderr."""
    sys.stderr.write(text + "\n")
