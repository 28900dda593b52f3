"""The nouns that connectors hand on: frozen values without behaviour of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Category = Literal["todo", "doing", "done"]
"""The tracker's own class of a status, named as the flow states are."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class IssueRef:
    """Identity and address of an issue. Two refs are equal when tracker and id are; the key may change."""

    tracker: str
    """The name of the tracker in the settings."""
    id: str
    """The id that survives a move: Jira's numeric issue id, GitHub's database id."""
    key: str = field(compare=False)
    """``DS-12`` or ``acme/churn#7``: what people write, and what a request is addressed to."""

    def __str__(self) -> str:
        return f"{self.tracker}:{self.key}"

    def __hash__(self) -> int:
        # Refs are looked up millions of times, and ids of several trackers are seldom the same.
        return hash(self.id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Issue:
    """One issue as the tracker told it. All times are aware and in UTC."""

    ref: IssueRef
    url: str
    title: str
    container: str
    """Jira project key or GitHub ``owner/repo``."""
    status: str
    """Name of the status; ``open`` or ``closed`` on GitHub."""
    created: datetime
    updated: datetime
    status_id: str = ""
    category: Category | None = None
    """None when the tracker names no class that we know."""
    resolution: str | None = None
    """Jira: name of the resolution. GitHub: ``state_reason``."""
    type: str = ""
    body: str = ""
    """Empty unless a rule asked for bodies."""
    labels: frozenset[str] = frozenset()
    components: tuple[str, ...] = ()
    fix_versions: tuple[str, ...] = ()
    milestone: str | None = None
    sprint: str | None = None
    parent: str | None = None
    """Key of the direct parent."""
    assignees: tuple[str, ...] = ()
    author: str = ""
    reporter: str = ""
    """Person on whose behalf it was created. Jira's reporter; on GitHub the author."""
    started: datetime | None = None
    closed: datetime | None = None
    flagged: bool = False
    """Jira's Flagged field (impediment)."""
    is_pull_request: bool = False
    locked: bool = False
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Custom fields that rules name, by the name used in the rule; values as text."""

    @property
    def project(self) -> str:
        """Jira project key of the issue, or the part before ``#`` on GitHub."""
        return self.container


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Who we are on a tracker."""

    id: str
    """Jira accountId or name; GitHub numeric user id."""
    name: str
    """What a person sees: display name or login."""
    timezone: str = "UTC"
    """IANA name; Jira reads JQL times in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comment:
    """A comment on an issue, with what we need to know whether it is ours."""

    id: str
    author_id: str
    body: str
    created: datetime
    updated: datetime
    marker: Mapping[str, str] | None = None
    """Jira: the value of our comment property, where there is one. GitHub keeps the marker in the body."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelEvent:
    """A time that somebody put a label on an issue, or took it off."""

    label: str
    author_id: str
    """Empty where the tracker names nobody any more."""
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelHistory:
    """How a label last came to an issue and went from it."""

    added: LabelEvent | None = None
    """None when it was there from the beginning, or nobody tells."""
    removed: LabelEvent | None = None
    """None when it was put again since, or never went."""


ChangeKind = Literal["status", "flag", "label"]


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueChange:
    """An entry of an issue's own history on its tracker that says something of its state."""

    ref: IssueRef
    id: str
    """The tracker's id of the entry, and what it was about: whenever it is read, it is the same."""
    at: datetime
    kind: ChangeKind
    before: str = ""
    """The status before, by its name then; the label that was taken off; ``flagged`` when the flag was."""
    after: str = ""
    """The same of what came; empty when nothing did."""
    before_id: str = ""
    after_id: str = ""
    """Jira's ids of the statuses, which outlive their names."""
    resolution: str | None = None
    """GitHub: ``state_reason`` of a closing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A part of a tracker that is pulled together and has one watermark.

    ``project`` for Jira (``jql`` narrows it), ``repo`` for GitHub.
    """

    tracker: str
    project: str | None = None
    jql: str | None = None
    repo: str | None = None
    pull_requests: bool = False

    @property
    def name(self) -> str:
        """How people recognise it: ``jira:DS``, ``jira:DS (team = Blue)``, ``github:acme/churn``."""
        narrowed = f" ({self.jql})" if self.jql else ""
        with_prs = " +pull requests" if self.pull_requests else ""
        return f"{self.tracker}:{self.project or self.repo}{narrowed}{with_prs}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursor:
    """Where the next incremental pull of a source goes on. Written by the connector, kept by the store."""

    watermark: datetime
    """The latest ``updated`` that was seen in the data."""
    updated_since: datetime
    """What the next request asks for: never later than what was certainly visible at the last pull."""
    etag: str | None = None
    """GitHub: of the one page that ``since`` gave, sent as If-None-Match while ``since`` stays."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldSelection:
    """What a pull has to bring along; connectors ask for nothing else."""

    body: bool = False
    fields: tuple[str, ...] = ()
    """Custom fields by name or id, as rules name them."""
    state_labels: frozenset[str] = frozenset()
    """Labels (case-folded) that mean a state or a block to a team: when they came and went is history, too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PulledSource:
    """A source that was read whole, from ``since`` (or from the beginning) to now."""

    source: Source
    issues: tuple[Issue, ...]
    cursor: Cursor
    full: bool
    """True when everything was asked for, not just what changed."""
    unchanged: bool = False
    """True for a 304: the server said that there is nothing new."""
    changes: tuple[IssueChange, ...] | None = None
    """The whole history of these issues, where it comes with them (Data Center). None: ask for it."""
    without_history: frozenset[str] = frozenset()
    """Ids of issues of which no history came although others' did: ask for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedSource:
    """A source that could not be read whole. Nothing is concluded from what it did say."""

    source: Source
    reason: str
    """One sentence for people: what is wrong and what to do. Without secrets."""
    kind: Literal["auth", "forbidden", "missing", "unavailable", "quota", "payload"] = "unavailable"


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryRequest:
    """Issues of a source that changed since their history was read."""

    source: Source
    issues: tuple[Issue, ...]
    bookmark: str | None = None
    """``History.mark`` of the answer before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceHistory:
    """What happened to issues of a source, as the tracker tells it."""

    source: Source
    changes: tuple[IssueChange, ...]
    """In no order; some may have been told before."""
    complete: frozenset[str]
    """Ids of those issues asked for of which, with the answers before, every change is known."""
    bookmark: str | None = None
    """How far a history that is read by source was read; handed back the next time."""
    statuses: Mapping[str, tuple[str, Category | None]] = field(default_factory=dict)
    """Jira, where it was asked for: id -> name and class of every status, those included that no issue has now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """What one check of ``doctor`` came to."""

    level: Literal["ok", "warning", "problem"]
    check: str
    """What was looked at: ``credentials``, ``tracker``, ``account``, ``clock``, ``source``, ``rights``,
    ``labels``; the commands add some of their own."""
    subject: str
    """Name of the tracker or source, or a file and place."""
    text: str
    """One sentence for people; for a problem also what to do. Without secrets."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Census:
    """The ids of all issues that a source holds now, read whole."""

    source: Source
    ids: frozenset[str]
    pulled: PulledSource | None = None
    """Where the census brings whole issues anyway (GitHub), they are here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownIssue:
    """An issue as the store remembers it: what the tracker told last, and who told it."""

    issue: Issue
    sources: frozenset[str]
    """Names (``Source.name``) of the sources whose last whole reading held it. Empty for anchors read alone."""
    first_seen: datetime
    first_labels: frozenset[str] = frozenset()
    """The labels that it carried when this store saw it first."""
    vanished: datetime | None = None
    """When a direct read said that it is not there any more (UTC)."""
    reopened: int = 0
    """How often this program saw it go from done to something else."""
