"""The nouns of plans and mappings, as frozen values. ``load.py`` makes them from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from connectors.model import IssueRef, Source
from mappings.labels import LabelScheme

FlowState = Literal["todo", "doing", "done", "dropped"]
Answer = Literal["confirmed", "rejected", "inconclusive"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where in the workspace something was written. Line and column start at 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Anchor:
    """The tracker issue that stands for a capability or goal, as the plan writes it."""

    tracker: str
    key: str

    def __str__(self) -> str:
        return f"{self.tracker}:{self.key}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What has to be shown before done work counts as proven: a number in a JSON file reaches a bound."""

    file: str
    """Path below the workspace, with ``/``."""
    metric: str
    """Name of the number; dots lead into objects and lists."""
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Capability:
    id: str
    title: str
    team: str
    origin: Origin
    anchor: Anchor | None = None
    iterations: tuple[str, ...] = ()
    target: date | None = None
    required: bool = True
    cancelled: bool = False
    released: date | None = None
    continues: str | None = None
    previously: tuple[str, ...] = ()
    evidence: Evidence | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    id: str
    title: str
    origin: Origin
    commitment: Literal["committed", "stretch"] = "committed"
    anchor: Anchor | None = None
    capabilities: tuple[Capability, ...] = ()
    value: float | None = None
    actual_value: float | None = None
    acceptance: Literal["automatic", "manual"] = "automatic"
    accepted: bool = False
    """A person's word, needed for ``done`` when acceptance is manual."""
    cancelled: bool = False
    previously: tuple[str, ...] = ()


Phase = Literal["not-started", "active", "grace", "closed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Increment:
    """A fixed period with a plan: [start 00:00, the day after end 00:00) in the plan's zone."""

    id: str
    start: date
    end: date
    timezone: str
    origin: Origin
    grace_days: int = 5
    holidays: tuple[date, ...] = ()
    goals: tuple[Goal, ...] = ()

    @property
    def starts_at(self) -> datetime:
        """First instant, in UTC."""
        return self._midnight(self.start)

    @property
    def ends_at(self) -> datetime:
        """First instant after the increment, in UTC."""
        return self._midnight(self.end + timedelta(days=1))

    @property
    def closes_at(self) -> datetime:
        """First instant after the grace days, in UTC."""
        return self._midnight(self.end + timedelta(days=1 + self.grace_days))

    def phase(self, now: datetime) -> Phase:
        """Where ``now`` (aware) lies."""
        if now < self.starts_at:
            return "not-started"
        if now < self.ends_at:
            return "active"
        return "grace" if now < self.closes_at else "closed"

    @property
    def capabilities(self) -> tuple[Capability, ...]:
        return tuple(capability for goal in self.goals for capability in goal.capabilities)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), tzinfo=ZoneInfo(self.timezone)).astimezone(UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One entry of a team's mapping. ``when`` is the checked condition tree that ``match.py`` compiles."""

    id: str
    when: Mapping[str, Any]
    assign: str
    origin: Origin
    iteration: str | None = None
    experiment: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class StateRule:
    """What makes a status something else than the tracker's own class says. Names compare case-folded."""

    statuses: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    origins: Mapping[tuple[str, str], Origin] = field(default_factory=dict)
    """Where each name was written, by kind (``statuses``, ``labels``, ``types``) and folded name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamMapping:
    team: str
    origin: Origin
    flow: Literal["kanban", "scrum"] = "kanban"
    sources: tuple[Source, ...] = ()
    states: Mapping[str, StateRule] = field(default_factory=dict)
    """By ``todo``, ``doing``, ``done``, ``dropped``, ``blocked``."""
    rules: tuple[Rule, ...] = ()
    answers: Mapping[Answer, str] = field(
        default_factory=lambda: {
            "confirmed": "result:confirmed",
            "rejected": "result:rejected",
            "inconclusive": "result:inconclusive",
        }
    )
    """The label by which people say how an experiment ended."""
    label_unplanned: bool = False
    dropped_resolutions: frozenset[str] = frozenset()
    """More Jira resolutions (case-folded) that mean "will not do"."""
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """Where ``answers.confirmed``, ``dropped_resolutions``, ``unplanned_label`` were written: here or in the
    defaults that teams inherit. Without those that nobody wrote. And where the team says something of its own
    about a family of labels (``labels.capability``)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workspace:
    """All plans and mappings, loaded and checked together."""

    increments: tuple[Increment, ...]
    teams: tuple[TeamMapping, ...]
    digest: str
    """Hash of the text of all plan and mapping files."""
    labels: LabelScheme = field(default_factory=LabelScheme)
    """The organisation's labels, with what the teams say differently."""

    def capability(self, capability_id: str) -> tuple[Increment, Goal, Capability] | None:
        """Where a capability stands in the plans."""
        for increment in self.increments:
            for goal in increment.goals:
                for capability in goal.capabilities:
                    if capability.id == capability_id:
                        return increment, goal, capability
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Overrides:
    """What people decided on the trackers about issues and capabilities."""

    pins: Mapping[IssueRef, str] = field(default_factory=dict)
    """Issue -> capability id, one each; several pins on one issue cancel out and are not here."""
    vetoes: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    """Issue -> capability ids that a person took it out of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueState:
    """What an issue's status means to its team."""

    state: FlowState
    known: bool = True
    """False when neither the team nor the tracker says: counted as todo and reported, never done."""
    blocked: bool = False
    answer: Answer | None = None
    because: str = ""
    """What decided: ``states.doing: "Peer review"`` or ``status category done``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    ref: IssueRef
    team: str
    capability: str
    state: IssueState
    by: Literal["rule", "pin"] = "rule"
    rule: str | None = None
    iteration: str | None = None
    experiment: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Unplanned:
    ref: IssueRef
    teams: tuple[str, ...]
    """The teams that have its source."""
    state: IssueState
    reason: Literal["no-rule", "veto", "closed-increment"] = "no-rule"


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflict:
    """Rules of several teams claim an issue for different capabilities: nobody gets it."""

    ref: IssueRef
    claims: tuple[Assignment, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class MatchResult:
    """What became of every issue."""

    assignments: tuple[Assignment, ...] = ()
    unplanned: tuple[Unplanned, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    unfinished_at_close: tuple[Assignment, ...] = ()
    """Work that a closed increment did not finish, assigned to its capability there. It only counts there: its labels
    follow ``assignments``."""
    warnings: tuple[str, ...] = ()
