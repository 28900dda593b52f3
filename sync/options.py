"""What the person or the crontab asked of one run, and what the settings make of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sync.guard import GuardLimits
from sync.job import Job


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What the person or the crontab asked for."""

    full: bool = False
    """Read everything again, ids and our own comments included."""
    accept_shrink: bool = False
    accept_overrides: bool = False
    restore_labels: bool = False
    max_removals: int | None = None
    max_comments: int | None = None
    max_notifications: int | None = None
    max_writes: int | None = None
    max_duration: timedelta | None = None
    looks_around: bool = False
    """Read the anchors where comments are to be started: what writes does, and a preview of it. A run that may not
    write spares the requests."""


def guard_limits(job: Job, options: Options) -> GuardLimits:
    """The settings' limits, with what was allowed for this once."""
    limits = job.settings.limits
    return GuardLimits(
        removals=limits.removals,
        removal_share=limits.removal_share,
        new_comments=limits.new_comments,
        new_comment_share=limits.new_comment_share,
        notified=limits.notified,
        notified_share=limits.notified_share,
        mails_each=limits.mails_each,
        overrides=limits.overrides,
        override_share=limits.override_share,
        max_removals=options.max_removals,
        max_comments=options.max_comments,
        max_notifications=options.max_notifications,
    )


def deadline_of(job: Job, options: Options, started: datetime) -> Callable[[], bool]:
    """Whether ``--max-duration``, which counts from ``started``, is over."""
    if options.max_duration is None:
        return lambda: False
    until = started + options.max_duration
    return lambda: job.now() >= until
