"""``history``: the runs, and the journal of a run or an issue: who, when, what, which rule, why, what came of it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Final

from sync.cli.issue_lookup import find_issue
from sync.cli.render import safe_terminal_line, table
from sync.config.escape import escape_terminal
from sync.insights.change_queries import parse_moment
from sync.model.records import JournalEntry, RunRecord
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation, print_json, print_line
from sync.runtime.session import offline_context

_NO_LIMIT: Final = 1_000_000
_MAX_DIFF_LINES: Final = 12
"""Of the difference between two comment texts."""
_MAX_LINE: Final = 160


def history(
    invocation: Invocation, run: str | None, issue: str | None, limit: int, since: str | None = None
) -> int:
    """The runs; or, of a run or an issue, every write."""
    with offline_context(invocation, require_all_files=False) as job:
        after = parse_moment(job, since, end_of_day=False) if since else None
        if run is None and issue is None:
            return _say_runs(invocation, job, limit, after)
        row = job.store.find_run(run) if run else None
        ref = find_issue(job, issue).issue.ref if issue else None
        entries = job.store.journal(run_id=run, ref=ref, limit=_NO_LIMIT if after else limit)
        entries = [each for each in entries if after is None or each.at >= after][-limit:]
        if run and not entries and row is None:
            raise LookupError(f"there is no run {run}; `increment-sync history` lists them")
        if invocation.as_json:
            listed = [{**asdict(each), "ref": str(each.ref)} for each in entries]
            print_json({"version": 1, "run": asdict(row) if row else None, "journal": listed})
            return 0
        for line in _run_lines(row) if row else ():
            print_line(safe_terminal_line(line))
        for entry in entries:
            for line in _entry_lines(entry, with_run=run is None):
                print_line(safe_terminal_line(line))
        if not entries:
            print_line("no writes")
        return 0


def _run_lines(row: RunRecord) -> Iterator[str]:
    options = " ".join(f"{name}={value}" for name, value in row.options.items())
    until = f" to {row.finished:%H:%M:%S}" if row.finished else ""
    yield f"{row.id}  {row.command} {options}".rstrip()
    yield f"  {row.started:%Y-%m-%d %H:%M:%S}{until} UTC, by {row.holder or 'somebody'}"
    yield f"  {row.outcome or 'not finished'}"


def _entry_lines(row: JournalEntry, *, with_run: bool) -> Iterator[str]:
    run = f"  run {row.run_id}" if with_run else ""
    outcome = f"{row.outcome or 'open'} {row.detail}".strip()
    yield f"{row.at:%Y-%m-%d %H:%M:%S}  {row.ref}  {_what(row)}  {outcome}{run}"
    rule = f"rule {row.rule}: " if row.rule and f"rule {row.rule} " not in row.why else ""
    yield f"    {rule}{row.why}{f'  (as {row.account})' if row.account else ''}"
    yield from (f"    {escape_terminal(line, _MAX_LINE)}" for line in _difference(row))


def _what(row: JournalEntry) -> str:
    label, before = str(row.payload.get("label", "")), [str(each) for each in row.before.get("labels", ())]
    match row.op:
        case "add-label":
            return f"+{label}  ({', '.join(before) or 'no label of ours'} before)"
        case "remove-label":
            return f"-{label}  ({', '.join(before)} before)"
        case "create-label":
            return f"make the label {label}"
        case "rename-label":
            return f"rename the label {label} -> {row.payload.get('new')}"
        case _:
            return f"{row.op.partition('-')[0]} status comment of {row.payload.get('subject')}"


def _difference(row: JournalEntry) -> list[str]:
    """The lines of our comment that went and came."""
    if row.op not in ("create-comment", "edit-comment", "delete-comment"):
        return []
    before = str(row.before.get("own", row.before.get("body", "")))
    after = "" if row.op == "delete-comment" else str(row.payload.get("body", ""))
    lines = list(difflib.unified_diff(before.split("\n"), after.split("\n"), lineterm="", n=0))[2:]
    told = [line for line in lines if not line.startswith("@@") and line[1:].strip()]
    more = (
        [f"and {len(told) - _MAX_DIFF_LINES} more lines; --json shows all"]
        if len(told) > _MAX_DIFF_LINES
        else []
    )
    return [*told[:_MAX_DIFF_LINES], *more]


def _say_runs(invocation: Invocation, context: RunContext, limit: int, after: datetime | None) -> int:
    runs = context.store.recent_runs(_NO_LIMIT if after else limit)
    runs = [row for row in runs if after is None or row.started >= after][:limit]
    if invocation.as_json:
        print_json({"version": 1, "runs": [asdict(row) for row in runs]})
        return 0
    rows = [
        (
            row.id,
            f"{row.command} {row.options.get('run', '')}".rstrip(),
            f"{row.started:%Y-%m-%d %H:%M:%S}",
            (row.holder or "").partition(" ")[0],
            row.outcome or "not finished",
            str(row.summary.get("written", "")),
            str(row.summary.get("pulled", "")),
        )
        for row in runs
    ]
    for line in table(("run", "command", "started (UTC)", "by", "outcome", "written", "read"), rows):
        print_line(line)
    return 0
