"""Result of assessing the health of capabilities and goals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.model import IssueRef
from sync.model.flow import IssueFlow
from sync.model.forecast import Forecast
from sync.model.health import DisplayedHealth, Expectation, ForecastStatement
from sync.model.rollup import Rollup


@dataclass(frozen=True, kw_only=True, slots=True)
class HealthAssessment:
    """What a run expects, and what it has to keep of it."""

    rollup: Rollup
    """That it was made from."""
    expectations: Mapping[str, Expectation]
    """By subject, as the following."""
    forecasts: Mapping[str, Forecast]
    displayed_health: Mapping[str, DisplayedHealth]
    backtests: Mapping[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    """Team -> (digest, fields) of those that are new."""
    flow: Mapping[IssueRef, IssueFlow] = field(default_factory=dict)
    earlier: Sequence[ForecastStatement] = ()
    missing_dependencies: str | None = None
    """That the libraries are not there, and how to get them."""
