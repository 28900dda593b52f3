"""Forecast lines of status comments. All numbers are rounded; without a forecast the lines are empty."""

from __future__ import annotations

from connectors.model import IssueRef
from sync.model.health import Expectation
from sync.model.rollup import CapabilityRollup


def expected_lines(expected: Expectation | None, what: str, *, ranges: bool = True) -> list[str]:
    """Return the probability and the range.

    The reason for a missing forecast is left to ``status`` and the report: it contains numbers that change by
    themselves.
    """
    if expected is None:
        return []
    lines = []
    if expected.probability is not None:
        record = f" ({expected.track_record})" if expected.track_record else ""
        lines.append(f"Probability {what} by {expected.until}: {expected.words}{record}")
    if ranges and (interval := describe_interval(expected)):
        lines.append(f"Done by {expected.until}: {interval} (85% interval)")
    return lines


def expected_cell(expected: Expectation | None) -> str:
    """Return ``about 45%, 16 to 21 of 21``."""
    if expected is None:
        return ""
    probability = expected.words if expected.probability is not None else ""
    return ", ".join(text for text in (probability, describe_interval(expected)) if text)


def health_lines(rollup: CapabilityRollup) -> list[str]:
    """Return the date of the last health change and the health before it."""
    expected = rollup.expected
    if expected is None or not rollup.health or not expected.health_before or not expected.health_since:
        return []
    now, before = rollup.health.replace("-", " "), expected.health_before.replace("-", " ")
    return [f"{now.capitalize()} since {expected.health_since}, before that {before}"]


def aging_lines(rollup: CapabilityRollup) -> list[tuple[str, tuple[IssueRef, ...]]]:
    """Return the open issues that are older than most that the team finished."""
    if rollup.expected is None or not rollup.expected.ageing:
        return []
    return [("Aging: open longer than 85% of the team's finished issues were", rollup.expected.ageing)]


def describe_interval(expectation: Expectation) -> str:
    """``16 to 21 of 21``; empty without a statement."""
    if expectation.likely is None or expectation.most is None:
        return ""
    low, high = expectation.likely
    return f"{low} of {expectation.most}" if low == high else f"{low} to {high} of {expectation.most}"
