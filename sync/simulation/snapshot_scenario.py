"""Scenario from a user's workspace and from what its store knows of the trackers; nothing real is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from connectors.jira.payload import MARKER_PROPERTY
from connectors.model import Issue
from mappings.model import Anchor
from sync.config.credentials import Credentials
from sync.config.sections import PushSettings
from sync.config.settings import Settings
from sync.config.workspace import LoadedWorkspace
from sync.diff.comment_markup import wrap_block
from sync.model.anchors import list_anchors
from sync.runtime.context import RunContext
from sync.simulation.environment import StorePool
from sync.simulation.scenarios import HOST, PERSON, ROBOT, Scenario
from sync.store import PushedCommentRecord, Store, current_labels

TOKEN = "simulation-token"  # noqa: S105 - valid for the sandbox trackers only
MAX_RULE_LABELS = 5
_CATEGORIES = {"todo": "new", "doing": "indeterminate", "done": "done", None: "undefined"}


def scenario_from_snapshot(context: RunContext, loaded_workspace: LoadedWorkspace) -> Scenario:
    """Return the scenario of a workspace and its store. The store is only read."""
    issues = _issues(context.store)
    comments = [each for each in context.store.pushed_comments().values() if each.state == "live"]
    trackers = {
        name: _tracker(context, name, [i for i in issues if i.ref.tracker == name], comments)
        for name in loaded_workspace.settings.trackers
    }
    return Scenario(
        name="snapshot",
        loaded_workspace=replace(loaded_workspace, settings=_settings(loaded_workspace.settings)),
        seed={"trackers": trackers},
        credentials=_credentials(loaded_workspace.settings),
        start=context.now(),
        store_image=_copy_store(context.store, context.now()),
        rule_labels=_frequent_labels(context, issues),
    )


def _settings(settings: Settings) -> Settings:
    """Return the user's settings with the sandbox trackers in place of the real ones."""
    trackers = {
        name: each.model_copy(
            update={
                "url": f"{HOST}/{name}" + ("/api/v3" if each.kind == "github" else ""),
                "cloud_id": None,
                "write_spacing": 0.0,
            }
        )
        for name, each in settings.trackers.items()
    }
    push = PushSettings(enabled=True, teams=settings.push.teams)
    return settings.model_copy(update={"trackers": trackers, "push": push})


def _credentials(settings: Settings) -> dict[str, Credentials]:
    """Return credentials for the sandbox; those of the user are not read."""
    secret = SecretStr(TOKEN)
    return {
        name: Credentials(pat=secret)
        if each.kind == "jira-dc"
        else Credentials(email="robot@simulation.invalid", token=secret)
        for name, each in settings.trackers.items()
    }


def _copy_store(store: Store, now: datetime) -> bytes:
    """Return the content of the store without journal and watermarks, as an SQLite image."""
    shelf = StorePool()
    copy = shelf.load(None, lambda: now)
    copy.load_snapshot(store.snapshot_rows(bodies=True))
    return shelf.dump()


def _issues(store: Store) -> list[Issue]:
    """Return the existing issues as the store knows them, own writes included."""
    written = store.label_changes_since_read()
    return [
        replace(
            known.issue,
            labels=frozenset(
                current_labels(
                    known.issue.labels, written.get((known.issue.ref.tracker, known.issue.ref.id), {})
                )
            ),
        )
        for known in store.known_issues()
        if not known.vanished
    ]


def _frequent_labels(context: RunContext, issues: Iterable[Issue]) -> tuple[str, ...]:
    """Return the most frequent labels of users."""
    scheme = context.settings.label_scheme
    counted = Counter(label for issue in issues for label in scheme.unmanaged(issue.labels))
    return tuple(label for label, _ in counted.most_common(MAX_RULE_LABELS))


def _tracker(
    context: RunContext, name: str, issues: list[Issue], comments: Iterable[PushedCommentRecord]
) -> dict[str, Any]:
    kind = context.settings.trackers[name].kind
    own_comments = [each for each in comments if each.ref.tracker == name]
    anchors = [anchor for anchor in list_anchors(context.workspace) if anchor.tracker == name]
    if kind == "github":
        return _github(context, issues, own_comments, anchors)
    return {"kind": kind, **_jira(context, issues, own_comments, anchors)}


def _jira(
    context: RunContext,
    issues: list[Issue],
    comments: Iterable[PushedCommentRecord],
    anchors: Iterable[Anchor],
) -> dict[str, Any]:
    keys = {issue.ref.key for issue in issues}
    fields = sorted({name for issue in issues for name in issue.fields})
    projects: dict[str, Any] = {}
    written = {each.ref.key: each for each in comments}
    for project in _project_keys(context, issues, anchors):
        project_issues = [issue for issue in issues if issue.container == project]
        statuses = {issue.status: _CATEGORIES[issue.category] for issue in project_issues}
        if "new" not in statuses.values():
            statuses["To Do"] = "new"
        if "done" not in statuses.values():
            statuses["Done"] = "done"
        rows = [_jira_issue(context, issue, keys, written.get(issue.ref.key)) for issue in project_issues]
        rows += [
            {"key": anchor.key, "summary": "An anchor that was never read"}
            for anchor in anchors
            if anchor.key.rpartition("-")[0] == project and anchor.key not in keys
        ]
        projects[project] = {"statuses": statuses, "issues": rows}
    return {
        "accounts": [
            {"id": ROBOT, "email": "robot@simulation.invalid", "token": TOKEN},
            {"id": PERSON},
        ],
        "fields": [{"name": name} for name in fields],
        "sprints": [{"name": name} for name in sorted({i.sprint for i in issues if i.sprint})],
        "projects": projects,
    }


