"""The one way in which requests leave this program: no redirects, no hidden retries, no hidden waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import requests

Kind = Literal["read", "idempotent", "create"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """An answer that was received whole and was not a failure: 2xx or 304."""

    status: int
    headers: Mapping[str, str]
    data: Any
    """Decoded JSON, or None for an empty body."""


class Transport:
    """Sends JSON requests to one base URL with the retry policy of ``retry.py``.

    Refuses every redirect and every URL outside the base. Spaces writes. Turns statuses, broken answers and
    lost connections into the errors of ``errors.py``. ``send`` is the only method that touches the network.
    """

    def send(
        self,
        method: str,
        path: str,
        *,
        kind: Kind,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply: ...
