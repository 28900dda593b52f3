"""Limits of one run, from the settings and its options."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sync.model.limits import GuardLimits
from sync.model.run import RunOptions
from sync.runtime.context import RunContext


def guard_limits(context: RunContext, options: RunOptions) -> GuardLimits:
    """Return the limits of the settings with those that the options raise for this run."""
    limits = context.settings.limits
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


def deadline_check(context: RunContext, options: RunOptions, started: datetime) -> Callable[[], bool]:
    """Return a function that is True once ``--max-duration``, counted from ``started``, has passed."""
    if options.max_duration is None:
        return lambda: False
    until = started + options.max_duration
    return lambda: context.now() >= until
