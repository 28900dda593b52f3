"""Removal of secrets from text, in every encoding in which they may appear."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

MASK = "***"
_MIN_SECRET_LENGTH = 4
"""Shorter secrets are not masked: they would mask half of every text."""
_MIN_PART_LENGTH = 8


class SecretRedactor:
    """Replaces secrets with ``MASK``.

    Recognizes a secret as plain text, URL-encoded, as a JSON, Python or HTML string, and in base64, also where it
    is only a part of the encoded text (``email:token``). Each line of a secret with several lines counts, too.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._encoded_secrets: list[str] = []
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Replace these secrets as well."""
        encodings = {
            encoding
            for secret in secrets
            if len(secret.strip()) >= _MIN_SECRET_LENGTH
            for encoding in _encodings_of(secret.strip())
        }
        self._encoded_secrets = sorted({*self._encoded_secrets, *encodings}, key=len, reverse=True)

    def redact(self, text: str) -> str:
        for encoded in self._encoded_secrets:
            text = text.replace(encoded, MASK)
        return text

    def redact_value(self, value: Any) -> Any:
        """Redact all text inside a value. Anything that is not plain data becomes text."""
        if value is None or isinstance(value, (bool, int, float)) or not self._encoded_secrets:
            return value
        if isinstance(value, dict):
            return {self.redact(str(key)): self.redact_value(each) for key, each in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.redact_value(each) for each in value]
        if isinstance(value, bytes):
            return self.redact(value.decode(errors="replace"))
        return self.redact(str(value))


def secrets_in_authorization(authorization: str | bytes | None) -> list[str]:
    """Return the secrets in an Authorization header: the token; with Basic also the decoded pair and password."""
    if isinstance(authorization, bytes):
        authorization = authorization.decode("latin-1")
    scheme, _, value = (authorization or "").partition(" ")
    found = [value.strip()]
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(value).decode("latin-1")
        except ValueError:
            pair = ""
        found += [pair, pair.partition(":")[2]]
    return [each for each in found if each]


def secrets_in_url(url: str) -> list[str]:
    """Return the password before the host of a URL, or the user name if it stands there alone."""
    try:
        user_info, at, _ = urlsplit(url if "//" in url else f"//{url}").netloc.rpartition("@")
    except ValueError:  # its message would quote the password
        user_info, at, _ = url.partition("//")[2].rpartition("@")
    user, colon, password = user_info.partition(":")
    secret = password if colon else user
    return list(dict.fromkeys((secret, unquote(secret), unquote(secret, "latin-1")))) if at and secret else []


def _encodings_of(secret: str) -> Iterator[str]:
    lines = [line.strip() for line in secret.splitlines()]
    parts = [
        secret,
        *(line for line in lines if len(line) >= _MIN_PART_LENGTH and not line.startswith("-----")),
    ]
    for part in parts:
        yield part
        yield from (quote(part, safe=""), quote(part), quote_plus(part), html.escape(part))
        yield from (json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1], repr(part)[1:-1])
        # A text with both kinds of quotes is quoted differently by repr().
        yield from (repr(part + "'\"")[1:-5], ascii(part)[1:-1])
        yield from _base64_fragments(part.encode(errors="replace"))
        yield from _base64_fragments(part.encode("latin-1", errors="replace"))


def _base64_fragments(secret: bytes) -> Iterator[str]:
    """Yield the base64 characters that depend on the secret alone, for each of its three possible alignments."""
    for offset in range(3):
        text = base64.b64encode(bytes(offset) + secret).decode()
        fragment = text[(offset * 8 + 5) // 6 : (offset + len(secret)) * 8 // 6]
        if len(fragment) >= _MIN_PART_LENGTH:
            yield fragment
            yield fragment.replace("+", "-").replace("/", "_")
