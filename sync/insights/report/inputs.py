"""What a report is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from connectors.model import IssueRef, KnownIssue
from mappings.model import Increment, Workspace
from sync.insights.audit import AuditFinding
from sync.insights.experiments import IterationLearning
from sync.insights.predictability import Predictability
from sync.insights.report.model import OverrideRow, SourceRow
from sync.insights.unplanned import AdHocMetrics
from sync.model.attribution import Difference
from sync.model.flow import IssueFlow
from sync.model.forecast import AgingIssue, Forecast
from sync.model.rollup import Rollup


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportInputs:
    """What the report is made from: what the store knows, and what was computed from it once."""

    instance: str
    workspace: Workspace
    increment: Increment
    rollup: Rollup
    known: Mapping[IssueRef, KnownIssue]
    flow: Mapping[IssueRef, IssueFlow]
    """Of all issues of all teams' sources, old ones included."""
    owners: Mapping[IssueRef, str]
    """Whose work each issue is (a team's name)."""
    forecasts: Mapping[str, Forecast]
    """By subject; empty where there are none."""
    no_forecast: str
    """Why a subject has none."""
    track_records: Mapping[str, str] = field(default_factory=dict)
    """Subject -> how often earlier statements came true."""
    ageing: Sequence[AgingIssue]
    ad_hoc: AdHocMetrics
    differences: Sequence[Difference]
    changed_since: datetime | None
    sources: Sequence[SourceRow]
    overrides: Sequence[OverrideRow]
    learning: Sequence[IterationLearning] = ()
    audit: Sequence[AuditFinding] = ()
    predictability: Sequence[Predictability] = ()
    read_at: datetime | None
    silent_since: datetime | None = None
    """Since when nothing was read, where that is too long."""
    now: datetime

    @property
    def zone(self) -> tzinfo:
        return ZoneInfo(self.increment.timezone)
