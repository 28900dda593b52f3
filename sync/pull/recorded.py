"""What a run remembers, read from the store once and written back where the command may record.

A preview works on the same values and records nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from connectors.model import IssueRef
from mappings.model import Workspace
from sync.model.anchors import Home, homes_of
from sync.model.comments import WrittenComment
from sync.model.labels import Decisions, Observation
from sync.model.planning import Remembered
from sync.model.records import OverrideKind, OverrideRow, PushedComment
from sync.model.renames import name_of_today, names_of_today, renamed_capabilities, renamed_labels
from sync.pull.recorded_health import expected_last
from sync.pull.source_coverage import fed_by
from sync.runtime.context import Job
from sync.store import Store

FINISHED = "finished-increment:"
HOME = "home:"
LOOKED_BACK = "looked-back:"
_Value = TypeVar("_Value")
_FIELDS = {"pin": "pins", "veto": "vetoes", "held": "held", "left": "left", "comment": "comments"}
_FOUND = {
    "pin": "{} was put",
    "veto": "{} was taken off",
    "held": "{} is held back",
    "comment": "the status comment of {} is held back",
    "left": "{} is there, and its history does not say that we put it; left alone",
}


def remember(job: Job, pushed: Mapping[IssueRef, frozenset[str]] | None = None) -> Remembered:
    """Everything that the comparison needs of earlier runs, under the names of today (``previously``). ``pushed``: the
    labels that we put, where they were asked for already."""
    store = job.store
    comments = store.pushed_comments()
    pushed = store.pushed_label_names() if pushed is None else pushed
    remembered = Remembered(
        pushed=pushed,
        written={subject: _written(row) for subject, row in comments.items()},
        bodies={subject: row.body for subject, row in comments.items()},
        decisions=decisions_of(store.overrides()),
        baselines=store.baselines(),
        finished=_finished(job, pushed),
        homes=_homes(job, comments),
        fed=fed_by(job, renamed_capabilities(job.workspace)),
        born=store.born,
        expected=expected_last(job),
    )
    return _with_renames(remembered, job)


def _written(row: PushedComment) -> WrittenComment:
    return WrittenComment(
        ref=row.ref,
        comment_id=row.comment_id,
        urgent_hash=row.urgent_hash,
        full_hash=row.full_hash,
        edited_at=row.edited_at,
        deleted_by_person=row.state == "deleted-by-person",
    )


def _finished(job: Job, pushed: Mapping[IssueRef, frozenset[str]]) -> frozenset[str]:
    """Increments that had their last write, those whose plan is not here any more among them."""
    value_of = job.workspace.labels.value_of
    named = {value_of("increment", label) for labels in pushed.values() for label in labels}
    ids = {each for each in named if each} | {each.id for each in job.workspace.increments}
    return frozenset(each for each in ids if _is_finished(job, each))


def _is_finished(job: Job, increment: str) -> bool:
    """For every team that may be written for today: a team that is switched on later gets its last write, too."""
    kept = job.store.cache.get(FINISHED + increment)
    if isinstance(kept, list):
        return set(filter(job.settings.may_push, teams_of(job.workspace, increment))).issubset(kept)
    return bool(kept)


def keep_finished(job: Job, increment: str) -> list[str]:
    """Remember that an increment had its last write, for the teams that may be written for. Out: its other teams.
    Nothing is remembered where no team may."""
    teams = teams_of(job.workspace, increment)
    written = sorted(filter(job.settings.may_push, teams))
    if written:
        job.store.cache.put(FINISHED + increment, written, days=3650)
    return sorted(teams.difference(written)) if written else []


def teams_of(workspace: Workspace, increment: str) -> frozenset[str]:
    """The teams that own a capability of an increment, or whose rules assign to one."""
    capabilities = {
        capability.id: capability.team
        for each in workspace.increments
        if each.id == increment
        for capability in each.capabilities
    }
    feeding = {
        team.team for team in workspace.teams if any(rule.assign in capabilities for rule in team.rules)
    }
    return frozenset(capabilities.values()) | feeding


def keep_home(store: Store, subject: str, home: Home) -> None:
    """Remember where a comment belongs. Writes only when it is new."""
    value = [home.increment, list(home.teams)]
    if store.cache.get(HOME + subject) != value:
        store.cache.put(HOME + subject, value, days=3650)


def _homes(job: Job, subjects: Iterable[str]) -> dict[str, Home]:
    """As the plans say; of subjects that they name no more, as it was remembered."""
    kept = {subject: job.store.cache.get(HOME + subject) for subject in subjects}
    remembered = {
        subject: Home(increment=value[0], teams=tuple(value[1])) for subject, value in kept.items() if value
    }
    return {**remembered, **homes_of(job.workspace)}


def decisions_of(rows: list[OverrideRow]) -> Decisions:
    """The overrides by kind and issue."""
    kinds: dict[str, dict[IssueRef, set[str]]] = {kind: {} for kind in _FIELDS}
    for row in rows:
        kinds[row.kind].setdefault(row.ref, set()).add(row.label)
    return Decisions(
        **{
            _FIELDS[kind]: {ref: frozenset(labels) for ref, labels in by.items()}
            for kind, by in kinds.items()
        }
    )


class Recorder:
    """Takes what was learned about people's decisions into memory at once, and into the store with ``keep``:
    when the guard refuses, or when a command only looks, nothing is recorded."""

    def __init__(self, job: Job, remembered: Remembered) -> None:
        self.job, self.remembered = job, remembered
        self._today = label_names(job)
        self._pending: list[Callable[[], None]] = []
        self.found: list[Observation] = []
        """What people decided since the last run."""

    def keep(self) -> None:
        """Write down everything that was learned."""
        for write in self._pending:
            write()
        self._pending.clear()

    def add(
        self, ref: IssueRef, kind: OverrideKind, label: str, note: str, at: datetime | None = None
    ) -> None:
        """A person's decision, confirmed by a direct read; or by the tracker's history, which says when (``at``)."""
        today, store, since = self._today(label), self.job.store, at or self.job.now()
        self._change(kind, ref, add=today)
        told = f" on {at:%Y-%m-%d}, says the tracker's history" if at else ""
        self.found.append(Observation(ref=ref, text=_FOUND[kind].format(label) + told))
        self.job.log.info("override.found", issue=str(ref), kind=kind, label=today)
        self._pending.append(
            lambda: store.add_override(ref, kind, today, since=since, run_id=self.job.run_id, note=note)
        )
        if kind == "veto":
            self.forget(ref, frozenset({label}))

    def drop(self, ref: IssueRef, kind: OverrideKind, label: str) -> None:
        """A decision that the person took back."""
        today = self._today(label)
        if today not in getattr(self.remembered.decisions, _FIELDS[kind]).get(ref, frozenset()):
            return
        self._change(kind, ref, drop=today)
        self.found.append(Observation(ref=ref, text=f"the {kind} of {label} was taken back"))
        self._pending.append(lambda: self.job.store.remove_override(ref, kind, today))

    def looked_back(self, ref: IssueRef) -> None:
        """What people took off this issue before this store was there is known now."""
        key = f"{LOOKED_BACK}{ref.tracker}:{ref.id}"
        self._pending.append(lambda: self.job.store.cache.put(key, True, days=3650))

    def adopt(self, ref: IssueRef, label: str) -> None:
        """The issue's history says that our account put this label: it is pushed state again."""
        self._push(ref, self._pushed(ref) | {label})
        self._pending.append(lambda: self._record(ref, added=[label], removed=[]))

    def adopt_comment(self, row: PushedComment, then: Callable[[], None]) -> None:
        """A comment that proved to be ours, although the store did not know it."""
        written = {**self.remembered.written, row.subject: _written(row)}
        bodies = {**self.remembered.bodies, row.subject: row.body}
        self.remembered = replace(self.remembered, written=written, bodies=bodies)
        self._pending += [lambda: self.job.store.record_comment(row), then]

    def forget(self, ref: IssueRef, labels: frozenset[str], *, for_good: bool = True) -> None:
        """Labels that are on the tracker no more. Not ``for_good``: only until this run is over."""
        gone = labels & self._pushed(ref)
        self._push(ref, self._pushed(ref) - labels)
        if for_good and gone:
            self._pending.append(lambda: self._record(ref, added=[], removed=sorted(gone)))

    def spellings(self, ref: IssueRef, label: str) -> frozenset[str]:
        """The pushed labels that say the same as one, with whatever prefix."""
        today = self._today(label)
        return frozenset(each for each in self._pushed(ref) if self._today(each) == today)

    def _pushed(self, ref: IssueRef) -> frozenset[str]:
        return self.remembered.pushed.get(ref, frozenset())

    def _push(self, ref: IssueRef, labels: frozenset[str]) -> None:
        self.remembered = replace(self.remembered, pushed={**self.remembered.pushed, ref: labels})

    def _record(self, ref: IssueRef, *, added: list[str], removed: list[str]) -> None:
        self.job.store.record_labels(
            ref, added=added, removed=removed, run_id=self.job.run_id, at=self.job.now()
        )

    def _change(self, kind: str, ref: IssueRef, *, add: str | None = None, drop: str | None = None) -> None:
        field = _FIELDS[kind]
        by: dict[IssueRef, frozenset[str]] = dict(getattr(self.remembered.decisions, field))
        by[ref] = (by.get(ref, frozenset()) | ({add} if add else set())) - ({drop} if drop else set())
        decisions = replace(self.remembered.decisions, **{field: by})
        self.remembered = replace(self.remembered, decisions=decisions)


