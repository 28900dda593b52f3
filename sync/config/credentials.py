"""Credentials from the environment, from files that it names, or from a secrets folder; never from YAML.

A connector says which parts its trackers need (``CredentialSpec``); pydantic-settings makes the values of a tracker
from them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import quote, unquote

from pydantic import PrivateAttr, SecretStr, create_model
from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from connectors.http.redaction import secrets_in_url
from connectors.http.url_policy import is_unencrypted
from connectors.registry import installed_specs, spec_or_stand_in
from connectors.spec import Address, ConnectorSpec, CredentialPart
from sync.config.secret_lookup import SECRETS_DIR, CredentialError, FoundValue, SecretLookup
from sync.config.settings_sources import name_in_variable, variable_name
from sync.config.sourced_settings import SourcedSettings, reading_from

PING_URL = "INCREMENT_SYNC_PING_URL"


class Credentials(SourcedSettings):
    """Credentials of one tracker, an attribute for each part. Secrets print as asterisks."""

    _found: Mapping[str, FoundValue] = PrivateAttr(default={})
    _address: Address = PrivateAttr(default=Address())

    def located(self, found: Mapping[str, FoundValue], address: Address) -> Credentials:
        """Return these credentials after they noted where their parts were found, and their server."""
        self._found, self._address = found, address
        return self

    def reveal(self, part: str) -> str | None:
        """Return the text of a part, also of a secret one; None without a value."""
        value = getattr(self, part, None)
        return value.get_secret_value() if isinstance(value, SecretStr) else value

    @property
    def found(self) -> Mapping[str, FoundValue]:
        """Part -> where it was found. Holds secrets."""
        return self._found

    @property
    def found_in(self) -> dict[str, str]:
        """Part -> variable or secrets folder that it came from."""
        return {part: each.place for part, each in self._found.items()}

    @property
    def address(self) -> Address:
        """The server, by the settings or by these credentials."""
        return self._address

    def secrets(self) -> list[str]:
        """Return the values of all secret parts."""
        values = (getattr(self, part) for part in type(self).model_fields)
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]


@cache
def _model_of(spec_name: str, parts: tuple[CredentialPart, ...]) -> type[Credentials]:
    fields: dict[str, Any] = {
        part.name: ((SecretStr if part.is_secret else str) | None, None) for part in parts
    }
    return create_model(f"{spec_name.title()}Credentials", __base__=Credentials, **fields)


class _PartsSource(PydanticBaseSettingsSource):
    """Looks for each part by its own variable and the customary ones."""

    def __init__(
        self,
        model: type[Credentials],
        tracker: str,
        spec: ConnectorSpec,
        lookup: SecretLookup,
        url: str | None,
    ) -> None:
        super().__init__(model)
        self._tracker, self._spec, self._lookup = tracker, spec, lookup
        self._parts = {part.name: part for part in spec.credentials.parts}
        self.found: dict[str, FoundValue] = {}
        self.address = self._find_address(url)

    def _find_address(self, url: str | None) -> Address:
        """Return the server: the URL of the settings, else the part ``url``, else that of the part ``host``."""
        named, host = (self._find(part, Address()) for part in ("url", "host"))
        if named is not None:
            _check_url(named)
        if url or named is not None:
            return Address(url=url or (named.value if named else ""))
        if host is None:
            return Address()
        try:
            return Address(url=self._spec.credentials.url_of_host(host.value), from_host=True)
        except ValueError as error:
            raise CredentialError(f"{host.place} holds no name of a host; {error}") from None

    def _find(self, part: str, address: Address) -> FoundValue | None:
        if part not in self._parts:
            return None
        found = self._lookup.find(variable_names(self._tracker, self._spec, self._parts[part], address))
        if found is not None:
            if problem := self._parts[part].check(found.value):
                raise CredentialError(f"{found.place}: {problem}")
            self.found[part] = found
        return found

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """Return the value of one part. Raises CredentialError."""
        found = self._find(field_name, self.address)
        return found.value if found else None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the values of all parts that have one. Raises CredentialError."""
        found = {part: self._find(part, self.address) for part in self._parts}
        return {part: each.value for part, each in found.items() if each is not None}


def _check_url(found: FoundValue) -> None:
    """Raise CredentialError for a URL with a password or without encryption: URLs are stored and displayed."""
    if "@" in found.value:
        raise CredentialError(
            f"{found.place} holds a user or password; write the URL without them (no @) and set the credentials "
            "separately"
        )
    if is_unencrypted(found.value):
        raise CredentialError(
            f"{found.place} begins with http://, which sends the token unencrypted; use https://"
        )


