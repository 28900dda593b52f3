"""Plans, mappings and match results as frozen values. ``load.py`` builds them from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from connectors.model import IssueRef, Source
from mappings.labels import LabelScheme
from mappings.problems import Origin

FlowState = Literal["todo", "doing", "done", "dropped"]
Answer = Literal["confirmed", "rejected", "inconclusive"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Anchor:
    """Tracker issue that represents a capability or goal, as named in the plan."""

    tracker: str
    key: str

    def __str__(self) -> str:
        return f"{self.tracker}:{self.key}"

    @property
    def place(self) -> tuple[str, str]:
        """Tracker and key in lower case, for comparisons: trackers ignore the case of keys."""
        return self.tracker, self.key.lower()


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Bound that a number in a JSON file has to meet before done work counts as proven."""

    file: str
    """Path relative to the workspace, with ``/``."""
    metric: str
    """Path of the number; dots lead into objects and lists."""
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Capability:
    """Part of a goal that can be released when it is done."""

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
    """Outcome of one increment."""

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
    """Acceptance by a person; required for ``done`` if acceptance is manual."""
    cancelled: bool = False
    previously: tuple[str, ...] = ()


Phase = Literal["not-started", "active", "grace", "closed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Increment:
    """Fixed period with a plan: [start 00:00, the day after end 00:00) in the plan's time zone."""

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
        """First instant of the increment, in UTC."""
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
        """Return the phase that contains ``now`` (aware)."""
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
    """One entry of a team's mapping. ``when`` holds validated conditions that ``rules/conditions.py`` compiles."""

    id: str
    when: Mapping[str, Any]
    assign: str
    origin: Origin
    iteration: str | None = None
    experiment: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class StateRule:
    """Statuses, labels and types that a team maps to one state. Names compare by ``fold_name``."""

    statuses: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    dependencies: frozenset[str] | None = None
    """Only of ``blocked``: values of ``Blocker.link`` that count; None if dependencies do not."""
    origins: Mapping[tuple[str, str], Origin] = field(default_factory=dict)
    """Origin of each name, by kind (``statuses``, ``labels``, ``types``) and folded name; of ``dependencies`` without
    a name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamMapping:
    """Sources, flow states and rules of one team."""

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
    """Label that records the answer of an experiment."""
    label_unplanned: bool = False
    dropped_resolutions: frozenset[str] = frozenset()
    """Additional resolutions (folded) that mean "will not do"."""
    done_resolutions: frozenset[str] = frozenset()
    """Resolutions (folded) that mean "done", whatever the built-in list says."""
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """Origins of ``answers.confirmed``, ``dropped_resolutions``, ``done_resolutions``, ``unplanned_label`` in the
    mapping or in ``defaults.yaml``, and of the team's own label families (``labels.capability``). Without keys that
    no file sets."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workspace:
    """All plans and mappings of a workspace."""

    increments: tuple[Increment, ...]
    teams: tuple[TeamMapping, ...]
    digest: str
    """SHA-256 of the text of all plan and mapping files, in hex."""
    labels: LabelScheme = field(default_factory=LabelScheme)
    """Label scheme of the organisation, including the teams' own prefixes."""

    def capability(self, capability_id: str) -> tuple[Increment, Goal, Capability] | None:
        """Return a capability with its increment and goal; None if no plan has it."""
        for increment in self.increments:
            for goal in increment.goals:
                for capability in goal.capabilities:
                    if capability.id == capability_id:
                        return increment, goal, capability
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Overrides:
    """Manual overrides that people made on the trackers."""

    pins: Mapping[IssueRef, str] = field(default_factory=dict)
    """Issue -> capability id. Issues with several pins are left out."""
    vetoes: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    """Issue -> capability ids from which a person removed it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueState:
    """Flow state of an issue for one team."""

    state: FlowState
    known: bool = True
    """False if neither the team nor the tracker defines the state: counted as todo and reported, never done."""
    blocked: bool = False
    blockers: tuple[IssueRef, ...] = ()
    """Open issues that block it, where the team's mapping counts dependencies. Without a key if nobody knows it."""
    answer: Answer | None = None
    because: str = ""
    """Reason: ``states.doing: "Peer review"`` or ``status category done``."""

    @property
    def is_open(self) -> bool:
        return self.state in ("todo", "doing")


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """Issue assigned to a capability, by a rule or a pin."""

    ref: IssueRef
    team: str
    capability: str
    state: IssueState
    by: Literal["rule", "pin"] = "rule"
    rule: str | None = None
    iteration: str | None = None
    experiment: bool = False
    closed: datetime | None = None
    """Time of the last closing, in the words of the team; None while it is open, or if nothing says when."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unplanned:
    """Issue of a team that counts towards no capability: ad-hoc work."""

    ref: IssueRef
    teams: tuple[str, ...]
    """Teams that have its source."""
    state: IssueState
    reason: Literal["no-rule", "veto", "closed-increment"] = "no-rule"
    closed: datetime | None = None
    """As in Assignment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflict:
    """Issue that rules of several teams claim for different capabilities. It is assigned to none."""

    ref: IssueRef
    claims: tuple[Assignment, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class MatchResult:
    """Assignments, unplanned issues and conflicts of a set of issues."""

    assignments: tuple[Assignment, ...] = ()
    unplanned: tuple[Unplanned, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    unfinished_at_close: tuple[Assignment, ...] = ()
    """Work that a closed increment did not finish, assigned to its capability there. Counts only there: labels
    follow ``assignments``."""
    warnings: tuple[str, ...] = ()
