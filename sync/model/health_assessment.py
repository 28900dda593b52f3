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
    """Forecasts and health of a run, and what has to be saved of them."""

    rollup: Rollup
    """Roll-up that the assessment is based on."""
    expectations: Mapping[str, Expectation] = field(default_factory=dict)
    """By subject, as ``forecasts`` and ``displayed_health``."""
    forecasts: Mapping[str, Forecast] = field(default_factory=dict)
    displayed_health: Mapping[str, DisplayedHealth] = field(default_factory=dict)
    backtests: Mapping[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    """Team -> (digest, fields) of new backtests."""
    flow: Mapping[IssueRef, IssueFlow] = field(default_factory=dict)
    earlier: Sequence[ForecastStatement] = ()
    """Statements of earlier runs."""
    missing_dependencies: str | None = None
    """Message that forecasts need libraries, and how to install them; None if they are installed."""