def label_names(job: Job) -> Callable[[str], str]:
    """Label -> the organisation's name for it, by every ``previously`` in plans and of prefixes."""
    scheme = job.workspace.labels
    renamed = renamed_labels(job.workspace)
    return lambda label: name_of_today(label, scheme, renamed)


def carry_renames_over(job: Job) -> None:
    """Keep in the store what ``remember`` makes of ``previously``: for good, since an id that was carried over
    is not known under its old name any more. Labels follow when they are written."""
    comments, baselines = job.store.pushed_comments(), job.store.baselines()
    subjects = names_of_today(job.workspace)
    for old, new in subjects.items():
        if old in comments and new not in comments:
            job.store.rename_subject(old, new)
            keep_home(job.store, new, homes_of(job.workspace)[new])
        kind, _, old_id = old.partition(":")
        new_id = new.partition(":")[2]
        if kind == "capability" and old_id in baselines and new_id not in baselines:
            job.store.rename_baseline(old_id, new_id)
    today_of = label_names(job)
    for row in job.store.overrides():
        today = subjects.get(row.label, row.label) if row.kind == "comment" else today_of(row.label)
        if today != row.label:
            store = job.store
            store.add_override(row.ref, row.kind, today, since=row.since, run_id=row.run_id, note=row.note)
            store.remove_override(row.ref, row.kind, row.label)


