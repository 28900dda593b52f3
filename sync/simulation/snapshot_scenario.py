"""Scenario from a user's workspace and from what its store knows of the trackers; nothing real is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from connectors.jira.payload import MARKER_PROPERTY
from connectors.model import Issue
from connectors.registry import spec_of
from sync.config.credentials import Credentials, own_variable
from sync.config.secret_lookup import SecretLookup
from sync.config.sections import PushSettings
from sync.config.settings import Settings
from sync.config.workspace import LoadedWorkspace
from sync.diff.comment_markup import wrap_block
from sync.model.anchors import list_anchors
from sync.runtime.bootstrap import load_credentials
from sync.runtime.context import RunContext
from sync.simulation.environment import StorePool
from sync.simulation.scenarios import HOST, PERSON, ROBOT, Scenario
from sync.simulation.user_actions import container_of, split_issue_key
from sync.store import PushedCommentRecord, Store, current_labels

TOKEN = "simulation-token"  # noqa: S105 - valid for the sandbox trackers only
MAX_RULE_LABELS = 5
_CATEGORIES = {"todo": "new", "doing": "indeterminate", "done": "done", None: "undefined"}


def scenario_from_snapshot(context: RunContext, loaded_workspace: LoadedWorkspace) -> Scenario:
    """Return the scenario of a workspace and its store. The store is only read."""
    issues = _issues(context.store)
    trackers = {
        name: _tracker(context, name, [i for i in issues if i.ref.tracker == name])
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
    variables = {
        own_variable(name, part): "robot@simulation.invalid" if part == "email" else TOKEN
        for name, each in settings.trackers.items()
        for part in spec_of(each.kind).credentials.sufficient[each.kind][0]
    }
    return load_credentials(settings, SecretLookup(variables))


def _copy_store(store: Store, now: datetime) -> bytes:
    """Return the content of the store without journal and watermarks, as an SQLite image."""
    pool = StorePool()
    pool.load(None, lambda: now).load_snapshot(store.snapshot_rows(bodies=True))
    return pool.dump()


def _issues(store: Store) -> list[Issue]:
    """Return the existing issues as the store knows them, own writes included."""
    written = store.label_changes_since_read()
    issues = [known.issue for known in store.known_issues() if not known.vanished]
    labels = [
        current_labels(each.labels, written.get((each.ref.tracker, each.ref.id), {})) for each in issues
    ]
    return [replace(issue, labels=frozenset(now)) for issue, now in zip(issues, labels, strict=True)]


def _frequent_labels(context: RunContext, issues: Iterable[Issue]) -> tuple[str, ...]:
    """Return the most frequent labels of users."""
    scheme = context.settings.label_scheme
    counted = Counter(label for issue in issues for label in scheme.unmanaged(issue.labels))
    return tuple(label for label, _ in counted.most_common(MAX_RULE_LABELS))


def _tracker(context: RunContext, name: str, issues: list[Issue]) -> dict[str, Any]:
    """Return the seed of a tracker: issues with their status comments, and anchors that were never read."""
    kind = context.settings.trackers[name].kind
    comments = {
        each.ref.key: each
        for each in context.store.pushed_comments().values()
        if each.state == "live" and each.ref.tracker == name
    }
    keys = {issue.ref.key for issue in issues}
    anchors = [anchor.key for anchor in list_anchors(context.workspace) if anchor.tracker == name]
    sources = [source for team in context.workspace.teams for source in team.sources]
    names = [source.container for source in sources if source.tracker == name]
    names += [*map(container_of, anchors), *(issue.container for issue in issues)]
    # The spelling of a container's issues wins: GitHub ignores case, so that mappings may spell it differently.
    spelling = {name.lower(): name for name in names if name}
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in sorted(spelling.values())}
    serialize = _github_issue if kind == "github" else _jira_issue
    for issue in issues:
        rows[spelling[issue.container.lower()]].append(
            serialize(context, issue, keys, comments.get(issue.ref.key))
        )
    for key in anchors:
        if key not in keys:
            rows[spelling[container_of(key).lower()]].append(_unread_anchor(key))
    return _github(rows) if kind == "github" else {"kind": kind, **_jira(rows, issues)}


def _unread_anchor(key: str) -> dict[str, Any]:
    title = "An anchor that was never read"
    if "#" in key:
        return {"number": split_issue_key(key)[1], "title": title}
    return {"key": key, "summary": title}


def _jira(rows: Mapping[str, list[dict[str, Any]]], issues: list[Issue]) -> dict[str, Any]:
    projects: dict[str, Any] = {}
    for project in rows:
        statuses = {i.status: _CATEGORIES[i.category] for i in issues if i.container == project}
        for name, category in (("To Do", "new"), ("Done", "done")):
            if category not in statuses.values():
                statuses[name] = category
        projects[project] = {"statuses": statuses, "issues": rows[project]}
    fields = sorted({name for issue in issues for name in issue.fields})
    return {
        "accounts": [
            {"id": ROBOT, "email": "robot@simulation.invalid", "token": TOKEN},
            {"id": PERSON},
        ],
        "fields": [{"name": name} for name in fields],
        "sprints": [{"name": name} for name in sorted({i.sprint for i in issues if i.sprint})],
        "projects": projects,
    }


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


def _github(rows: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    rights = {ROBOT: "write", PERSON: "write"}
    return {
        "kind": "github",
        "rate_limit": 0,
        "content_per_minute": 1_000_000,
        "content_per_hour": 1_000_000,
        "accounts": [{"login": ROBOT, "token": TOKEN}, {"login": PERSON}],
        "repos": {name: {"permissions": rights, "issues": issues} for name, issues in rows.items()},
    }


def _github_issue(
    context: RunContext, issue: Issue, keys: set[str], comment: PushedCommentRecord | None
) -> dict[str, Any]:
    own_labels = context.settings.label_scheme.managed(issue.labels)
    author = issue.author or "somebody"
    row: dict[str, Any] = {
        **_common(issue),
        "id": int(issue.ref.id),
        "number": split_issue_key(issue.ref.key)[1],
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
