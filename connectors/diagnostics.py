"""Results that the checks of all trackers report in the same words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from connectors.check_result import CheckResult
from connectors.errors import AuthFailed, ConnectorError
from connectors.http.retry import parse_http_date

MAX_SKEW: Final = timedelta(seconds=60)
"""GitHub refuses an app's signature beyond a minute. Smaller deviations have no effect."""


def unreachable_result(tracker: str, error: ConnectorError) -> CheckResult:
    """Return the problem that a tracker refused the credentials or did not answer."""
    check = "credentials" if isinstance(error, AuthFailed) else "tracker"
    return CheckResult("problem", check, tracker, str(error))


def clock_results(tracker: str, headers: Mapping[str, str], now: datetime) -> Iterator[CheckResult]:
    """Compare this machine's clock with the server's Date header. Yields nothing without that header."""
    server_time = parse_http_date(headers.get("Date"))
    if server_time is None:
        return
    skew = now - server_time
    if abs(skew) <= MAX_SKEW:
        yield CheckResult("ok", "clock", tracker, "this machine's clock agrees with the server's")
        return
    direction = "ahead of" if skew > timedelta(0) else "behind"
    text = (
        f"this machine's clock is {round(abs(skew).total_seconds())} s {direction} the server's; "
        "set it by a time server (NTP), or increments begin and end at the wrong time"
    )
    yield CheckResult("warning", "clock", tracker, text)
