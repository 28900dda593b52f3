"""What is needed to take a run back: its journal, and the issues that it wrote on, read directly."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from connectors.errors import ConnectorError, Gone
from connectors.model import Issue, IssueRef
from mappings.rules.conditions import wanted_by
from sync.apply.undo_comments import comment_id_of
from sync.apply.undo_labels import COMMENT_OPS
from sync.model.records import JournalRow
from sync.model.renames import renamed_labels
from sync.model.undo import Found, FoundComment, Request
from sync.pull.comment_marker import Marker
from sync.pull.recorded import aliases
from sync.runtime.context import Job

COMMAND = "undo"


def lineage(job: Job, run_id: str) -> tuple[str, bool]:
    """The run that all undoing of ``run_id`` goes back to, and whether that run's writes are taken back by it: an undo
    of an undo does them again. LookupError when there is no such run."""
    if job.store.run(run_id) is None:
        raise LookupError(f"there is no run {run_id}; `increment-sync history` lists them")
    undone = {row.id: str(row.options["run"]) for row in job.store.runs_of(COMMAND) if "run" in row.options}
    root, takes_back = run_id, True
    while root in undone:
        root, takes_back = undone[root], not takes_back
    return root, takes_back


def request_for(
    job: Job, run_id: str, only: Collection[IssueRef], *, does_again: bool = False, post_again: bool = False
) -> Request:
    """What the run did, and what undoing it did since. ``only``: these issues alone; empty for all."""
    family = _with_its_undoing(job, run_id)
    rows = sorted((row for each in family for row in job.store.journal(run_id=each)), key=lambda row: row.id)
    entries = tuple(row for row in rows if not only or row.ref in only)
    written = job.store.pushed_comments()
    created = {(row.ref, row.payload.get("subject")) for row in entries if row.op == "create-comment"}
    return Request(
        run_id=run_id,
        entries=entries,
        scheme=job.workspace.labels,
        renamed=renamed_labels(job.workspace),
        last_texts={(last.ref, subject): last.body for subject, last in written.items()},
        elsewhere=frozenset(
            (row.ref, str(row.payload["subject"]))
            for row in entries
            if row.op in COMMENT_OPS
            and (last := written.get(str(row.payload["subject"])))
            and last.state == "live"
            and last.ref != row.ref
            and (last.ref, last.subject) not in created
        ),
        does_again=does_again,
        post_again=post_again,
    )


def look_at(job: Job, request: Request, ref: IssueRef) -> Found:
    """An issue as its tracker shows it now: one request for it, one for the history of its labels and one for each
    comment, as far as the run touched them."""
    rows = [row for row in request.entries if row.ref == ref and row.outcome == "done"]
    known = job.store.known_issue(ref.tracker, ref.id)
    today = known.issue.ref if known else ref
    if ref.tracker not in job.readers:
        return Found(ref=today, problem=f"the settings have no tracker {ref.tracker} any more")
    try:
        issue = job.readers[ref.tracker].read(today.key, wanted_by(job.workspace.teams))
        if issue.ref != ref:
            return Found(ref=today, problem=f"it was moved to {issue.ref.key}")
        job.store.save_issue(issue, job.now())
        return Found(
            ref=issue.ref,
            issue=issue,
            put_by_others=_put_by_others(job, issue, rows),
            comments=_comments(job, issue.ref, rows),
            later=_later(job, request, ref),
        )
    except Gone:
        return Found(ref=today, problem="it is not there any more, or not visible to us")
    except ConnectorError as error:
        return Found(ref=today, problem=f"it could not be read: {error}")


def _with_its_undoing(job: Job, run_id: str) -> list[str]:
    """The run, what took it back, what took that back, and so on."""
    undoing: dict[str, list[str]] = {}
    for row in job.store.runs_of(COMMAND):
        if row.id != job.run_id:
            undoing.setdefault(str(row.options.get("run")), []).append(row.id)
    family = [run_id]
    for each in family:
        family += undoing.get(each, [])
    return family


def _put_by_others(job: Job, issue: Issue, rows: Sequence[JournalRow]) -> frozenset[str]:
    live = {label.lower() for label in issue.labels}
    if not any(row.op == "add-label" and str(row.payload["label"]).lower() in live for row in rows):
        return frozenset()
    reader = job.readers[issue.ref.tracker]
    ours, events = job.accounts(issue.ref.tracker), reader.label_events(issue.ref)
    return frozenset(label.lower() for label, event in events.items() if event.author_id not in ours)


def _comments(job: Job, ref: IssueRef, rows: Sequence[JournalRow]) -> Mapping[str, FoundComment]:
    by_subject: dict[str, list[JournalRow]] = {}
    for row in rows:
        if row.op in COMMENT_OPS:
            by_subject.setdefault(str(row.payload["subject"]), []).append(row)
    written, found = job.store.pushed_comments(), {}
    for subject, of in by_subject.items():
        last = written.get(subject)
        comment_id = last.comment_id if last and last.ref == ref else comment_id_of(of)
        if comment_id is not None:
            found[subject] = _comment(job, ref, subject, comment_id)
    return found


def _comment(job: Job, ref: IssueRef, subject: str, comment_id: str) -> FoundComment:
    try:
        comment = job.readers[ref.tracker].comment(ref, comment_id)
    except Gone:
        return FoundComment(id=comment_id, there=False)
    names = (subject, *aliases(job.workspace).get(subject, ()))
    return FoundComment(id=comment_id, there=True, text=Marker(job).own_text(comment, ref, names))


def _later(job: Job, request: Request, ref: IssueRef) -> tuple[JournalRow, ...]:
    first = min(row.id for row in request.entries if row.ref == ref)
    ours = {row.run_id for row in request.entries}
    return tuple(
        row
        for row in job.store.journal(ref=ref)
        if row.id > first and row.run_id not in ours and row.outcome == "done"
    )
