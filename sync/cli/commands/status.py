"""``status``: the roll-up of what the store holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from connectors.escape import escape_sentence
from connectors.model import UnreadableIssue
from mappings.model import Anchor
from sync.cli.output import Output, as_object, pick, pluralize, table, utc
from sync.cli.store_view import OPEN_PHASES, StoreView, select_rollups
from sync.diff.comment_forecast import describe_interval
from sync.model.planning import PlanningResult
from sync.model.records import SourceState
from sync.model.rollup import CapabilityRollup, GoalRollup, IncrementRollup, Rollup
from sync.pipeline.offline import last_full_sync, stale_since
from sync.pull.current_sources import current_source_states, workspace_sources
from sync.pull.unreadable import name_some, never_read_sentences, unreadable_by_source
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation
from sync.runtime.session import pulled_context

_HEADER: Final = (
    "goal / capability",
    "state",
    "health",
    "probability",
    "done",
    "in progress",
    "to do",
    "scope",
    "85% interval",
    "notes",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Status:
    planning: PlanningResult
    increments: list[IncrementRollup]
    read_at: datetime | None
    stale_since: datetime | None
    sources: list[SourceState]
    left_out: Mapping[str, tuple[UnreadableIssue, ...]]
    """Source -> issues of it that the tracker does not send correctly."""
    never_read: tuple[str, ...]
    """Sentences about those of them that no run ever read."""
    reverted: int
    """Overrides that ``undo`` made."""

    @property
    def failing(self) -> Mapping[str, datetime]:
        """Source -> since when it cannot be read."""
        return {each.name: each.failing_since for each in self.sources if each.failing_since}


def status(invocation: Invocation, increment: str | None) -> int:
    """Show the roll-up of an increment, by default of those that are not closed."""
    output = Output(invocation)
    with pulled_context(invocation, require_all_files=False) as context:
        loaded = _load(context, increment)
        output.show(lambda: _document(loaded), lambda: _lines(loaded))
        if not output.as_json:
            output.notes(_notes(loaded))
        return 0


def _load(context: RunContext, increment: str | None) -> _Status:
    view = StoreView(context)
    planning = view.planning
    left_out = unreadable_by_source(context, workspace_sources(context.workspace))
    return _Status(
        planning=planning,
        increments=_selected_increments(planning.rollup, increment),
        read_at=last_full_sync(context),
        stale_since=stale_since(context),
        sources=list(current_source_states(context.store, context.workspace)),
        left_out=left_out,
        never_read=tuple(never_read_sentences(left_out, view.known)),
        reverted=sum(row.kind in ("held", "comment") for row in context.store.overrides()),
    )


def _selected_increments(rollup: Rollup, increment: str | None) -> list[IncrementRollup]:
    """Return the requested increment; otherwise those that are not closed, or the last one. Raises LookupError."""
    return select_rollups(rollup, increment, *OPEN_PHASES) or list(rollup.increments[-1:])


def _document(loaded: _Status) -> dict[str, Any]:
    return {
        "read_at": loaded.read_at,
        "silent_since": loaded.stale_since,
        "unreadable": loaded.failing,
        "left_out": [
            {"source": name, **pick(each, "id", "key", "reason")}
            for name, issues in loaded.left_out.items()
            for each in issues
        ],
        "sources": [
            pick(each, "last_whole", "last_census", "failing_since", source="name", failing_because="error")
            for each in loaded.sources
        ],
        "increments": [_increment_document(each) for each in loaded.increments],
        "unplanned": len(loaded.planning.rollup.unplanned),
        "conflicts": [conflict.ref for conflict in loaded.planning.matched.conflicts],
        "held": loaded.reverted,
    }


def _increment_document(increment: IncrementRollup) -> dict[str, Any]:
    return as_object(increment, goals=[_goal_document(goal) for goal in increment.goals])


def _goal_document(goal: GoalRollup) -> dict[str, Any]:
    capabilities = [_capability_document(each) for each in goal.capabilities]
    return as_object(goal, anchor=_anchor_document(goal.anchor), capabilities=capabilities)


def _capability_document(capability: CapabilityRollup) -> dict[str, Any]:
    return as_object(
        capability,
        "not_proven",
        anchor=_anchor_document(capability.anchor),
        progress=capability.counts.progress,
        issues=[
            pick(each, "rule", "iteration", issue="ref") | pick(each.state, "state", "blocked", "blockers")
            for each in capability.issues
        ],
    )


def _anchor_document(anchor: Anchor | None) -> dict[str, Any] | None:
    return as_object(anchor) if anchor else None


def _lines(loaded: _Status) -> Iterator[str]:
    for increment in loaded.increments:
        yield from _increment_lines(increment)
        yield ""
    unplanned = pluralize(len(loaded.planning.rollup.unplanned), "issue")
    yield f"Unplanned: {unplanned} (increment-sync unplanned)"
    if loaded.reverted:
        yield f"Reverted until cleared: {pluralize(loaded.reverted, 'override')} (increment-sync overrides)"
    when = utc(loaded.read_at) if loaded.read_at else "never all of them"
    yield f"Sources last read: {when}"


def _notes(loaded: _Status) -> Iterator[str]:
    for name, since in loaded.failing.items():
        yield f"unreadable since {utc(since)}: {name}; its numbers are from before"
    for name, issues in loaded.left_out.items():
        yield (
            f"left out: {pluralize(len(issues), 'issue')} of {name}, which the tracker does not send correctly: "
            f"{name_some(issues)}; `increment-sync run` says why"
        )
    yield from loaded.never_read
    if loaded.stale_since:
        yield (
            f"no source was synced since {utc(loaded.stale_since)}; all numbers are from then; check whether cron "
            "still starts `increment-sync run`, and what `increment-sync history` says"
        )


def _increment_lines(increment: IncrementRollup) -> Iterator[str]:
    yield (
        f"{increment.id}  {increment.start} to {increment.end}  {increment.phase}  "
        f"committed goals done: {increment.committed_done} of {increment.committed_total}, "
        f"stretch: {increment.stretch_done} of {increment.stretch_total}"
    )
    yield ""
    rows: list[tuple[object, ...]] = []
    for goal in increment.goals:
        rows.append(_goal_row(goal))
        rows += [_capability_row(capability) for capability in goal.capabilities]
    yield from table(_HEADER, rows, hide_empty_columns=True)
    for text in _forecast_remarks(increment):
        yield f"  {escape_sentence(text)}"
    for goal in increment.goals:
        for part in _goal_and_capabilities(goal):
            yield from (f"  ! {escape_sentence(warning)}" for warning in part.warnings)


def _goal_and_capabilities(goal: GoalRollup) -> tuple[GoalRollup | CapabilityRollup, ...]:
    return (goal, *goal.capabilities)


def _goal_row(goal: GoalRollup) -> tuple[str, ...]:
    notes = ["stretch"] * (goal.commitment == "stretch")
    notes.append(f"{goal.required_done}/{pluralize(goal.required_total, 'capability')}")
    notes += ["to be accepted"] * goal.acceptance_open
    return (
        goal.title,
        goal.state,
        *_health_cells(goal),
        f"{goal.counts.done}/{goal.counts.scope}" if goal.counts.scope else "-",
        *("",) * 4,
        ", ".join(notes),
    )


def _capability_row(capability: CapabilityRollup) -> tuple[object, ...]:
    counts, scope = capability.counts, capability.scope
    lost = len(scope.dropped) + len(scope.moved_out) + len(scope.vanished) + len(scope.split)
    changes = [f"+{len(scope.added)}"] * bool(scope.added) + [f"-{lost}"] * bool(lost)
    return (
        f"  {capability.title}",
        _state_text(capability),
        *_health_cells(capability),
        f"{counts.done}/{counts.scope}" if counts.scope else "-",
        counts.doing if counts.remaining else None,
        counts.todo + counts.unknown if counts.remaining else None,
        None if scope.baseline is None else " ".join([str(scope.baseline), *changes]),
        describe_interval(capability.expected) if capability.expected else None,
        ", ".join(_capability_notes(capability)),
    )


def _capability_notes(capability: CapabilityRollup) -> Iterator[str]:
    if capability.released:
        yield "released"
    if capability.blocked:
        yield "BLOCKED"
    elif capability.partly_blocked:
        yield "{} of {} blocked".format(*capability.partly_blocked)
    if capability.not_proven and capability.proof:
        yield capability.proof.why
    if capability.uncertain:
        yield f"not read: {', '.join(capability.uncertain)}"


def _state_text(capability: CapabilityRollup) -> str:
    """Describe the state; "not known" for an empty capability while a source that may hold its issues is unread."""
    if capability.uncertain and capability.state == "empty":
        return "not known"
    return "done, not proven" if capability.not_proven else capability.state


def _health_cells(rollup: CapabilityRollup | GoalRollup) -> tuple[str, str]:
    """Return health and probability as text."""
    expected = rollup.expected
    probability = expected.words if expected and expected.probability is not None else ""
    return (rollup.health or "").replace("-", " "), probability


def _forecast_remarks(increment: IncrementRollup) -> Iterator[str]:
    """Say why capabilities have no health, each reason once, and how often earlier forecasts were right."""
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    records: dict[str, None] = {}
    for goal in increment.goals:
        for part in _goal_and_capabilities(goal):
            if part.expected is None:
                continue
            if part.expected.track_record:
                records[part.expected.track_record] = None
            if isinstance(part, CapabilityRollup) and part.expected.why_no_health and not part.health:
                reasons[part.expected.why_no_health].append(part.id)
    for why, names in reasons.items():
        yield f"no health for {', '.join(names)}: {why}"
    yield from (f"track record: {record}" for record in records)
