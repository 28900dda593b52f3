"""``status --at`` and ``status --since``: how it was, and what changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sync.cli.render import sparse_table, table
from sync.config.escape import escape_terminal
from sync.insights.change_queries import (
    RecordedChanges,
    changes_between,
    changes_until_now,
    parse_moment,
    rollup_snapshot_at,
)
from sync.model.attribution import PARTS, Difference, DifferenceEntry
from sync.pipeline.offline import plan_offline
from sync.pull.current_sources import current_source_states, load_current_issues
from sync.pull.recorded import load_recorded_state
from sync.pull.rollup_snapshot import describe_counts
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation, print_error, print_json, print_line
from sync.runtime.session import pulled_context


def status_at(invocation: Invocation, increment: str | None, at: str) -> int:
    """The roll-up as it was: the figures that the last run before a moment kept."""
    with pulled_context(invocation, require_all_files=False) as job:
        moment = parse_moment(job, at, end_of_day=True)
        kept_at, figures = rollup_snapshot_at(job, moment)
        chosen = {
            subject: each for subject, each in figures.items() if increment in (None, each["increment"])
        }
        if increment is not None and not chosen:
            raise LookupError(f"there was no increment {increment!r} at that time")
        if invocation.as_json:
            print_json({"version": 1, "at": moment, "kept_at": kept_at, "figures": chosen})
            return 0
        print_line(f"As it was at {moment:%Y-%m-%d %H:%M} UTC (figures of {kept_at:%Y-%m-%d %H:%M} UTC)")
        print_line()
        for line in table(("goal / capability", "state", "issues", "notes"), map(_row, chosen.items())):
            print_line(line)
        return 0


def _row(entry: tuple[str, Mapping[str, Any]]) -> tuple[str, ...]:
    subject, each = entry
    words = describe_counts(each["counts"])
    if subject.startswith("goal:"):
        required = f"{each['required_done']} of {each['required_total']} capabilities done"
        return each["title"], each["state"], f"{required}, {words}", each["commitment"]
    notes = [name for name in ("blocked", "released") if each.get(name)]
    notes += [f"not read: {', '.join(each['uncertain'])}"] if each.get("uncertain") else []
    state = "done, not proven" if each.get("not_proven") else each["state"]
    return f"  {each['title']}", state, words, ", ".join(notes)


def status_since(invocation: Invocation, increment: str | None, since: str, until: str | None) -> int:
    """What changed since a day or a run, per goal and capability."""
    with pulled_context(invocation, require_all_files=False) as job:
        begin = parse_moment(job, since, end_of_day=False)
        if until is None:
            known = load_current_issues(job.store, job.workspace)
            thought = plan_offline(job, known, load_recorded_state(job))
            changes = changes_until_now(job, begin, thought, known)
        else:
            changes = changes_between(job, begin, parse_moment(job, until, end_of_day=True))
        chosen = _chosen(job, changes, increment)
        if changes.since > changes.requested:
            print_error(
                f"nothing is known of the time before {changes.recorded_since:%Y-%m-%d %H:%M} UTC, when the first "
                "run noted down how issues count: this is the difference since then"
            )
        _complain_unread(job)
        if invocation.as_json:
            print_json(_json(changes, chosen))
        else:
            _say(changes, chosen)
        return 0


def _complain_unread(context: RunContext) -> None:
    for source in current_source_states(context.store, context.workspace):
        if source.failing_since:
            since = f"{source.failing_since:%Y-%m-%d %H:%M}"
            print_error(f"unreadable since {since} UTC: {source.name}; its issues are as they were then")


def _chosen(context: RunContext, changes: RecordedChanges, increment: str | None) -> list[Difference]:
    """Those of the increment that was asked for; otherwise of those that were not closed at the first moment."""
    if increment is not None and increment not in changes.increments.values():
        known = ", ".join(sorted(set(changes.increments.values()))) or "none"
        raise LookupError(f"there is no increment {increment!r}; the plans have {known}")
    closed = {each.id for each in context.workspace.increments if each.phase(changes.since) == "closed"}
    wanted = set(changes.increments.values()) - closed if increment is None else {increment}
    return [each for each in changes.differences if changes.increments.get(each.subject) in wanted]


def _json(changes: RecordedChanges, chosen: Iterable[Difference]) -> dict[str, Any]:
    return {
        "version": 1,
        "asked_since": changes.requested,
        "since": changes.since,
        "at": changes.at,
        "kept_since": changes.recorded_since,
        "differences": [difference_json(each) for each in chosen],
    }


def difference_json(difference: Difference) -> dict[str, Any]:
    """A difference for a program: the figures, and the entries of each part."""
    document = {
        name: getattr(difference, name)
        for name in ("subject", "title", "done_before", "scope_before", "done_after", "scope_after")
    }
    parts = {
        part: [{**asdict(entry), "ref": str(entry.ref)} for entry in difference.part(part)] for part in PARTS
    }
    return {**document, "parts": parts}


def _say(changes: RecordedChanges, chosen: list[Difference]) -> None:
    print_line(f"What changed from {changes.since:%Y-%m-%d %H:%M} to {changes.at:%Y-%m-%d %H:%M} UTC")
    print_line()
    rows = [
        (
            each.title if each.subject.startswith("goal:") else f"  {each.title}",
            f"{each.done_before} of {each.scope_before}",
            f"{each.done_after} of {each.scope_after}",
            *(_signed(each.part(part)) for part in PARTS),
        )
        for each in chosen
    ]
    for line in sparse_table(("goal / capability", "done was", "done is", *PARTS), rows):
        print_line(line)
    for each in chosen:
        if each.subject.startswith("capability:") and each.entries:
            _say_entries(each)


def _signed(entries: tuple[DifferenceEntry, ...]) -> str:
    """``+2``, ``-1``, ``+1 -2``: of the scope, and where that did not move, of what is done."""
    effects = [entry.scope or entry.done for entry in entries]
    ups, downs = effects.count(1), effects.count(-1)
    return " ".join([*([f"+{ups}"] if ups else []), *([f"-{downs}"] if downs else [])])


def _say_entries(difference: Difference) -> None:
    print_line()
    print_line(escape_terminal(difference.title))
    rows = [
        (f"  {part}", entry.ref.key, f"{entry.at:%Y-%m-%d %H:%M}", entry.why, entry.run_id or "not kept yet")
        for part in PARTS
        for entry in difference.part(part)
    ]
    for line in table(("  part", "issue", "seen (UTC)", "why", "run"), rows):
        print_line(line)
