"""``status --at`` and ``status --since``: the roll-up in the past, and what changed since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from connectors.escape import escape_terminal
from sync.cli.output import Output, pick, pluralize, table, utc
from sync.cli.store_view import StoreView
from sync.insights.change_queries import (
    RecordedChanges,
    changes_between,
    changes_until_now,
    parse_moment,
    rollup_snapshot_at,
)
from sync.model.attribution import PARTS, Difference, DifferenceEntry
from sync.pull.current_sources import current_source_states
from sync.pull.rollup_snapshot import describe_counts
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation
from sync.runtime.session import pulled_context


def status_at(invocation: Invocation, increment: str | None, at: str) -> int:
    """Show the roll-up that the last run before a moment recorded."""
    with pulled_context(invocation, require_all_files=False) as context:
        moment = parse_moment(context, at, end_of_day=True)
        recorded_at, snapshot = rollup_snapshot_at(context, moment)
        chosen = {
            subject: each for subject, each in snapshot.items() if increment in (None, each["increment"])
        }
        if increment is not None and not chosen:
            raise LookupError(f"there was no increment {increment!r} at that time")
        Output(invocation).show(
            lambda: {"at": moment, "kept_at": recorded_at, "figures": chosen},
            lambda: [
                f"As it was at {utc(moment)} (numbers of {utc(recorded_at)})",
                "",
                *table(("goal / capability", "state", "issues", "notes"), map(_row, chosen.items())),
            ],
        )
        return 0


def _row(item: tuple[str, Mapping[str, Any]]) -> tuple[str, ...]:
    subject, numbers = item
    counts = describe_counts(numbers["counts"])
    if subject.startswith("goal:"):
        required = f"{numbers['required_done']} of {pluralize(numbers['required_total'], 'capability')} done"
        return numbers["title"], numbers["state"], f"{required}, {counts}", numbers["commitment"]
    notes = [name for name in ("blocked", "released") if numbers.get(name)]
    notes += [f"not read: {', '.join(numbers['uncertain'])}"] if numbers.get("uncertain") else []
    state = "done, not proven" if numbers.get("not_proven") else numbers["state"]
    return f"  {numbers['title']}", state, counts, ", ".join(notes)


def status_since(invocation: Invocation, increment: str | None, since: str, until: str | None) -> int:
    """Show what changed between two moments, per goal and capability; ``until`` None: now."""
    output = Output(invocation)
    with pulled_context(invocation, require_all_files=False) as context:
        start = parse_moment(context, since, end_of_day=False)
        if until is None:
            view = StoreView(context)
            changes = changes_until_now(context, start, view.planning, view.known)
        else:
            changes = changes_between(context, start, parse_moment(context, until, end_of_day=True))
        chosen = _selected_differences(context, changes, increment)
        output.notes(_notes(context, changes))
        output.show(
            lambda: {
                **pick(changes, "since", "at", asked_since="requested", kept_since="recorded_since"),
                "differences": [_difference_document(each) for each in chosen],
            },
            lambda: _lines(changes, chosen),
        )
        return 0


def _notes(context: RunContext, changes: RecordedChanges) -> Iterator[str]:
    if changes.since > changes.requested:
        yield (
            f"nothing is known of the time before {utc(changes.recorded_since)}, when the first run "
            "recorded how issues count: this is the difference since then"
        )
    for source in current_source_states(context.store, context.workspace):
        if source.failing_since:
            since = utc(source.failing_since)
            yield f"unreadable since {since}: {source.name}; its issues are as they were then"


def _selected_differences(
    context: RunContext, changes: RecordedChanges, increment: str | None
) -> list[Difference]:
    """Return those of the requested increment; otherwise of those that were not closed at the first moment."""
    known = set(changes.increments.values())
    if increment is not None and increment not in known:
        names = ", ".join(sorted(known)) or "none"
        raise LookupError(f"there is no increment {increment!r}; the plans have {names}")
    closed = {each.id for each in context.workspace.increments if each.phase(changes.since) == "closed"}
    wanted = known - closed if increment is None else {increment}
    return [each for each in changes.differences if changes.increments.get(each.subject) in wanted]


def _difference_document(difference: Difference) -> dict[str, Any]:
    return {
        **pick(difference, "subject", "title", "done_before", "scope_before", "done_after", "scope_after"),
        "parts": {part: difference.part(part) for part in PARTS},
    }


def _lines(changes: RecordedChanges, chosen: Iterable[Difference]) -> Iterator[str]:
    yield f"What changed from {changes.since:%Y-%m-%d %H:%M} to {utc(changes.at)}"
    yield ""
    rows = [
        (
            each.title if each.subject.startswith("goal:") else f"  {each.title}",
            f"{each.done_before} of {each.scope_before}",
            f"{each.done_after} of {each.scope_after}",
            *(_signed_count(each.part(part)) for part in PARTS),
        )
        for each in chosen
    ]
    header = ("goal / capability", "done before", "done after", *PARTS)
    yield from table(header, rows, hide_empty_columns=True)
    for each in chosen:
        if each.subject.startswith("capability:") and each.entries:
            yield ""
            yield escape_terminal(each.title)
            yield from _entry_table(each)


def _signed_count(entries: Iterable[DifferenceEntry]) -> str:
    """``+2``, ``-1``, ``+1 -2``: changes of the scope; where it did not change, of what is done."""
    effects = [entry.scope or entry.done for entry in entries]
    ups, downs = effects.count(1), effects.count(-1)
    return " ".join([f"+{ups}"] * bool(ups) + [f"-{downs}"] * bool(downs))


def _entry_table(difference: Difference) -> list[str]:
    rows = [
        (f"  {part}", each.ref.key, f"{each.at:%Y-%m-%d %H:%M}", each.why, each.run_id or "not recorded yet")
        for part in PARTS
        for each in difference.part(part)
    ]
    return table(("  part", "issue", "seen (UTC)", "why", "run"), rows)
