"""Safety limits of a change set, and the estimate of its cost in requests and mails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.model import IssueRef
from sync.model.changes import Change, CommentChange, LabelChange


@dataclass(frozen=True, kw_only=True, slots=True)
class Audience:
    """Who would read about a change."""

    people_by_issue: Mapping[IssueRef, frozenset[str]]
    """Authors and assignees of the issues. Watchers are not among them: nothing tells us when they come and go."""
    jira_trackers: frozenset[str]
    """Names of the trackers that are a Jira."""
    notifying_projects: frozenset[str]
    """``<tracker>:<project>`` of the Jira projects where we may not edit without mail."""
    people_known: int
    """How many people stand on all issues that we know."""

    def recipients(self, change: Change) -> frozenset[str]:
        """The people who are probably mailed about a change; there may be more."""
        if is_edit(change):
            mails = project_of(change.ref) in self.notifying_projects
        else:
            mails = isinstance(change, CommentChange) or change.ref.tracker in self.jira_trackers
        return self.people_by_issue.get(change.ref, frozenset()) if mails else frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeCost:
    """The estimate for a change set. People and mails are "at least": watchers are unknown."""

    people: int = 0
    mails: int = 0
    most_mails: int = 0
    """Mails to the one person who gets most."""
    people_known: int = 0
    notifying_projects: tuple[str, ...] = ()
    """Jira projects of the change set where every edit is mailed."""
    new_comments: int = 0
    requests: int = 0
    seconds: float = 0.0
    """The least time under the trackers' write limits."""

    def summary(self) -> dict[str, object]:
        """For ``--json`` and saved change sets."""
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
    """A change set's estimate, and what is known of the workspace beside it."""

    cost: ChangeCost
    audience: Audience
    existing_comments: int
    """Status comments of ours that exist."""
    in_rollout: bool
    """Nothing was written before, or what was written first is not complete yet."""

    @property
    def rolls_out_comments(self) -> bool:
        """Where there is no comment of ours (a store was lost after its labels were found), none is a surprise."""
        return self.in_rollout or not self.existing_comments


def is_edit(change: Change) -> bool:
    """Whether a change edits an issue or a comment, about which Jira can be told to mail nobody."""
    return isinstance(change, LabelChange) or (isinstance(change, CommentChange) and not change.creates)


def project_of(ref: IssueRef) -> str:
    """``jira:DS`` or ``github:acme/churn``."""
    repository, is_github, _ = ref.key.partition("#")
    return f"{ref.tracker}:{repository if is_github else ref.key.rpartition('-')[0]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardLimits:
    """Absolute numbers and shares; of a pair the larger allowance holds, see ``allowance``."""

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
    """Allowed for this once, in place of everything else; so are the next two."""
    max_comments: int | None = None
    max_notifications: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Why the run stops before writing."""

    rule: str
    text: str
