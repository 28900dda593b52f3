"""Recorded state: what earlier runs pushed, found and decided, loaded from the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from connectors.model import IssueRef
from mappings.model import Workspace
from sync.model.anchors import CommentOwner, comment_owners
from sync.model.labels import RecordedOverrides
from sync.model.planning import RecordedState
from sync.model.records import OverrideRecord
from sync.model.renames import current_label_name, current_names, renamed_capabilities, renamed_labels
from sync.pull.current_sources import source_coverage
from sync.pull.recorded_health import load_expectations
from sync.runtime.context import RunContext
from sync.store import Store

FINISHED_KEY = "finished-increment:"
OWNER_KEY = "home:"
RECOVERED_KEY = "looked-back:"
FROM_HISTORY = "from the tracker's history: "
"""Beginning of the note of an override for which the tracker's history is evidence."""
_Value = TypeVar("_Value")
FIELD_BY_KIND = {
    "pin": "pins",
    "veto": "vetoes",
    "held": "reverted",
    "left": "ignored",
    "comment": "reverted_comments",
}
"""Kind of override -> field of ``RecordedOverrides``."""


def load_recorded_state(
    context: RunContext, pushed: Mapping[IssueRef, frozenset[str]] | None = None
) -> RecordedState:
    """Load everything that planning needs of earlier runs, under current names.

    ``pushed`` spares loading the pushed labels again.
    """
    store = context.store
    comments = store.pushed_comments()
    renames, current_name = renamed_capabilities(context.workspace), _override_renamer(context)
    pushed = store.pushed_label_names() if pushed is None else pushed
    return RecordedState(
        pushed_labels=pushed,
        status_comments=_rename_keys(comments, current_names(context.workspace)),
        overrides=group_overrides([replace(row, label=current_name(row)) for row in store.overrides()]),
        baselines=_rename_keys(store.baselines(), renames),
        finished_increments=_finished_increments(context, pushed),
        comment_owners=_load_comment_owners(context, comments),
        source_coverage=source_coverage(context, renames),
        store_created_at=store.created_at,
        expectations=load_expectations(context),
    )


def _finished_increments(context: RunContext, pushed: Mapping[IssueRef, frozenset[str]]) -> frozenset[str]:
    """Return the increments that had their last write, including those without a plan."""
    value_of = context.workspace.labels.value_of
    named = {value_of("increment", label) for labels in pushed.values() for label in labels}
    ids = {each for each in named if each} | {each.id for each in context.workspace.increments}
    saved = context.store.cache.get_many(FINISHED_KEY + each for each in ids)
    return frozenset(each for each in ids if _is_finished(context, each, saved.get(FINISHED_KEY + each)))


def _is_finished(context: RunContext, increment: str, saved: Any) -> bool:
    """Return True if the last write was made for every team that may be written for now.

    A team that is switched on later gets its last write as well.
    """
    if isinstance(saved, list):
        writable = filter(context.settings.may_push, increment_teams(context.workspace, increment))
        return set(writable).issubset(saved)
    return bool(saved)


def save_finished_increment(context: RunContext, increment: str) -> list[str]:
    """Record the last write of an increment for its writable teams, and return its other teams.

    Records nothing if no team is writable.
    """
    teams = increment_teams(context.workspace, increment)
    written = sorted(filter(context.settings.may_push, teams))
    if written:
        context.store.cache.put(FINISHED_KEY + increment, written, days=3650)
    return sorted(teams.difference(written)) if written else []


def increment_teams(workspace: Workspace, increment: str) -> frozenset[str]:
    """Return the teams that own a capability of an increment or assign to one."""
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
    """Save the owner of a status comment. Writes only if it changed."""
    store.cache.put_if_changed(OWNER_KEY + subject, [owner.increment, list(owner.teams)], days=3650)


def _load_comment_owners(context: RunContext, subjects: Iterable[str]) -> dict[str, CommentOwner]:
    """Return the owners by the plans, and the saved owners of other subjects."""
    saved = context.store.cache.get_many(OWNER_KEY + subject for subject in subjects)
    owners = {
        key.removeprefix(OWNER_KEY): CommentOwner(increment=increment, teams=tuple(teams))
        for key, (increment, teams) in saved.items()
    }
    return {**owners, **comment_owners(context.workspace)}


def group_overrides(rows: list[OverrideRecord]) -> RecordedOverrides:
    """Group overrides by kind and issue."""
    fields: dict[str, dict[IssueRef, frozenset[str]]] = {field: {} for field in FIELD_BY_KIND.values()}
    for row in rows:
        by_issue = fields[FIELD_BY_KIND[row.kind]]
        by_issue[row.ref] = by_issue.get(row.ref, frozenset()) | {row.label}
    proven = [row for row in rows if row.kind == "left" and row.note.startswith(FROM_HISTORY)]
    people = {row.ref: frozenset(each.label for each in proven if each.ref == row.ref) for row in proven}
    return RecordedOverrides(**fields, put_by_people=people)


def label_renamer(context: RunContext) -> Callable[[str], str]:
    """Return a function from a label to its current name, by ``previously`` in plans and prefixes."""
    scheme = context.workspace.labels
    renamed = renamed_labels(context.workspace)
    return lambda label: current_label_name(label, scheme, renamed)


def _override_renamer(context: RunContext) -> Callable[[OverrideRecord], str]:
    """Return a function from an override to the current name of its label or, for a comment, of its subject."""
    subjects, rename_label = current_names(context.workspace), label_renamer(context)

    def current_name(row: OverrideRecord) -> str:
        return subjects.get(row.label, row.label) if row.kind == "comment" else rename_label(row.label)

    return current_name


def save_renames(context: RunContext) -> None:
    """Apply ``previously`` to the stored comments, baselines and overrides.

    Labels follow when they are written.
    """
    store = context.store
    comments, baselines = store.pushed_comments(), store.baselines()
    subjects = current_names(context.workspace)
    for old, new in subjects.items():
        if old in comments and new not in comments:
            store.rename_subject(old, new)
            save_comment_owner(store, new, comment_owners(context.workspace)[new])
        kind, _, old_id = old.partition(":")
        new_id = new.partition(":")[2]
        if kind == "capability" and old_id in baselines and new_id not in baselines:
            store.rename_baseline(old_id, new_id)
    current_name = _override_renamer(context)
    for row in store.overrides():
        name = current_name(row)
        if name != row.label:
            store.add_override(row.ref, row.kind, name, since=row.since, run_id=row.run_id, note=row.note)
            store.remove_override(row.ref, row.kind, row.label)


def _rename_keys(values: Mapping[str, _Value], renames: Mapping[str, str]) -> dict[str, _Value]:
    """Rename keys. A new name that exists keeps its value, and the old name stays as well."""
    return {
        renames[name] if name in renames and renames[name] not in values else name: value
        for name, value in values.items()
    }


def former_subjects(workspace: Workspace) -> Mapping[str, tuple[str, ...]]:
    """Return subject -> former names that the marker of its comment may still carry."""
    former: dict[str, tuple[str, ...]] = {}
    for old, new in current_names(workspace).items():
        former[new] = (*former.get(new, ()), old)
    return former
