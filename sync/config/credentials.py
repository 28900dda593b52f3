"""Credentials from the environment, from files that it names, or from a secrets folder; never from YAML.

pydantic-settings was weighed for this: it knows a secrets folder but neither ``*_FILE`` nor names that depend
on a tracker's name, which is most of what happens here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

from pydantic import SecretStr

from connectors.http.redaction import secrets_in_url
from connectors.http.url_policy import is_unencrypted
from sync.config.sections import TrackerKind

SECRETS_DIR = "INCREMENT_SYNC_SECRETS_DIR"
PING_URL = "INCREMENT_SYNC_PING_URL"

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
    """A credential is missing or unreadable; the sentence says which variable to set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What a tracker needs to know who we are. Secrets show as stars wherever they are printed."""

    url: str | None = None
    email: str | None = None
    token: SecretStr | None = None
    pat: SecretStr | None = None
    cloud_id: str | None = None
    app_id: str | None = None
    app_private_key: SecretStr | None = None
    app_installation_id: str | None = None
    found_in: Mapping[str, str] = field(default_factory=dict)
    """Part -> where it was found: a variable, or the secrets folder."""


def variable_names(tracker: str, kind: TrackerKind, part: str) -> tuple[str, ...]:
    """The environment variables that are asked for one part, first one wins.

    The trackers named ``jira`` and ``github`` have the customary names, others INCREMENT_SYNC_<NAME>_<PART>.
    """
    own = "INCREMENT_SYNC_" + "".join(c if c.isalnum() else "_" for c in tracker).upper() + "_" + part.upper()
    customary = _GITHUB_NAMES if kind == "github" else _JIRA_NAMES
    is_default = tracker == ("github" if kind == "github" else "jira")
    return (own, *(customary.get(part, ()) if is_default else ()))


def read_credentials(tracker: str, kind: TrackerKind, environment: Mapping[str, str]) -> Credentials:
    """Look every part up. Raises CredentialError when a file that is named cannot be read, a URL holds a
    password or is not encrypted: URLs are kept in the store and shown, secrets never."""
    parts = _GITHUB_NAMES if kind == "github" else _JIRA_NAMES
    found = {
        part: value
        for part in parts
        if (value := _find_value(variable_names(tracker, kind, part), environment)) is not None
    }
    url = found.get("url", ("", ""))
    if "@" in url[0]:
        raise CredentialError(
            f"{url[1]} holds a user or password; write the URL without them (no @) and set the credentials apart"
        )
    if is_unencrypted(url[0]):
        raise CredentialError(
            f"{url[1]} begins with http://, where anybody on the way could read the token; use https://"
        )
    secrets = {"token", "pat", "app_private_key"}
    return Credentials(
        found_in={part: named_by for part, (_, named_by) in found.items()},
        **{
            part: SecretStr(value) if part in secrets else value  # type: ignore[arg-type]
            for part, (value, _) in found.items()
        },
    )


def describe_missing_credentials(tracker: str, kind: TrackerKind, credentials: Credentials) -> str | None:
    """One sentence that says what to set before a tracker can be used; None when everything is there."""
    ways = _SUFFICIENT_PARTS[kind]
    if any(all(getattr(credentials, part) for part in way) for way in ways):
        return None
    begun = max(ways, key=lambda way: sum(bool(getattr(credentials, part)) for part in way))
    missing = [part for part in begun if not getattr(credentials, part)]
    names = [" or ".join(_customary_names(tracker, kind, part)) for part in missing]
    also = ", or a GitHub App" if kind == "github" and len(begun) == 1 else ""
    nothing = len(missing) == len(begun)
    what = f"no credentials for {tracker}" if nothing else f"the credentials for {tracker} are not complete"
    elsewhere = f"or the same with _FILE, or files of these names in the folder {SECRETS_DIR}"
    return f"{what}: set {' and '.join(names)} ({elsewhere}){also}"


def _customary_names(tracker: str, kind: TrackerKind, part: str) -> tuple[str, ...]:
    """The names that people know; our own only where there are no others."""
    names = variable_names(tracker, kind, part)
    return names[1:] or names


_SUFFICIENT_PARTS: Mapping[TrackerKind, tuple[tuple[str, ...], ...]] = {
    "github": (("token",), ("app_id", "app_private_key", "app_installation_id")),
    "jira-cloud": (("email", "token"),),
    "jira-dc": (("pat",), ("email", "token")),
}
"""Parts that together let us in, the customary way first."""


def ping_url(environment: Mapping[str, str]) -> SecretStr | None:
    """The URL of a health check: whoever knows it can speak for the job. CredentialError when a file that is named
    cannot be read."""
    found = _find_value((PING_URL,), environment)
    return SecretStr(found[0]) if found else None


def collect_secrets(environment: Mapping[str, str]) -> list[str]:
    """Every secret that the environment holds or names, for whichever tracker, health check or proxy: none may be
    shown. Of a health check also what follows its host, which is what libraries quote."""
    found = [value.strip() for name, value in environment.items() if name.endswith(_SECRET_ENDINGS)]
    files = [Path(value) for name, value in environment.items() if name.endswith(_SECRET_FILE_ENDINGS)]
    if folder := environment.get(SECRETS_DIR, "").strip():
        files += [path for path in Path(folder).glob("*") if path.name.upper().endswith(_SECRET_ENDINGS)]
    for path in files:
        with suppress(OSError, UnicodeDecodeError):
            found.append(path.read_text(encoding="utf-8").strip())
    for name, value in environment.items():
        if name.upper().endswith("_PROXY"):
            found += secrets_in_url(value)
    with suppress(CredentialError):
        if url := ping_url(environment):
            found += _secrets_in_url_path(url.get_secret_value())
    return [secret for secret in found if secret]


def _secrets_in_url_path(url: str) -> list[str]:
    """Whole, by its longer segments, and as requests writes them."""
    path = url.partition("://")[2].partition("/")[2].strip("/")
    parts = [part for part in (path, *re.split(r"[/?&=#]", path)) if len(part) >= _MIN_SECRET_LENGTH]
    return [
        form for part in parts for form in (part, quote(part, safe="!#$%&'()*+,/:;=?@[]~"), unquote(part))
    ]


_MIN_SECRET_LENGTH = 8
"""Shorter words of an address are ordinary ones."""


_SECRET_ENDINGS = ("_TOKEN", "_PAT", "_PRIVATE_KEY", "_PING_URL")
_SECRET_FILE_ENDINGS = tuple(f"{ending}_FILE" for ending in _SECRET_ENDINGS)


def _find_value(names: tuple[str, ...], environment: Mapping[str, str]) -> tuple[str, str] | None:
    """The value of the first name that has one, and where it was found."""
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


def _read_secret(path: Path, variable: str) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise CredentialError(f"{variable} names {path}, which cannot be read: {reason}") from None
    if not text:
        raise CredentialError(f"{variable} names {path}, which is empty; write the secret into it")
    return text
