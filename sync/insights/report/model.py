"""Everything that a report shows, as one frozen value. HTML, Markdown and JSON are views of it and compute nothing.

``schemas/report.json`` is made from these classes. Times are aware and in UTC, days are of the increment's time zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Final, Literal

from pydantic import ConfigDict

from sync.model.attribution import Part

VERSION: Final = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Issue:
    """An issue that the report names."""

    ref: str
    """``<tracker>:<key>``."""
    key: str
    title: str
    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceRow:
    """How fresh the figures of one source are."""

    name: str
    last_whole: datetime | None
    failing_since: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ForecastSummary:
    """What a forecast says of a subject, in figures that a reader may quote."""

    probability: float | None
    """That all required work is done in time, in steps of 0.05; None: no statement."""
    words: str
    """The same as a phrase, or why there is none."""
    likely: tuple[int, int] | None
    """Issues done by then, with those that are done now: the central 85 % interval."""
    middle: int | None
    """The median of the same."""
    most: int | None
    """What the interval is of: issues done now, and those left that the forecast is about."""
    finish: tuple[tuple[float, date | None], ...]
    """(how sure, day by which the rest is done); None: not within two years."""
    assumptions: tuple[str, ...]
    track_record: str | None = None
    """How often earlier statements of this kind came true."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentRow:
    """One experiment."""

    issue: Issue
    outcome: Literal["confirmed", "rejected", "inconclusive", "open", "missing"]
    """``missing``: closed, and nobody said how it ended."""
    days: float | None
    """From question to answer; None without an answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IterationRow:
    name: str | None
    """None: the experiments of a capability that belong to no iteration."""
    state: str | None
    done: int
    scope: int
    questions: tuple[ExperimentRow, ...]
    """Its experiments."""
    usual_days: float | None
    """Median time from question to answer; None without an answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CapabilityRow:
    id: str
    title: str
    team: str
    """The owner."""
    teams: tuple[str, ...]
    """Those whose issues count."""
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
    blocked_issues: tuple[Issue, ...]
    proof: str | None
    """What the evidence that it asks for says; None when it asks for none."""
    not_proven: bool
    """Done, but the evidence that it asks for is not there."""
    outlook: ForecastSummary
    iterations: tuple[IterationRow, ...]
    warnings: tuple[str, ...]
    uncertain: tuple[str, ...]
    """Sources that feed it and could not be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BurnUp:
    """Scope and done work day by day. An issue is in scope from its creation, or from the day that it was dropped on no
    more; issues that are in other capabilities today are not looked for in the past."""

    days: tuple[date, ...]
    scope: tuple[int, ...]
    done: tuple[int, ...]
    baseline: int | None
    baseline_at: date | None
    """The day from which the baseline is known."""
    end: date
    fan: tuple[int, int, int] | None
    """Low, middle and high of what is done at the end (85 %); None without a forecast."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangePart:
    name: Part
    issues: int
    keys: tuple[str, ...]
    """Of the first ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeRow:
    """What became different in one subject since a moment; the parts add up."""

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
    outlook: ForecastSummary
    capabilities: tuple[CapabilityRow, ...]
    burn_up: BurnUp | None
    """None while no issue counts."""
    changed: str
    """One sentence of change."""
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CumulativeFlow:
    """How many issues of a team were where at the end of each day, since the increment began."""

    days: tuple[date, ...]
    todo: tuple[int, ...]
    doing: tuple[int, ...]
    done: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CyclePoint:
    """A finished issue: when, and how many days it took from its start, or its creation where no start was seen."""

    finished: date
    days: float
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AgingRow:
    issue: Issue
    days: float
    percentile: float
    band: str
    state: str
    blocked: bool
    subject: str
    """Id of the capability, or ``unplanned``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AdHocWeek:
    """Issues finished in an ISO week, and how many of them nobody had planned."""

    week: str
    planned: int
    unplanned: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamRow:
    name: str
    flow: str
    """kanban or scrum."""
    cumulative: CumulativeFlow | None
    cycle: tuple[CyclePoint, ...]
    percentiles: tuple[tuple[int, float], ...]
    """(50, days), (85, days), (95, days)."""
    ageing: tuple[AgingRow, ...]
    """Open issues, oldest first against the team's own percentiles; at most 100."""
    no_ageing: str
    """Why there is none."""
    unplanned_open: int
    unplanned_share: float | None
    """Of what was finished in the last four weeks; None when nothing was."""
    weeks: tuple[AdHocWeek, ...]
    outlook: ForecastSummary
    unanswered: tuple[Issue, ...]
    """Closed experiments of which nobody said how they ended."""
    conflicts: tuple[Issue, ...]
    """Issues that another team's rules claim, too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OverrideRow:
    key: str
    kind: str
    label: str
    since: datetime
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class UnplannedRow:
    issue: Issue
    teams: tuple[str, ...]
    requester: str
    state: str
    days: float
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingRow:
    """Something that looks better than it is. No verdict: it only says what nobody should overlook."""

    kind: str
    subject: str
    title: str
    text: str
    evidence: tuple[str, ...]
    """The first facts behind it."""
    left_out: int
    """How many facts there are besides."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictabilityRow:
    """What an increment promised and what came of it."""

    increment: str
    so_far: bool
    """It is not over yet."""
    committed_done: int
    committed_total: int
    stretch_done: int
    stretch_total: int
    share: float | None
    """Actual value of all goals by the planned value of the committed ones; None: people have to enter values."""
    carried: int
    """Issues left open."""
    ad_hoc: float | None
    """Share of what was finished; None when nothing was."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportData:
    """One increment as it stands."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(use_attribute_docstrings=True)

    version: int
    instance: str
    increment: str
    start: date
    end: date
    phase: str
    timezone: str
    today: date
    """The day that the figures are of."""
    read_at: datetime | None
    """When the source that was read longest ago was last read whole."""
    headline: str
    """What is done and what asks for attention."""
    summary: str
    """About the committed goal that is least likely in time; empty when none is under way."""
    committed_done: int
    committed_total: int
    stretch_done: int
    stretch_total: int
    goals: tuple[GoalRow, ...]
    teams: tuple[TeamRow, ...]
    changed_since: datetime | None
    """None when there is nothing earlier to compare with."""
    changes: tuple[ChangeRow, ...]
    unplanned: tuple[UnplannedRow, ...]
    """Open ones, those that wait longest first; at most 200."""
    unplanned_open: int
    """All open ones."""
    unplanned_share: float | None
    sources: tuple[SourceRow, ...]
    overrides: tuple[OverrideRow, ...]
    quality: tuple[str, ...]
    """What is wrong with the data, a sentence each."""
    audit: tuple[FindingRow, ...]
    """What an auditor would ask about."""
    predictability: tuple[PredictabilityRow, ...]
    """Of the increments that have begun, oldest first."""

    @property
    def stale(self) -> tuple[SourceRow, ...]:
        """Sources whose figures are from before."""
        return tuple(source for source in self.sources if source.failing_since)
