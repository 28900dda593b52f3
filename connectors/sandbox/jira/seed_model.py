"""Keys of a Jira tracker in a seed."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

from connectors.sandbox.core.seed import SeedModel, SeedTime
from connectors.sandbox.jira.model import Category, CustomField, JiraAccount, Sprint
from connectors.sandbox.jira.site_store import Switches

_CLOUD_ID: Final = "11111111-2222-4333-8444-555555555555"


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [] if value is None else [value]


class JiraCommentSeed(SeedModel):
    id: int | None = None
    author: str
    body: str
    created: SeedTime = None
    properties: dict[str, Any] = Field(default_factory=dict)


class HistorySeed(SeedModel):
    at: SeedTime = None
    by: str
    field: str
    before: str = Field(default="", alias="from")
    after: str = Field(default="", alias="to")


class JiraIssueSeed(SeedModel):
    id: int | None = None
    """Default here and for comments: the next free number."""
    key: str | None = None
    """Default: the next free key of the project."""
    summary: str
    type: str = "Task"
    """``Sub-task``, ``Epic`` and ``Initiative`` are special."""
    status: str | None = None
    """Default: the first one of the project."""
    resolution: str | None = None
    labels: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    fix_versions: tuple[str, ...] = ()
    parent: str | None = None
    """Key of the epic, of the initiative of an epic, or of the issue of a sub-task."""
    blocked_by: tuple[str, ...] = ()
    """Keys of the issues that block it, of any project."""
    sprint: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()
    """Name, id, or a list of these."""
    assignee: str | None = None
    reporter: str | None = None
    creator: str | None = None
    """Default: the reporter, and the other way round."""
    description: str | None = None
    flagged: bool = False
    watchers: tuple[str, ...] = ()
    fields: dict[str, Any] = Field(default_factory=dict)
    """Values of custom fields by name or id."""
    properties: dict[str, Any] = Field(default_factory=dict)
    created: SeedTime = None
    updated: SeedTime = None
    """Default: when something last happened to the issue."""
    started: SeedTime = None
    """Time at which the issue left the first status; without ``history``, this and ``resolved`` make its changelog."""
    resolved: SeedTime = None
    status_changed: SeedTime = None
    comments: tuple[JiraCommentSeed, ...] = ()
    history: tuple[HistorySeed, ...] = ()


class ProjectSeed(SeedModel):
    name: str | None = None
    public: bool = False
    """Anonymous callers may browse it."""
    statuses: dict[str, Category] = Field(default_factory=dict)
    """Name of each status -> key of its category; default To Do, In Progress, Done."""
    labels_on_edit_screen: bool = True
    service_management: bool = False
    issues: tuple[JiraIssueSeed, ...] = ()


class JiraSeed(SeedModel):
    """The keys of a Jira tracker."""

    kind: Literal["jira-cloud", "jira-dc"] | None = None
    cloud_id: str = _CLOUD_ID
    """Cloud: the gateway is ``/gateway/ex/jira/<cloud_id>``."""
    accounts: tuple[JiraAccount, ...] = ()
    sprints: tuple[Sprint, ...] = ()
    fields: tuple[CustomField, ...] = ()
    projects: dict[str, ProjectSeed | None] = Field(default_factory=dict)
    search_lag: float = 0.0
    """Seconds."""
    switches: Switches = Field(default_factory=Switches)
