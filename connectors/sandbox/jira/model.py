"""Data of the Jira sandbox, as frozen values: a change makes a new value. A ``SeedModel`` is the same in a seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AliasChoices, BeforeValidator, Field

from connectors.sandbox.core.seed import SeedModel, SeedTime

Permission = Literal["browse", "edit", "comment", "edit_all_comments", "admin"]
Category = Literal["undefined", "new", "indeterminate", "done"]
Language = Literal["en", "de", "fr"]

CATEGORY_IDS: Final[Mapping[str, int]] = {"undefined": 1, "new": 2, "indeterminate": 4, "done": 3}

CATEGORY_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {"undefined": "No Category", "new": "To Do", "indeterminate": "In Progress", "done": "Done"},
    "de": {
        "undefined": "Keine Kategorie",
        "new": "Zu erledigen",
        "indeterminate": "In Arbeit",
        "done": "Fertig",
    },
    "fr": {"undefined": "Aucune catégorie", "new": "À faire", "indeterminate": "En cours", "done": "Terminé"},
}
"""Names of status categories by language of the site; clients have to use the key."""

DEFAULT_STATUSES: Final[Mapping[str, str]] = {"To Do": "new", "In Progress": "indeterminate", "Done": "done"}

SUBTASK_TYPES: Final = ("Sub-task", "Subtask")
EPIC_AND_ABOVE: Final = ("Epic", "Initiative")

SPRINT_FIELD: Final = "customfield_10020"
EPIC_LINK_FIELD: Final = "customfield_10014"
PARENT_LINK_FIELD: Final = "customfield_10018"
FLAGGED_FIELD: Final = "customfield_10021"


def _for_all_projects(value: Any) -> Any:
    return {"*": value} if isinstance(value, list | tuple) else value


class JiraAccount(SeedModel):
    """A person or a bot."""

    id: str = Field(validation_alias=AliasChoices("id", "name"))
    """Cloud: the accountId. Data Center: the user name."""
    display: str = Field(default_factory=lambda account: account["id"])
    email: str = Field(default_factory=lambda account: f"{account['id']}@example.com")
    """Cloud: the user name of basic authentication."""
    token: str | None = None
    """API token (Cloud) or personal access token (Data Center); None: no access to the API."""
    scoped: bool = False
    """Cloud: the token works only through the gateway URL."""
    expires: SeedTime = None
    timezone: str = "UTC"
    """JQL reads times in it, responses write times in it."""
    permissions: Annotated[Mapping[str, frozenset[Permission]], BeforeValidator(_for_all_projects)] = {
        "*": frozenset({"browse", "edit", "comment"})
    }
    """By project, with ``*`` for all: ``{DS: [browse], "*": [admin]}``; in a seed also a list for all projects."""

    def has_permission(self, permission: str, project: str | None = None) -> bool:
        """Return True if granted for the project or for all; None asks for the whole site."""
        here = self.permissions.get(project or "*", ())
        return permission in here or permission in self.permissions.get("*", ())


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    id: int
    key: str
    name: str
    public: bool = False
    """Anonymous callers may browse it."""
    statuses: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_STATUSES))
    """Name of each status -> key of its category."""
    labels_on_edit_screen: bool = True
    service_management: bool = False


class Sprint(SeedModel):
    id: int = 0
    """Default: counted from 1 in the order of the seed; ``name`` has it, too."""
    name: str = ""
    state: Literal["active", "closed", "future"] = "active"
    board: int = 1
    start: SeedTime = None
    end: SeedTime = None


class CustomField(SeedModel):
    id: str = ""
    """Default: ``customfield_`` and a number from 10100 on."""
    name: str
    type: str = "string"
    schema_type: str = Field(
        default="com.atlassian.jira.plugin.system.customfieldtypes:textfield", alias="schema"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class JiraComment:
    id: int
    author: str
    body: str
    """Wiki markup; ADF from version 3 of the API is converted."""
    created: datetime
    updated: datetime
    document: Any = None
    """The ADF document as it was sent, if any."""
    editor: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    public: bool = True
    """Service management: visible for customers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeItem:
    field: str
    before: str = ""
    after: str = ""
    before_id: str | None = None
    after_id: str | None = None


def field_id(field: str) -> str:
    """Return the id of a field in a changelog."""
    return FLAGGED_FIELD if field == "Flagged" else field


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryEntry:
    id: int
    author: str
    at: datetime
    items: tuple[ChangeItem, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueLink:
    """One end of a link between two issues."""

    id: int
    other: int
    """Id of the issue at the other end."""
    inward: bool
    """True on the issue that the inward text describes: "is blocked by"."""
    type: str = "Blocks"
    texts: tuple[str, str] = ("is blocked by", "blocks")
    """Inward and outward text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JiraIssue:
    id: int
    key: str
    summary: str
    created: datetime
    updated: datetime
    type: str = "Task"
    status: str = "To Do"
    status_changed: datetime | None = None
    resolution: str | None = None
    resolved: datetime | None = None
    labels: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    fix_versions: tuple[str, ...] = ()
    parent: int | None = None
    """Id of the epic, of what is above an epic, or of the parent of a sub-task."""
    links: tuple[IssueLink, ...] = ()
    sprints: tuple[int, ...] = ()
    assignee: str | None = None
    creator: str | None = None
    reporter: str | None = None
    description: str | None = None
    flagged: bool = False
    custom: Mapping[str, Any] = field(default_factory=dict)
    """Values of custom fields by field id."""
    properties: Mapping[str, Any] = field(default_factory=dict)
    watchers: tuple[str, ...] = ()
    comments: tuple[JiraComment, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    former_keys: tuple[str, ...] = ()

    @property
    def project(self) -> str:
        """Key of the issue's project."""
        return self.key.rpartition("-")[0]

    @property
    def number(self) -> int:
        return int(self.key.rpartition("-")[2])

    @property
    def is_subtask(self) -> bool:
        return self.type in SUBTASK_TYPES


@dataclass(frozen=True, kw_only=True, slots=True)
class Mail:
    """A mail that Jira would have sent."""

    to: str
    reason: str
    issue: str


@dataclass(kw_only=True, slots=True)
class JiraCaller:
    """The sender of a request, and the URL and API version it used."""

    account: JiraAccount | None
    """None: anonymous."""
    version: str = "2"
    """Of the REST API."""
    base_url: str = ""
    """For ``self`` links."""

    @property
    def timezone(self) -> str:
        return self.account.timezone if self.account else "UTC"

    def can_see(self, project: Project | None) -> bool:
        """Return True if the caller may browse the project."""
        if project is None:
            return False
        return project.public or (
            self.account is not None and self.account.has_permission("browse", project.key)
        )