def _with_renames(remembered: Remembered, job: Job) -> Remembered:
    """``previously``: comments, baselines and decisions follow a capability or goal to its new id, and decisions
    follow labels to their new prefix."""
    subjects, today = names_of_today(job.workspace), label_names(job)
    kind = "capability:"
    ids = {
        old.removeprefix(kind): new.removeprefix(kind)
        for old, new in subjects.items()
        if old.startswith(kind)
    }
    return replace(
        remembered,
        written=_renamed(remembered.written, subjects),
        bodies=_renamed(remembered.bodies, subjects),
        baselines=_renamed(remembered.baselines, ids),
        decisions=Decisions(
            comments=_by_issue(remembered.decisions.comments, lambda subject: subjects.get(subject, subject)),
            **{
                field: _by_issue(getattr(remembered.decisions, field), today)
                for field in ("pins", "vetoes", "held", "left")
            },
        ),
    )


def _by_issue(
    decided: Mapping[IssueRef, frozenset[str]], today: Callable[[str], str]
) -> dict[IssueRef, frozenset[str]]:
    return {ref: frozenset(map(today, names)) for ref, names in decided.items()}


def _renamed(found: Mapping[str, _Value], names: Mapping[str, str]) -> dict[str, _Value]:
    """What the new name has already stays, and then the old one keeps its own."""
    return {
        names[name] if name in names and names[name] not in found else name: value
        for name, value in found.items()
    }


def aliases(workspace: Workspace) -> Mapping[str, tuple[str, ...]]:
    """Subject -> the names that its comment may still carry in its marker."""
    old_names: dict[str, tuple[str, ...]] = {}
    for old, new in names_of_today(workspace).items():
        old_names[new] = (*old_names.get(new, ()), old)
    return old_names
