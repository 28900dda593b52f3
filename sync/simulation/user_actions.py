"""Sandbox trackers as their users see them: visible issues, label changes, and what users can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from connectors.sandbox.core.tracker import Tracker
from sync.simulation.scenarios import PERSON, ROBOT


@dataclass(frozen=True, order=True, slots=True)
class VisibleComment:
    """A comment as users see it."""

    author: str
    body: str


@dataclass(frozen=True, kw_only=True, slots=True)
class VisibleIssue:
    """An issue as users see it."""

    labels: frozenset[str]
    comments: tuple[VisibleComment, ...]
    """Sorted by author and text."""


@dataclass(frozen=True, slots=True)
class ObservedLabelChange:
    """An addition or removal of a label, with its author."""

    issue: str
    label: str
    by: str
    added: bool


class TrackerUI(ABC):
    """One sandbox tracker as its users see it."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.state = tracker.state

    @abstractmethod
    def issue_keys(self) -> list[str]:
        """Return the keys of all issues."""

    @abstractmethod
    def visible_issue(self, key: str) -> VisibleIssue:
        """Return an issue as users see it."""

    @abstractmethod
    def label_changes(self) -> Iterator[ObservedLabelChange]:
        """Yield every label change of each issue, oldest first."""

    @abstractmethod
    def notifications(self) -> list[tuple[str, str]]:
        """Return (user, issue) for every mail that was sent."""

    @abstractmethod
    def expire_token(self, at: datetime | None) -> None:
        """Expire the token of the program at ``at`` (aware), or make it valid again (None)."""

    @abstractmethod
    def perform(self, kind: str, key: str, text: str, number: int = 0) -> None:
        """Act on an issue as a user.

        ``kind``: close, reopen, label, unlabel, retitle, comment, edit comment or delete comment. ``text``: the label,
        title or comment. ``number``: the id of the comment to edit or delete.
        """

    @abstractmethod
    def own_comments(self, key: str) -> list[tuple[int, str]]:
        """Return id and text of the comments that the program wrote."""

    def open_issue(self, container: str, title: str, label: str) -> None:
        """Open an issue with a label in a project or repository."""
        self.state.add_issue(container, title, by=PERSON, labels=(label,))

    def delete_label(self, container: str, label: str) -> None:
        """Delete a label as a whole, where the tracker has labels of a repository."""
        raise NotImplementedError

    def rename_label(self, container: str, label: str, new_name: str) -> None:
        """Rename a label as a whole, where the tracker has labels of a repository."""
        raise NotImplementedError


class JiraUI(TrackerUI):
    def issue_keys(self) -> list[str]:
        return [issue.key for issue in self.state.issues()]

    def visible_issue(self, key: str) -> VisibleIssue:
        issue = self.state.require_issue(key)
        comments = (VisibleComment(each.author, each.body) for each in issue.comments)
        return VisibleIssue(labels=frozenset(issue.labels), comments=tuple(sorted(comments)))

    def label_changes(self) -> Iterator[ObservedLabelChange]:
        for issue in self.state.issues():
            for entry in issue.history:
                for item in entry.items:
                    if item.field == "labels":
                        before, after = set(item.before.split()), set(item.after.split())
                        for label in sorted(before ^ after):
                            yield ObservedLabelChange(issue.key, label, by=entry.author, added=label in after)

    def notifications(self) -> list[tuple[str, str]]:
        return [(mail.to, mail.issue) for mail in self.state.mails]

    def expire_token(self, at: datetime | None) -> None:
        robot = self.state.accounts[ROBOT]
        self.state.accounts[ROBOT] = robot.model_copy(update={"expires": at})

    def perform(self, kind: str, key: str, text: str, number: int = 0) -> None:
        state = self.state
        match kind:
            case "close" | "reopen":
                categories = ("done",) if kind == "close" else ("new", "indeterminate")
                statuses = state.projects[state.require_issue(key).project].statuses
                status = next((name for name, category in statuses.items() if category in categories), None)
                if status and status != state.require_issue(key).status:
                    state.set_status(key, status, PERSON, "Done" if kind == "close" else None)
            case "label":
                state.label(key, text, PERSON)
            case "unlabel":
                state.unlabel(key, text, PERSON)
            case "retitle":
                state.edit(key, PERSON, summary=text)
            case "comment":
                state.comment(key, text, PERSON)
            case "edit comment":
                state.edit_comment(key, number, text, PERSON)
            case _:
                state.delete_comment(key, number, PERSON)

    def own_comments(self, key: str) -> list[tuple[int, str]]:
        return [
            (each.id, each.body) for each in self.state.require_issue(key).comments if each.author == ROBOT
        ]


class GithubUI(TrackerUI):
    def issue_keys(self) -> list[str]:
        return [f"{repo.full_name}#{number}" for repo in self.state.repos.values() for number in repo.issues]

    def visible_issue(self, key: str) -> VisibleIssue:
        issue = self.state.issue(*split_issue_key(key))
        comments = (VisibleComment(each.user.login, each.body) for each in issue.comments)
        labels = frozenset(label.name for label in issue.labels)
        return VisibleIssue(labels=labels, comments=tuple(sorted(comments)))

    def label_changes(self) -> Iterator[ObservedLabelChange]:
        for repo in self.state.repos.values():
            for issue in repo.issues.values():
                for event in issue.events:
                    if event.event in ("labeled", "unlabeled"):
                        key, label = f"{repo.full_name}#{issue.number}", event.data["label"].name
                        yield ObservedLabelChange(
                            key, label, by=event.actor.login, added=event.event == "labeled"
                        )

    def notifications(self) -> list[tuple[str, str]]:
        return [(mail.login, mail.issue) for mail in self.state.notifications]

    def expire_token(self, at: datetime | None) -> None:
        for token in self.state.tokens.values():
            if token.account.login == ROBOT:
                token.expires = at

    def perform(self, kind: str, key: str, text: str, number: int = 0) -> None:
        state, (repo, issue) = self.state, split_issue_key(key)
        match kind:
            case "close" if state.issue(repo, issue).state == "open":
                state.close(repo, issue, by=PERSON)
            case "reopen" if state.issue(repo, issue).state == "closed":
                state.reopen(repo, issue, by=PERSON)
            case "label":
                state.label(repo, issue, text, by=PERSON)
            case "unlabel" if state.issue(repo, issue).find_label(text):
                state.unlabel(repo, issue, text, by=PERSON)
            case "retitle":
                state.retitle(repo, issue, text, by=PERSON)
            case "comment":
                state.comment(repo, issue, text, by=PERSON)
            case "edit comment":
                state.edit_comment(repo, number, text, by=PERSON)
            case "delete comment":
                state.delete_comment(repo, number)

    def delete_label(self, container: str, label: str) -> None:
        self.state.delete_label(container, label)

    def rename_label(self, container: str, label: str, new_name: str) -> None:
        self.state.rename_label(container, label, new_name)

    def own_comments(self, key: str) -> list[tuple[int, str]]:
        comments = self.state.issue(*split_issue_key(key)).comments
        return [(each.id, each.body) for each in comments if each.user.login == ROBOT]


def tracker_ui_for(tracker: Tracker) -> TrackerUI:
    """Return the user interface of a tracker."""
    return GithubUI(tracker) if tracker.kind == "github" else JiraUI(tracker)


def container_of(key: str) -> str:
    """Return the repository or project of an issue key."""
    return key.rpartition("#" if "#" in key else "-")[0]


def split_issue_key(key: str) -> tuple[str, int]:
    repo, _, number = key.partition("#")
    return repo, int(number)
