"""Label histories that came with the pull: what our account did in runs that this store does not know.

After an older backup of the store was put back, labels of ours look like those of people, and labels that people
removed look as if they were never put. The histories of changed issues are read anyway and say whose they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from connectors.model import IssueRef, LabelEvent, LabelHistory
from sync.model.planning import PlanningInputs
from sync.pull.recorded import RECOVERED_KEY
from sync.pull.state_recorder import StateRecorder
from sync.runtime.context import RunContext

_MAX_CLOCK_SKEW: Final = timedelta(minutes=10)
_NO_LABELS: Final[frozenset[str]] = frozenset()


def correct_pushed_labels(
    context: RunContext,
    histories: Mapping[IssueRef, Mapping[str, LabelHistory]],
    observed: PlanningInputs,
    recorder: StateRecorder,
) -> frozenset[IssueRef]:
    """Adopt live labels that our account added, and forget pushed ones that a person added last.

    Returns the issues from which a person removed a label that this store does not know as ours: their whole history
    must be read. Sends no request.
    """
    live = {ref: item.issue.labels for ref, item in observed.known.items()}
    live |= {issue.ref: issue.labels for issue in observed.anchors.values()}
    removed_by_people = set()
    for ref in sorted(histories.keys() & live.keys()):
        managed = context.workspace.labels.managed(histories[ref])
        ours = context.own_account_ids(ref.tracker) if managed else _NO_LABELS
        pushed = recorder.recorded.pushed_labels.get(ref, _NO_LABELS)
        now = {label.lower() for label in live[ref]}
        for label in sorted(managed):
            added, removed = histories[ref][label].added, histories[ref][label].removed
            is_ours = added is not None and added.author_id in ours
            if removed is None and label in now and is_ours and label not in pushed:
                recorder.adopt_label(ref, label)
            elif (
                removed is None
                and label in now & pushed
                and added
                and not is_ours
                and _was_put_again(context, ref, label, added)
            ):
                recorder.forget_labels(ref, frozenset({label}))
            elif (
                removed
                and removed.author_id not in ours
                and is_ours
                and label not in now | pushed
                and not _knows_addition(context, ref, label, histories[ref][label])
            ):
                removed_by_people.add(ref)
    return frozenset(removed_by_people)


def _was_put_again(context: RunContext, ref: IssueRef, label: str, added: LabelEvent) -> bool:
    """Return True if a label was added after we put it. An account of ours that the settings do not name did not."""
    put = [row.at for row in context.store.pushed_labels_on(ref) if row.label == label]
    return all(added.at > at + _MAX_CLOCK_SKEW for at in put)


def _knows_addition(context: RunContext, ref: IssueRef, label: str, history: LabelHistory) -> bool:
    """Return True if this store knows that we added the label, or judged its removal before."""
    judged = context.store.cache.get(f"{RECOVERED_KEY}{ref.tracker}:{ref.id}")
    if isinstance(judged, str) and history.removed and history.removed.at <= datetime.fromisoformat(judged):
        return True
    return any(
        row.op == "add-label"
        and row.outcome == "done"
        and str(row.payload["label"]).lower() == label
        and (history.added is None or row.at >= history.added.at - _MAX_CLOCK_SKEW)
        for row in context.store.journal(ref=ref)
    )
