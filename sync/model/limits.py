"""Cost of a change set for people and trackers, and the limits of the guard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.model import IssueRef
from sync.model.changes import Change, CommentChange, LabelChange


@dataclass(frozen=True, kw_only=True, slots=True)
class Audience:
    """People who may get mail about the changes of a change set."""

    people_by_issue: Mapping[IssueRef, frozenset[str]]
    """Author and assignees of each issue. Watchers are not included, because no tracker reports when they change."""
    jira_trackers: frozenset[str]
    """Names of the trackers that are Jira."""
    notifying_projects: frozenset[str]
    """``<tracker>:<project>`` of the Jira projects where edits by our account are always mailed."""
    people_known: int
    """Number of people on all known issues."""

    def recipients(self, change: Change) -> frozenset[str]:
        """Return the people who probably get mail about a change. Watchers may come on top."""
        if is_edit(change):
            mails = project_of(change.ref) in self.notifying_projects
        else:
            mails = isinstance(change, CommentChange) or change.ref.tracker in self.jira_trackers
        return self.people_by_issue.get(change.ref, frozenset()) if mails else frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeCost:
    """Estimated cost of a change set. People and mails are lower bounds, because watchers are unknown."""

    people: int = 0
    mails: int = 0
    most_mails: int = 0
    """Mails to the person who gets most."""
    people_known: int = 0
    notifying_projects: tuple[str, ...] = ()
    """Jira projects of the change set where every edit is mailed."""
    new_comments: int = 0
    requests: int = 0
    seconds: float = 0.0
    """Least writing time under the write limits of the trackers."""

    def summary(self) -> dict[str, object]:
        """Return the JSON object for ``--json`` and saved change sets."""
        return {
            "people_at_least": self.people,
            "mails_at_least": self.mails,
            "most_mails_to_one": self.most_mails,
            "people_known": self.people_known,
            "mailed_about_every_edit": list(self.notifying_projects),
            "requests": self.requests,
            "seconds": round(self.seconds),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class ImpactEstimate:
    """Cost of a change set, together with the facts about the workspace that the guard needs."""

    cost: ChangeCost
    audience: Audience
    existing_comments: int
    """Number of live status comments."""
    in_rollout: bool
    """The first change set has not been written completely, so it is spread over several runs."""

    @property
    def rolls_out_comments(self) -> bool:
        """True if new comments may be spread over several runs: in a rollout, or while no status comment exists."""
        return self.in_rollout or not self.existing_comments


def is_edit(change: Change) -> bool:
    """Return True for label changes and comment edits: Jira can apply these without mail."""
    return isinstance(change, LabelChange) or (isinstance(change, CommentChange) and not change.creates)


def project_of(ref: IssueRef) -> str:
    """Return ``jira:DS`` or ``github:acme/churn``."""
    repository, is_github, _ = ref.key.partition("#")
    return f"{ref.tracker}:{repository if is_github else ref.key.rpartition('-')[0]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardLimits:
    """Absolute limits and shares. The larger of a pair applies, see ``allowance``."""

    removals: int
    removal_share: float
    new_comments: int
    overrides: int
    override_share: float
    new_comment_share: float = 0.1
    notified: int = 30
    notified_share: float = 0.5
    mails_each: int = 20
    max_removals: int | None = None
    """Limit for this run, replacing the pair above; ``max_comments`` and ``max_notifications`` likewise."""
    max_comments: int | None = None
    max_notifications: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Rule of the guard that stopped the run, with an explanation."""

    rule: str
    text: str
