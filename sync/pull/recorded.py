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
from sync.model.anchors import CommentOwner, comment_owners
from sync.model.comments import PushedStatusComment
from sync.model.labels import Notice, RecordedOverrides
from sync.model.planning import RecordedState
from sync.model.records import OverrideKind, OverrideRecord, PushedCommentRecord
from sync.model.renames import current_label_name, current_names, renamed_capabilities, renamed_labels
from sync.pull.recorded_health import load_expectations
from sync.pull.source_coverage import source_coverage
from sync.runtime.context import RunContext
from sync.store import Store

FINISHED_KEY = "finished-increment:"
OWNER_KEY = "home:"
RECOVERED_KEY = "looked-back:"
_Value = TypeVar("_Value")
_FIELD_BY_KIND = {
    "pin": "pins",
    "veto": "vetoes",
    "held": "reverted",
    "left": "ignored",
    "comment": "reverted_comments",
}
_NOTICE_BY_KIND = {
    "pin": "{} was put",
    "veto": "{} was taken off",
    "held": "{} is held back",
    "comment": "the status comment of {} is held back",
    "left": "{} is there, and its history does not say that we put it; left alone",
}


def load_recorded_state(
    context: RunContext, pushed: Mapping[IssueRef, frozenset[str]] | None = None
) -> RecordedState:
    """Everything that the comparison needs of earlier runs, under the names of today (``previously``). ``pushed``: the
    labels that we put, where they were asked for already."""
    store = context.store
    comments = store.pushed_comments()
    pushed = store.pushed_label_names() if pushed is None else pushed
    remembered = RecordedState(
        pushed_labels=pushed,
        status_comments={subject: _pushed_status_comment(row) for subject, row in comments.items()},
        comment_bodies={subject: row.body for subject, row in comments.items()},
        overrides=group_overrides(store.overrides()),
        baselines=store.baselines(),
        finished_increments=_finished_increments(context, pushed),
        comment_owners=_load_comment_owners(context, comments),
        source_coverage=source_coverage(context, renamed_capabilities(context.workspace)),
        store_created_at=store.created_at,
        expectations=load_expectations(context),
    )
    return _apply_renames(remembered, context)


def _pushed_status_comment(row: PushedCommentRecord) -> PushedStatusComment:
    return PushedStatusComment(
        ref=row.ref,
        comment_id=row.comment_id,
        urgent_hash=row.urgent_hash,
        full_hash=row.full_hash,
        edited_at=row.edited_at,
        deleted_by_person=row.state == "deleted-by-person",
    )


def _finished_increments(context: RunContext, pushed: Mapping[IssueRef, frozenset[str]]) -> frozenset[str]:
    """Increments that had their last write, those whose plan is not here any more among them."""
    value_of = context.workspace.labels.value_of
    named = {value_of("increment", label) for labels in pushed.values() for label in labels}
    ids = {each for each in named if each} | {each.id for each in context.workspace.increments}
    return frozenset(each for each in ids if _is_finished(context, each))


def _is_finished(context: RunContext, increment: str) -> bool:
    """For every team that may be written for today: a team that is switched on later gets its last write, too."""
    kept = context.store.cache.get(FINISHED_KEY + increment)
    if isinstance(kept, list):
        return set(filter(context.settings.may_push, increment_teams(context.workspace, increment))).issubset(
            kept
        )
    return bool(kept)


def save_finished_increment(context: RunContext, increment: str) -> list[str]:
    """Remember that an increment had its last write, for the teams that may be written for. Out: its other teams.
    Nothing is remembered where no team may."""
    teams = increment_teams(context.workspace, increment)
    written = sorted(filter(context.settings.may_push, teams))
    if written:
        context.store.cache.put(FINISHED_KEY + increment, written, days=3650)
    return sorted(teams.difference(written)) if written else []


def increment_teams(workspace: Workspace, increment: str) -> frozenset[str]:
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


def save_comment_owner(store: Store, subject: str, owner: CommentOwner) -> None:
    """Remember where a comment belongs. Writes only when it is new."""
    value = [owner.increment, list(owner.teams)]
    if store.cache.get(OWNER_KEY + subject) != value:
        store.cache.put(OWNER_KEY + subject, value, days=3650)


def _load_comment_owners(context: RunContext, subjects: Iterable[str]) -> dict[str, CommentOwner]:
    """As the plans say; of subjects that they name no more, as it was remembered."""
    kept = {subject: context.store.cache.get(OWNER_KEY + subject) for subject in subjects}
    remembered = {
        subject: CommentOwner(increment=value[0], teams=tuple(value[1]))
        for subject, value in kept.items()
        if value
    }
    return {**remembered, **comment_owners(context.workspace)}


