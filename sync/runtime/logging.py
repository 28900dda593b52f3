"""Structured logs on stderr: readable lines on a terminal, JSON lines otherwise, each with a run id.

An event name is dotted words; details are fields. Secrets are redacted in every encoding, and control characters from
trackers are escaped on terminals.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from connectors.escape import escape_sentence
from connectors.http.redaction import SecretRedactor


def configure_logging(
    stream: TextIO, *, level: str, redactor: SecretRedactor | None = None, color: bool = True
) -> None:
    """Send all logs to ``stream``, without the secrets that ``redactor`` knows."""
    is_terminal = stream.isatty()
    redactor = redactor or SecretRedactor(())

    def clean(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        values = {key: redactor.redact_value(value) for key, value in event.items()}
        return {key: _escape_for_terminal(value) for key, value in values.items()} if is_terminal else values

    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=color) if is_terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            clean,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    # Libraries, such as the clients of the connectors, log headers and bodies at DEBUG, which may hold secrets. Some
    # set a level of their own.
    for name in (None, *logging.root.manager.loggerDict):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def bound_logger(**fields: Any) -> Any:
    """Return a logger that adds these fields to each event."""
    return structlog.get_logger().bind(**fields)


def _escape_for_terminal(value: Any) -> Any:
    """Escape text from trackers, which could forge log lines or send control sequences. JSON escapes by itself."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return escape_sentence(str(value))
