"""What a person reads, and what a crontab sees, when a command could not do its work."""

from __future__ import annotations

import tempfile
import traceback

from connectors.errors import ConnectorError
from connectors.http.redaction import SecretRedactor
from mappings.problems import InvalidWorkspace
from sync.apply.changeset_file import StaleChangeSet, UnreadableChangeSet
from sync.config.credentials import CredentialError
from sync.config.escape import escape_terminal
from sync.forecast.csv_histories import InvalidHistoryFile
from sync.runtime.session import BrokenMappingFiles, EmptyStore
from sync.store import LeaseHeld, LeaseLost, StoreError


def exit_code_for(error: Exception) -> int:
    """3 configuration, 5 stale change set, 6 another run at work, 1 everything else."""
    if isinstance(error, (InvalidWorkspace, CredentialError, BrokenMappingFiles)):
        return 3
    if isinstance(error, StaleChangeSet):
        return 5
    if isinstance(error, (LeaseHeld, LeaseLost)):
        return 6
    return 1


def error_message(error: Exception, redactor: SecretRedactor) -> str:
    """Return what is wrong and what to do, without secrets.

    The traceback of an unexpected error goes to a file, not to the terminal.
    """
    return redactor.redact(_sentence(error, redactor))


def _sentence(error: Exception, redactor: SecretRedactor) -> str:
    if isinstance(error, InvalidWorkspace):
        count = len(error.problems)
        noun = "problem" if count == 1 else "problems"
        return "\n".join([f"{count} {noun} in the configuration", *map(str, error.problems)])
    if isinstance(error, StaleChangeSet):
        reasons = "\n".join(f"  {escape_terminal(reason)}" for reason in error.reasons)
        return (
            f"the change set is stale, nothing was written; make a new one with `preview --out`:\n{reasons}"
        )
    if isinstance(error, (BrokenMappingFiles, InvalidHistoryFile)):
        return str(error)
    expected = (
        ConnectorError,
        CredentialError,
        LeaseHeld,
        LeaseLost,
        LookupError,
        EmptyStore,
        StoreError,
        UnreadableChangeSet,
    )
    if isinstance(error, expected) and str(error):
        return escape_terminal(str(error.args[0] if isinstance(error, KeyError) else error))
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        return escape_terminal(f"{error.strerror or error}{where}")
    return f"this is a bug in increment-sync: {type(error).__name__}; {_save_traceback(error, redactor)}"


def _save_traceback(error: Exception, redactor: SecretRedactor) -> str:
    """Write the traceback to a file that only its owner can read, without secrets. Out: what became of it."""
    text = redactor.redact("".join(traceback.format_exception(error)))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="increment-sync-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
    except OSError as full:  # Python would print both errors, and the secrets of the first
        return f"details could not be kept: {full.strerror}"
    return f"details are in {file.name}"