def group_overrides(rows: list[OverrideRecord]) -> RecordedOverrides:
    """The overrides by kind and issue."""
    kinds: dict[str, dict[IssueRef, set[str]]] = {kind: {} for kind in _FIELD_BY_KIND}
    for row in rows:
        kinds[row.kind].setdefault(row.ref, set()).add(row.label)
    return RecordedOverrides(
        **{
            _FIELD_BY_KIND[kind]: {ref: frozenset(labels) for ref, labels in by.items()}
            for kind, by in kinds.items()
        }
    )


class StateRecorder:
    """Takes what was learned about people's decisions into memory at once, and into the store with ``keep``:
    when the guard refuses, or when a command only looks, nothing is recorded."""

    def __init__(self, context: RunContext, recorded: RecordedState) -> None:
        self.context, self.recorded = context, recorded
        self._current_name = label_renamer(context)
        self._pending_writes: list[Callable[[], None]] = []
        self.notices: list[Notice] = []
        """What people decided since the last run."""

    def save(self) -> None:
        """Write down everything that was learned."""
        for write in self._pending_writes:
            write()
        self._pending_writes.clear()

    def record_override(
        self, ref: IssueRef, kind: OverrideKind, label: str, note: str, at: datetime | None = None
    ) -> None:
        """A person's decision, confirmed by a direct read; or by the tracker's history, which says when (``at``)."""
        today, store, since = self._current_name(label), self.context.store, at or self.context.now()
        self._change_override(kind, ref, add=today)
        told = f" on {at:%Y-%m-%d}, says the tracker's history" if at else ""
        self.notices.append(Notice(ref=ref, text=_NOTICE_BY_KIND[kind].format(label) + told))
        self.context.log.info("override.found", issue=str(ref), kind=kind, label=today)
        self._pending_writes.append(
            lambda: store.add_override(ref, kind, today, since=since, run_id=self.context.run_id, note=note)
        )
        if kind == "veto":
            self.forget_labels(ref, frozenset({label}))

    def drop_override(self, ref: IssueRef, kind: OverrideKind, label: str) -> None:
        """A decision that the person took back."""
        today = self._current_name(label)
        if today not in getattr(self.recorded.overrides, _FIELD_BY_KIND[kind]).get(ref, frozenset()):
            return
        self._change_override(kind, ref, drop=today)
        self.notices.append(Notice(ref=ref, text=f"the {kind} of {label} was taken back"))
        self._pending_writes.append(lambda: self.context.store.remove_override(ref, kind, today))

    def mark_recovered(self, ref: IssueRef) -> None:
        """What people took off this issue before this store was there is known now."""
        key = f"{RECOVERED_KEY}{ref.tracker}:{ref.id}"
        self._pending_writes.append(lambda: self.context.store.cache.put(key, True, days=3650))

    def adopt_label(self, ref: IssueRef, label: str) -> None:
        """The issue's history says that our account put this label: it is pushed state again."""
        self._set_pushed(ref, self._pushed(ref) | {label})
        self._pending_writes.append(lambda: self._record_labels(ref, added=[label], removed=[]))

    def adopt_comment(self, row: PushedCommentRecord, then: Callable[[], None]) -> None:
        """A comment that proved to be ours, although the store did not know it."""
        written = {**self.recorded.status_comments, row.subject: _pushed_status_comment(row)}
        bodies = {**self.recorded.comment_bodies, row.subject: row.body}
        self.recorded = replace(self.recorded, status_comments=written, comment_bodies=bodies)
        self._pending_writes += [lambda: self.context.store.record_pushed_comment(row), then]

    def forget_labels(self, ref: IssueRef, labels: frozenset[str], *, permanently: bool = True) -> None:
        """Labels that are on the tracker no more. Not ``permanently``: only until this run is over."""
        gone = labels & self._pushed(ref)
        self._set_pushed(ref, self._pushed(ref) - labels)
        if permanently and gone:
            self._pending_writes.append(lambda: self._record_labels(ref, added=[], removed=sorted(gone)))

    def equivalent_labels(self, ref: IssueRef, label: str) -> frozenset[str]:
        """The pushed labels that say the same as one, with whatever prefix."""
        today = self._current_name(label)
        return frozenset(each for each in self._pushed(ref) if self._current_name(each) == today)

    def _pushed(self, ref: IssueRef) -> frozenset[str]:
        return self.recorded.pushed_labels.get(ref, frozenset())

    def _set_pushed(self, ref: IssueRef, labels: frozenset[str]) -> None:
        self.recorded = replace(self.recorded, pushed_labels={**self.recorded.pushed_labels, ref: labels})

    def _record_labels(self, ref: IssueRef, *, added: list[str], removed: list[str]) -> None:
        self.context.store.record_pushed_labels(
            ref, added=added, removed=removed, run_id=self.context.run_id, at=self.context.now()
        )

    def _change_override(
        self, kind: str, ref: IssueRef, *, add: str | None = None, drop: str | None = None
    ) -> None:
        field = _FIELD_BY_KIND[kind]
        by: dict[IssueRef, frozenset[str]] = dict(getattr(self.recorded.overrides, field))
        by[ref] = (by.get(ref, frozenset()) | ({add} if add else set())) - ({drop} if drop else set())
        decisions = replace(self.recorded.overrides, **{field: by})
        self.recorded = replace(self.recorded, overrides=decisions)


