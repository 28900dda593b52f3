"""Before we start a comment: is one of ours there already (the store is new), or somebody else's like it?

Two installations must not write on the same issues: whose labels are whose could not be told any more. The comment
on an anchor names its installation, so that whoever comes second finds the first one there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from connectors.errors import ConnectorError
from connectors.model import Comment, IssueRef
from mappings.model import Origin
from mappings.problems import MappingInvalid, Problem
from sync.config.settings import FILE_NAME
from sync.diff.comment_markup import digest
from sync.model.anchors import homes_of
from sync.model.changes import CommentChange
from sync.model.limits import Refusal
from sync.pull.comment_marker import Marker, Said
from sync.pull.recorded import Recorder, aliases, keep_home
from sync.runtime.context import Job
from sync.store import PushedComment

_INSTANCE, _CONTESTED, _NEIGHBOUR = "instance", "contested:", "neighbour:"


@dataclass(kw_only=True, slots=True)
class Neighbourhood:
    """What stands already where we wanted to start a comment."""

    contested: dict[str, str] = field(default_factory=dict)
    """Subject -> why its anchor is left alone."""
    refs: dict[IssueRef, str] = field(default_factory=dict)
    """The same by issue."""
    adopted: set[str] = field(default_factory=set)
    """Trackers on which a comment of ours was found that this store did not know."""
    looked: set[str] = field(default_factory=set)
    """Subjects whose anchor was looked at and has no comment of ours."""
    refusals: tuple[Refusal, ...] = ()


def refuse_other_instance(job: Job) -> None:
    """Raise MappingInvalid when this store was written by an installation of another name."""
    mine, kept = job.settings.instance, job.store.cache.get(_INSTANCE)
    if kept not in (None, mine):
        message = (
            f"this store belongs to the installation {kept!r}, and its comments on the trackers are marked so; write "
            f"`instance: {kept}`, or give this installation a store of its own"
        )
        origin = Origin(file=FILE_NAME)
        raise MappingInvalid(
            [Problem(origin=origin, path="instance", message=message, severity="error", check="instance")]
        )


def remember_instance(job: Job) -> None:
    """Keep whose store this is. Writes only when it is new."""
    if job.store.cache.get(_INSTANCE) != job.settings.instance:
        job.store.cache.put(_INSTANCE, job.settings.instance, days=3650)


def installation_of(job: Job, tracker: str, account: str) -> str | None:
    """The other installation that writes by an account, as far as we met it."""
    found = job.store.cache.get(f"{_NEIGHBOUR}{tracker}:{account}")
    return str(found) if found else None


def look_around(job: Job, starting: Iterable[CommentChange], recorder: Recorder) -> Neighbourhood:
    """Read the comments of every anchor where a comment is about to be started.

    Ours are adopted: the store is new. An anchor that another account keeps for another installation is left to it.
    Where our own account writes for another installation, everything is refused.
    """
    found, marker, names = Neighbourhood(), Marker(job), aliases(job.workspace)
    for change in starting:
        last = recorder.remembered.written.get(change.subject)
        if last and last.ref == change.ref:
            continue
        if reason := job.store.cache.get(_contested(change)):
            _leave(found, change, str(reason))
            continue
        try:
            comments = job.readers[change.ref.tracker].comments(change.ref)
        except ConnectorError:
            continue  # the attempt to write tells
        _judge(job, change, [(each, marker.said(each, change.ref)) for each in comments], found)
        own = (change.subject, *names.get(change.subject, ()))
        ours = next((c for c in comments if marker.own_text(c, change.ref, own) is not None), None)
        if ours is None:
            found.looked.add(change.subject)
        elif not found.refusals and change.subject not in found.contested:
            _adopt(job, change, ours, str(marker.own_text(ours, change.ref, own)), recorder)
            found.adopted.add(change.ref.tracker)
    return found


def look_again(job: Job, starting: Iterable[CommentChange], recorder: Recorder) -> Neighbourhood:
    """The same before a reviewed change set is written, which is carried out whole or not at all: an anchor that
    somebody else keeps by now is a refusal."""
    found = look_around(job, starting, recorder)
    if found.contested and not found.refusals:
        found.refusals = tuple(
            Refusal(rule="neighbour", text=f"{subject}: {reason}")
            for subject, reason in found.contested.items()
        )
    return found


def _judge(
    job: Job, change: CommentChange, comments: Iterable[tuple[Comment, Said | None]], found: Neighbourhood
) -> None:
    mine = job.settings.instance
    for comment, said in comments:
        if said is None or said.instance == mine:
            continue
        if comment.author_id in job.accounts(change.ref.tracker):
            found.refusals = (_same_account(change, said, mine),)
            return
        tracker = change.ref.tracker
        job.store.cache.put(f"{_NEIGHBOUR}{tracker}:{comment.author_id}", said.instance, days=365)
        reason = (
            f"the installation {said.instance!r} keeps {said.subject} there by the account {comment.author_id}; "
            f"take the anchor of {change.subject} out of one of the two plans, or delete that comment if the other "
            "installation is no more"
        )
        job.store.cache.put(_contested(change), reason, days=1)
        _leave(found, change, reason)


def _same_account(change: CommentChange, said: Said, mine: str) -> Refusal:
    return Refusal(
        rule="two-installations",
        text=f"on {change.ref} our own account keeps {said.subject} for the installation {said.instance!r}, and this "
        f"one is {mine!r}: whose labels are whose could not be told; if it is the same installation, write "
        f"`instance: {said.instance}`, else give one of the two another account and another anchor",
    )


def _leave(found: Neighbourhood, change: CommentChange, reason: str) -> None:
    found.contested[change.subject] = reason
    found.refs[change.ref] = reason


def _contested(change: CommentChange) -> str:
    return f"{_CONTESTED}{change.ref.tracker}:{change.ref.id}:{change.subject}"


def _adopt(job: Job, change: CommentChange, comment: Comment, own: str, recorder: Recorder) -> None:
    """Take our comment into memory as what we wrote last; what it says differently is edited in this run."""
    same = digest(own) == digest(change.body)
    row = PushedComment(
        subject=change.subject,
        ref=change.ref,
        comment_id=comment.id,
        body=own,
        full_hash=change.full_hash if same else digest(own),
        urgent_hash=change.urgent_hash if same else "",
        edited_at=job.now(),
        state="live",
        run_id=job.run_id,
    )
    home = homes_of(job.workspace)[change.subject]
    recorder.adopt_comment(row, lambda: keep_home(job.store, row.subject, home))
