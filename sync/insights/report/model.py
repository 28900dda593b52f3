"""Content of a report as one frozen value. HTML, Markdown and JSON are views of it and compute nothing.

``schemas/report.json`` is generated from these classes. Times are aware and in UTC, days are of the increment's time
zone. A field that is renamed, removed or changes its meaning increases VERSION.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Final, Literal

from pydantic import ConfigDict

from connectors.model import IssueRef
from sync.insights.report.chart_data import AdHocWeek, BurnUp, CumulativeFlow, CyclePoint
from sync.model.attribution import Part

VERSION: Final = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueLink:
    """Reference to an issue."""

    ref: str
    """``<tracker>:<key>``."""
    key: str
    title: str
    url: str

    @classmethod
    def to(cls, ref: IssueRef, title: str, url: str) -> IssueLink:
        """Link to an issue."""
        return cls(ref=str(ref), key=ref.key, title=title, url=url)


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceRow:
    """Freshness of one source."""

    name: str
    last_whole: datetime | None
    failing_since: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ForecastSummary:
    """Forecast of a goal, capability or team, in rounded numbers."""

    probability: float | None
    """Probability that all required work is done in time, in steps of 0.05; null without a forecast."""
    summary: str
    """The probability as a phrase, or the reason why there is none."""
    interval_85: tuple[int, int] | None
    """85% interval of the issues done by then, including those that are done now."""
    median: int | None
    """Median of the same."""
    total: int | None
    """Total of the interval: issues done now and remaining issues."""
    completion_dates: tuple[tuple[float, date | None], ...]
    """(probability, day by which the remaining work is done); null: beyond two years."""
    assumptions: tuple[str, ...]
    track_record: str | None = None
    """How often earlier forecasts of this kind came true."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentRow:
    """One experiment."""

    issue: IssueLink
    outcome: Literal["confirmed", "rejected", "inconclusive", "open", "missing"]
    """``missing``: closed without an answer."""
    days: float | None
    """Days from creation to answer; null without an answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IterationRow:
    """One iteration of a capability, or its experiments that belong to no iteration."""

    name: str | None
    """null: the experiments that belong to no iteration."""
    state: str | None
    done: int
    scope: int
    experiments: tuple[ExperimentRow, ...]
    median_days: float | None
    """Median days from creation to answer; null without an answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CapabilityRow:
    """One capability."""

    id: str
    title: str
    team: str
    """Owner."""
    teams: tuple[str, ...]
    """Teams whose issues count."""
    state: str
    health: str | None
    released: bool
    required: bool
    target: date
    done: int
    scope: int
    doing: int
    dropped: int
    baseline: int | None
    added: int
    removed: int
    blocked: bool
    blocked_issues: tuple[IssueLink, ...]
    blockers: tuple[IssueLink, ...] = ()
    """Open issues of any team and tracker that block them, as far as they can be named."""
    evidence: str | None
    """Result of the required evidence; null if none is required."""
    evidence_missing: bool
    """Done, but the required evidence is missing."""
    forecast: ForecastSummary
    iterations: tuple[IterationRow, ...]
    warnings: tuple[str, ...]
    uncertain: tuple[str, ...]
    """Sources of its issues that could not be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangePart:
    """Issues that changed a subject in one way."""

    name: Part
    issues: int
    keys: tuple[str, ...]
    """Keys of the first issues."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeRow:
    """Changes of one goal or capability since ``changed_since``; the parts add up."""

    subject: str
    """``goal:<id>`` or ``capability:<id>``."""
    title: str
    done_before: int
    scope_before: int
    done_after: int
    scope_after: int
    parts: tuple[ChangePart, ...]

    @property
    def kind(self) -> str:
        return self.subject.partition(":")[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class GoalRow:
    """One goal with its capabilities."""

    id: str
    title: str
    commitment: Literal["committed", "stretch"]
    state: str
    health: str | None
    released: bool
    required_done: int
    required_total: int
    done: int
    scope: int
    forecast: ForecastSummary
    capabilities: tuple[CapabilityRow, ...]
    burn_up: BurnUp | None
    """null without a counted issue."""
    change_summary: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AgingRow:
    """Open issue with its age, compared with finished issues of its team."""

    issue: IssueLink
    days: float
    percentile: float
    band: str
    state: str
    blocked: bool
    subject: str
    """Id of the capability, or ``unplanned``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamRow:
    """One team."""

    name: str
    flow: str
    """kanban or scrum."""
    cumulative_flow: CumulativeFlow | None
    cycle_times: tuple[CyclePoint, ...]
    percentiles: tuple[tuple[int, float], ...]
    """(50, days), (85, days), (95, days)."""
    aging_wip: tuple[AgingRow, ...]
    """Open issues, highest percentile first; at most 100."""
    no_aging_reason: str
    """Reason why ``aging_wip`` is empty."""
    unplanned_open: int
    unplanned_share: float | None
    """Share of the issues finished in the last four weeks; null if none was."""
    ad_hoc_weeks: tuple[AdHocWeek, ...]
    forecast: ForecastSummary
    unanswered: tuple[IssueLink, ...]
    """Closed experiments without an answer."""
    conflicts: tuple[IssueLink, ...]
    """Issues that rules of another team match, too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OverrideRow:
    """One manual override."""

    key: str
    kind: str
    label: str
    since: datetime
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class UnplannedRow:
    """One ad-hoc issue."""

    issue: IssueLink
    teams: tuple[str, ...]
    requester: str
    state: str
    days: float
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingRow:
    """Integrity finding: something that looks better than it is."""

    kind: str
    subject: str
    title: str
    text: str
    evidence: tuple[str, ...]
    """First facts behind it."""
    more_evidence: int
    """Number of further facts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictabilityRow:
    """Predictability of one increment."""

    increment: str
    so_far: bool
    """The increment is not over yet."""
    committed_done: int
    committed_total: int
    stretch_done: int
    stretch_total: int
    share: float | None
    """Actual value of all goals divided by the planned value of the committed ones; null: values are not entered."""
    carried_over: int
    """Open issues."""
    ad_hoc: float | None
    """Share of ad-hoc issues among the finished ones; null if none was finished."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportData:
    """Report of one increment."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(use_attribute_docstrings=True)

    version: int
    instance: str
    increment: str
    start: date
    end: date
    phase: str
    timezone: str
    today: date
    """Day of the report."""
    read_at: datetime | None
    """Last full sync of the source that is furthest behind."""
    headline: str
    """Done goals, and what needs attention."""
    summary: str
    """Least probable committed goal; empty if none is in progress."""
    committed_done: int
    committed_total: int
    stretch_done: int
    stretch_total: int
    goals: tuple[GoalRow, ...]
    teams: tuple[TeamRow, ...]
    changed_since: datetime | None
    """null without earlier data to compare with."""
    changes: tuple[ChangeRow, ...]
    unplanned: tuple[UnplannedRow, ...]
    """Open issues, longest waiting first; at most 200."""
    unplanned_open: int
    """Number of all open issues."""
    unplanned_share: float | None
    sources: tuple[SourceRow, ...]
    overrides: tuple[OverrideRow, ...]
    data_quality: tuple[str, ...]
    """Problems with the data, a sentence each."""
    findings: tuple[FindingRow, ...]
    """Integrity findings."""
    predictability: tuple[PredictabilityRow, ...]
    """Increments that have begun, oldest first."""

    @property
    def stale(self) -> tuple[SourceRow, ...]:
        """Sources that could not be read: their numbers are old."""
        return tuple(source for source in self.sources if source.failing_since)
