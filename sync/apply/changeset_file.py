"""Change set files of ``preview --out`` and ``apply``.

``apply`` writes exactly what was reviewed. It rejects a file as stale if the plans, mappings, pushed teams, label
prefixes or pushed state differ, or if the managed labels or comments of a named issue changed. Other activity on the
issues does not matter.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from connectors.errors import Gone
from connectors.model import IssueRef
from mappings.labels import LabelScheme
from sync.config.settings import Settings
from sync.diff.comment_markup import text_digest
from sync.model.changes import Change, ChangeSet, CommentChange, CommentRemoval
from sync.model.limits import ChangeCost
from sync.pull.comment_marker import CommentMarker
from sync.runtime.context import RunContext

VERSION = 3
_CHANGE_KEYS = ("labels", "comments", "removals")
_CONDITION_KEYS = ("instance", "workspace", "settings", "pushed")


@cache
def _adapter() -> TypeAdapter[ChangeSet]:
    return TypeAdapter(ChangeSet)


class StaleChangeSet(Exception):
    """The trackers or the configuration changed since the file was saved. ``reasons`` lists the differences."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


class UnreadableChangeSet(Exception):
    """The file is not a valid change set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedChangeSet:
    """Content of a change set file."""

    changes: ChangeSet
    run_id: str
    conditions: Mapping[str, str]
    """What must still be the same when the file is applied, see ``_conditions``."""
    live_digests: Mapping[str, str]
    """``tracker:key`` -> hash of the managed labels and, for a comment change, of our comment."""
    was_edited: bool
    """The file was changed after it was saved."""


def tracker_digests(context: RunContext, changes: ChangeSet) -> dict[str, str]:
    """Read every named issue and hash the labels and comments that the change set would write.

    Costs one request for each issue and one for each comment.
    """
    by_issue: defaultdict[IssueRef, list[Change]] = defaultdict(list)
    for change in changes.changes:
        by_issue[change.ref].append(change)
    return {str(ref): _tracker_digest(context, ref, of_issue) for ref, of_issue in sorted(by_issue.items())}


def save_change_set(path: Path, context: RunContext, changes: ChangeSet, cost: ChangeCost) -> None:
    """Write the change set and its estimated cost as JSON. The file is replaced atomically."""
    document = {
        "version": VERSION,
        "run": context.run_id,
        "made_at": context.now().isoformat(),
        **_conditions(context, changes),
        "live": tracker_digests(context, changes),
        "attention": cost.summary(),
        **_adapter().dump_python(changes, mode="json"),
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


def _conditions(context: RunContext, changes: ChangeSet) -> dict[str, str]:
    """Return the instance and the hashes of plans with mappings, of settings and of the pushed state."""
    return {
        "instance": context.settings.instance,
        "workspace": context.workspace.digest,
        "settings": _settings_digest(context.settings, context.workspace.labels),
        "pushed": context.store.pushed_fingerprint(changes.refs),
    }


def _settings_digest(settings: Settings, labels: LabelScheme) -> str:
    """Hash the settings that decide about changes, except ``push.enabled``. Team labels are in the workspace digest."""
    teams = None if settings.push.teams is None else sorted(settings.push.teams)
    decisive = [teams, sorted(labels.prefixes.items()), sorted(labels.former_prefixes.items())]
    return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()[:24]


def _document_digest(document: Mapping[str, Any]) -> str:
    """Hash the document without its own hash, to detect later edits."""
    rest = {key: value for key, value in document.items() if key != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def load_change_set(path: Path) -> SavedChangeSet:
    """Read a change set file. Raise UnreadableChangeSet with one sentence."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != VERSION:
            raise UnreadableChangeSet(
                f"{path} has version {data['version']}; make a new one with preview --out"
            )
        return SavedChangeSet(
            changes=_adapter().validate_python({key: data[key] for key in _CHANGE_KEYS}),
            run_id=data["run"],
            conditions={key: data[key] for key in _CONDITION_KEYS},
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
    """Raise StaleChangeSet with all reasons if the file does not match the current state.

    Raise UnreadableChangeSet if it contains changes that increment-sync never makes.
    """
    before, now = saved.conditions, _conditions(context, saved.changes)
    differences = {
        "instance": f"it was made by the instance {before['instance']}, this one is {now['instance']}",
        "workspace": "plans or mappings changed since",
        "settings": "push.teams or the label prefixes changed since",
        "pushed": "another run wrote to these issues since",
    }
    reasons = [text for key, text in differences.items() if before[key] != now[key]]
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
    """Reject edited files, unknown trackers and labels outside the managed families."""
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
                f"the change set would change the label {foreign[0]} of {change.ref}, which increment-sync does not "
                "manage; make a new one with preview --out"
            )


def _tracker_digest(context: RunContext, ref: IssueRef, changes: list[Change]) -> str:
    try:
        issue = context.read_issue(ref)
    except Gone:
        return "gone"
    parts = sorted(context.workspace.labels.managed(issue.labels))
    for change in changes:
        if isinstance(change, (CommentChange, CommentRemoval)):
            parts.append(f"{change.subject}={_comment_digest(context, change)}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def _comment_digest(context: RunContext, change: CommentChange | CommentRemoval) -> str:
    """Return the hash of our live comment for the subject of the change, or ``none``."""
    reader = context.readers[change.ref.tracker]
    try:
        comments = (
            [reader.comment(change.ref, change.comment_id)]
            if change.comment_id
            else reader.comments(change.ref)
        )
    except Gone:
        return "none"
    own = CommentMarker(context).find_own(comments, change.ref, change.subject)
    return text_digest(own[1]) if own else "none"