def variable_names(
    tracker: str, spec: ConnectorSpec, part: CredentialPart, address: Address
) -> tuple[str, ...]:
    """Return the environment variables for one part; the first that is set is used.

    A tracker that is named like its connector has the customary names, all others INCREMENT_SYNC_<NAME>_<PART>.
    """
    customary = part.customary_names(address) if tracker == spec.name else ()
    return (own_variable(tracker, part.name), *customary)


def own_variable(tracker: str, part: str) -> str:
    """``("old-site", "pat")`` -> ``INCREMENT_SYNC_OLD_SITE_PAT``."""
    return f"INCREMENT_SYNC_{name_in_variable(tracker)}_{part.upper()}"


def read_credentials(tracker: str, kind: str, lookup: SecretLookup, url: str | None = None) -> Credentials:
    """Read all parts of a tracker's credentials; ``url`` is that of the settings.

    Raises CredentialError if a named file cannot be read, or if a URL cannot be used.
    """
    spec = spec_or_stand_in(kind)
    model = _model_of(spec.name, spec.credentials.parts)
    source = _PartsSource(model, tracker, spec, lookup, url)
    with reading_from(source):
        credentials = model()
    return credentials.located(source.found, source.address)


def describe_missing_credentials(tracker: str, kind: str, credentials: Credentials) -> str | None:
    """Return one sentence that says what to set; None if the credentials are complete."""
    spec = spec_or_stand_in(kind)
    combinations = spec.credentials.sufficient.get(kind, ((),))
    missing = [[part for part in parts if not credentials.reveal(part)] for parts in combinations]
    if not all(missing):
        return None
    # The combination of which most is set, the customary one if none is.
    closest = max(zip(combinations, missing, strict=True), key=lambda each: len(each[0]) - len(each[1]))
    by_name = {part.name: part for part in spec.credentials.parts}
    names = [
        " or ".join(_customary_names(tracker, spec, by_name[part], credentials.address))
        for part in closest[1]
    ]
    alternative = spec.credentials.alternative
    also = f", or {alternative}" if alternative and closest[0] == combinations[0] else ""
    none_set = len(closest[0]) == len(closest[1])
    problem = f"no credentials for {tracker}" if none_set else f"the credentials for {tracker} are incomplete"
    elsewhere = f"or the same names with _FILE, or files of these names in the folder {SECRETS_DIR}"
    return f"{problem}: set {' and '.join(names)} ({elsewhere}){also}"


def _customary_names(
    tracker: str, spec: ConnectorSpec, part: CredentialPart, address: Address
) -> tuple[str, ...]:
    """Return the two most customary names; our own only if there are no others."""
    names = variable_names(tracker, spec, part, address)
    return names[1:3] or names


def without_credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without settings, credentials and servers, for work on mock servers."""
    parts = [part for spec in installed_specs() for part in spec.credentials.parts]
    customary = [name for part in parts for name in part.customary_names(Address())]
    vendors = {name.partition("_")[0] for name in customary} | {"INCREMENT_SYNC"}
    beginnings = tuple(f"{vendor}_" for vendor in vendors)
    return {name: value for name, value in environment.items() if not name.startswith(beginnings)}


def ping_url(lookup: SecretLookup) -> SecretStr | None:
    """Return the health check's URL, a secret, or None. Raises CredentialError if a named file cannot be read."""
    found = lookup.find((PING_URL,))
    return SecretStr(found.value) if found else None


def collect_secrets(environment: Mapping[str, str]) -> list[str]:
    """Return every secret that the environment holds, of trackers, health checks and proxies. Reads no file.

    For health checks also the path of the URL, which libraries quote in errors.
    """
    found = [value.strip() for name, value in environment.items() if name.endswith(_SECRET_ENDINGS)]
    for name, value in environment.items():
        if name.upper().endswith("_PROXY") or (name == _STORE and _has_password(value)):
            found += secrets_in_url(value)
    found += _secrets_in_url_path(environment.get(PING_URL, "").strip())
    return [secret for secret in found if secret]


def collect_file_secrets(lookup: SecretLookup) -> list[str]:
    """Return every secret in the files that the environment names; unreadable files have none."""
    found = list(lookup.texts_of_files(_SECRET_ENDINGS))
    found += (part for text in lookup.texts_of_files(("_PING_URL",)) for part in _secrets_in_url_path(text))
    return found


def _has_password(url: str) -> bool:
    return ":" in url.partition("//")[2].rpartition("@")[0]


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
_STORE: Final = variable_name(("store",))
