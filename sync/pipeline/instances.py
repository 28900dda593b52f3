"""Detection of other instances before a status comment is created.

Two instances must not write on the same issues, because their labels cannot be told apart. The comment on an anchor
names its instance, so the second instance finds the first one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from connectors.errors import ConnectorError
from connectors.model import Comment, IssueRef
from mappings.problems import InvalidWorkspace, Origin, Problem
from sync.config.settings import FILE_NAME
from sync.diff.comment_markup import text_digest
from sync.model.anchors import comment_owners
from sync.model.changes import CommentChange
from sync.model.limits import Refusal
from sync.pull.comment_marker import CommentMarker, MarkerContent
from sync.pull.recorded import save_comment_owner
from sync.pull.state_recorder import StateRecorder
from sync.runtime.context import RunContext
from sync.store import PushedCommentRecord

# Cache keys. Existing stores contain them, so they do not follow renames.
_INSTANCE_KEY, _CONTESTED_KEY, _OTHER_INSTANCE_KEY = "instance", "contested:", "neighbour:"


@dataclass(kw_only=True, slots=True)
class AnchorCheck:
    """Existing comments on the anchors of new status comments."""

    contested_subjects: dict[str, str] = field(default_factory=dict)
    """Subject -> reason why its anchor is left alone."""
    contested_issues: dict[IssueRef, str] = field(default_factory=dict)
    """The same by issue."""
    adopted_trackers: set[str] = field(default_factory=set)
    """Trackers with a comment of ours that this store did not know."""
    checked_subjects: set[str] = field(default_factory=set)
    """Subjects whose anchor was read and has no comment of ours."""
    refusals: tuple[Refusal, ...] = ()


def check_instance(context: RunContext) -> None:
    """Raise InvalidWorkspace if another instance has written this store."""
    own_instance, stored = context.settings.instance, context.store.cache.get(_INSTANCE_KEY)
    if stored not in (None, own_instance):
        message = (
            f"this store belongs to the instance {stored!r}, and its comments on the trackers carry that name; set "
            f"`instance: {stored}`, or give this instance its own store"
        )
        origin = Origin(file=FILE_NAME)
        raise InvalidWorkspace(
            [Problem(origin=origin, path="instance", message=message, severity="error", check="instance")]
        )


def save_instance(context: RunContext) -> None:
    """Save the name of the instance in the store, if it is new."""
    if context.store.cache.get(_INSTANCE_KEY) != context.settings.instance:
        context.store.cache.put(_INSTANCE_KEY, context.settings.instance, days=3650)


def instance_of_account(context: RunContext, tracker: str, account: str) -> str | None:
    """Return the other instance that writes by this account; None if no anchor has shown one."""
    instance = context.store.cache.get(f"{_OTHER_INSTANCE_KEY}{tracker}:{account}")
    return str(instance) if instance else None


def check_anchors(
    context: RunContext, new_comments: Iterable[CommentChange], recorder: StateRecorder
) -> AnchorCheck:
    """Read the comments of every anchor that is about to get a new comment.

    A comment of ours is adopted, because the store must be new. An anchor of another instance with another account is
    left to it. Another instance with our own account refuses the run.
    """
    check, marker = AnchorCheck(), CommentMarker(context)
    for change in new_comments:
        last = recorder.recorded.status_comments.get(change.subject)
        if last and last.ref == change.ref:
            continue
        if reason := context.store.cache.get(_contested_key(change)):
            _mark_contested(check, change, str(reason))
            continue
        try:
            comments = context.readers[change.ref.tracker].comments(change.ref)
        except ConnectorError:
            continue  # the write itself reports the error
        _check_other_instances(context, change, comments, check)
        ours = marker.find_own(comments, change.ref, change.subject)
        if ours is None:
            check.checked_subjects.add(change.subject)
        elif not check.refusals and change.subject not in check.contested_subjects:
            _adopt_comment(context, change, ours, recorder)
            check.adopted_trackers.add(change.ref.tracker)
    return check


def recheck_anchors(
    context: RunContext, new_comments: Iterable[CommentChange], recorder: StateRecorder
) -> AnchorCheck:
    """Repeat the check before a reviewed change set is written. A contested anchor is then a refusal."""
    check = check_anchors(context, new_comments, recorder)
    if not check.refusals:
        check.refusals = tuple(
            Refusal(rule="other-instance", text=f"{subject}: {reason}")
            for subject, reason in check.contested_subjects.items()
        )
    return check


def _check_other_instances(
    context: RunContext, change: CommentChange, comments: Iterable[Comment], check: AnchorCheck
) -> None:
    own_instance, tracker, marker = context.settings.instance, change.ref.tracker, CommentMarker(context)
    for comment in comments:
        owner = marker.read_marker(comment, change.ref)
        if owner is None or owner.instance == own_instance:
            continue
        if comment.author_id in context.own_account_ids(tracker):
            check.refusals = (_same_account_refusal(change, owner, own_instance),)
            return
        context.store.cache.put(
            f"{_OTHER_INSTANCE_KEY}{tracker}:{comment.author_id}", owner.instance, days=365
        )
        reason = (
            f"the instance {owner.instance!r} keeps {owner.subject} there with the account {comment.author_id}; remove "
            f"the anchor of {change.subject} from one of the two plans, or delete that comment if the other instance "
            "no longer exists"
        )
        context.store.cache.put(_contested_key(change), reason, days=1)
        _mark_contested(check, change, reason)


def _same_account_refusal(change: CommentChange, owner: MarkerContent, own_instance: str) -> Refusal:
    return Refusal(
        rule="two-instances",
        text=f"on {change.ref} our own account keeps {owner.subject} for the instance {owner.instance!r}, and this "
        f"one is {own_instance!r}: their labels cannot be told apart; if it is the same instance, set "
        f"`instance: {owner.instance}`, else give one of the two another account and another anchor",
    )


def _mark_contested(check: AnchorCheck, change: CommentChange, reason: str) -> None:
    check.contested_subjects[change.subject] = reason
    check.contested_issues[change.ref] = reason


def _contested_key(change: CommentChange) -> str:
    return f"{_CONTESTED_KEY}{change.ref.tracker}:{change.ref.id}:{change.subject}"


def _adopt_comment(
    context: RunContext, change: CommentChange, ours: tuple[Comment, str], recorder: StateRecorder
) -> None:
    """Record our comment as the last pushed one. Differences are edited in this run."""
    comment, own_text = ours
    same = text_digest(own_text) == text_digest(change.body)
    row = PushedCommentRecord(
        subject=change.subject,
        ref=change.ref,
        comment_id=comment.id,
        body=own_text,
        full_hash=change.full_hash if same else text_digest(own_text),
        urgent_hash=change.urgent_hash if same else "",
        edited_at=context.now(),
        run_id=context.run_id,
    )
    owner = comment_owners(context.workspace)[change.subject]
    recorder.adopt_comment(row, lambda: save_comment_owner(context.store, row.subject, owner))
