"""Everything that is known about one issue. Asks the store for this issue alone, however many it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from connectors.model import IssueRef, KnownIssue
from mappings.model import Assignment, Conflict, IssueState, Origin, Workspace
from mappings.rules.flow_state import state_of
from mappings.rules.matcher import Matcher
from mappings.rules.trace import Trace
from sync.model.anchors import homes_of
from sync.model.health import Expected
from sync.model.records import AssignmentRow, OverrideRow, PushedComment, PushedLabel
from sync.model.renames import renamed_capabilities
from sync.pipeline.offline import outlook
from sync.pipeline.planner import overrides_for_matching
from sync.pull.recorded import decisions_of
from sync.pull.recorded_health import expected_last
from sync.pull.rollup_snapshot import figures_of
from sync.pull.single_issue import LiveReading, ancestors_of
from sync.runtime.context import Job

_OF_ISSUES: Final[tuple[str, ...]] = ("increment", "capability")
_OF_ANCHORS: Final[tuple[str, ...]] = ("state", "health", "flag")

_COUNTED_NOW: Final = 5_000
"""So many issues at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A capability or goal with its figures."""

    subject: str
    """``capability:<id>`` or ``goal:<id>``."""
    figures: Mapping[str, Any] | None
    """As ``figures_of`` makes them; None when no run has counted it yet."""
    expected: Expected | None = None
    """What the last run expected of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PrefixSaid:
    """The prefix of a family of labels, and where it was written."""

    family: str
    prefix: str
    origin: Origin


@dataclass(frozen=True, kw_only=True, slots=True)
class Explained:
    item: KnownIssue
    live: LiveReading | None
    """Where ``item`` was read from, when that was the tracker."""
    trace: Trace
    states: tuple[tuple[str, IssueState], ...]
    """What its status means, by team."""
    standings: tuple[Standing, ...]
    """What it rolls up to, or stands for: capabilities, then goals."""
    iteration: str | None
    figures_at: datetime | None
    """When the figures were counted: by the last run, or now when there was none."""
    pushed: tuple[PushedLabel, ...]
    comments: tuple[PushedComment, ...]
    overrides: tuple[OverrideRow, ...]
    history: tuple[AssignmentRow, ...]
    notes: tuple[str, ...]
    prefixes: tuple[PrefixSaid, ...] = ()
    """What the labels that it gets from us begin with, where somebody wrote that down."""


def explain_stored(job: Job, item: KnownIssue) -> Explained:
    """An issue as the store knows it."""
    ancestors, _ = ancestors_of(job, item.issue)
    return _explain(job, item, ancestors, None)


def explain_live(job: Job, reading: LiveReading) -> Explained:
    """An issue as its tracker told it; what it rolls up to and what we did comes from the store."""
    return _explain(job, reading.item, reading.ancestors, reading)


def _explain(
    job: Job, item: KnownIssue, ancestors: Iterable[KnownIssue], live: LiveReading | None
) -> Explained:
    ref, scheme, store = item.issue.ref, job.workspace.labels, job.store
    rows = store.overrides_on(ref)
    renamed = renamed_capabilities(job.workspace)
    overrides, crowded = overrides_for_matching(decisions_of(rows), scheme, job.workspace, renamed)
    # The rules of teams that do not have the issue's sources are not asked, so they need not be compiled.
    asked = tuple(
        team for team in job.workspace.teams if any(each.name in item.sources for each in team.sources)
    )
    matcher = Matcher(replace(job.workspace, teams=asked), scheme, job.now(), _moved_anchors(job, item))
    trace = matcher.trace(item, overrides, [item, *ancestors])
    pushed = tuple(store.pushed_on(ref))
    standings, at = _standings(job, item, trace)
    return Explained(
        item=item,
        live=live,
        trace=trace,
        states=_states(job, trace, item),
        standings=standings,
        iteration=trace.outcome.iteration if isinstance(trace.outcome, Assignment) else None,
        figures_at=at,
        pushed=pushed,
        comments=tuple(each for each in store.pushed_comments().values() if each.ref == ref),
        overrides=tuple(rows),
        history=tuple(store.assignment_history(ref)),
        prefixes=_prefixes(job.workspace, trace, standings),
        notes=(
            *(note.text for note in crowded),
            *(live.notes if live else ()),
            *(_label_notes(job, item, pushed, rows) if live else ()),
        ),
    )


def _prefixes(workspace: Workspace, trace: Trace, standings: Iterable[Standing]) -> tuple[PrefixSaid, ...]:
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
            found.append(PrefixSaid(family=family, prefix=prefix, origin=origin))
    return tuple(found)


def _states(job: Job, trace: Trace, item: KnownIssue) -> tuple[tuple[str, IssueState], ...]:
    if isinstance(trace.outcome, Assignment):
        return ((trace.outcome.team, trace.outcome.state),)
    named = {traced.team for traced in trace.teams}
    return tuple(
        (each.team, state_of(item.issue, each)) for each in job.workspace.teams if each.team in named
    )


def _standings(job: Job, item: KnownIssue, trace: Trace) -> tuple[tuple[Standing, ...], datetime | None]:
    """The figures of the last run: everybody sees the same ones. Before the first run few issues are counted now,
    and many are not: an answer about one issue does not take as long as one about all."""
    subjects = _subjects(job, item, trace)
    if not subjects:
        return (), None
    last = job.store.last_rollup()
    if last is None and sum(source.count or 0 for source in job.store.sources()) <= _COUNTED_NOW:
        last = job.now(), figures_of(outlook(job)[0].rollup)
    at, figures = last or (job.now(), {})
    expected = expected_last(job)
    return tuple(
        Standing(subject=each, figures=figures.get(each), expected=expected.get(each)) for each in subjects
    ), at


def _subjects(job: Job, item: KnownIssue, trace: Trace) -> list[str]:
    outcome = trace.outcome
    claimed: set[str] = set()
    if isinstance(outcome, Assignment):
        claimed = {outcome.capability}
    elif isinstance(outcome, Conflict):
        claimed = {claim.capability for claim in outcome.claims}
    place, stands_for = (item.issue.ref.tracker, item.issue.ref.key.casefold()), _stands_for(job, item)
    capabilities, goals = [], []
    for increment in job.workspace.increments:
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


def _moved_anchors(job: Job, item: KnownIssue) -> frozenset[IssueRef]:
    """The issue itself when it is an anchor whatever its key: anchors are never matched."""
    planned = homes_of(job.workspace).keys()
    return frozenset({item.issue.ref} if _stands_for(job, item) & planned else ())


def _stands_for(job: Job, item: KnownIssue) -> set[str]:
    """Subjects whose comment it carries: an anchor that moved has another key than the plan says."""
    written = job.store.pushed_comments().items()
    return {subject for subject, row in written if row.ref == item.issue.ref}


def _label_notes(
    job: Job, item: KnownIssue, pushed: Iterable[PushedLabel], rows: Iterable[OverrideRow]
) -> list[str]:
    """Labels on the tracker that differ from what we wrote, and that no run has looked at yet."""
    scheme = job.workspace.labels
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
