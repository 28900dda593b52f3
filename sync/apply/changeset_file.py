"""A change set in a file: exactly what was reviewed, and how to tell that the world has moved since.

Stale is: another plan or mapping, other teams or label prefixes in the settings, other labels or comments on the
named issues, or another pushed state. Other activity on the issues is not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from connectors.errors import Gone
from connectors.model import IssueRef
from mappings.labels import LabelScheme
from mappings.rules.conditions import field_selection_for
from sync.config.settings import Settings
from sync.diff.comment_markup import text_digest
from sync.model.changes import Change, ChangeSet, CommentChange, CommentRemoval, LabelChange, Reason
from sync.model.limits import ChangeCost
from sync.pull.comment_marker import CommentMarker
from sync.pull.recorded import former_subjects
from sync.runtime.context import RunContext

VERSION = 2


class StaleChangeSet(Exception):
    """The world has moved since the change set was made. ``reasons`` says where."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


class UnreadableChangeSet(Exception):
    """The file is no change set of ours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedChangeSet:
    changes: ChangeSet
    run_id: str
    made_at: datetime
    instance: str
    workspace_digest: str
    settings_digest: str
    pushed_digest: str
    live_digests: Mapping[str, str]
    """``tracker:key`` -> hash of our labels and, where it is to be edited, our comment."""
    was_edited: bool
    """Somebody changed the file after it was saved."""


def tracker_digests(context: RunContext, changes: ChangeSet) -> dict[str, str]:
    """Read every named issue and hash what a stale change set would trample on. One read an issue, one a comment."""
    by_issue: dict[IssueRef, list[Change]] = {}
    for change in changes.changes:
        by_issue.setdefault(change.ref, []).append(change)
    return {str(ref): _tracker_digest(context, ref, of_issue) for ref, of_issue in sorted(by_issue.items())}


def save_change_set(path: Path, context: RunContext, changes: ChangeSet, cost: ChangeCost) -> None:
    """Write the change set as JSON, whole or not at all, with the estimate that belongs to it for its readers."""
    document = {
        "version": VERSION,
        "run": context.run_id,
        "made_at": context.now().isoformat(),
        "instance": context.settings.instance,
        "workspace": context.workspace.digest,
        "settings": _settings_digest(context.settings, context.workspace.labels),
        "pushed": context.store.pushed_fingerprint(changes.refs),
        "live": tracker_digests(context, changes),
        "attention": cost.summary(),
        "labels": [_label_json(change) for change in changes.labels],
        "comments": [_comment_json(change) for change in changes.comments],
        "removals": [_removal_json(change) for change in changes.removals],
    }
    text = json.dumps(
        document | {"digest": _document_digest(document)}, indent=2, ensure_ascii=False, sort_keys=True
    )
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def _settings_digest(settings: Settings, labels: LabelScheme) -> str:
    """What of the settings decides which changes there are. Not ``push.enabled``: one may look first. What teams
    say of their labels is in the digest of the workspace."""
    teams = None if settings.push.teams is None else sorted(settings.push.teams)
    decisive = [teams, sorted(labels.prefixes.items()), sorted(labels.former_prefixes.items())]
    return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()[:24]


def _document_digest(document: Mapping[str, Any]) -> str:
    """Tells whether somebody edited the file: what is applied is what was reviewed."""
    rest = {key: value for key, value in document.items() if key != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def load_change_set(path: Path) -> SavedChangeSet:
    """Read a change set file. Raises UnreadableChangeSet with one sentence."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != VERSION:
            raise UnreadableChangeSet(
                f"{path} is of version {data['version']}; make a new one with preview --out"
            )
        return SavedChangeSet(
            changes=ChangeSet(
                labels=tuple(_parse_label_change(item) for item in data["labels"]),
                comments=tuple(_parse_comment_change(item) for item in data["comments"]),
                removals=tuple(_parse_comment_removal(item) for item in data["removals"]),
            ),
            run_id=data["run"],
            made_at=datetime.fromisoformat(data["made_at"]),
            instance=data["instance"],
            workspace_digest=data["workspace"],
            settings_digest=data["settings"],
            pushed_digest=data["pushed"],
            live_digests=data["live"],
            was_edited=data["digest"] != _document_digest(data),
        )
    except OSError as error:
        raise UnreadableChangeSet(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UnreadableChangeSet(
            f"{path} is not a change set; make one with `increment-sync preview --out {path}`"
        ) from None


def check_not_stale(context: RunContext, saved: SavedChangeSet) -> None:
    """Raise StaleChangeSet, whole, when anything that it was made from is different now.

    UnreadableChangeSet when it holds what this program never makes.
    """
    reasons = []
    if saved.instance != context.settings.instance:
        reasons.append(
            f"it was made by the installation {saved.instance}, this one is {context.settings.instance}"
        )
    if saved.workspace_digest != context.workspace.digest:
        reasons.append("plans or mappings were edited since")
    if saved.settings_digest != _settings_digest(context.settings, context.workspace.labels):
        reasons.append("the teams that are written for (push.teams) or the label prefixes were edited since")
    if saved.pushed_digest != context.store.pushed_fingerprint(saved.changes.refs):
        reasons.append("another run has written on these issues since")
    if not reasons:
        _check_genuine(context, saved)
        live = tracker_digests(context, saved.changes)
        reasons += [
            f"our labels or comment on {issue} changed on the tracker since"
            for issue, before in saved.live_digests.items()
            if live.get(issue) != before
        ]
    if reasons:
        raise StaleChangeSet(reasons)


def _check_genuine(context: RunContext, saved: SavedChangeSet) -> None:
    """What is applied is what was reviewed; and whatever it is, only labels of ours on trackers of the settings."""
    if saved.was_edited:
        raise UnreadableChangeSet(
            "the change set was edited since it was saved, so it is not what was reviewed; "
            "make a new one with preview --out"
        )
    changes = saved.changes
    for change in changes.changes:
        if change.ref.tracker not in context.readers:
            raise UnreadableChangeSet(
                f"the change set names the tracker {change.ref.tracker}, which the settings do not have; "
                "make a new one with preview --out"
            )
    for change in changes.labels:
        labels = {*change.add, *change.remove}
        if foreign := sorted(labels - context.workspace.labels.managed(labels)):
            raise UnreadableChangeSet(
                f"the change set would touch the label {foreign[0]} of {change.ref}, which is not ours; "
                "make a new one with preview --out"
            )


def _tracker_digest(context: RunContext, ref: IssueRef, changes: list[Change]) -> str:
    reader = context.readers[ref.tracker]
    try:
        issue = reader.read(ref.key, field_selection_for(context.workspace.teams))
    except Gone:
        return "gone"
    parts = sorted(context.workspace.labels.managed(issue.labels))
    for change in changes:
        if isinstance(change, (CommentChange, CommentRemoval)):
            parts.append(f"{change.subject}={_comment_digest(context, change)}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def _comment_digest(context: RunContext, change: CommentChange | CommentRemoval) -> str:
    """Hash of our live comment of the change's subject, or ``none``."""
    marker, reader = CommentMarker(context), context.readers[change.ref.tracker]
    subjects = (change.subject, *former_subjects(context.workspace).get(change.subject, ()))
    try:
        comments = (
            [reader.comment(change.ref, change.comment_id)]
            if change.comment_id
            else reader.comments(change.ref)
        )
    except Gone:
        return "none"
    own = [text for c in comments if (text := marker.own_text(c, change.ref, subjects)) is not None]
    return text_digest(own[0]) if own else "none"


def _label_json(change: LabelChange) -> dict[str, Any]:
    return {
        **_ref_json(change.ref),
        "container": change.container,
        "add": {label: _reason_json(reason) for label, reason in change.add.items()},
        "remove": {label: _reason_json(reason) for label, reason in change.remove.items()},
        "before": list(change.before),
        "pure_removals": list(change.pure_removals),
        "renames": dict(change.renames),
        "team": change.team,
    }


def _parse_label_change(data: Mapping[str, Any]) -> LabelChange:
    return LabelChange(
        ref=_parse_ref(data),
        container=data["container"],
        add={label: Reason(**reason) for label, reason in data["add"].items()},
        remove={label: Reason(**reason) for label, reason in data["remove"].items()},
        before=tuple(data["before"]),
        pure_removals=tuple(data["pure_removals"]),
        renames=dict(data["renames"]),
        team=data.get("team"),
    )


def _comment_json(change: CommentChange) -> dict[str, Any]:
    return {
        **_ref_json(change.ref),
        "subject": change.subject,
        "comment": change.comment_id,
        "body": change.body,
        "urgent_hash": change.urgent_hash,
        "full_hash": change.full_hash,
        "before_hash": change.before_hash,
        "reason": _reason_json(change.reason),
    }


def _parse_comment_change(data: Mapping[str, Any]) -> CommentChange:
    return CommentChange(
        ref=_parse_ref(data),
        subject=data["subject"],
        comment_id=data["comment"],
        body=data["body"],
        urgent_hash=data["urgent_hash"],
        full_hash=data["full_hash"],
        before_hash=data["before_hash"],
        reason=Reason(**data["reason"]),
    )


def _removal_json(change: CommentRemoval) -> dict[str, Any]:
    return {
        **_ref_json(change.ref),
        "subject": change.subject,
        "comment": change.comment_id,
        "reason": _reason_json(change.reason),
    }


def _parse_comment_removal(data: Mapping[str, Any]) -> CommentRemoval:
    return CommentRemoval(
        ref=_parse_ref(data),
        subject=data["subject"],
        comment_id=data["comment"],
        reason=Reason(**data["reason"]),
    )


def _ref_json(ref: IssueRef) -> dict[str, str]:
    return {"tracker": ref.tracker, "id": ref.id, "key": ref.key}


def _parse_ref(data: Mapping[str, Any]) -> IssueRef:
    return IssueRef(tracker=data["tracker"], id=data["id"], key=data["key"])


def _reason_json(reason: Reason) -> dict[str, str | None]:
    return {"text": reason.text, "rule": reason.rule}
