"""Change set files of ``preview --out`` and ``apply``.

``apply`` writes exactly what was reviewed. The store remembers the hash of each file that it saved, so that a file with
any other content is rejected, whatever it says. A file is stale if the plans, mappings, pushed teams, label prefixes or
pushed state differ, or if the managed labels or comments of a named issue changed. Other activity on issues does not
matter.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from connectors.errors import Gone
from connectors.model import IssueRef
from connectors.regular_file import read_regular_file
from mappings.labels import LabelScheme
from sync.config.private_files import write_private
from sync.config.settings import Settings
from sync.diff.comment_markup import text_digest
from sync.model.changes import Change, ChangeSet, CommentChange, CommentRemoval
from sync.model.limits import ChangeCost
from sync.pull.comment_marker import CommentMarker
from sync.runtime.context import RunContext

VERSION = 3
_CHANGE_KEYS = ("labels", "comments", "removals")
_CONDITION_KEYS = ("instance", "workspace", "settings", "pushed")
_SAVED_KEY, _SAVED_DAYS = "saved-change-set:", 365
"""Cache key of the hash of a saved file."""


@cache
def _adapter() -> TypeAdapter[ChangeSet]:
    return TypeAdapter(ChangeSet)


class StaleChangeSet(Exception):
    """The trackers or the configuration changed since the file was saved. ``reasons`` lists the differences."""

    exit_code: Final = 5

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
    digest: str
    """Hash of the whole content."""


def tracker_digests(context: RunContext, changes: ChangeSet) -> dict[str, str]:
    """Read every named issue and hash the labels and comments that the change set would write.

    Costs one request for each issue and one for each comment.
    """
    by_issue: defaultdict[IssueRef, list[Change]] = defaultdict(list)
    for change in changes.changes:
        by_issue[change.ref].append(change)
    return {str(ref): _tracker_digest(context, ref, of_issue) for ref, of_issue in sorted(by_issue.items())}


def save_change_set(path: Path, context: RunContext, changes: ChangeSet, cost: ChangeCost) -> None:
    """Write the change set and its estimated cost as JSON, and remember it. The file is replaced atomically."""
    document = {
        "version": VERSION,
        "run": context.run_id,
        "made_at": context.now().isoformat(),
        **_conditions(context, changes),
        "live": tracker_digests(context, changes),
        "attention": cost.summary(),
        **_adapter().dump_python(changes, mode="json"),
    }
    context.store.cache.put(_SAVED_KEY + _digest(document), context.run_id, days=_SAVED_DAYS)
    write_private(path, json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n")


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


def _digest(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


_MAX_BYTES: Final = 200_000_000
"""Some hundred thousand changes."""


def load_change_set(path: Path) -> SavedChangeSet:
    """Read a change set file. Raise UnreadableChangeSet with one sentence."""
    try:
        data = json.loads(read_regular_file(path, _MAX_BYTES))
        if data["version"] != VERSION:
            raise UnreadableChangeSet(
                f"{path} has version {data['version']}; make a new one with preview --out"
            )
        return SavedChangeSet(
            changes=_adapter().validate_python({key: data[key] for key in _CHANGE_KEYS}),
            run_id=data["run"],
            conditions={key: data[key] for key in _CONDITION_KEYS},
            live_digests=data["live"],
            digest=_digest(data),
        )
    except OSError as error:
        raise UnreadableChangeSet(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UnreadableChangeSet(
            f"{path} is not a change set; make one with `increment-sync preview --out {path}`"
        ) from None


def check_not_stale(context: RunContext, saved: SavedChangeSet) -> None:
    """Raise StaleChangeSet with all reasons if the file does not match the current state.

    Raise UnreadableChangeSet if this store did not save it.
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
    """Reject a file that this store did not save as it is, and one with a tracker that the settings lack by now."""
    if not context.store.cache.get(_SAVED_KEY + saved.digest):
        raise UnreadableChangeSet(
            "the change set was edited since it was saved, or another store saved it, so it is not what was reviewed; "
            "make a new one with preview --out"
        )
    for change in saved.changes.changes:
        if change.ref.tracker not in context.readers:
            raise UnreadableChangeSet(
                f"the change set names the tracker {change.ref.tracker}, which the settings do not have; "
                "make a new one with preview --out"
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
