"""JSON of the GitHub sandbox's responses."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Any

from connectors.sandbox.github.model import (
    App,
    Event,
    GithubAccount,
    GithubComment,
    GithubIssue,
    GithubLabel,
    Repo,
)
from connectors.sandbox.github.state import GithubState

APP_PERMISSIONS = {"issues": "write", "metadata": "read"}


def format_time(moment: datetime | None) -> str | None:
    """Return a time in GitHub's format."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class GithubSerializer:
    """Builds JSON for one server; ``base_url`` is the URL of its mount."""

    def __init__(self, state: GithubState, base_url: str) -> None:
        self._state = state
        self._web = base_url
        self.api = f"{base_url}/api/v3"
        self._children: dict[tuple[int, int], list[GithubIssue]] | None = None

    def repo_url(self, repo: Repo) -> str:
        return f"{self.api}/repos/{repo.full_name}"

    def user(self, account: GithubAccount) -> dict[str, Any]:
        return {
            "login": account.login,
            "id": account.id,
            "node_id": f"U_{account.id}",
            "url": f"{self.api}/users/{account.login}",
            "html_url": f"{self._web}/{account.login}",
            "type": account.type,
            "site_admin": False,
        }

    def app(self, app: App) -> dict[str, Any]:
        return {
            "id": app.id,
            "slug": app.slug,
            "node_id": f"A_{app.id}",
            "name": app.slug,
            "html_url": f"{self._web}/apps/{app.slug}",
            "permissions": APP_PERMISSIONS,
        }

    def _via_app(self, app_id: int | None) -> dict[str, Any] | None:
        app = self._state.apps.get(app_id or 0)
        return self.app(app) if app else None

    def repo(self, repo: Repo, account: GithubAccount | None) -> dict[str, Any]:
        level = self._state.access_level(repo, account)
        shape = {
            "id": repo.id,
            "node_id": f"R_{repo.id}",
            "name": repo.name,
            "full_name": repo.full_name,
            "owner": self.user(self._state.account_for(repo.owner)),
            "private": repo.private,
            "visibility": "private" if repo.private else "public",
            "html_url": f"{self._web}/{repo.full_name}",
            "url": self.repo_url(repo),
            "archived": repo.archived,
            "disabled": False,
            "has_issues": repo.has_issues,
            "open_issues_count": sum(issue.state == "open" for issue in repo.issues.values()),
        }
        if account is not None:
            shape["permissions"] = {
                "admin": level == "admin",
                "maintain": level == "admin",
                "push": level in ("write", "admin"),
                "triage": level in ("triage", "write", "admin"),
                "pull": level != "none",
            }
        return shape

    def label(self, repo: Repo, label: GithubLabel) -> dict[str, Any]:
        return {
            "id": label.id,
            "node_id": f"LA_{label.id}",
            "url": f"{self.repo_url(repo)}/labels/{label.name}",
            "name": label.name,
            "color": label.color,
            "default": False,
            "description": label.description,
        }

    def _milestone(self, repo: Repo, issue: GithubIssue) -> dict[str, Any] | None:
        if issue.milestone is None:
            return None
        number = issue.milestone.number
        return {
            "url": f"{self.repo_url(repo)}/milestones/{number}",
            "id": repo.id * 1000 + number,
            "number": number,
            "title": issue.milestone.title,
            "state": "open",
            "due_on": None,
        }

    def issue(self, repo: Repo, issue: GithubIssue, *, detailed: bool = False) -> dict[str, Any]:
        """Return an issue as in lists, or ``detailed`` as in a direct read."""
        url = f"{self.repo_url(repo)}/issues/{issue.number}"
        page = "pull" if issue.pull_request else "issues"
        shape: dict[str, Any] = {
            "url": url,
            "repository_url": self.repo_url(repo),
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "timeline_url": f"{url}/timeline",
            "html_url": f"{self._web}/{repo.full_name}/{page}/{issue.number}",
            "id": issue.id,
            "node_id": f"{'PR' if issue.pull_request else 'I'}_{issue.id}",
            "number": issue.number,
            "title": issue.title,
            "user": self.user(issue.user),
            "labels": [self.label(repo, label) for label in issue.labels],
            "state": issue.state,
            "state_reason": issue.state_reason,
            "locked": issue.locked,
            "active_lock_reason": None,
            "assignee": self.user(issue.assignees[0]) if issue.assignees else None,
            "assignees": [self.user(account) for account in issue.assignees],
            "milestone": self._milestone(repo, issue),
            "comments": len(issue.comments),
            "created_at": format_time(issue.created),
            "updated_at": format_time(issue.updated),
            "closed_at": format_time(issue.closed),
            "author_association": self._association(repo, issue.user),
            "body": issue.body,
            "performed_via_github_app": self._via_app(issue.app_id),
        }
        if not self._state.settings.enterprise:
            shape |= self._cloud_only(repo, issue)
        if issue.pull_request:
            pull = f"{self.repo_url(repo)}/pulls/{issue.number}"
            shape["pull_request"] = {"url": pull, "html_url": shape["html_url"], "merged_at": None}
        if detailed:
            shape["closed_by"] = self.user(issue.closed_by) if issue.closed_by else None
        return shape

    def _cloud_only(self, repo: Repo, issue: GithubIssue) -> dict[str, Any]:
        children = self._children_of(repo, issue)
        done = sum(child.state == "closed" for child in children)
        total = len(children)
        shape: dict[str, Any] = {
            "type": {"name": issue.type, "description": None} if issue.type else None,
            "sub_issues_summary": {
                "total": total,
                "completed": done,
                "percent_completed": 100 * done // total if total else 0,
            },
            "issue_dependencies_summary": self._dependencies(issue),
        }
        if issue.parent is not None and (repository := self._state.repos.get(issue.parent[0])):
            shape["parent_issue_url"] = f"{self.repo_url(repository)}/issues/{issue.parent[1]}"
        return shape

    @cached_property
    def _blocked_by(self) -> dict[int, list[GithubIssue]]:
        """Id of a blocker -> the issues that it blocks."""
        found: dict[int, list[GithubIssue]] = {}
        for repo in self._state.repos.values():
            for issue in repo.issues.values():
                for blocker in issue.blocked_by:
                    found.setdefault(blocker, []).append(issue)
        return found

    def _dependencies(self, issue: GithubIssue) -> dict[str, int]:
        """Return the counts of a list, in which the closing of a blocker does not update the blocked issue."""
        blockers = [each for _, each in self._state.blockers(issue)]
        blocked = self._blocked_by.get(issue.id, ())
        return {
            "blocked_by": sum(each.state == "open" for each in blockers),
            "total_blocked_by": len(blockers),
            "blocking": sum(each.state == "open" for each in blocked),
            "total_blocking": len(blocked),
        }

    def _children_of(self, repo: Repo, issue: GithubIssue) -> list[GithubIssue]:
        if self._children is None:
            self._children = {}
            for repository in self._state.repos.values():
                for child in repository.issues.values():
                    if child.parent is not None:
                        self._children.setdefault(child.parent, []).append(child)
        return self._children.get((repo.id, issue.number), [])

    def _association(self, repo: Repo, account: GithubAccount) -> str:
        if account.login.lower() == repo.owner.lower():
            return "OWNER"
        level = self._state.access_level(repo, account)
        return "COLLABORATOR" if level in ("triage", "write", "admin") else "NONE"

    def comment(self, repo: Repo, issue: GithubIssue, comment: GithubComment) -> dict[str, Any]:
        page = "pull" if issue.pull_request else "issues"
        return {
            "url": f"{self.repo_url(repo)}/issues/comments/{comment.id}",
            "html_url": f"{self._web}/{repo.full_name}/{page}/{issue.number}#issuecomment-{comment.id}",
            "issue_url": f"{self.repo_url(repo)}/issues/{issue.number}",
            "id": comment.id,
            "node_id": f"IC_{comment.id}",
            "user": self.user(comment.user),
            "created_at": format_time(comment.created),
            "updated_at": format_time(comment.updated),
            "author_association": self._association(repo, comment.user),
            "body": comment.body,
            "performed_via_github_app": self._via_app(comment.app_id),
        }

    def event(self, repo: Repo, event: Event) -> dict[str, Any]:
        """Return an entry of a timeline or of an event list."""
        data = dict(event.data)
        if isinstance(data.get("label"), GithubLabel):
            data["label"] = {"name": data["label"].name, "color": data["label"].color}
        if "source" in data:
            data["source"] = self._source(*data["source"])
        shape = {
            "id": event.id,
            "node_id": f"E_{event.id}",
            "url": f"{self.repo_url(repo)}/issues/events/{event.id}",
            "event": event.event,
            "actor": self.user(event.actor),
            "created_at": format_time(event.at),
            "commit_id": None,
            "performed_via_github_app": None,
        }
        return shape | data

    def _source(self, repo_id: int, number: int) -> dict[str, Any]:
        repo = self._state.repos[repo_id]
        issue = repo.issues.get(number)
        return {"type": "issue", "issue": self.issue(repo, issue) if issue else None}
