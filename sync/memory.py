"""What a run remembers, read from the store once and written back where the command may record.

A preview works on the same values and records nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from connectors.model import IssueRef
from mappings.model import Workspace
from sync.compare import Decisions, Observation, Suspicion, WrittenComment
from sync.job import Job
from sync.store.rows import OverrideKind, OverrideRow
from sync.think import Remembered

FINISHED = "finished-increment:"
_FIELDS = {"pin": "pins", "veto": "vetoes", "held": "held", "left": "left"}
_FOUND = {
    "pin": "{} was put",
    "veto": "{} was taken off",
    "held": "{} is held back",
    "left": "{} is there, and its history does not say that we put it; left alone",
}


def remember(job: Job) -> Remembered:
    """Everything that the comparison needs of earlier runs."""
    store = job.store
    comments = store.pushed_comments()
    return Remembered(
        pushed={ref: frozenset(labels) for ref, labels in store.pushed_labels().items()},
        written={
            subject: WrittenComment(
                ref=row.ref,
                comment_id=row.comment_id,
                urgent_hash=row.urgent_hash,
                full_hash=row.full_hash,
                edited_at=row.edited_at,
                deleted_by_person=row.state == "deleted-by-person",
            )
            for subject, row in comments.items()
        },
        bodies={subject: row.body for subject, row in comments.items()},
        decisions=decisions_of(store.overrides()),
        baselines=store.baselines(),
        finished=frozenset(
            increment.id for increment in job.workspace.increments if store.cache.get(FINISHED + increment.id)
        ),
        born=store.born,
    )


def decisions_of(rows: list[OverrideRow]) -> Decisions:
    """The overrides by kind and issue."""
    kinds: dict[str, dict[IssueRef, set[str]]] = {"pin": {}, "veto": {}, "held": {}, "left": {}}
    for row in rows:
        if row.kind in kinds:
            kinds[row.kind].setdefault(row.ref, set()).add(row.label)
    frozen = {kind: {ref: frozenset(labels) for ref, labels in by.items()} for kind, by in kinds.items()}
    return Decisions(pins=frozen["pin"], vetoes=frozen["veto"], held=frozen["held"], left=frozen["left"])


class Recorder:
    """Takes what was learned about people's decisions into memory, and into the store unless only looking."""

    def __init__(self, job: Job, remembered: Remembered, *, keeps: bool) -> None:
        self.job, self.remembered, self.keeps = job, remembered, keeps
        self.found: list[Observation] = []
        """What people decided since the last run."""

    def add(self, suspicion: Suspicion, kind: OverrideKind, note: str) -> None:
        """A person's decision, confirmed by a direct read."""
        ref, label = suspicion.ref, suspicion.label
        self._change(kind, ref, add=label)
        self.found.append(Observation(ref=ref, text=_FOUND[kind].format(label)))
        self.job.log.info("override.found", issue=str(ref), kind=kind, label=label)
        if self.keeps:
            self.job.store.add_override(
                ref, kind, label, since=self.job.now(), run_id=self.job.run_id, note=note
            )
        if kind == "veto":
            self.forget(ref, frozenset({label}))

    def drop(self, ref: IssueRef, kind: OverrideKind, label: str) -> None:
        """A decision that the person took back."""
        if label not in getattr(self.remembered.decisions, _FIELDS[kind]).get(ref, frozenset()):
            return
        self._change(kind, ref, drop=label)
        self.found.append(Observation(ref=ref, text=f"the {kind} of {label} was taken back"))
        if self.keeps:
            self.job.store.remove_override(ref, kind, label)

    def adopt(self, ref: IssueRef, label: str) -> None:
        """The issue's history says that our account put this label: it is pushed state again."""
        pushed = dict(self.remembered.pushed)
        pushed[ref] = pushed.get(ref, frozenset()) | {label}
        self.remembered = replace(self.remembered, pushed=pushed)
        if self.keeps:
            self.job.store.record_labels(
                ref, added=[label], removed=[], run_id=self.job.run_id, at=self.job.now()
            )

    def forget(self, ref: IssueRef, labels: frozenset[str]) -> None:
        """Labels that are on the tracker no more and that nobody wants there."""
        pushed = dict(self.remembered.pushed)
        pushed[ref] = pushed.get(ref, frozenset()) - labels
        self.remembered = replace(self.remembered, pushed=pushed)
        if self.keeps:
            self.job.store.record_labels(
                ref, added=[], removed=sorted(labels), run_id=self.job.run_id, at=self.job.now()
            )

    def _change(self, kind: str, ref: IssueRef, *, add: str | None = None, drop: str | None = None) -> None:
        field = _FIELDS[kind]
        by: dict[IssueRef, frozenset[str]] = dict(getattr(self.remembered.decisions, field))
        by[ref] = (by.get(ref, frozenset()) | ({add} if add else set())) - ({drop} if drop else set())
        decisions = replace(self.remembered.decisions, **{field: by})
        self.remembered = replace(self.remembered, decisions=decisions)


def carry_renames_over(job: Job) -> None:
    """``previously`` in the plans: comments and baselines follow a capability or goal to its new id."""
    comments, baselines = job.store.pushed_comments(), job.store.baselines()
    for old, new in renamed_subjects(job.workspace).items():
        if old in comments and new not in comments:
            job.store.rename_subject(old, new)
        kind, _, old_id = old.partition(":")
        new_id = new.partition(":")[2]
        if kind == "capability" and old_id in baselines and new_id not in baselines:
            job.store.rename_baseline(old_id, new_id)


def renamed_subjects(workspace: Workspace) -> dict[str, str]:
    """Old subject -> new subject for every ``previously`` in the plans."""
    pairs = [
        (f"{kind}:{old}", f"{kind}:{item.id}")
        for increment in workspace.increments
        for kind, items in (("goal", increment.goals), ("capability", increment.capabilities))
        for item in items
        for old in item.previously
    ]
    return dict(pairs)


def aliases(workspace: Workspace) -> Mapping[str, tuple[str, ...]]:
    """Subject -> the names that its comment may still carry in its marker."""
    old_names: dict[str, tuple[str, ...]] = {}
    for old, new in renamed_subjects(workspace).items():
        old_names[new] = (*old_names.get(new, ()), old)
    return old_names
