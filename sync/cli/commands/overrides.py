"""``overrides`` and ``overrides clear``: what people decided and what ``undo`` holds, and how it is let go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from sync.apply.undo_current import lineage
from sync.cli.issue_lookup import find_issue
from sync.cli.render import table
from sync.runtime.context import Job
from sync.runtime.invocation import Ways, agrees, complain, counted, holder, say, say_json
from sync.runtime.run_lock import held
from sync.runtime.session import offline_job
from sync.store import OverrideRow, PushedComment

COMMAND: Final = "overrides clear"
_HEADER: Final = ("issue", "kind", "label", "since (UTC)", "note")


def overrides(ways: Ways) -> int:
    """People's decisions on the trackers that differ from ours, and what undo took back."""
    with offline_job(ways, waits_for_all=False) as job:
        rows, comments = job.store.overrides(), _deleted_comments(job)
        if ways.as_json:
            say_json(
                {
                    "version": 1,
                    "overrides": [{**asdict(row), "ref": str(row.ref)} for row in rows],
                    "deleted_comments": [{"subject": c.subject, "issue": str(c.ref)} for c in comments],
                }
            )
            return 0
        _list(rows, comments)
        say(f"{len(rows) + len(comments)} overrides")
        return 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Clearing:
    """Which overrides are meant: those that fit everything that is given."""

    run: str | None = None
    """A run that was undone, or the undo, or the run that found the decision."""
    issue: str | None = None
    label: str | None = None
    """A label, or ``capability:<id>`` or ``goal:<id>`` for a status comment."""
    yes: bool = False


def clear(ways: Ways, wanted: Clearing) -> int:
    """Forget decisions, so that the next run does as the rules say. A pin is not forgotten: it is a label on the
    issue, and goes with it. 6 when a run is at work."""
    with offline_job(ways) as job:
        rows, comments = _meant(job, wanted)
        pins = [row for row in rows if row.kind == "pin"]
        rows = [row for row in rows if row.kind != "pin"]
        for pin in pins:
            complain(f"left: {pin.ref}: {pin.label} is a pin; take the label off the issue to end it")
        count = len(rows) + len(comments)
        if not ways.as_json:
            _list(rows, comments)
        agreed = count > 0 and (wanted.yes or _agreed(ways, count))
        if agreed:
            _clear(job, wanted, rows, comments)
        if ways.as_json:
            say_json({"version": 1, "found": count, "cleared": count if agreed else 0, "pins": len(pins)})
        elif agreed:
            say(f"{counted(count, 'override')} cleared; the next run does as the rules say")
        elif not count:
            say("there is no such override; `increment-sync overrides` lists them")
        return 0


def _meant(job: Job, wanted: Clearing) -> tuple[list[OverrideRow], list[PushedComment]]:
    ref = find_issue(job, wanted.issue).issue.ref if wanted.issue else None
    runs = {wanted.run, lineage(job, wanted.run)[0]} if wanted.run else None
    label = wanted.label.lower() if wanted.label else None

    def fits(row: OverrideRow | PushedComment, name: str) -> bool:
        return (
            (ref is None or row.ref == ref)
            and (runs is None or row.run_id in runs)
            and (label is None or name.lower() == label)
        )

    rows = [row for row in job.store.overrides() if fits(row, row.label)]
    return rows, [row for row in _deleted_comments(job) if fits(row, row.subject)]


def _clear(
    job: Job, wanted: Clearing, rows: Sequence[OverrideRow], comments: Sequence[PushedComment]
) -> None:
    options = {name: value for name in ("run", "issue", "label") if (value := getattr(wanted, name))}
    job.store.start_run(job.run_id, COMMAND, options, holder())
    try:
        with held(job, holder()):
            for row in rows:
                job.store.remove_override(row.ref, row.kind, row.label)
            for comment in comments:
                job.store.forget_comment(comment.subject)
    except BaseException as error:
        job.store.finish_run(job.run_id, f"stopped: {type(error).__name__}", 1, {})
        raise
    job.store.finish_run(job.run_id, "done", 0, {"cleared": len(rows) + len(comments)})


def _agreed(ways: Ways, count: int) -> bool:
    question = f"Clear {counted(count, 'override')}? The next run does as the rules say."
    return agrees(ways, question, otherwise="not cleared")


def _deleted_comments(job: Job) -> list[PushedComment]:
    return [c for c in job.store.pushed_comments().values() if c.state == "deleted-by-person"]


def _list(rows: Sequence[OverrideRow], comments: Sequence[PushedComment]) -> None:
    listed = [(row.ref.key, row.kind, row.label, f"{row.since:%Y-%m-%d %H:%M}", _note(row)) for row in rows]
    listed += [(c.ref.key, "comment", c.subject, "", "a person deleted the status comment") for c in comments]
    if listed:
        for line in table(_HEADER, listed):
            say(line)


def _note(row: OverrideRow) -> str:
    return f"undo of {row.run_id}, {row.note}" if row.kind in ("held", "comment") else row.note
