"""Explanation of one issue: rules, roll-up, writes and history. Reads only this issue from the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from connectors.model import IssueRef, KnownIssue
from mappings.model import Assignment, Conflict, IssueState, Workspace
from mappings.problems import Origin
from mappings.rules.flow_state import state_of
from mappings.rules.matcher import Matcher
from mappings.rules.trace import Trace
from sync.forecast.closing_times import load_closing_times
from sync.model.anchors import anchors_by_subject, comment_owners, issues_by_place
from sync.model.health import Expectation
from sync.model.records import AssignmentRecord, OverrideRecord, PushedCommentRecord, PushedLabelRecord
from sync.pipeline.offline import plan_from_store
from sync.pipeline.planner import matching_overrides
from sync.pull.current_sources import workspace_sources
from sync.pull.recorded import group_overrides
from sync.pull.recorded_health import load_expectations
from sync.pull.rollup_snapshot import rollup_snapshot
from sync.pull.single_issue import LiveIssue, read_ancestors
from sync.pull.unreadable import unreadable_by_source
from sync.runtime.context import RunContext

_OF_ISSUES: Final[tuple[str, ...]] = ("increment", "capability")
_OF_ANCHORS: Final[tuple[str, ...]] = ("state", "health", "flag")

_MAX_COUNTED_NOW: Final = 5_000
"""Without a recorded roll-up, issues are counted on the spot up to this number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RollupSubject:
    """A capability or goal with its recorded roll-up."""

    subject: str
    """``capability:<id>`` or ``goal:<id>``."""
    numbers: Mapping[str, Any] | None
    """As ``rollup_snapshot()`` makes them; None when no run has counted it yet."""
    expected: Expectation | None = None
    """Forecast of the last run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PrefixOrigin:
    """Prefix of a label family, and the place in a file that sets it."""

    family: str
    prefix: str
    origin: Origin


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """Rules, state, roll-up, writes and history of one issue."""

    item: KnownIssue
    live: LiveIssue | None
    """The reading from the tracker; None for an issue from the store."""
    trace: Trace
    states: tuple[tuple[str, IssueState], ...]
    """(team, state that the status of the issue means)."""
    subjects: tuple[RollupSubject, ...]
    """Capabilities and goals that it counts towards, or is the anchor of."""
    iteration: str | None
    numbers_at: datetime | None
    """Time of the numbers: the last run, or now without one."""
    pushed: tuple[PushedLabelRecord, ...]
    comments: tuple[PushedCommentRecord, ...]
    overrides: tuple[OverrideRecord, ...]
    history: tuple[AssignmentRecord, ...]
    notes: tuple[str, ...]
    prefixes: tuple[PrefixOrigin, ...] = ()
    """Prefixes of its labels that are set in a file."""


def explain_stored(context: RunContext, item: KnownIssue) -> Explanation:
    """Explain an issue as the store knows it."""
    ancestors, _ = read_ancestors(context, item.issue)
    return _explain(context, item, ancestors, None)


def explain_live(context: RunContext, live: LiveIssue) -> Explanation:
    """Explain an issue as its tracker shows it; roll-up and writes come from the store."""
    return _explain(context, live.item, live.ancestors, live)


def _explain(
    context: RunContext, item: KnownIssue, ancestors: Iterable[KnownIssue], live: LiveIssue | None
) -> Explanation:
    ref, scheme, store = item.issue.ref, context.workspace.labels, context.store
    rows = store.overrides_on(ref)
    overrides, conflicting_pins = matching_overrides(group_overrides(rows), context.workspace)
    # Rules of teams without the issue's sources are not evaluated; leaving them out saves compiling them.
    teams = tuple(
        team for team in context.workspace.teams if any(each.name in item.sources for each in team.sources)
    )
    matcher = Matcher(
        replace(context.workspace, teams=teams),
        scheme,
        context.now(),
        _moved_anchors(context, item),
        load_closing_times(store, context.workspace, [item]),
    )
    trace = matcher.trace(item, overrides, [item, *ancestors])
    pushed = tuple(store.pushed_labels_on(ref))
    subjects, numbers_at = _rollup_subjects(context, item, trace)
    return Explanation(
        item=item,
        live=live,
        trace=trace,
        states=_states(context, trace, item),
        subjects=subjects,
        iteration=trace.outcome.iteration if isinstance(trace.outcome, Assignment) else None,
        numbers_at=numbers_at,
        pushed=pushed,
        comments=tuple(each for each in store.pushed_comments().values() if each.ref == ref),
        overrides=tuple(rows),
        history=tuple(store.assignment_history(ref)),
        prefixes=_prefixes(context.workspace, trace, subjects),
        notes=(
            *_left_out_notes(context, item),
            *(note.text for note in conflicting_pins),
            *(live.notes if live else ()),
            *(_label_notes(context, item, pushed, rows) if live else ()),
        ),
    )


def _left_out_notes(context: RunContext, item: KnownIssue) -> Iterator[str]:
    """Say that what is explained is older than the last answer of the tracker."""
    for issues in unreadable_by_source(context, workspace_sources(context.workspace)).values():
        for each in issues:
            if each.id == item.issue.ref.id:
                yield f"left out since it cannot be used; this is what was known before: {each.reason}"


def _prefixes(
    workspace: Workspace, trace: Trace, subjects: Iterable[RollupSubject]
) -> tuple[PrefixOrigin, ...]:
    """Return the prefixes of an issue's own labels, set by its team; for an anchor those of the owning team."""
    if isinstance(trace.outcome, Assignment):
        team, families = trace.outcome.team, _OF_ISSUES
    else:
        owners = [workspace.capability(each.subject.partition(":")[2]) for each in subjects]
        team, families = next((each[2].team for each in owners if each), ""), _OF_ANCHORS
    of_team = next((each.origins for each in workspace.teams if each.team == team), {})
    overridden = workspace.labels.teams.get(team)
    found = []
    for family in families:
        own = bool(overridden and family in overridden.prefixes)
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
    """Return the subjects with the numbers of the last run, so that every command shows the same ones.

    Before the first run the issues are counted on the spot, but only in a small store.
    """
    subjects = _subjects(context, item, trace)
    if not subjects:
        return (), None
    last = context.store.last_rollup()
    stored = sum(source.count or 0 for source in context.store.source_states())
    if last is None and stored <= _MAX_COUNTED_NOW:
        last = context.now(), rollup_snapshot(plan_from_store(context)[0].rollup)
    at, numbers = last or (context.now(), {})
    expected = load_expectations(context)
    return tuple(
        RollupSubject(subject=each, numbers=numbers.get(each), expected=expected.get(each))
        for each in subjects
    ), at


