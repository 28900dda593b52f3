"""Structured logs on stderr: for people on a terminal, JSON lines otherwise, a run id on each line.

Event names are dotted words with fields. Secrets are replaced in every form before anything is printed, and
text of trackers cannot steer a terminal.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, MutableMapping
from typing import Any, TextIO

import structlog

from connectors.http.redaction import SecretRedactor
from sync.config.escape import escape_terminal

LEVELS = ("debug", "info", "warning", "error")


def configure_logging(stream: TextIO, *, level: str, secrets: Iterable[str] = (), color: bool = True) -> None:
    """Send the program's logs to ``stream``. ``secrets`` never appear in them."""
    for_people = stream.isatty()
    hider = SecretRedactor(secrets)

    def hide(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {
            key: _escape_for_terminal(hider.redact_value(value), for_people) for key, value in event.items()
        }

    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=color) if for_people else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            hide,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    # The vendor clients log headers and bodies at DEBUG and chatter at INFO; neither belongs in our logs.
    for name in ("jira", "github", "urllib3", "alembic"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def bound_logger(**fields: Any) -> Any:
    """A logger that puts these fields on each of its lines."""
    return structlog.get_logger().bind(**fields)


def _escape_for_terminal(value: Any, for_people: bool) -> Any:
    """Text of trackers must not write lines of its own on a terminal; JSON escapes it."""
    if not for_people or value is None or isinstance(value, (bool, int, float)):
        return value
    return escape_terminal(str(value))
