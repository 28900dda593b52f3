"""Inputs of an undo: the journal of the run, and the current state of its issues by direct reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from connectors.errors import ConnectorError, Gone
from connectors.model import Issue, IssueRef
from sync.apply.undo_comments import COMMENT_OPS, comment_id_of, group_by_subject
from sync.model.records import JournalEntry
from sync.model.renames import renamed_labels
from sync.model.undo import CurrentComment, CurrentIssue, UndoRequest
from sync.pull.comment_marker import CommentMarker
from sync.runtime.context import RunContext

COMMAND = "undo"


def undo_lineage(context: RunContext, run_id: str) -> tuple[str, bool]:
    """Return the original run of a chain of undos, and True if undoing ``run_id`` reverts the original writes.

    Undoing an undo applies them again. Raise LookupError for an unknown run.
    """
    if context.store.find_run(run_id) is None:
        raise LookupError(f"there is no run {run_id}; `increment-sync history` lists them")
    undo_runs = {
        row.id: str(row.options["run"])
        for row in context.store.runs_of_command(COMMAND)
        if "run" in row.options
    }
    origin, reverts = run_id, True
    while origin in undo_runs:
        origin, reverts = undo_runs[origin], not reverts
    return origin, reverts


def build_undo_request(
    context: RunContext,
    run_id: str,
    only: Collection[IssueRef],
    *,
    reapplies: bool = False,
    post_again: bool = False,
) -> UndoRequest:
    """Collect the writes of a run and of every undo of it. ``only``: restrict to these issues; empty for all."""
    chain = _undo_chain(context, run_id)
    rows = sorted(
        (row for each in chain for row in context.store.journal(run_id=each)), key=lambda row: row.id
    )
    entries = tuple(row for row in rows if not only or row.ref in only)
    pushed = context.store.pushed_comments()
    created = {(row.ref, row.payload.get("subject")) for row in entries if row.op == "create-comment"}
    return UndoRequest(
        run_id=run_id,
        entries=entries,
        scheme=context.workspace.labels,
        renames=renamed_labels(context.workspace),
        last_texts={(last.ref, subject): last.body for subject, last in pushed.items()},
        elsewhere=frozenset(
            (row.ref, str(row.payload["subject"]))
            for row in entries
            if row.op in COMMENT_OPS
            and (last := pushed.get(str(row.payload["subject"])))
            and last.state == "live"
            and last.ref != row.ref
            and (last.ref, last.subject) not in created
        ),
        reapplies=reapplies,
        post_again=post_again,
    )


def read_current_issue(context: RunContext, request: UndoRequest, ref: IssueRef) -> CurrentIssue:
    """Read an issue as far as the run changed it.

    Costs one request for the issue, one for its label history, and one for each comment.
    """
    rows = [row for row in request.entries if row.ref == ref and row.outcome == "done"]
    known = context.store.known_issue(ref.tracker, ref.id)
    current_ref = known.issue.ref if known else ref
    if ref.tracker not in context.readers:
        return CurrentIssue(ref=current_ref, problem=f"the settings no longer have a tracker {ref.tracker}")
    try:
        issue = context.read_issue(current_ref)
        if issue.ref != ref:
            return CurrentIssue(ref=current_ref, problem=f"it was moved to {issue.ref.key}")
        context.store.save_issue(issue, context.now())
        return CurrentIssue(
            ref=issue.ref,
            issue=issue,
            put_by_others=_put_by_others(context, issue, rows),
            comments=_current_comments(context, issue.ref, rows),
            later_writes=_later_writes(context, request, ref),
        )
    except Gone:
        return CurrentIssue(ref=current_ref, problem="it no longer exists or is not visible to our account")
    except ConnectorError as error:
        return CurrentIssue(ref=current_ref, problem=f"it could not be read: {error}")


def _undo_chain(context: RunContext, run_id: str) -> list[str]:
    """Return the run, the undos of it, the undos of those, and so on."""
    undos: defaultdict[str, list[str]] = defaultdict(list)
    for row in context.store.runs_of_command(COMMAND):
        if row.id != context.run_id:
            undos[str(row.options.get("run"))].append(row.id)
    chain = [run_id]
    for each in chain:
        chain += undos[each]
    return chain


def _put_by_others(context: RunContext, issue: Issue, rows: Sequence[JournalEntry]) -> frozenset[str]:
    live = {label.lower() for label in issue.labels}
    if not any(row.op == "add-label" and str(row.payload["label"]).lower() in live for row in rows):
        return frozenset()
    reader = context.readers[issue.ref.tracker]
    ours, events = context.own_account_ids(issue.ref.tracker), reader.label_origins(issue.ref)
    return frozenset(label.lower() for label, event in events.items() if event.author_id not in ours)


def _current_comments(
    context: RunContext, ref: IssueRef, rows: Sequence[JournalEntry]
) -> Mapping[str, CurrentComment]:
    pushed, found = context.store.pushed_comments(), {}
    for subject, writes in group_by_subject(rows).items():
        last = pushed.get(subject)
        comment_id = last.comment_id if last and last.ref == ref else comment_id_of(writes)
        if comment_id is not None:
            found[subject] = _current_comment(context, ref, subject, comment_id)
    return found


def _current_comment(context: RunContext, ref: IssueRef, subject: str, comment_id: str) -> CurrentComment:
    try:
        comment = context.readers[ref.tracker].comment(ref, comment_id)
    except Gone:
        return CurrentComment(id=comment_id, exists=False)
    text = CommentMarker(context).own_text(comment, ref, subject)
    return CurrentComment(id=comment_id, exists=True, text=text)


def _later_writes(context: RunContext, request: UndoRequest, ref: IssueRef) -> tuple[JournalEntry, ...]:
    first = min(row.id for row in request.entries)
    ours = {row.run_id for row in request.entries}
    return tuple(
        row
        for row in context.store.journal(ref=ref)
        if row.id > first and row.run_id not in ours and row.outcome == "done"
    )
