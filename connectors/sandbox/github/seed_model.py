"""Keys of a GitHub tracker in a seed."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field

from connectors.sandbox.core.seed import SeedModel, SeedTime
from connectors.sandbox.github.model import GithubSettings, Level


class GithubAccountSeed(SeedModel):
    login: str
    """Lower and upper case are the same account."""
    id: int | None = None
    """Default here and below: the next free number."""
    token: str | None = None
    """Without one the account does not use the API."""
    expires: SeedTime = None
    type: str = "User"
    admin: bool = False
    """Admin of every repository."""


class InstallationSeed(SeedModel):
    id: int
    account: str = ""


class AppSeed(SeedModel):
    """A GitHub App, which acts as ``<slug>[bot]``."""

    id: int
    """The ``iss`` of its JSON web tokens."""
    slug: str
    installations: tuple[InstallationSeed, ...] = ()


class LabelSeed(SeedModel):
    name: str
    color: str = "ededed"
    description: str | None = None


class AppliedLabelSeed(SeedModel):
    name: str
    by: str | None = None
    """Default: the author of the issue."""
    at: SeedTime = None


class GithubCommentSeed(SeedModel):
    id: int | None = None
    user: str
    body: str
    created: SeedTime = None
    updated: SeedTime = None


def _name_to_mapping(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


Item = TypeVar("Item")
Named = Annotated[Item, BeforeValidator(_name_to_mapping)]
"""A mapping, or just its name."""


class GithubIssueSeed(SeedModel):
    id: int | None = None
    number: int | None = None
    title: str
    body: str | None = None
    user: str | None = None
    """Default: the owner of the repository."""
    assignees: tuple[str, ...] = ()
    milestone: str | None = None
    type: str | None = None
    parent: str | None = None
    """``12`` in the same repository, or ``owner/name#12``."""
    blocked_by: tuple[str | int, ...] = ()
    """As ``parent``."""
    labels: tuple[Named[AppliedLabelSeed], ...] = ()
    state: Literal["open", "closed"] | None = None
    state_reason: str | None = None
    """``completed``, ``not_planned`` or ``duplicate``; default for closed issues: ``completed``."""
    created: SeedTime = None
    updated: SeedTime = None
    """Default: when something last happened to the issue."""
    closed: SeedTime = None
    closed_by: str | None = None
    locked: bool = False
    pull_request: bool = False
    comments: tuple[GithubCommentSeed, ...] = ()


class RepoSeed(SeedModel):
    id: int | None = None
    private: bool = False
    archived: bool = False
    has_issues: bool = True
    permissions: dict[str, Level] = Field(default_factory=dict)
    watchers: list[str] = Field(default_factory=list)
    labels: tuple[Named[LabelSeed], ...] = ()
    previously: tuple[str, ...] = ()
    """Former names, answered with a redirect."""
    issues: tuple[GithubIssueSeed, ...] = ()


class GithubSeed(GithubSettings):
    """The keys of a GitHub tracker."""

    kind: Literal["github"] = "github"
    search_lag: int = 0
    """Seconds."""
    accounts: tuple[GithubAccountSeed, ...] = ()
    apps: tuple[AppSeed, ...] = ()
    repos: dict[str, RepoSeed | None] = Field(default_factory=dict)
