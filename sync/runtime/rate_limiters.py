"""Rate limiters for writes, one for each address and credential."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from connectors.http.rate_limiter import RateLimiter, WriteLedger, WriteLimits
from connectors.spec import ConnectorSpec
from sync.config.credentials import Credentials
from sync.config.settings import Settings
from sync.config.trackers import TrackerSettings


def build_write_limits(tracker: TrackerSettings, published: WriteLimits) -> WriteLimits:
    """Return the limits for writes on a tracker: those of the settings, else the vendor's published ones.

    A spacing of 0 means a server without such limits, for example a sandbox or a server of one's own.
    """
    spacing = published.spacing if tracker.write_spacing is None else tracker.write_spacing
    return WriteLimits(
        spacing=spacing,
        per_minute=tracker.content_per_minute or (published.per_minute if spacing else None),
        per_hour=tracker.content_per_hour or (published.per_hour if spacing else None),
    )


def build_rate_limiters(
    settings: Settings, credentials: Mapping[str, Credentials], ledger: WriteLedger
) -> dict[str, RateLimiter]:
    """Return tracker -> rate limiter. Trackers with the same address and credential share one."""
    by_credential: dict[str, RateLimiter] = {}
    by_tracker: dict[str, RateLimiter] = {}
    for name, tracker in settings.trackers.items():
        spec = settings.spec(name)
        credential = _credential_id(tracker, spec, credentials[name])
        limits = build_write_limits(tracker, spec.write_limits)
        limiter = RateLimiter(limits, tracker=name, credential=credential, ledger=ledger)
        by_tracker[name] = by_credential.setdefault(credential, limiter)
    return by_tracker


def _credential_id(tracker: TrackerSettings, spec: ConnectorSpec, credentials: Credentials) -> str:
    """Return the address and a short digest of the credential.

    Four hexadecimal digits tell credentials apart and reveal too little to guess one.
    """
    combinations = spec.credentials.sufficient.get(tracker.kind, ())
    parts = sorted({part for parts in combinations for part in parts})
    text = "\n".join(credentials.reveal(part) or "" for part in parts)
    digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:4]
    address = credentials.address.url or tracker.url or spec.default_url or tracker.kind
    return f"{address} {digest}"
