"""Three-way comparison of labels: desired by the rules, last pushed, live on the tracker.

Only labels inside the managed families are compared. The decisions for one issue are in ``label_table``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from connectors.model import IssueRef
from sync.diff.label_inputs import LabelDiffInputs
from sync.diff.label_table import IssueLabelDiff
from sync.model.changes import LabelChange
from sync.model.labels import LabelDiff


def diff_labels(inputs: LabelDiffInputs) -> LabelDiff:
    """Compare the labels of every issue. Issues without a full read in this run are left out."""
    changes, suspicions, notices = [], [], []
    for ref in sorted(_issues_to_compare(inputs)):
        diff = IssueLabelDiff(inputs, inputs.desired[ref], inputs.live[ref])
        suspicions += diff.suspicions
        notices += diff.notices
        if not diff.suspicions and (change := diff.change()):
            changes.append(change)
    return LabelDiff(
        changes=_drop_conflicting_renames(changes), suspicions=tuple(suspicions), notices=tuple(notices)
    )


def _drop_conflicting_renames(changes: list[LabelChange]) -> tuple[LabelChange, ...]:
    """Keep a rename in place only where all issues of a container want the same new name."""
    new_names: dict[tuple[str, str, str], set[str]] = {}
    for change in changes:
        for old, new in change.renames.items():
            new_names.setdefault((change.ref.tracker, change.container, old), set()).add(new)

    def without_conflicts(change: LabelChange) -> LabelChange:
        repository = change.ref.tracker, change.container
        agreed = {old: new for old, new in change.renames.items() if len(new_names[*repository, old]) == 1}
        return change if len(agreed) == len(change.renames) else replace(change, renames=agreed)

    return tuple(map(without_conflicts, changes))


def _issues_to_compare(inputs: LabelDiffInputs) -> Iterator[IssueRef]:
    """Skip issues on which desired, pushed and live agree and no override is recorded: most issues of a tracker."""
    overridden = inputs.overrides.refs
    for ref, desired in inputs.desired.items():
        if not desired.fully_read:
            continue
        managed = inputs.scheme.managed(inputs.live[ref].labels)
        live = frozenset(map(str.lower, managed)) if managed else frozenset()
        pushed = inputs.pushed.get(ref, frozenset())
        agree = live == pushed == desired.labels.keys()
        if ref.tracker in inputs.case_sensitive_trackers:
            agree = agree and pushed <= inputs.live[ref].labels
        if desired.is_anchor or not agree or (overridden and ref in overridden):
            yield ref