def label_renamer(context: RunContext) -> Callable[[str], str]:
    """Label -> the organisation's name for it, by every ``previously`` in plans and of prefixes."""
    scheme = context.workspace.labels
    renamed = renamed_labels(context.workspace)
    return lambda label: current_label_name(label, scheme, renamed)


def save_renames(context: RunContext) -> None:
    """Keep in the store what ``load_recorded_state`` makes of ``previously``: for good, since an id that was carried over
    is not known under its old name any more. Labels follow when they are written."""
    comments, baselines = context.store.pushed_comments(), context.store.baselines()
    subjects = current_names(context.workspace)
    for old, new in subjects.items():
        if old in comments and new not in comments:
            context.store.rename_subject(old, new)
            save_comment_owner(context.store, new, comment_owners(context.workspace)[new])
        kind, _, old_id = old.partition(":")
        new_id = new.partition(":")[2]
        if kind == "capability" and old_id in baselines and new_id not in baselines:
            context.store.rename_baseline(old_id, new_id)
    today_of = label_renamer(context)
    for row in context.store.overrides():
        today = subjects.get(row.label, row.label) if row.kind == "comment" else today_of(row.label)
        if today != row.label:
            store = context.store
            store.add_override(row.ref, row.kind, today, since=row.since, run_id=row.run_id, note=row.note)
            store.remove_override(row.ref, row.kind, row.label)


def _apply_renames(recorded: RecordedState, context: RunContext) -> RecordedState:
    """``previously``: comments, baselines and decisions follow a capability or goal to its new id, and decisions
    follow labels to their new prefix."""
    subjects, today = current_names(context.workspace), label_renamer(context)
    kind = "capability:"
    ids = {
        old.removeprefix(kind): new.removeprefix(kind)
        for old, new in subjects.items()
        if old.startswith(kind)
    }
    return replace(
        recorded,
        status_comments=_rename_keys(recorded.status_comments, subjects),
        comment_bodies=_rename_keys(recorded.comment_bodies, subjects),
        baselines=_rename_keys(recorded.baselines, ids),
        overrides=RecordedOverrides(
            reverted_comments=_rename_by_issue(
                recorded.overrides.reverted_comments, lambda subject: subjects.get(subject, subject)
            ),
            **{
                field: _rename_by_issue(getattr(recorded.overrides, field), today)
                for field in ("pins", "vetoes", "reverted", "ignored")
            },
        ),
    )


def _rename_by_issue(
    names_by_issue: Mapping[IssueRef, frozenset[str]], rename: Callable[[str], str]
) -> dict[IssueRef, frozenset[str]]:
    return {ref: frozenset(map(rename, names)) for ref, names in names_by_issue.items()}


def _rename_keys(values: Mapping[str, _Value], renames: Mapping[str, str]) -> dict[str, _Value]:
    """What the new name has already stays, and then the old one keeps its own."""
    return {
        renames[name] if name in renames and renames[name] not in values else name: value
        for name, value in values.items()
    }


def former_subjects(workspace: Workspace) -> Mapping[str, tuple[str, ...]]:
    """Subject -> the names that its comment may still carry in its marker."""
    old_names: dict[str, tuple[str, ...]] = {}
    for old, new in current_names(workspace).items():
        old_names[new] = (*old_names.get(new, ()), old)
    return old_names
