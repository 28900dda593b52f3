"""Inputs of a report."""

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
from sync.insights.report.model import ForecastSummary, IssueLink, OverrideRow, SourceRow
from sync.insights.report.phrases import summarize_forecast
from sync.insights.unplanned import AdHocMetrics
from sync.model.attribution import Difference
from sync.model.flow import IssueFlow
from sync.model.forecast import AgingIssue, Forecast
from sync.model.rollup import Rollup


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportInputs:
    """Data of one increment from the store, and the results computed from it."""

    instance: str
    workspace: Workspace
    increment: Increment
    rollup: Rollup
    known: Mapping[IssueRef, KnownIssue]
    flow: Mapping[IssueRef, IssueFlow]
    """Flows of all issues in the teams' sources, including old ones."""
    owners: Mapping[IssueRef, str]
    """Issue -> name of the team whose work it is."""
    forecasts: Mapping[str, Forecast]
    """By subject."""
    no_forecast: str
    """Reason to show for a subject without a forecast."""
    track_records: Mapping[str, str] = field(default_factory=dict)
    """Subject -> sentence about how often earlier forecasts came true."""
    aging: Sequence[AgingIssue]
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
    """Last sync, if it is too long ago."""
    now: datetime

    def forecast_summary(self, subject: str, done: int, no_forecast: str) -> ForecastSummary:
        """Return the forecast in rounded numbers. ``done``: issues that are done now."""
        return summarize_forecast(
            self.forecasts.get(subject), done, no_forecast, self.track_records.get(subject)
        )

    def link(self, ref: IssueRef) -> IssueLink:
        """Link to an issue; without title and address if no source holds it."""
        item = self.known.get(ref)
        return IssueLink.to(ref, item.issue.title, item.issue.url) if item else IssueLink.to(ref, "", "")

    @property
    def zone(self) -> tzinfo:
        return ZoneInfo(self.increment.timezone)
