"""Clear up after a run that died or lost an answer: what was intended, and did it take effect?"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from connectors.errors import ConnectorError, Gone
from connectors.model import Comment, Issue
from mappings.rules.conditions import wanted_by
from sync.apply.labels import carry_label_over
from sync.diff.comment_markup import digest
from sync.pull.comment_marker import Marker, live_comment
from sync.runtime.context import Job
from sync.store import JournalRow, PushedComment

OUT_OF_SIGHT: Final = timedelta(days=1)
"""How long an issue has to be out of sight before it counts as deleted with whatever we wrote on it: one wrong 404
must not make a label of ours a stranger's."""


def settle_open_intents(job: Job) -> list[str]:
    """Ask the trackers about every write whose result is not known, and record what is there.

    Returns a sentence for each intent that stays open because its tracker does not answer.
    """
    still_open = []
    for row in job.store.open_intents():
        if row.ref.tracker not in job.readers:
            continue
        try:
            _settle(job, row)
        except Gone:
            if job.now() - row.at > OUT_OF_SIGHT:
                _give_up(job, row)
        except ConnectorError as error:
            still_open.append(f"{row.ref}: it is not known whether an earlier {row.op} took effect: {error}")
    return still_open


def _settle(job: Job, row: JournalRow) -> None:
    if row.op in ("add-label", "remove-label"):
        _settle_label(job, row)
    elif row.op in ("create-comment", "edit-comment"):
        _settle_comment(job, row)
    elif row.op == "delete-comment":
        _settle_deletion(job, row)
    elif row.op == "rename-label":
        _settle_rename(job, row)
    else:
        # Creating a label is repeated harmlessly before its next use.
        job.store.journal_result(row.id, "not-sent", job.now(), detail="repeated when needed")


def _give_up(job: Job, row: JournalRow) -> None:
    forget = str(row.payload["subject"]) if row.op == "delete-comment" else None
    if forget:
        job.store.complete(row.id, job.now(), ref=row.ref, forget=forget)
    else:
        job.store.journal_result(row.id, "not-sent", job.now(), detail="the issue is not there any more")


def _settle_label(job: Job, row: JournalRow) -> None:
    label = str(row.payload["label"]).lower()
    there = label in {name.lower() for name in _read(job, row).labels}
    if row.op == "add-label" and there and _put_by_others(job, row, label):
        job.store.journal_result(row.id, "not-sent", job.now(), detail="somebody else put it")
    elif row.op == "add-label" and there:
        job.store.complete(row.id, job.now(), ref=row.ref, added=[label], removed=[])
    elif row.op == "remove-label" and not there:
        job.store.complete(row.id, job.now(), ref=row.ref, added=[], removed=[label])
    else:
        job.store.journal_result(row.id, "not-sent", job.now(), detail="the tracker shows no effect")


def _put_by_others(job: Job, row: JournalRow, label: str) -> bool:
    """Between our death and now a person may have put the very label. Where nobody tells, it is ours."""
    events = job.readers[row.ref.tracker].label_events(row.ref)
    authors = {name.lower(): event.author_id for name, event in events.items()}
    return label in authors and authors[label] not in job.accounts(row.ref.tracker)


def _settle_rename(job: Job, row: JournalRow) -> None:
    """The issue for which it was done shows whether the label has its new name."""
    issue, new = _read(job, row), str(row.payload["new"])
    if new not in {name.lower() for name in issue.labels}:
        job.store.journal_result(row.id, "not-sent", job.now(), detail="the tracker shows no effect")
        return
    container, old = str(row.payload["container"]), str(row.payload["label"])
    if old not in {name.lower() for name in issue.labels}:
        carry_label_over(job, row.ref.tracker, container, old, new)
    job.store.journal_result(row.id, "done", job.now())


def _settle_deletion(job: Job, row: JournalRow) -> None:
    """Gone, or without our text in it, means deleted."""
    if _find(job, row) is None:
        job.store.complete(row.id, job.now(), ref=row.ref, forget=str(row.payload["subject"]))
    else:
        job.store.journal_result(row.id, "not-sent", job.now(), detail="the tracker shows no effect")


def _read(job: Job, row: JournalRow) -> Issue:
    issue = job.readers[row.ref.tracker].read(row.ref.key, wanted_by(job.workspace.teams))
    job.store.save_issue(issue, job.now())
    return issue


def _settle_comment(job: Job, row: JournalRow) -> None:
    found = _find(job, row)
    subject = str(row.payload["subject"])
    if found is None:
        job.store.journal_result(row.id, "not-sent", job.now(), detail="the tracker shows no effect")
        return
    comment, own = found
    took_effect = digest(own) == digest(str(row.payload["body"]))
    if not took_effect and row.op == "edit-comment":
        job.store.journal_result(row.id, "not-sent", job.now(), detail="the tracker shows no effect")
        return
    pushed = PushedComment(
        subject=subject,
        ref=row.ref,
        comment_id=comment.id,
        body=own,
        full_hash=str(row.payload["full_hash"]) if took_effect else digest(own),
        urgent_hash=str(row.payload["urgent_hash"]) if took_effect else "",
        edited_at=row.at,
        run_id=row.run_id,
    )
    job.store.complete(row.id, job.now(), ref=row.ref, comment=pushed, after={"comment": comment.id})


def _find(job: Job, row: JournalRow) -> tuple[Comment, str] | None:
    """Our comment for the intent's subject on that issue, with our text in it. Gone when the issue is out of sight."""
    reader, marker = job.readers[row.ref.tracker], Marker(job)
    subjects = (str(row.payload["subject"]),)
    try:
        comments = (
            reader.comments(row.ref)
            if row.op == "create-comment"
            else [live_comment(reader, row.ref, str(row.payload["comment"]))]
        )
    except Gone:
        _read(job, row)
        return None
    for comment in comments:
        own = marker.own_text(comment, row.ref, subjects)
        if own is not None:
            return comment, own
    return None