def _subjects(context: RunContext, item: KnownIssue, trace: Trace) -> list[str]:
    """Return the capabilities, then the goals, that an issue counts towards or is the anchor of."""
    match trace.outcome:
        case Assignment(capability=capability):
            claimed = {f"capability:{capability}"}
        case Conflict(claims=claims):
            claimed = {f"capability:{claim.capability}" for claim in claims}
        case _:
            claimed = set()
    anchors = anchors_by_subject(context.workspace).items()
    here = issues_by_place([item])
    anchored = {subject for subject, anchor in anchors if anchor.place in here}
    wanted = claimed | anchored | _commented_subjects(context, item)
    capabilities, goals = [], []
    for increment in context.workspace.increments:
        for goal in increment.goals:
            found = [each for part in goal.capabilities if (each := f"capability:{part.id}") in wanted]
            capabilities += found
            if found or f"goal:{goal.id}" in wanted:
                goals.append(f"goal:{goal.id}")
    return [*capabilities, *goals]


def _moved_anchors(context: RunContext, item: KnownIssue) -> frozenset[IssueRef]:
    """Return the issue if it carries the comment of a planned subject: anchors are never matched, even after a move."""
    planned = comment_owners(context.workspace).keys()
    return frozenset({item.issue.ref} if _commented_subjects(context, item) & planned else ())


def _commented_subjects(context: RunContext, item: KnownIssue) -> set[str]:
    """Return the subjects whose status comment it carries: after a move its key differs from the plan."""
    written = context.store.pushed_comments().items()
    return {subject for subject, row in written if row.ref == item.issue.ref}


def _label_notes(
    context: RunContext, item: KnownIssue, pushed: Iterable[PushedLabelRecord], rows: Iterable[OverrideRecord]
) -> list[str]:
    """Describe capability labels that differ from what we wrote, and that no run has recorded yet."""
    scheme = context.workspace.labels
    ours = {each.label.lower() for each in pushed if scheme.capability_of(each.label)}
    live = {label.lower() for label in item.issue.labels if scheme.capability_of(label)}
    settled = {row.label.lower() for row in rows}
    added = [
        f"{label} was added by hand; the next run takes it as a pin"
        for label in sorted(live - ours - settled)
    ]
    removed = [
        f"{label} was removed by hand; the next run takes it as a veto"
        for label in sorted(ours - live - settled)
    ]
    return [*added, *removed]
