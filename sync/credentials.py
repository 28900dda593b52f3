"""Credentials from the environment, from files that it names, or from a secrets folder; never from YAML.

pydantic-settings was weighed for this: it knows a secrets folder but neither ``*_FILE`` nor names that depend
on a tracker's name, which is most of what happens here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from sync.settings import TrackerKind

SECRETS_DIR = "INCREMENT_SYNC_SECRETS_DIR"

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

    @property
    def usable(self) -> bool:
        return any((self.token, self.pat, self.app_private_key))


def variable_names(tracker: str, kind: TrackerKind, part: str) -> tuple[str, ...]:
    """The environment variables that are asked for one part, first one wins.

    The trackers named ``jira`` and ``github`` have the customary names, others INCREMENT_SYNC_<NAME>_<PART>.
    """
    own = "INCREMENT_SYNC_" + "".join(c if c.isalnum() else "_" for c in tracker).upper() + "_" + part.upper()
    customary = _GITHUB_NAMES if kind == "github" else _JIRA_NAMES
    is_default = tracker == ("github" if kind == "github" else "jira")
    return (own, *(customary.get(part, ()) if is_default else ()))


def read_credentials(tracker: str, kind: TrackerKind, environment: Mapping[str, str]) -> Credentials:
    """Look every part up. Raises CredentialError when a file that is named cannot be read."""
    parts = _GITHUB_NAMES if kind == "github" else _JIRA_NAMES
    found = {part: _look_up(variable_names(tracker, kind, part), environment) for part in parts}
    secrets = {"token", "pat", "app_private_key"}
    return Credentials(
        **{
            part: SecretStr(value) if part in secrets else value  # type: ignore[arg-type]
            for part, value in found.items()
            if value is not None
        }
    )


def missing_sentence(tracker: str, kind: TrackerKind) -> str:
    """What to set so that a tracker can be used."""
    names = variable_names(tracker, kind, "token")
    if kind == "github":
        return f"no credentials for {tracker}: set {' or '.join(names)} (or the same with _FILE), or a GitHub App"
    if kind == "jira-dc":
        names = variable_names(tracker, kind, "pat")
        return f"no credentials for {tracker}: set {' or '.join(names)} (or the same with _FILE)"
    emails = variable_names(tracker, kind, "email")
    return f"no credentials for {tracker}: set {emails[-1]} and {names[-1]} (or the same with _FILE)"


def _look_up(names: tuple[str, ...], environment: Mapping[str, str]) -> str | None:
    for name in names:
        if value := environment.get(name, "").strip():
            return value
        if path := environment.get(f"{name}_FILE", "").strip():
            return _read_secret(Path(path), f"{name}_FILE")
        if folder := environment.get(SECRETS_DIR, "").strip():
            for candidate in (Path(folder) / name, Path(folder) / name.lower()):
                if candidate.is_file():
                    return _read_secret(candidate, SECRETS_DIR)
    return None


def _read_secret(path: Path, named_by: str) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise CredentialError(f"{named_by} names {path}, which cannot be read: {reason}") from None
