"""Errors of connectors, sorted by the caller's reaction.

``str(error)`` is one sentence for people: what is wrong and what to do, without secrets.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

FailureKind = Literal["auth", "forbidden", "missing", "unavailable", "rate_limit", "payload"]
"""Reason why a source could not be read, for logs, JSON output and the choice of what to request again."""


class ConnectorError(Exception):
    """Base class of all failures between this program and a tracker."""

    follows_ambiguous_write = False
    """True if an earlier attempt of the same write may have taken effect. The error describes the retry only."""
    failure_kind: FailureKind = "unavailable"
    """Kind of failure of a source that cannot be read because of this error."""
    answer = ""
    """Status and message of the tracker, without the request: equal for equal refusals. Empty without a response."""


class SkipIssue(ConnectorError):
    """This issue cannot be read or written now. Continue with the next one."""


class Gone(SkipIssue):
    """The tracker does not show the issue, comment or label (404, 410)."""

    failure_kind = "missing"


class Rejected(SkipIssue):
    """The tracker refused a valid request (400, 403, 409, 413, 422 on one issue): locked, archived, edit screen."""


class IssueRejected(Rejected):
    """The tracker refused because of the state of this issue: it is locked."""


class ContainerRejected(Rejected):
    """The tracker refuses such writes in the whole repository or project: no permission, archived."""


class WriteRedirected(Rejected):
    """A write was answered with a redirect: the issue moved, or a proxy answered. Read to find out."""


class NotConfirmed(Rejected):
    """A write was answered with success, but not shown to have an effect: read before believing it."""


class OutcomeUnknown(SkipIssue):
    """A write was sent and its response was lost. It may have taken effect: read before repeating."""


class SkipSource(ConnectorError):
    """Nothing of this source is reliable now. Continue with the other sources."""


class SourceMissing(SkipSource):
    """The project or repository does not exist, was renamed, or is not visible to this account."""

    failure_kind = "missing"


class Unavailable(SkipSource):
    """The tracker gave no proper answer within the allowed attempts and time."""


class TooSlow(Unavailable):
    """The tracker did not complete a response in time."""


class Unreachable(Unavailable):
    """No connection to the tracker."""


class BadPayload(SkipSource):
    """The response breaks the tracker's API: truncated, repeated, or not JSON."""

    failure_kind = "payload"


class MalformedIssue(BadPayload):
    """The response about one issue lacks or garbles a value that is needed. Other issues are not affected."""

    def __init__(self, message: str, *, id: str = "", key: str = "") -> None:  # noqa: A002 - as in IssueRef
        super().__init__(message)
        self.id, self.key = id, key
        """As far as the response names them."""


class StopTracker(ConnectorError):
    """No further work is possible on this tracker in this run."""


class AuthFailed(StopTracker):
    """The credentials are missing, wrong, expired, or lack a permission that everything needs."""

    failure_kind = "auth"


class RateLimitExceeded(StopTracker):
    """The tracker's rate limit lasts longer than a run may wait, until ``until`` (UTC) if the tracker names it."""

    failure_kind = "rate_limit"

    def __init__(self, message: str, until: datetime | None = None) -> None:
        super().__init__(message)
        self.until = until


class WriteDeferred(RateLimitExceeded):
    """By our own count a write would have to wait longer than a run may wait. Nothing was sent."""


def describe_foreign(error: BaseException) -> str:
    """Return an exception of somebody else's code as a part of a sentence."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
