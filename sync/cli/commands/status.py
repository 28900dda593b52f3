"""``status``: what is known, from the store alone."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sync.cli.render import sparse_table
from sync.config.escape import escape_terminal
from sync.diff.comment_forecast import describe_interval
from sync.model.records import SourceState
from sync.model.rollup import CapabilityRollup, GoalRollup, IncrementRollup, Rollup
from sync.pipeline.offline import last_full_sync, plan_from_store, stale_since
from sync.pull.current_sources import current_source_states
from sync.runtime.invocation import Invocation, pluralize, print_error, print_json, print_line
from sync.runtime.session import pulled_context


def status(invocation: Invocation, increment: str | None) -> int:
    """The roll-up of the last snapshot."""
    with pulled_context(invocation, require_all_files=False) as job:
        thought, _ = plan_from_store(job)
        chosen = _chosen(thought.rollup, increment)
        read_at = last_full_sync(job)
        sources, silent = current_source_states(job.store, job.workspace), stale_since(job)
        held = [row for row in job.store.overrides() if row.kind in ("held", "comment")]
        failing = {s.name: s.failing_since for s in sources if s.failing_since}
        if invocation.as_json:
            print_json(
                {
                    "version": 1,
                    "read_at": read_at,
                    "silent_since": silent,
                    "unreadable": failing,
                    "sources": [_source_json(each) for each in sources],
                    "increments": [_increment_json(each) for each in chosen],
                    "unplanned": len(thought.rollup.unplanned),
                    "conflicts": [str(conflict.ref) for conflict in thought.matched.conflicts],
                    "held": len(held),
                }
            )
            return 0
        for each in chosen:
            _say_increment(each)
        print_line(
            f"Unplanned: {pluralize(len(thought.rollup.unplanned), 'issue')} (increment-sync unplanned)"
        )
        if held:
            print_line(
                f"Held back until cleared: {pluralize(len(held), 'override')} (increment-sync overrides)"
            )
        when = f"{read_at:%Y-%m-%d %H:%M} UTC" if read_at else "never as a whole"
        print_line(f"Sources last read: {when}")
        for name, since in failing.items():
            print_error(f"unreadable since {since:%Y-%m-%d %H:%M} UTC: {name}; its figures are from before")
        if silent:
            print_error(
                f"nothing was read since {silent:%Y-%m-%d %H:%M} UTC: all of this is old; see whether cron still "
                "starts `increment-sync run`, and what `increment-sync history` says"
            )
        return 0


def _source_json(state: SourceState) -> dict[str, Any]:
    return {
        "source": state.name,
        "last_whole": state.last_whole,
        "last_census": state.last_census,
        "failing_since": state.failing_since,
        "failing_because": state.error,
    }


def _chosen(rollup: Rollup, increment: str | None) -> list[IncrementRollup]:
    """The one that was asked for; otherwise those that are not closed, or the last one."""
    if increment is not None:
        found = [each for each in rollup.increments if each.id == increment]
        if not found:
            known = ", ".join(each.id for each in rollup.increments) or "none"
            raise LookupError(f"there is no increment {increment!r}; the plans have {known}")
        return found
    return [each for each in rollup.increments if each.phase != "closed"] or list(rollup.increments[-1:])


def _increment_json(increment: IncrementRollup) -> dict[str, Any]:
    document = asdict(increment)
    for goal, goal_json in zip(increment.goals, document["goals"], strict=True):
        for capability, capability_json in zip(goal.capabilities, goal_json["capabilities"], strict=True):
            if capability.expected:
                capability_json["expected"]["ageing"] = [str(ref) for ref in capability.expected.ageing]
            capability_json["progress"] = capability.counts.progress
            capability_json["not_proven"] = capability.not_proven
            capability_json["issues"] = [
                {
                    "issue": str(issue.ref),
                    "state": issue.state.state,
                    "blocked": issue.state.blocked,
                    "rule": issue.rule,
                    "iteration": issue.iteration,
                }
                for issue in capability.issues
            ]
            for part in ("added", "dropped", "moved_out", "vanished", "split", "delivered", "reopened"):
                capability_json["scope"][part] = [str(ref) for ref in getattr(capability.scope, part)]
    return document


def _say_increment(increment: IncrementRollup) -> None:
    print_line(
        f"{increment.id}  {increment.start} to {increment.end}  {increment.phase}  "
        f"committed goals done: {increment.committed_done} of {increment.committed_total}, "
        f"stretch: {increment.stretch_done} of {increment.stretch_total}"
    )
    print_line()
    rows = []
    for goal in increment.goals:
        rows.append(_goal_row(goal))
        rows += [_capability_row(capability) for capability in goal.capabilities]
    header = (
        "goal / capability",
        "state",
        "health",
        "chance",
        "done",
        "doing",
        "to do",
        "scope",
        "likely",
        "notes",
    )
    for line in sparse_table(header, rows):
        print_line(line)
    for text in _why_no_health(increment):
        print_line(f"  {escape_terminal(text)}")
    for warning in (w for goal in increment.goals for w in _warnings(goal)):
        print_line(f"  ! {escape_terminal(warning)}")
    print_line()


def _goal_row(goal: GoalRollup) -> tuple[str, ...]:
    notes = [
        *(["stretch"] if goal.commitment == "stretch" else []),
        f"{goal.required_done}/{goal.required_total} capabilities",
        *(["to be accepted"] if goal.acceptance_open else []),
    ]
    return (
        goal.title,
        goal.state,
        *_outlook_cells(goal),
        f"{goal.counts.done}/{goal.counts.scope}" if goal.counts.scope else "-",
        *("",) * 4,
        ", ".join(notes),
    )


def _state_words(capability: CapabilityRollup) -> str:
    """Of one without issues nothing is said while something was not read that may hold them."""
    if capability.uncertain and capability.state == "empty":
        return "not known"
    return "done, not proven" if capability.not_proven else capability.state


def _capability_row(capability: CapabilityRollup) -> tuple[str, ...]:
    counts, scope = capability.counts, capability.scope
    notes = []
    if capability.released:
        notes.append("released")
    if capability.blocked:
        notes.append("BLOCKED")
    elif capability.partly_blocked:
        notes.append("{} of {} blocked".format(*capability.partly_blocked))
    if capability.not_proven and capability.proof:
        notes.append(capability.proof.why)
    if capability.uncertain:
        notes.append(f"not read: {', '.join(capability.uncertain)}")
    lost = len(scope.dropped) + len(scope.moved_out) + len(scope.vanished) + len(scope.split)
    changes = [f"+{len(scope.added)}"] * bool(scope.added) + [f"-{lost}"] * bool(lost)
    return (
        f"  {capability.title}",
        _state_words(capability),
        *_outlook_cells(capability),
        f"{counts.done}/{counts.scope}" if counts.scope else "-",
        str(counts.doing) if counts.remaining else "",
        str(counts.todo + counts.unknown) if counts.remaining else "",
        "" if scope.baseline is None else " ".join([str(scope.baseline), *changes]),
        describe_interval(capability.expected) if capability.expected else "",
        ", ".join(notes),
    )


def _outlook_cells(rollup: CapabilityRollup | GoalRollup) -> tuple[str, str]:
    """Health and chance in words."""
    expected = rollup.expected
    chance = expected.words if expected and expected.probability is not None else ""
    return (rollup.health or "").replace("-", " "), chance


def _why_no_health(increment: IncrementRollup) -> list[str]:
    """Each reason once, with the capabilities that it holds for; how often earlier statements came true."""
    reasons: dict[str, list[str]] = {}
    for capability in (each for goal in increment.goals for each in goal.capabilities):
        expected = capability.expected
        if expected and expected.why_no_health and not capability.health:
            reasons.setdefault(expected.why_no_health, []).append(capability.id)
    parts: list[CapabilityRollup | GoalRollup] = []
    for goal in increment.goals:
        parts += [goal, *goal.capabilities]
    found = [each.expected.track_record for each in parts if each.expected]
    records = [record for record in dict.fromkeys(found) if record]
    told = [f"no health for {', '.join(names)}: {why}" for why, names in reasons.items()]
    return [*told, *(f"track record: {record}" for record in records)]


def _warnings(goal: GoalRollup) -> list[str]:
    return [*goal.warnings, *(w for capability in goal.capabilities for w in capability.warnings)]
