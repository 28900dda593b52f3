"""Errors sorted by what the caller should do about them.

Each carries one sentence for people in ``str(error)``: what is wrong and what to do, without secrets.
"""

from __future__ import annotations

from datetime import datetime


class ConnectorError(Exception):
    """Something went wrong between us and a tracker."""

    follows_ambiguous_write = False
    """Whether an earlier attempt of the same write may have taken effect: then a refusal speaks of the repetition
    alone."""


class SkipIssue(ConnectorError):
    """This issue cannot be read or written now; the others can. Go on with the next one."""


class Gone(SkipIssue):
    """The tracker says that the issue, comment or label is not there (404, 410)."""


class Rejected(SkipIssue):
    """The tracker understood and refused (400, 403, 409, 413, 422 on one issue): locked, archived, screen."""


class WriteRedirected(Rejected):
    """A write was answered with a redirect: nothing was written, and what it was about has another address now."""


class NotConfirmed(Rejected):
    """The tracker said yes and then showed no effect: refused in silence, or the answer was not the real one."""


class OutcomeUnknown(SkipIssue):
    """A write was sent and its answer was lost: it may or may not have taken effect. Read before repeating."""


class SkipSource(ConnectorError):
    """Nothing of this source can be believed now. Go on with the other sources."""


class SourceMissing(SkipSource):
    """The project or repository does not exist, was renamed, or is not visible to this account."""


class Unavailable(SkipSource):
    """The tracker did not answer properly within the attempts and the time allowed."""


class Unreachable(Unavailable):
    """There is no connection to the tracker at all."""


class BadPayload(SkipSource):
    """The tracker answered with something that is not what its API promises: truncated, repeated, not JSON."""


class StopTracker(ConnectorError):
    """Nothing more can be done on this tracker in this run."""


class AuthFailed(StopTracker):
    """The credentials are missing, wrong, expired, or lack a right that everything needs."""


class RateLimitExceeded(StopTracker):
    """The tracker's limit will not be lifted soon enough. ``until`` says when, if the tracker told (UTC)."""

    def __init__(self, message: str, until: datetime | None = None) -> None:
        super().__init__(message)
        self.until = until


class WriteDeferred(RateLimitExceeded):
    """By our own count a write would have to wait longer than a run sleeps. Nothing was sent."""