def _project_keys(context: RunContext, issues: Iterable[Issue], anchors: Iterable[Anchor]) -> list[str]:
    sources = {
        source.project for team in context.workspace.teams for source in team.sources if source.project
    }
    found = {issue.container for issue in issues} | {anchor.key.rpartition("-")[0] for anchor in anchors}
    return sorted(found | sources)


def _jira_issue(
    context: RunContext, issue: Issue, keys: set[str], comment: PushedCommentRecord | None
) -> dict[str, Any]:
    row: dict[str, Any] = {
        **_common(issue),
        "id": int(issue.ref.id),
        "key": issue.ref.key,
        "summary": issue.title,
        "type": issue.type or "Task",
        "status": issue.status,
        "labels": sorted(issue.labels),
        "components": list(issue.components),
        "fix_versions": list(issue.fix_versions),
        "resolution": issue.resolution,
        "resolved": _format_time(issue.closed),
        "creator": issue.author or None,
        "reporter": issue.reporter or issue.author or None,
        "watchers": sorted({issue.author, issue.reporter, *issue.assignees} - {""}),
        "description": issue.body,
        "flagged": issue.flagged,
        "fields": {name: values[0] for name, values in issue.fields.items() if values},
        "sprint": issue.sprint,
        "parent": issue.parent if issue.parent in keys else None,
    }
    if comment is not None:
        marker = {"instance": context.settings.instance, "subject": comment.subject}
        row["comments"] = [
            {
                "id": int(comment.comment_id),
                "author": ROBOT,
                "body": comment.body,
                "properties": {MARKER_PROPERTY: marker},
            }
        ]
    return row


def _github(
    context: RunContext,
    issues: list[Issue],
    comments: Iterable[PushedCommentRecord],
    anchors: Iterable[Anchor],
) -> dict[str, Any]:
    written = {each.ref.key: each for each in comments}
    keys = {issue.ref.key for issue in issues}
    names = {source.repo for team in context.workspace.teams for source in team.sources if source.repo}
    names |= {issue.container for issue in issues} | {anchor.key.partition("#")[0] for anchor in anchors}
    repos: dict[str, Any] = {}
    for name in sorted(names):
        rows = [
            _github_issue(context, issue, keys, written.get(issue.ref.key))
            for issue in issues
            if issue.container == name
        ]
        rows += [
            {"number": int(anchor.key.partition("#")[2]), "title": "An anchor that was never read"}
            for anchor in anchors
            if anchor.key.partition("#")[0] == name and anchor.key not in keys
        ]
        repos[name] = {"permissions": {ROBOT: "write", PERSON: "write"}, "issues": rows}
    return {
        "kind": "github",
        "rate_limit": 0,
        "content_per_minute": 1_000_000,
        "content_per_hour": 1_000_000,
        "accounts": [{"login": ROBOT, "token": TOKEN}, {"login": PERSON}],
        "repos": repos,
    }


def _github_issue(
    context: RunContext, issue: Issue, keys: set[str], comment: PushedCommentRecord | None
) -> dict[str, Any]:
    own_labels = context.settings.label_scheme.managed(issue.labels)
    author = issue.author or "somebody"
    row: dict[str, Any] = {
        **_common(issue),
        "id": int(issue.ref.id),
        "number": int(issue.ref.key.rpartition("#")[2]),
        "title": issue.title,
        "body": issue.body,
        "user": author,
        "assignees": list(issue.assignees),
        "milestone": issue.milestone,
        "type": issue.type or None,
        "labels": [
            {"name": label, "by": ROBOT if label in own_labels else author} for label in sorted(issue.labels)
        ],
        "state": issue.status,
        "locked": issue.locked,
        "pull_request": issue.is_pull_request,
        "parent": issue.parent if issue.parent in keys else None,
    }
    if issue.status == "closed":
        row |= {"closed": _format_time(issue.closed or issue.updated), "state_reason": issue.resolution}
    if comment is not None:
        body = wrap_block(comment.body, context.settings.instance, comment.subject)
        row["comments"] = [{"id": int(comment.comment_id), "user": ROBOT, "body": body}]
    return row


def _common(issue: Issue) -> dict[str, Any]:
    return {"created": _format_time(issue.created), "updated": _format_time(issue.updated)}


def _format_time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
