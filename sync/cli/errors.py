"""Exit codes and messages for errors that end a command."""

from __future__ import annotations

import tempfile
import traceback

from connectors.errors import ConnectorError
from connectors.escape import escape_sentence
from connectors.http.redaction import SecretRedactor
from mappings.problems import InvalidWorkspace
from sync.apply.changeset_file import StaleChangeSet, UnreadableChangeSet
from sync.cli.exit_codes import ExitCode
from sync.cli.output import pluralize
from sync.config.secret_lookup import CredentialError
from sync.forecast.csv_histories import InvalidHistoryFile
from sync.runtime.session import BrokenMappingFiles, EmptyStore
from sync.store import LeaseHeld, LeaseLost, StoreError

_EXPECTED = (
    ConnectorError,
    CredentialError,
    EmptyStore,
    LeaseHeld,
    LeaseLost,
    LookupError,
    StoreError,
    UnreadableChangeSet,
)
"""Errors whose own text says what to do."""


def exit_code_for(error: Exception) -> ExitCode:
    """Return the exit code of a command that ended with this error."""
    if isinstance(error, (InvalidWorkspace, CredentialError, BrokenMappingFiles)):
        return ExitCode.INVALID
    if isinstance(error, (StaleChangeSet, LeaseHeld, LeaseLost)):
        return ExitCode(error.exit_code)
    return ExitCode.FAILED


def error_message(error: Exception, redactor: SecretRedactor) -> str:
    """Describe an error and what to do about it, without secrets.

    The traceback of an unexpected error is written to a file instead of the terminal.
    """
    return redactor.redact(_message(error, redactor))


def _message(error: Exception, redactor: SecretRedactor) -> str:
    if isinstance(error, InvalidWorkspace):
        head = f"{pluralize(len(error.problems), 'problem')} in the configuration"
        return "\n".join([head, *map(str, error.problems)])
    if isinstance(error, StaleChangeSet):
        reasons = "\n".join(f"  {escape_sentence(reason)}" for reason in error.reasons)
        return (
            f"the change set is stale, nothing was written; make a new one with `preview --out`:\n{reasons}"
        )
    if isinstance(error, (BrokenMappingFiles, InvalidHistoryFile)):
        return str(error)
    if isinstance(error, _EXPECTED) and str(error):
        return escape_sentence(str(error.args[0] if isinstance(error, KeyError) else error))
    if isinstance(error, OSError):
        file = f" ({error.filename})" if error.filename else ""
        return escape_sentence(f"{error.strerror or error}{file}")
    return f"this is a bug in increment-sync: {type(error).__name__}; {_save_traceback(error, redactor)}"


def _save_traceback(error: Exception, redactor: SecretRedactor) -> str:
    """Write the traceback, without secrets, to a file that only its owner can read. Return a sentence about it."""
    text = redactor.redact("".join(traceback.format_exception(error)))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="increment-sync-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
    except OSError as full:  # without this, Python would print both errors, and the secrets of the first
        return f"details could not be kept: {full.strerror}"
    return f"details are in {file.name}"
