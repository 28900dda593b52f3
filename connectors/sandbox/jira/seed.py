"""Builds a site of the Jira sandbox from its part of a seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from connectors.sandbox.core.seed import SeedError, validate_seed
from connectors.sandbox.jira.model import (
    ChangeItem,
    HistoryEntry,
    IssueLink,
    JiraAccount,
    JiraComment,
    JiraIssue,
)
from connectors.sandbox.jira.seed_model import (
    HistorySeed,
    JiraCommentSeed,
    JiraIssueSeed,
    JiraSeed,
    ProjectSeed,
)
from connectors.sandbox.jira.site import JiraSiteState

_COPIED_FIELDS: Final = {
    "summary",
    "type",
    "resolution",
    "components",
    "fix_versions",
    "assignee",
    "description",
    "flagged",
    "properties",
    "watchers",
}
"""Fields of an issue that are the same in seed and site."""


def load_seed(state: JiraSiteState, seed: Mapping[str, Any], name: str = "jira") -> None:
    """Fill an empty site with everything that the seed names. SeedError for the first invalid place."""
    place = f"trackers.{name}"
    parsed = validate_seed(JiraSeed, seed, place=place, now=state.clock.now())
    _SiteBuilder(state, place).build(parsed)


class _SiteBuilder:
    """Fills an empty site; ``place`` is the path of the tracker in the seed, for error messages."""

    def __init__(self, site: JiraSiteState, place: str) -> None:
        self._site = site
        self._place = place

    def build(self, seed: JiraSeed) -> None:
        site = self._site
        site.cloud_id, site.search_lag = seed.cloud_id, timedelta(seconds=seed.search_lag)
        site.switches = seed.switches
        site.accounts = {account.id: account for account in seed.accounts}
        for number, sprint in enumerate(seed.sprints, start=1):
            given = {"id": sprint.id or number, "name": sprint.name or f"Sprint {number}"}
            site.sprints[sprint.id or number] = sprint.model_copy(update=given)
        for number, field in enumerate(seed.fields, start=10_100):
            field_id = field.id or f"customfield_{number}"
            site.fields[field_id] = field.model_copy(update={"id": field_id})
        projects = {key: project or ProjectSeed() for key, project in seed.projects.items()}
        for key, project in projects.items():
            site.add_project(key, **project.model_dump(exclude={"issues"}, exclude_defaults=True))
        self._link_issues(list(self._add_issues(projects)))
        self._add_missing_accounts()

    def _add_issues(self, projects: Mapping[str, ProjectSeed]) -> Iterator[tuple[str, JiraIssueSeed]]:
        """Add all issues; yields their keys."""
        for project, seed in projects.items():
            for index, issue in enumerate(seed.issues):
                place = f"{self._place}.projects.{project}.issues[{index}]"
                key = self._new_key(issue.key or self._site.next_key(project), project, place)
                visible_since = issue.created or self._site.clock.now()
                self._site.store(self._issue(key, issue, place), visible_since=visible_since)
                yield key, issue

    def _new_key(self, key: str, project: str, place: str) -> str:
        container, _, number = key.rpartition("-")
        if container != project or not number.isdigit():
            raise SeedError(f"{place}.key is '{key}'; write {project}-<number>.")
        if self._site.issue(key):
            raise SeedError(f"{place}.key is '{key}', which another issue has; give every issue its own key.")
        return key

    def _issue(self, key: str, seed: JiraIssueSeed, place: str) -> JiraIssue:
        project = self._site.projects[key.rpartition("-")[0]]
        first_status = next(iter(project.statuses))
        status = seed.status or first_status
        if status not in project.statuses:
            raise SeedError(f"{place}.status is '{status}'; write one of {', '.join(project.statuses)}.")
        created = seed.created or self._site.clock.now()
        comments = tuple(self._comment(comment, created) for comment in seed.comments)
        history = tuple(self._history(seed, status, project.statuses))
        moments = [created, *(each.updated for each in comments), *(each.at for each in history)]
        updated = seed.updated or max([*moments, *([seed.resolved] if seed.resolved else [])])
        return JiraIssue(
            **seed.model_dump(include=_COPIED_FIELDS),
            id=self._site.new_id() if seed.id is None else seed.id,
            key=key,
            created=created,
            updated=updated,
            status=status,
            status_changed=seed.status_changed or seed.resolved or seed.started or created,
            resolved=seed.resolved or (updated if seed.resolution else None),
            labels=tuple(sorted(seed.labels)),
            sprints=tuple(self._sprint_id(name, place) for name in seed.sprint),
            creator=seed.creator or seed.reporter,
            reporter=seed.reporter or seed.creator,
            custom={self._field_id(name, place): value for name, value in seed.fields.items()},
            comments=comments,
            history=history,
        )

    def _comment(self, seed: JiraCommentSeed, issue_created: datetime) -> JiraComment:
        created = seed.created or issue_created
        return JiraComment(
            id=self._site.new_id() if seed.id is None else seed.id,
            author=seed.author,
            body=seed.body,
            created=created,
            updated=created,
            properties=seed.properties,
        )

    def _history(
        self, seed: JiraIssueSeed, status: str, statuses: Mapping[str, str]
    ) -> Iterator[HistoryEntry]:
        """Yield the changelog, made from the times of the issue where the seed has no history."""
        for change in seed.history or _status_changes(seed, status, statuses):
            if change.field == "status":
                item = self._site.status_item(change.before, change.after)
            else:
                item = ChangeItem(field=change.field, before=change.before, after=change.after)
            at = change.at or self._site.clock.now()
            yield HistoryEntry(id=self._site.new_id(), author=change.by, at=at, items=(item,))

    def _sprint_id(self, name: str, place: str) -> int:
        for sprint in self._site.sprints.values():
            if name in (sprint.name, str(sprint.id)):
                return sprint.id
        raise SeedError(
            f"{place}.sprint is '{name}', which is not a sprint of the site; add it to 'sprints'."
        )

    def _field_id(self, name: str, place: str) -> str:
        for field in self._site.fields.values():
            if name in (field.name, field.id):
                return field.id
        raise SeedError(
            f"{place}.fields.{name} is not a custom field of the site; add it to 'fields' of the tracker."
        )

    def _link_issues(self, seeds: Sequence[tuple[str, JiraIssueSeed]]) -> None:
        """Set parents and blockers, which may stand below in the file."""
        for key, seed in seeds:
            if seed.parent:
                parent = self._named_issue("parent", seed.parent, key)
                self._store(replace(self._site.require_issue(key), parent=parent.id))
            for name in seed.blocked_by:
                blocker, number = self._named_issue("blocker", name, key), self._site.new_id()
                issue = self._site.require_issue(key)
                for one, other, inward in ((issue, blocker, True), (blocker, issue, False)):
                    link = IssueLink(id=number, other=other.id, inward=inward)
                    self._store(replace(one, links=(*one.links, link)))

    def _store(self, issue: JiraIssue) -> None:
        self._site.store(issue, visible_since=issue.updated)

    def _named_issue(self, role: str, name: str, key: str) -> JiraIssue:
        found = self._site.issue(name)
        if found is None:
            raise SeedError(f"The {role} {name} of {key} is not in the seed; add it or correct the key.")
        return found

    def _add_missing_accounts(self) -> None:
        """Add an account for everyone who is named on an issue and not listed under accounts."""
        for issue in self._site.issues():
            names = {issue.assignee, issue.creator, issue.reporter, *issue.watchers}
            names |= {comment.author for comment in issue.comments} | {
                entry.author for entry in issue.history
            }
            for name in sorted(name for name in names if name and name not in self._site.accounts):
                self._site.accounts[name] = JiraAccount(id=name, email="")


def _status_changes(seed: JiraIssueSeed, status: str, statuses: Mapping[str, str]) -> Iterator[HistorySeed]:
    """Yield the status changes of an issue that only says when it was started and resolved."""
    in_progress = next((name for name, category in statuses.items() if category == "indeterminate"), status)
    # An issue that is not resolved went straight to the status that it has.
    steps = [(seed.started, in_progress if seed.resolved else status), (seed.resolved, status)]
    by = seed.creator or seed.reporter or "someone"
    before = next(iter(statuses))
    for at, after in steps:
        if at and after != before:
            yield HistorySeed.model_construct(at=at, by=by, field="status", before=before, after=after)
            before = after
