"""Keys of a Jira tracker in a seed."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AliasChoices, BeforeValidator, Field

from connectors.sandbox.core.seed import SeedModel, SeedTime
from connectors.sandbox.jira.model import Category
from connectors.sandbox.jira.site_store import Switches

_CLOUD_ID: Final = "11111111-2222-4333-8444-555555555555"

Permission = Literal["browse", "edit", "comment", "edit_all_comments", "admin"]


def _for_all_projects(value: Any) -> Any:
    return {"*": value} if isinstance(value, list | tuple) else value


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [] if value is None else [value]


class JiraAccountSeed(SeedModel):
    id: str = Field(validation_alias=AliasChoices("id", "name"))
    """Cloud: the accountId. Data Center: the user name."""
    display: str | None = None
    email: str | None = None
    """Cloud: the user name of basic authentication; default ``<id>@example.com``."""
    token: str | None = None
    """API token or personal access token. Without one the account does not use the API."""
    scoped: bool = False
    """Cloud: the token works only through the gateway."""
    expires: SeedTime = None
    timezone: str = "UTC"
    """JQL reads times in it, responses write times in it."""
    permissions: Annotated[dict[str, tuple[Permission, ...]], BeforeValidator(_for_all_projects)] = Field(
        default={"*": ("browse", "edit", "comment")}
    )
    """For all projects, or by project: ``{DS: [browse], "*": [admin]}``."""


class SprintSeed(SeedModel):
    id: int | None = None
    name: str | None = None
    state: Literal["active", "closed", "future"] = "active"
    start: SeedTime = None
    end: SeedTime = None


class CustomFieldSeed(SeedModel):
    name: str
    id: str | None = None
    type: str = "string"
    schema_type: str = Field(
        default="com.atlassian.jira.plugin.system.customfieldtypes:textfield", alias="schema"
    )


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
    """``Epic`` and ``Sub-task`` are special."""
    status: str | None = None
    """Default: the first one of the project."""
    resolution: str | None = None
    labels: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    fix_versions: tuple[str, ...] = ()
    parent: str | None = None
    """Key of the epic, or of the issue of a sub-task."""
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
    accounts: tuple[JiraAccountSeed, ...] = ()
    sprints: tuple[SprintSeed, ...] = ()
    fields: tuple[CustomFieldSeed, ...] = ()
    projects: dict[str, ProjectSeed | None] = Field(default_factory=dict)
    search_lag: float = 0.0
    """Seconds."""
    switches: Switches = Field(default_factory=Switches)
