"""Actions of users on the GitHub sandbox.

The methods stand for users of the web UI; the REST endpoints call them, too. Each of them takes the time from the
clock, writes timeline events and bumps ``updated``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from connectors.sandbox.github.model import (
    GithubAccount,
    GithubComment,
    GithubIssue,
    GithubLabel,
    Level,
    Milestone,
    Notification,
    Repo,
)
from connectors.sandbox.github.references import IssueReference, find_mentions, find_references
from connectors.sandbox.github.store import GithubStore


class GithubState(GithubStore):
    """A server with the actions of its users. ``repo`` is always ``owner/name`` (else KeyError), ``by`` a login."""

    def add_issue(
        self,
        repo: str,
        title: str,
        *,
        by: str = "someone",
        body: str | None = None,
        labels: Sequence[str] = (),
        number: int | None = None,
        assignees: Sequence[str] = (),
        milestone: str | None = None,
        type: str | None = None,  # noqa: A002 - the word that GitHub uses
        parent: int | None = None,
        pull_request: bool = False,
    ) -> int:
        """Open an issue (or a pull request); return its number."""
        with self.lock:
            repository, now = self.repo(repo), self.now()
            issue = GithubIssue(
                id=self.new_id(),
                number=number or repository.next_number,
                title=title,
                body=body,
                user=self.account_for(by),
                created=now,
                updated=now,
                assignees=[self.account_for(login) for login in assignees],
                milestone=self.milestone(repository, milestone) if milestone else None,
                type=type,
                parent=(repository.id, parent) if parent else None,
                pull_request=pull_request,
            )
            repository.store_issue(issue)
            for name in labels:
                self.label(repo, issue.number, name, by)
            self.notify(repository, issue, body or "", issue.user)
            return issue.number

    def milestone(self, repo: Repo, title: str) -> Milestone:
        """Return the milestone with this title, created if necessary."""
        for known in repo.milestones:
            if known.title == title:
                return known
        repo.milestones.append(Milestone(number=len(repo.milestones) + 1, title=title))
        return repo.milestones[-1]

    def close(self, repo: str, number: int, reason: str = "completed", by: str = "someone") -> None:
        """Close as ``completed``, ``not_planned`` or ``duplicate``."""
        with self._recorded_change(repo, number, "closed", by, state_reason=reason) as issue:
            issue.state, issue.state_reason = "closed", reason
            issue.closed, issue.closed_by = self.now(), self.account_for(by)

    def reopen(self, repo: str, number: int, by: str = "someone") -> None:
        """Open a closed issue again."""
        with self._recorded_change(repo, number, "reopened", by) as issue:
            issue.state, issue.state_reason = "open", "reopened"
            issue.closed = issue.closed_by = None

    def retitle(self, repo: str, number: int, title: str, by: str = "someone") -> None:
        """Change the title of an issue."""
        renamed = {"from": self.issue(repo, number).title, "to": title}
        with self._recorded_change(repo, number, "renamed", by, rename=renamed) as issue:
            issue.title = title

    def lock_issue(self, repo: str, number: int, locked: bool = True, by: str = "someone") -> None:
        """Lock or unlock the conversation."""
        with self._recorded_change(repo, number, "locked" if locked else "unlocked", by) as issue:
            issue.locked = locked

    def block(self, issue: tuple[str, int], blocker: tuple[str, int], by: str = "someone") -> None:
        """Mark an issue as blocked by another one of any repository."""
        blocking = self.issue(*blocker)
        with self._recorded_change(*issue, "blocked_by_added", by) as blocked:
            blocked.blocked_by.append(blocking.id)

    def unblock(self, issue: tuple[str, int], blocker: tuple[str, int], by: str = "someone") -> None:
        """Remove a dependency. ValueError if there is none."""
        blocking = self.issue(*blocker)
        with self._recorded_change(*issue, "blocked_by_removed", by) as blocked:
            blocked.blocked_by.remove(blocking.id)

    @contextmanager
    def _recorded_change(
        self, repo: str, number: int, event: str, by: str, **data: Any
    ) -> Iterator[GithubIssue]:
        """Change an issue, and add an event with this data to its timeline."""
        issue = self.issue(repo, number)
        with self.update(issue) as now:
            yield issue
            self.add_event(issue, event, self.account_for(by), now, **data)

    # ---- labels

    def create_label(
        self, repo: Repo, name: str, *, color: str = "ededed", description: str | None = None
    ) -> GithubLabel:
        """Create a label of the repository; it must not exist yet."""
        label = GithubLabel(id=self.new_id(), name=name, color=color, description=description)
        repo.labels.append(label)
        return label

    def label(self, repo: str, number: int, name: str, by: str = "someone") -> None:
        """Add a label to an issue, created if it is unknown. A label that the issue has changes nothing."""
        with self.lock:
            repository, issue = self.repo(repo), self.issue(repo, number)
            if issue.find_label(name):
                return
            label = repository.find_label(name) or self.create_label(repository, name)
            with self.update(issue, bump=self.settings.label_bumps_updated) as now:
                issue.labels.append(label)
                self.add_event(issue, "labeled", self.account_for(by), now, label=label)

    def unlabel(self, repo: str, number: int, name: str, by: str = "someone") -> None:
        """Remove a label from an issue; KeyError when the issue does not have it."""
        with self.lock:
            issue = self.issue(repo, number)
            label = issue.find_label(name)
            if label is None:
                raise KeyError(f"{repo}#{number} has no label {name}")
            with self.update(issue, bump=self.settings.label_bumps_updated) as now:
                issue.labels.remove(label)
                self.add_event(issue, "unlabeled", self.account_for(by), now, label=label)

    def delete_label(self, repo: str, name: str) -> None:
        """Delete a label of the repository and from all issues, without events. KeyError."""
        with self.lock:
            repository, label = self._require_label(repo, name)
            repository.labels.remove(label)
            for issue in repository.issues.values():
                if label in issue.labels:
                    issue.labels.remove(label)

    def rename_label(self, repo: str, name: str, new_name: str) -> None:
        """Rename a label of the repository, on all issues. KeyError."""
        with self.lock:
            self._require_label(repo, name)[1].name = new_name

    def _require_label(self, repo: str, name: str) -> tuple[Repo, GithubLabel]:
        repository = self.repo(repo)
        label = repository.find_label(name)
        if label is None:
            raise KeyError(f"{repo} has no label {name}")
        return repository, label

    # ---- comments

    def comment(
        self, repo: str, number: int, body: str, by: str = "someone", *, app_id: int | None = None
    ) -> int:
        """Write a comment and mail all subscribers of the issue; return its id."""
        repository, issue = self.repo(repo), self.issue(repo, number)
        with self.update(issue) as now:
            author = self.account_for(by)
            comment = GithubComment(
                id=self.new_id(), user=author, body=body, created=now, updated=now, app_id=app_id
            )
            issue.comments.append(comment)
            self.notify(repository, issue, body, author)
            issue.subscribers.setdefault(author.login.lower(), "comment")
            return comment.id

    def edit_comment(self, repo: str, comment_id: int, body: str, by: str = "someone") -> None:
        """Replace the text of a comment and mail users that it newly mentions. KeyError."""
        with self.lock:
            issue, comment = self._require_comment(repo, comment_id)
            with self.update(issue) as now:
                before, comment.body, comment.updated = comment.body, body, now
                self.notify(self.repo(repo), issue, body, self.account_for(by), before=before)

    def delete_comment(self, repo: str, comment_id: int) -> None:
        """Delete a comment. KeyError."""
        with self.lock:
            issue, comment = self._require_comment(repo, comment_id)
            with self.update(issue):
                issue.comments.remove(comment)

    def _require_comment(self, repo: str, comment_id: int) -> tuple[GithubIssue, GithubComment]:
        found = self.find_comment(self.repo(repo), comment_id)
        if found is None:
            raise KeyError(f"{repo} has no comment {comment_id}")
        return found

    # ---- mails and backlinks

    def notify(
        self, repo: Repo, issue: GithubIssue, text: str, author: GithubAccount, *, before: str | None = None
    ) -> None:
        """Send the mails and add the backlinks that a new or edited (``before``) text causes."""
        mentioned = find_mentions(text) - find_mentions(before or "")
        reasons = {login: "mention" for login in mentioned if login in self.accounts}
        if before is None:
            followers = {watcher.lower(): "subscribed" for watcher in repo.watchers}
            followers |= issue.subscribers | {a.login.lower(): "assign" for a in issue.assignees}
            reasons = followers | {issue.user.login.lower(): "author"} | reasons
        for login, reason in sorted(reasons.items()):
            if login != author.login.lower():
                self.notifications.append(
                    Notification(login=login, reason=reason, issue=f"{repo.full_name}#{issue.number}")
                )
        issue.subscribers |= {login: "mention" for login in mentioned if login in self.accounts}
        new_references = find_references(text, self.base_url) - find_references(before or "", self.base_url)
        for reference in sorted(new_references, key=str):
            self._add_backlink(repo, issue, reference, author)

    def _add_backlink(
        self, repo: Repo, issue: GithubIssue, reference: IssueReference, by: GithubAccount
    ) -> None:
        repository = self.find_repo(reference.repo) if reference.repo else repo
        target = repository.issues.get(reference.number) if repository else None
        if target is not None and target is not issue:
            with self.update(target) as now:
                self.add_event(target, "cross-referenced", by, now, source=(repo.id, issue.number))

    # ---- repositories

    def rename_repo(self, repo: str, new_name: str) -> None:
        """Rename or move a repository to another ``owner/name``; the old name redirects to it."""
        with self.lock:
            repository = self.repo(repo)
            self.former_names[repository.full_name.lower()] = repository.id
            repository.owner, repository.name = new_name.split("/")
            self.former_names.pop(new_name.lower(), None)

    def revoke_access(self, repo: str, login: str) -> None:
        """Make a repository private and invisible (404) for one account."""
        with self.lock:
            repository = self.repo(repo)
            repository.private = True
            repository.permissions = {
                name: level for name, level in repository.permissions.items() if name.lower() != login.lower()
            }

    def grant_access(self, repo: str, login: str, level: Level = "write") -> None:
        """Grant an account access to a repository."""
        with self.lock:
            self.repo(repo).permissions[login] = level

    def transfer(self, repo: str, number: int, to: str, by: str = "someone") -> int:
        """Move an issue to another repository; return its new number. Its id stays."""
        with self.lock:
            repository, target = self.repo(repo), self.repo(to)
            issue = repository.issues[number]
            with self.update(issue) as now:
                del repository.issues[number]
                issue.number = target.next_number
                issue.labels = [new for old in issue.labels if (new := target.find_label(old.name))]
                target.store_issue(issue)
                repository.departed_issues[number] = (target.id, issue.number)
                self.add_event(issue, "transferred", self.account_for(by), now)
            return issue.number

    def delete_issue(self, repo: str, number: int) -> None:
        """Delete an issue."""
        with self.lock:
            repository = self.repo(repo)
            del repository.issues[number]
            repository.departed_issues[number] = None

    def archive(self, repo: str, archived: bool = True) -> None:
        """Make a repository read-only, or writable again."""
        with self.lock:
            self.repo(repo).archived = archived
