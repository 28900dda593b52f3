"""Values that connectors return, as frozen dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from connectors.errors import ConnectorError, FailureKind, MalformedIssue

Category = Literal["todo", "doing", "done"]
"""The tracker's own category of a status, by the names of our flow states."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class IssueRef:
    """Identity and address of an issue. Refs with the same tracker and id are equal; the key may change."""

    tracker: str
    """Name of the tracker in the settings."""
    id: str
    """Permanent id that survives a move: Jira's numeric issue id, GitHub's database id."""
    key: str = field(compare=False)
    """``DS-12`` or ``acme/churn#7``: used by people and as the address in requests."""

    def __str__(self) -> str:
        return f"{self.tracker}:{self.key}"

    def __hash__(self) -> int:
        # Hashed millions of times per run; ids rarely collide between trackers.
        return hash(self.id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Blocker:
    """Issue that blocks another one of its tracker: GitHub's dependencies, Jira's issue links."""

    ref: IssueRef
    """Without id and key if the tracker counts the blocker and does not name it to our account."""
    is_open: bool
    """As its tracker reported it together with the blocked issue."""
    link: str = ""
    """Jira: type of the link as ``FieldSelection.link_types`` names it. Empty for the trackers' own "is blocked by"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Issue:
    """One issue as its tracker reports it. All times are in UTC."""

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
    """None if the tracker names no known category."""
    resolution: str | None = None
    """Jira: name of the resolution. GitHub: ``state_reason``."""
    type: str = ""
    body: str = ""
    """Empty unless a rule needs bodies."""
    labels: frozenset[str] = frozenset()
    components: tuple[str, ...] = ()
    fix_versions: tuple[str, ...] = ()
    milestone: str | None = None
    sprint: str | None = None
    parent: str | None = None
    """Key of the direct parent."""
    blocked_by: tuple[Blocker, ...] = ()
    """Empty unless a mapping uses dependencies."""
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
    """Custom fields that rules use, by the name in the rule; values as text."""

    @property
    def project(self) -> str:
        """Container, under the name that rules use."""
        return self.container


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Account of this program on a tracker."""

    id: str
    """Jira accountId or name; GitHub numeric user id."""
    name: str
    """Display name or login."""
    timezone: str = "UTC"
    """IANA name; Jira reads JQL times in this zone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comment:
    """Comment on an issue, with the data that tells if it is ours."""

    id: str
    author_id: str
    body: str
    created: datetime
    updated: datetime
    marker: Mapping[str, str] | None = None
    """Jira: value of our comment property, if any. On GitHub the marker is in the body."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelEvent:
    """Addition or removal of a label on an issue."""

    label: str
    author_id: str
    """Empty if the tracker no longer names the author."""
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelHistory:
    """Latest addition and removal of one label on one issue."""

    added: LabelEvent | None = None
    """None if the issue was created with the label, or the author is unknown."""
    removed: LabelEvent | None = None
    """None if the label was added again later, or never removed."""


ChangeKind = Literal["status", "flag", "label", "key"]


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueChange:
    """Entry of an issue's history on its tracker that concerns its state."""

    ref: IssueRef
    id: str
    """Tracker's id of the entry plus the changed item; the same on every read."""
    at: datetime
    kind: ChangeKind
    before: str = ""
    """Earlier status name or key, removed label, or ``flagged`` if the flag was set before."""
    after: str = ""
    """Later status name or key, added label, or ``flagged`` if the flag is set after; empty for a removal."""
    before_id: str = ""
    after_id: str = ""
    """Jira's status ids, which survive renames."""
    resolution: str | None = None
    """GitHub: ``state_reason`` of a closing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Part of a tracker that is pulled as a whole and has one cursor."""

    tracker: str
    container: str
    """Project or repository, in the one spelling that the connector's specification gives it."""
    options: tuple[tuple[str, str | bool], ...] = ()
    """What else the mapping says of it, in the order of the connector's specification: ``("jql", "team = Blue")``.

    A text narrows what is read of the container; True adds to it. Options that are not set are left out.
    """

    @property
    def name(self) -> str:
        """Readable name: ``jira:DS``, ``jira:DS (team = Blue)``, ``github:acme/churn +pull requests``."""
        shown = (
            f" ({value})" if isinstance(value, str) else f" +{name.replace('_', ' ')}"
            for name, value in self.options
        )
        return f"{self.tracker}:{self.container}{''.join(shown)}"

    @property
    def narrowing(self) -> tuple[str, ...]:
        """Texts that narrow it; empty if it has all issues of the container."""
        return tuple(value for _, value in self.options if isinstance(value, str))

    def text(self, option: str) -> str:
        """Return the text of an option; empty if it is not set."""
        value = dict(self.options).get(option, "")
        return value if isinstance(value, str) else ""

    def has(self, option: str) -> bool:
        """Return True if an option is set."""
        return option in dict(self.options)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursor:
    """Point from which the next incremental pull of a source continues. Created by the connector, stored by us."""

    watermark: datetime
    """Latest ``updated`` in the data so far."""
    updated_since: datetime
    """Lower bound of the next request: never later than what was certainly visible at the last pull."""
    etag: str | None = None
    """GitHub: ETag of the single page for ``updated_since``; sent as If-None-Match while that stays."""


SourceCursor = tuple[Source, Cursor | None]
"""Source to pull, and its cursor; None to read the source completely."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldSelection:
    """Optional data that a pull requests; connectors request nothing else beyond the basics."""

    body: bool = False
    fields: tuple[str, ...] = ()
    """Custom fields by name or id, as in rules."""
    state_labels: frozenset[str] = frozenset()
    """Labels (folded by ``fold_name``) that mean a state or a block to a team: their changes belong to the history."""
    dependencies: bool = False
    """``Issue.blocked_by`` is needed."""
    link_types: tuple[str, ...] = ()
    """Additional Jira link types (folded) that mean a dependency, by name or by their inward text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadableIssue:
    """Issue that exists on the tracker but came in a form that cannot be used. It is left out, not missing."""

    id: str
    """Permanent id; empty if the response names none."""
    key: str
    """Empty if the response names none."""
    reason: str
    """One sentence for people. Without secrets."""

    @classmethod
    def from_error(cls, error: MalformedIssue) -> UnreadableIssue:
        """Return the issue that an error is about."""
        return cls(id=error.id, key=error.key, reason=str(error))


@dataclass(frozen=True, kw_only=True, slots=True)
class PulledSource:
    """Completely read source, from its cursor (or from the beginning) to now."""

    source: Source
    issues: tuple[Issue, ...]
    cursor: Cursor
    full: bool
    """True if all issues were requested, not only changed ones."""
    unchanged: bool = False
    """True for a 304: the server reports no changes."""
    changes: tuple[IssueChange, ...] | None = None
    """Whole history of these issues where it comes with them (Data Center). None: request it."""
    label_histories: Mapping[IssueRef, Mapping[str, LabelHistory]] = field(default_factory=dict)
    """Label histories as in ``IssueReader.label_histories``, where whole histories come with the issues."""
    without_history: frozenset[str] = frozenset()
    """Ids of issues whose history did not come although that of others did: request it."""
    unreadable: tuple[UnreadableIssue, ...] = ()
    """Listed issues that cannot be used. They belong to the source."""
    statuses: Mapping[str, tuple[str, Category | None]] = field(default_factory=dict)
    """As in SourceHistory, where histories come with the issues and name statuses that were unknown."""


@dataclass(frozen=True, slots=True)
class FailedSource:
    """Incompletely read source. No conclusions are drawn from the part that was read."""

    source: Source
    reason: str
    """One sentence for people: what is wrong and what to do. Without secrets."""
    kind: FailureKind = "unavailable"

    @classmethod
    def from_error(cls, source: Source, error: ConnectorError) -> FailedSource:
        """Return the failure of a source for an error, with the error's text as reason."""
        return cls(source, str(error), error.failure_kind)


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryRequest:
    """Issues of a source that changed since their history was read."""

    source: Source
    issues: tuple[Issue, ...]
    bookmark: str | None = None
    """``SourceHistory.bookmark`` of the previous result."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceHistory:
    """Changes of issues of one source."""

    source: Source
    changes: tuple[IssueChange, ...]
    """Unordered; may repeat changes of earlier results."""
    label_histories: Mapping[IssueRef, Mapping[str, LabelHistory]] = field(default_factory=dict)
    """Latest known addition and removal of labels, as far as they are in what was read anyway."""
    complete: frozenset[str]
    """Ids of those requested issues of which every change is known, together with earlier results."""
    bookmark: str | None = None
    """End of what was read of a history that is read per source; passed to the next request."""
    statuses: Mapping[str, tuple[str, Category | None]] = field(default_factory=dict)
    """Jira, if requested: id -> name and category of every status, including statuses without issues."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Census:
    """Ids of all issues that a source holds now, completely read."""

    source: Source
    ids: frozenset[str]
    pulled: PulledSource | None = None
    """Whole issues, where the tracker sends them with the ids anyway (GitHub)."""


def census_from_pull(pulled: PulledSource | FailedSource) -> Census | FailedSource:
    """Return the census that a full pull amounts to."""
    if isinstance(pulled, FailedSource):
        return pulled
    ids = frozenset(issue.ref.id for issue in pulled.issues) | {
        each.id for each in pulled.unreadable if each.id
    }
    return Census(source=pulled.source, ids=ids, pulled=pulled)


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownIssue:
    """Issue as last read, with the facts that the store adds."""

    issue: Issue
    sources: frozenset[str]
    """Names (``Source.name``) of the sources whose last complete read held it. Empty for anchors read alone."""
    first_seen: datetime
    first_labels: frozenset[str] = frozenset()
    """Labels at the first read by this store."""
    vanished: datetime | None = None
    """Time of the direct read that did not find it any more (UTC)."""
    reopened: int = 0
    """Number of observed changes from done to another state."""
    former_keys: tuple[str, ...] = ()
    """Keys that it had before moves and renames, as far as runs or its history tell."""
