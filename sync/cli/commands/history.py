"""``history``: the runs, or the journal of a run or an issue."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from connectors.escape import escape_terminal
from sync.cli.issue_lookup import find_issue
from sync.cli.output import Output, safe_terminal_line, table
from sync.insights.change_queries import parse_moment
from sync.model.records import JournalEntry, RunRecord
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation
from sync.runtime.session import offline_context

_NO_LIMIT: Final = 1_000_000
_MAX_DIFF_LINES: Final = 12
"""Lines that are shown of the difference between two comment texts."""
_MAX_LINE: Final = 160


def history(
    invocation: Invocation, run: str | None, issue: str | None, limit: int, since: str | None = None
) -> int:
    """List the runs; or every write of a run or on an issue. Raises LookupError for an unknown run or issue."""
    output = Output(invocation)
    with offline_context(invocation, require_all_files=False) as context:
        after = parse_moment(context, since, end_of_day=False) if since else None
        if run is None and issue is None:
            _show_runs(output, context, limit, after)
            return 0
        record = context.store.find_run(run) if run else None
        ref = find_issue(context, issue).issue.ref if issue else None
        entries = context.store.journal(run_id=run, ref=ref, limit=_NO_LIMIT if after else limit)
        entries = [each for each in entries if after is None or each.at >= after][-limit:]
        if run and not entries and record is None:
            raise LookupError(f"there is no run {run}; `increment-sync history` lists them")
        output.show(
            lambda: {"run": record, "journal": entries},
            lambda: _journal_lines(record, entries, with_run=run is None),
        )
        return 0


def _show_runs(output: Output, context: RunContext, limit: int, after: datetime | None) -> None:
    runs = context.store.recent_runs(_NO_LIMIT if after else limit)
    runs = [row for row in runs if after is None or row.started >= after][:limit]
    output.show(lambda: {"runs": runs}, lambda: _run_table(runs))


def _run_table(runs: Iterable[RunRecord]) -> list[str]:
    header = ("run", "command", "started (UTC)", "by", "outcome", "written", "read")
    return table(header, map(_run_row, runs))


def _run_row(row: RunRecord) -> tuple[object, ...]:
    command = f"{row.command} {row.options.get('run', '')}".rstrip()
    holder = (row.holder or "").partition(" ")[0]
    numbers = (row.summary.get("written"), row.summary.get("pulled"))
    return (
        row.id,
        command,
        f"{row.started:%Y-%m-%d %H:%M:%S}",
        holder,
        row.outcome or "not finished",
        *numbers,
    )


def _journal_lines(
    record: RunRecord | None, entries: Iterable[JournalEntry], *, with_run: bool
) -> Iterator[str]:
    lines = [*_run_lines(record)] if record else []
    for entry in entries:
        lines += _entry_lines(entry, with_run=with_run)
    yield from map(safe_terminal_line, lines)
    if not entries:
        yield "no writes"


def _run_lines(row: RunRecord) -> Iterator[str]:
    options = " ".join(f"{name}={value}" for name, value in row.options.items())
    until = f" to {row.finished:%H:%M:%S}" if row.finished else ""
    yield f"{row.id}  {row.command} {options}".rstrip()
    yield f"  {row.started:%Y-%m-%d %H:%M:%S}{until} UTC, by {row.holder or 'unknown'}"
    yield f"  {row.outcome or 'not finished'}"


def _entry_lines(entry: JournalEntry, *, with_run: bool) -> Iterator[str]:
    run = f"  run {entry.run_id}" if with_run else ""
    outcome = f"{entry.outcome or 'open'} {entry.detail}".strip()
    yield f"{entry.at:%Y-%m-%d %H:%M:%S}  {entry.ref}  {_describe_write(entry)}  {outcome}{run}"
    rule = f"rule {entry.rule}: " if entry.rule and f"rule {entry.rule} " not in entry.why else ""
    yield f"    {rule}{entry.why}{f'  (as {entry.account})' if entry.account else ''}"
    yield from (f"    {escape_terminal(line, _MAX_LINE)}" for line in _comment_diff(entry))


def _describe_write(entry: JournalEntry) -> str:
    label, before = str(entry.payload.get("label", "")), ", ".join(map(str, entry.before.get("labels", ())))
    match entry.op:
        case "add-label":
            return f"+{label}  ({before or 'no label of ours'} before)"
        case "remove-label":
            return f"-{label}  ({before} before)"
        case "create-label":
            return f"create the label {label}"
        case "rename-label":
            return f"rename the label {label} -> {entry.payload.get('new')}"
        case _:
            return f"{entry.op.partition('-')[0]} status comment of {entry.payload.get('subject')}"


def _comment_diff(entry: JournalEntry) -> list[str]:
    """Return the removed and added lines of our comment, without context."""
    if entry.op not in ("create-comment", "edit-comment", "delete-comment"):
        return []
    before = str(entry.before.get("own", entry.before.get("body", "")))
    after = "" if entry.op == "delete-comment" else str(entry.payload.get("body", ""))
    # The first two lines of a unified diff name the files.
    diff = list(difflib.unified_diff(before.split("\n"), after.split("\n"), lineterm="", n=0))[2:]
    lines = [line for line in diff if not line.startswith("@@") and line[1:].strip()]
    if len(lines) <= _MAX_DIFF_LINES:
        return lines
    return [*lines[:_MAX_DIFF_LINES], f"and {len(lines) - _MAX_DIFF_LINES} more lines; --json shows all"]
