"""Keeps secrets out of text, in whatever form they got there."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

MASK = "***"
_MIN_SECRET_LENGTH = 4
"""Shorter ones would hide half of every text."""
_MIN_PART_LENGTH = 8


class SecretRedactor:
    """Replaces secrets by stars: as they are, encoded for a URL, for JSON, Python, HTML, or in base64, also as a part
    of what was encoded (``email:token``). Of those with several lines also each line."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {
            form
            for secret in secrets
            if len(secret.strip()) >= _MIN_SECRET_LENGTH
            for form in _encodings_of(secret.strip())
        }
        self._encoded_secrets = sorted(forms, key=len, reverse=True)

    def redact(self, text: str) -> str:
        for form in self._encoded_secrets:
            text = text.replace(form, MASK)
        return text

    def redact_value(self, value: Any) -> Any:
        """The same for all text in a value; what is no plain data becomes text."""
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
    """What an Authorization header holds that nobody may see: the token; of Basic also the password."""
    if isinstance(authorization, bytes):
        authorization = authorization.decode("latin-1")
    scheme, _, sent = (authorization or "").partition(" ")
    found = [sent.strip()]
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(sent).decode("latin-1")
        except ValueError:
            pair = ""
        found += [pair, pair.partition(":")[2]]
    return [each for each in found if each]


def secrets_in_url(url: str) -> list[str]:
    """What a URL holds before its host that nobody may see: the password, or the only word that stands there."""
    try:
        before, at, _ = urlsplit(url if "//" in url else f"//{url}").netloc.rpartition("@")
    except ValueError:  # its text would hold the password
        before, at, _ = url.partition("//")[2].rpartition("@")
    user, colon, password = before.partition(":")
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
        yield from (repr(part + "'\"")[1:-5], ascii(part)[1:-1])
        yield from _base64_fragments(part.encode(errors="replace"))
        yield from _base64_fragments(part.encode("latin-1", errors="replace"))


def _base64_fragments(secret: bytes) -> Iterator[str]:
    """The characters that only the secret decides, wherever it begins within three bytes of encoded text."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + secret).decode()
        own = text[(before * 8 + 5) // 6 : (before + len(secret)) * 8 // 6]
        if len(own) >= _MIN_PART_LENGTH:
            yield own
            yield own.replace("+", "-").replace("/", "_")
