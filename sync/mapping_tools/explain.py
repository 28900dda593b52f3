"""Everything that is known about one issue. Asks the store for this issue alone, however many it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from connectors.model import IssueRef, KnownIssue
from mappings.model import Assignment, Conflict, IssueState, Workspace
from mappings.problems import Origin
from mappings.rules.flow_state import state_of
from mappings.rules.matcher import Matcher
from mappings.rules.trace import Trace
from sync.model.anchors import comment_owners
from sync.model.health import Expectation
from sync.model.records import AssignmentRecord, OverrideRecord, PushedCommentRecord, PushedLabelRecord
from sync.model.renames import renamed_capabilities
from sync.pipeline.offline import plan_from_store
from sync.pipeline.planner import matching_overrides
from sync.pull.recorded import group_overrides
from sync.pull.recorded_health import load_expectations
from sync.pull.rollup_snapshot import rollup_snapshot
from sync.pull.single_issue import LiveIssue, read_ancestors
from sync.runtime.context import RunContext

_OF_ISSUES: Final[tuple[str, ...]] = ("increment", "capability")
_OF_ANCHORS: Final[tuple[str, ...]] = ("state", "health", "flag")

_MAX_COUNTED_NOW: Final = 5_000
"""So many issues at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RollupSubject:
    """A capability or goal with its figures."""

    subject: str
    """``capability:<id>`` or ``goal:<id>``."""
    numbers: Mapping[str, Any] | None
    """As ``rollup_snapshot`` makes them; None when no run has counted it yet."""
    expected: Expectation | None = None
    """What the last run expected of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PrefixOrigin:
    """The prefix of a family of labels, and where it was written."""

    family: str
    prefix: str
    origin: Origin


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    item: KnownIssue
    live: LiveIssue | None
    """Where ``item`` was read from, when that was the tracker."""
    trace: Trace
    states: tuple[tuple[str, IssueState], ...]
    """What its status means, by team."""
    subjects: tuple[RollupSubject, ...]
    """What it rolls up to, or stands for: capabilities, then goals."""
    iteration: str | None
    numbers_at: datetime | None
    """When the figures were counted: by the last run, or now when there was none."""
    pushed: tuple[PushedLabelRecord, ...]
    comments: tuple[PushedCommentRecord, ...]
    overrides: tuple[OverrideRecord, ...]
    history: tuple[AssignmentRecord, ...]
    notes: tuple[str, ...]
    prefixes: tuple[PrefixOrigin, ...] = ()
    """What the labels that it gets from us begin with, where somebody wrote that down."""


def explain_stored(context: RunContext, item: KnownIssue) -> Explanation:
    """An issue as the store knows it."""
    ancestors, _ = read_ancestors(context, item.issue)
    return _explain(context, item, ancestors, None)


def explain_live(context: RunContext, reading: LiveIssue) -> Explanation:
    """An issue as its tracker told it; what it rolls up to and what we did comes from the store."""
    return _explain(context, reading.item, reading.ancestors, reading)


def _explain(
    context: RunContext, item: KnownIssue, ancestors: Iterable[KnownIssue], live: LiveIssue | None
) -> Explanation:
    ref, scheme, store = item.issue.ref, context.workspace.labels, context.store
    rows = store.overrides_on(ref)
    renamed = renamed_capabilities(context.workspace)
    overrides, crowded = matching_overrides(group_overrides(rows), scheme, context.workspace, renamed)
    # The rules of teams that do not have the issue's sources are not asked, so they need not be compiled.
    asked = tuple(
        team for team in context.workspace.teams if any(each.name in item.sources for each in team.sources)
    )
    matcher = Matcher(
        replace(context.workspace, teams=asked), scheme, context.now(), _moved_anchors(context, item)
    )
    trace = matcher.trace(item, overrides, [item, *ancestors])
    pushed = tuple(store.pushed_labels_on(ref))
    standings, at = _rollup_subjects(context, item, trace)
    return Explanation(
        item=item,
        live=live,
        trace=trace,
        states=_states(context, trace, item),
        subjects=standings,
        iteration=trace.outcome.iteration if isinstance(trace.outcome, Assignment) else None,
        numbers_at=at,
        pushed=pushed,
        comments=tuple(each for each in store.pushed_comments().values() if each.ref == ref),
        overrides=tuple(rows),
        history=tuple(store.assignment_history(ref)),
        prefixes=_prefixes(context.workspace, trace, standings),
        notes=(
            *(note.text for note in crowded),
            *(live.notes if live else ()),
            *(_label_notes(context, item, pushed, rows) if live else ()),
        ),
    )


def _prefixes(
    workspace: Workspace, trace: Trace, standings: Iterable[RollupSubject]
) -> tuple[PrefixOrigin, ...]:
    """Of an issue the families that it gets from the team that has it; of an anchor those of its owner."""
    if isinstance(trace.outcome, Assignment):
        team, families = trace.outcome.team, _OF_ISSUES
    else:
        owners = [workspace.capability(each.subject.partition(":")[2]) for each in standings]
        team, families = next((each[2].team for each in owners if each), ""), _OF_ANCHORS
    of_team = next((each.origins for each in workspace.teams if each.team == team), {})
    said = workspace.labels.teams.get(team)
    found = []
    for family in families:
        own = bool(said and family in said.prefixes)
        origin = of_team[f"labels.{family}"] if own else workspace.labels.origins.get(family)
        if origin:
            prefix = workspace.labels.prefix(family, team)
            found.append(PrefixOrigin(family=family, prefix=prefix, origin=origin))
    return tuple(found)


def _states(context: RunContext, trace: Trace, item: KnownIssue) -> tuple[tuple[str, IssueState], ...]:
    if isinstance(trace.outcome, Assignment):
        return ((trace.outcome.team, trace.outcome.state),)
    named = {traced.team for traced in trace.teams}
    return tuple(
        (each.team, state_of(item.issue, each)) for each in context.workspace.teams if each.team in named
    )


def _rollup_subjects(
    context: RunContext, item: KnownIssue, trace: Trace
) -> tuple[tuple[RollupSubject, ...], datetime | None]:
    """The figures of the last run: everybody sees the same ones. Before the first run few issues are counted now,
    and many are not: an answer about one issue does not take as long as one about all."""
    subjects = _subjects(context, item, trace)
    if not subjects:
        return (), None
    last = context.store.last_rollup()
    if (
        last is None
        and sum(source.count or 0 for source in context.store.source_states()) <= _MAX_COUNTED_NOW
    ):
        last = context.now(), rollup_snapshot(plan_from_store(context)[0].rollup)
    at, figures = last or (context.now(), {})
    expected = load_expectations(context)
    return tuple(
        RollupSubject(subject=each, numbers=figures.get(each), expected=expected.get(each))
        for each in subjects
    ), at


def _subjects(context: RunContext, item: KnownIssue, trace: Trace) -> list[str]:
    outcome = trace.outcome
    claimed: set[str] = set()
    if isinstance(outcome, Assignment):
        claimed = {outcome.capability}
    elif isinstance(outcome, Conflict):
        claimed = {claim.capability for claim in outcome.claims}
    place, stands_for = (item.issue.ref.tracker, item.issue.ref.key.casefold()), _stands_for(context, item)
    capabilities, goals = [], []
    for increment in context.workspace.increments:
        for goal in increment.goals:
            mine = [
                each.id
                for each in goal.capabilities
                if each.id in claimed
                or f"capability:{each.id}" in stands_for
                or (each.anchor and (each.anchor.tracker, each.anchor.key.casefold()) == place)
            ]
            capabilities += [f"capability:{name}" for name in mine]
            is_anchor = f"goal:{goal.id}" in stands_for
            if (
                mine
                or is_anchor
                or (goal.anchor and (goal.anchor.tracker, goal.anchor.key.casefold()) == place)
            ):
                goals.append(f"goal:{goal.id}")
    return [*capabilities, *goals]


def _moved_anchors(context: RunContext, item: KnownIssue) -> frozenset[IssueRef]:
    """The issue itself when it is an anchor whatever its key: anchors are never matched."""
    planned = comment_owners(context.workspace).keys()
    return frozenset({item.issue.ref} if _stands_for(context, item) & planned else ())


def _stands_for(context: RunContext, item: KnownIssue) -> set[str]:
    """Subjects whose comment it carries: an anchor that moved has another key than the plan says."""
    written = context.store.pushed_comments().items()
    return {subject for subject, row in written if row.ref == item.issue.ref}


def _label_notes(
    context: RunContext, item: KnownIssue, pushed: Iterable[PushedLabelRecord], rows: Iterable[OverrideRecord]
) -> list[str]:
    """Labels on the tracker that differ from what we wrote, and that no run has looked at yet."""
    scheme = context.workspace.labels
    ours = {each.label.lower() for each in pushed if scheme.capability_of(each.label)}
    live = {label.lower() for label in item.issue.labels if scheme.capability_of(label)}
    settled = {row.label.lower() for row in rows}
    put = [
        f"{label} was put by hand; the next run takes it as a pin" for label in sorted(live - ours - settled)
    ]
    taken = [
        f"{label} was taken off by hand; the next run takes it as a veto"
        for label in sorted(ours - live - settled)
    ]
    return [*put, *taken]
