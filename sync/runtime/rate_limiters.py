"""Rate limiters for writes, one for each address and credential."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from connectors.http.rate_limiter import RateLimiter, WriteLedger, WriteLimits
from connectors.registry import spec_of
from sync.config.credentials import DEFAULT_GITHUB_URL, Credentials
from sync.config.sections import TrackerSettings
from sync.config.settings import Settings


def build_write_limits(tracker: TrackerSettings) -> WriteLimits:
    """Return the limits for writes on a tracker: those of the settings, else the vendor's published ones.

    A spacing of 0 means a server without such limits, for example a sandbox or GitHub Enterprise Server.
    """
    is_github = tracker.kind == "github"
    spacing = (1.0 if is_github else 0.2) if tracker.write_spacing is None else tracker.write_spacing
    has_content_limit = is_github and spacing > 0
    return WriteLimits(
        spacing=spacing,
        per_minute=tracker.content_per_minute or (80 if has_content_limit else None),
        per_hour=tracker.content_per_hour or (500 if has_content_limit else None),
    )


def build_rate_limiters(
    settings: Settings, credentials: Mapping[str, Credentials], ledger: WriteLedger
) -> dict[str, RateLimiter]:
    """Return tracker -> rate limiter. Trackers with the same address and credential share one."""
    by_credential: dict[str, RateLimiter] = {}
    by_tracker: dict[str, RateLimiter] = {}
    for name, tracker in settings.trackers.items():
        credential = _credential_id(tracker, credentials[name])
        limiter = RateLimiter(build_write_limits(tracker), tracker=name, credential=credential, ledger=ledger)
        by_tracker[name] = by_credential.setdefault(credential, limiter)
    return by_tracker


def _credential_id(tracker: TrackerSettings, credentials: Credentials) -> str:
    """Return the address and a short digest of the credential.

    Four hexadecimal digits tell credentials apart and reveal too little to guess one.
    """
    combinations = spec_of(tracker.kind).credentials.sufficient.get(tracker.kind, ())
    parts = sorted({part for parts in combinations for part in parts})
    text = "\n".join(credentials.reveal(part) or "" for part in parts)
    digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:4]
    default = DEFAULT_GITHUB_URL if tracker.kind == "github" else ""
    return f"{credentials.address.url or tracker.url or default} {digest}"
