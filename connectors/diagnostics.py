"""What the inspections of all trackers say in the same words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from connectors.errors import AuthFailed, ConnectorError
from connectors.http.retry import parse_http_date
from connectors.model import CheckResult

MAX_SKEW: Final = timedelta(seconds=60)
"""GitHub refuses an app's signature beyond a minute; below that nothing of ours depends on the clock."""


def unreachable_result(tracker: str, error: ConnectorError) -> CheckResult:
    """A tracker that did not let us in, or did not answer."""
    check = "credentials" if isinstance(error, AuthFailed) else "tracker"
    return CheckResult(level="problem", check=check, subject=tracker, text=str(error))


def clock_results(tracker: str, headers: Mapping[str, str], now: datetime) -> Iterator[CheckResult]:
    """How far this machine's clock is from the server's Date header; nothing when there is none."""
    server = parse_http_date(headers.get("Date"))
    if server is None:
        return
    skew = now - server
    if abs(skew) <= MAX_SKEW:
        yield CheckResult(
            level="ok", check="clock", subject=tracker, text="this machine's clock agrees with it"
        )
        return
    way = "ahead of" if skew > timedelta(0) else "behind"
    yield CheckResult(
        level="warning",
        check="clock",
        subject=tracker,
        text=f"this machine's clock is {round(abs(skew).total_seconds())} s {way} the server's; "
        "set it by a time server (NTP), or increments begin and end at the wrong time",
    )
