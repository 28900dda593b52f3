"""Credentials from the environment, from files that it names, or from a secrets folder; never from YAML.

pydantic-settings supports a secrets folder, but neither ``*_FILE`` variables nor names that depend on a tracker's
name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from pydantic import SecretStr

from connectors.http.redaction import secrets_in_url
from connectors.http.url_policy import is_unencrypted
from connectors.regular_file import read_regular_file
from sync.config.sections import TrackerKind

SECRETS_DIR = "INCREMENT_SYNC_SECRETS_DIR"
PING_URL = "INCREMENT_SYNC_PING_URL"
DEFAULT_GITHUB_URL = "https://api.github.com"
"""Used unless the settings or the environment name another one."""

_JIRA_NAMES: Mapping[str, tuple[str, ...]] = {
    "url": ("JIRA_URL", "JIRA_BASE_URL"),
    "email": ("JIRA_EMAIL", "JIRA_USERNAME"),
    "token": ("JIRA_API_TOKEN",),
    "pat": ("JIRA_PAT",),
    "cloud_id": ("JIRA_CLOUD_ID",),
}
_GITHUB_NAMES: Mapping[str, tuple[str, ...]] = {
    "url": ("GITHUB_API_URL",),
    "token": ("GH_TOKEN", "GITHUB_TOKEN"),
    "app_id": ("GITHUB_APP_ID",),
    "app_private_key": ("GITHUB_APP_PRIVATE_KEY",),
    "app_installation_id": ("GITHUB_APP_INSTALLATION_ID",),
}


class CredentialError(Exception):
    """A credential is missing or unreadable; the message says which variable to set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """Credentials of one tracker. Secrets print as asterisks."""

    url: str | None = None
    email: str | None = None
    token: SecretStr | None = None
    pat: SecretStr | None = None
    cloud_id: str | None = None
    app_id: str | None = None
    app_private_key: SecretStr | None = None
    app_installation_id: str | None = None
    found_in: Mapping[str, str] = field(default_factory=dict)
    """Part -> variable or secrets folder that it came from."""


def reveal_secret(secret: SecretStr | None) -> str | None:
    """Return the text of a secret."""
    return secret.get_secret_value() if secret else None


def variable_names(tracker: str, kind: TrackerKind, part: str) -> tuple[str, ...]:
    """Return the environment variables for one part; the first that is set is used.

    The trackers ``jira`` and ``github`` have the customary names, all others INCREMENT_SYNC_<NAME>_<PART>.
    """
    own = "INCREMENT_SYNC_" + "".join(c if c.isalnum() else "_" for c in tracker).upper() + "_" + part.upper()
    customary = _GITHUB_NAMES if kind == "github" else _JIRA_NAMES
    is_default = tracker == ("github" if kind == "github" else "jira")
    return (own, *(customary.get(part, ()) if is_default else ()))


def read_credentials(tracker: str, kind: TrackerKind, environment: Mapping[str, str]) -> Credentials:
    """Read all parts of a tracker's credentials.

    Raises CredentialError if a named file cannot be read, or if a URL holds a password or is not encrypted: URLs are
    stored and displayed.
    """
    parts = _GITHUB_NAMES if kind == "github" else _JIRA_NAMES
    found = {
        part: value
        for part in parts
        if (value := _find_value(variable_names(tracker, kind, part), environment)) is not None
    }
    url, origin = found.get("url", ("", ""))
    if "@" in url:
        raise CredentialError(
            f"{origin} holds a user or password; write the URL without them (no @) and set the credentials separately"
        )
    if is_unencrypted(url):
        raise CredentialError(
            f"{origin} begins with http://, which sends the token unencrypted; use https://"
        )
    secrets = {"token", "pat", "app_private_key"}
    values: dict[str, Any] = {
        part: SecretStr(value) if part in secrets else value for part, (value, _) in found.items()
    }
    return Credentials(found_in={part: origin for part, (_, origin) in found.items()}, **values)


def describe_missing_credentials(tracker: str, kind: TrackerKind, credentials: Credentials) -> str | None:
    """Return one sentence that says what to set; None if the credentials are complete."""
    combinations = _SUFFICIENT_PARTS[kind]
    if any(all(getattr(credentials, part) for part in parts) for parts in combinations):
        return None
    closest = max(combinations, key=lambda parts: sum(bool(getattr(credentials, part)) for part in parts))
    missing = [part for part in closest if not getattr(credentials, part)]
    names = [" or ".join(_customary_names(tracker, kind, part)) for part in missing]
    also = ", or a GitHub App" if kind == "github" and len(closest) == 1 else ""
    none_set = len(missing) == len(closest)
    problem = f"no credentials for {tracker}" if none_set else f"the credentials for {tracker} are incomplete"
    elsewhere = f"or the same names with _FILE, or files of these names in the folder {SECRETS_DIR}"
    return f"{problem}: set {' and '.join(names)} ({elsewhere}){also}"


def _customary_names(tracker: str, kind: TrackerKind, part: str) -> tuple[str, ...]:
    """Return the customary names; our own only if there are no others."""
    names = variable_names(tracker, kind, part)
    return names[1:] or names


_SUFFICIENT_PARTS: Mapping[TrackerKind, tuple[tuple[str, ...], ...]] = {
    "github": (("token",), ("app_id", "app_private_key", "app_installation_id")),
    "jira-cloud": (("email", "token"),),
    "jira-dc": (("pat",), ("email", "token")),
}
"""Combinations of parts that suffice, the customary one first."""


def ping_url(environment: Mapping[str, str]) -> SecretStr | None:
    """Return the health check's URL, a secret, or None. Raises CredentialError if a named file cannot be read."""
    found = _find_value((PING_URL,), environment)
    return SecretStr(found[0]) if found else None


def collect_secrets(environment: Mapping[str, str]) -> list[str]:
    """Return every secret that the environment holds, of trackers, health checks and proxies. Reads no file.

    For health checks also the path of the URL, which libraries quote in errors.
    """
    found = [value.strip() for name, value in environment.items() if name.endswith(_SECRET_ENDINGS)]
    for name, value in environment.items():
        if name.upper().endswith("_PROXY"):
            found += secrets_in_url(value)
    found += _secrets_in_url_path(environment.get(PING_URL, "").strip())
    return [secret for secret in found if secret]


def collect_file_secrets(environment: Mapping[str, str]) -> list[str]:
    """Return every secret in the files that the environment names; unreadable files have none."""
    files = [Path(value) for name, value in environment.items() if name.endswith(_SECRET_FILE_ENDINGS)]
    if folder := environment.get(SECRETS_DIR, "").strip():
        files += [path for path in Path(folder).glob("*") if path.name.upper().endswith(_SECRET_ENDINGS)]
    found: list[str] = []
    for path in files:
        with suppress(OSError, UnicodeDecodeError):
            found.append(read_regular_file(path, _MAX_SECRET_BYTES).decode("utf-8-sig").strip())
    with suppress(CredentialError):
        if url := ping_url(environment):
            found += _secrets_in_url_path(url.get_secret_value())
    return [secret for secret in found if secret]


def _secrets_in_url_path(url: str) -> list[str]:
    """Return the path of a URL, its longer segments, and both as requests encodes them."""
    path = url.partition("://")[2].partition("/")[2].strip("/")
    parts = [part for part in (path, *re.split(r"[/?&=#]", path)) if len(part) >= _MIN_SECRET_LENGTH]
    return [
        form for part in parts for form in (part, quote(part, safe="!#$%&'()*+,/:;=?@[]~"), unquote(part))
    ]


_MIN_SECRET_LENGTH = 8
"""Shorter segments of a path are ordinary words."""


_SECRET_ENDINGS = ("_TOKEN", "_PAT", "_PRIVATE_KEY", "_PING_URL")
_SECRET_FILE_ENDINGS = tuple(f"{ending}_FILE" for ending in _SECRET_ENDINGS)


def _find_value(names: tuple[str, ...], environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the value of the first name that has one, and its origin."""
    for name in names:
        if value := environment.get(name, "").strip():
            return value, name
        if path := environment.get(f"{name}_FILE", "").strip():
            return _read_secret(Path(path), f"{name}_FILE"), f"{name}_FILE"
        if folder := environment.get(SECRETS_DIR, "").strip():
            for candidate in (Path(folder) / name, Path(folder) / name.lower()):
                if candidate.is_file():
                    return _read_secret(candidate, SECRETS_DIR), f"{SECRETS_DIR} ({candidate.name})"
    return None


_MAX_SECRET_BYTES = 64_000
"""Far more than a private key has."""


def _read_secret(path: Path, variable: str) -> str:
    try:
        text = read_regular_file(path, _MAX_SECRET_BYTES).decode("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise CredentialError(f"{variable} names {path}, which cannot be read: {reason}") from None
    if any(unicodedata.category(char) == "Cc" and char not in "\r\n\t" for char in text):
        raise CredentialError(f"{variable} names {path}, which cannot be read: not a text file")
    if not text:
        raise CredentialError(f"{variable} names {path}, which is empty; write the secret into it")
    return text
