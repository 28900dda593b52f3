"""Refuse a change set that is unsafe. Each refusal names the number, the limit and the way past it this once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

from connectors.model import IssueRef
from sync.diff.write_budget import Spread
from sync.model.changes import ChangeSet
from sync.model.labels import Suspicion
from sync.model.limits import GuardLimits, Refusal, Weighed

ENOUGH_TO_TELL = 3
"""On so many issues at least a label must have been before its loss everywhere tells of a deleted label."""


HALF = 0.5
"""The most of a small number that may go at once; a share in the settings that is larger holds instead."""
MOST_LABELS = 0.75
"""Of labels more may go, because a small team loses many when an increment closes."""
FEW_LABELS, FEW_COMMENTS, FEW_PEOPLE = 4, 10, 10
"""So many are never too many."""


def check_changes(
    changes: ChangeSet,
    pushed: Mapping[IssueRef, frozenset[str]],
    limits: GuardLimits,
    weighed: Weighed | None = None,
) -> tuple[Refusal, ...]:
    """Limits on what one run takes away, on how many comments it starts and on whom it has mailed.

    What is ``weighed`` as a first run is not refused for being large: ``spread.py`` makes several runs of it.
    """
    found = [_removals(changes, pushed, limits), _comments(changes, limits, weighed)]
    if weighed is not None:
        found.append(_notified(weighed, limits))
    return tuple(refusal for refusal in found if refusal)


def check_whole(
    changes: ChangeSet, pushed: Mapping[IssueRef, frozenset[str]], limits: GuardLimits, weighed: Weighed
) -> tuple[Refusal, ...]:
    """The same limits for what is carried out whole or not at all, as an undo: no mail waits for another run."""
    weighed, allowed = replace(weighed, spreading=False), limits.max_notifications
    found = [_removals(changes, pushed, limits), _comments(changes, limits, None), _notified(weighed, limits)]
    mails = weighed.attention.mails
    if allowed is not None and mails > allowed:
        text = f"at least {mails} mails would probably be sent, and --max-notifications allows {allowed}"
        found.append(Refusal(rule="notified", text=text))
    return tuple(refusal for refusal in found if refusal)


def allowance(absolute: int, share: float, total: int, *, most: float = HALF, few: int = 0) -> int:
    """How many of ``total`` one run may touch: the larger of a number and a share, but of a small total not more
    than the share ``most`` of it (or ``share``, if that is more), and always ``few``."""
    largest = int(max(most, share) * total)
    return max(few, min(max(absolute, int(share * total)), largest))


def spread_of(weighed: Weighed, limits: GuardLimits) -> Spread | None:
    """What one run may ask of people where a change set is spread over several; None when it is carried out whole."""
    comments = None
    if weighed.spreads_comments:
        comments = limits.new_comments if limits.max_comments is None else limits.max_comments
    if limits.max_notifications is not None:
        return Spread(audience=weighed.audience, comments=comments, mails=limits.max_notifications)
    if weighed.spreading:
        each = limits.mails_each
        return Spread(
            audience=weighed.audience, comments=comments, people=people_allowed(weighed, limits), each=each
        )
    return None if comments is None else Spread(audience=weighed.audience, comments=comments)


def people_allowed(weighed: Weighed, limits: GuardLimits) -> int:
    """How many people one run may have mailed."""
    team = weighed.attention.team
    return allowance(limits.notified, limits.notified_share, team, most=1.0, few=FEW_PEOPLE)


def allowed_overrides(pushed: Mapping[IssueRef, frozenset[str]], limits: GuardLimits) -> int:
    """How many decisions of people one run may find."""
    labelled = sum(1 for labels in pushed.values() if labels)
    return max(limits.overrides, int(limits.override_share * labelled))


def is_override(suspicion: Suspicion) -> bool:
    """A new decision of a person. What the issue's history has proved (a store was lost) is not new."""
    return suspicion.kind in ("veto", "pin") and not suspicion.needs_history


def check_overrides(
    confirmed: Collection[Suspicion],
    pushed: Mapping[IssueRef, frozenset[str]],
    limits: GuardLimits,
    looked_at: Collection[IssueRef],
) -> tuple[Refusal, ...]:
    """Many decisions of people at once are more often a deleted label or a broken list than people.

    ``confirmed`` by direct reads; ``pushed`` as it was before; ``looked_at``: the issues that were read.
    """
    found = [s for s in confirmed if is_override(s)]
    allowed = allowed_overrides(pushed, limits)
    refusals = []
    if len(found) > allowed:
        refusals.append(
            Refusal(
                rule="overrides",
                text=f"more than {allowed} labels were added or removed by hand since the last run, and the limit "
                f"is {allowed} (limits.overrides, limits.override_share); look at them with `increment-sync "
                f"reconcile`, or take them all as people's decisions once with --accept-overrides",
            )
        )
    refusals += [
        Refusal(
            rule="label-gone",
            text=f"{label} is gone from all {count} issues of {place} that carried it, as if the label itself had "
            f"been deleted; put it back with `increment-sync reconcile --restore-labels`, or take it as people's "
            f"decision once with --accept-overrides",
        )
        for place, label, count in _gone_everywhere(confirmed, pushed, looked_at)
    ]
    return tuple(refusals)


def deleted_as_a_whole(
    suspicions: Collection[Suspicion],
    pushed: Mapping[IssueRef, frozenset[str]],
    looked_at: Collection[IssueRef],
) -> list[Suspicion]:
    """Of suspected vetoes those that ``label-gone`` would refuse: the others are single decisions of people."""
    gone = {(place, label) for place, label, _ in _gone_everywhere(suspicions, pushed, looked_at)}
    return [s for s in suspicions if s.kind == "veto" and (_place(s.ref), s.label) in gone]


def _removals(
    changes: ChangeSet, pushed: Mapping[IssueRef, frozenset[str]], limits: GuardLimits
) -> Refusal | None:
    count = sum(len(change.pure_removals) for change in changes.labels) + len(changes.removals)
    total = sum(len(labels) for labels in pushed.values())
    few = min(FEW_LABELS, limits.removals)
    allowed = allowance(limits.removals, limits.removal_share, total, most=MOST_LABELS, few=few)
    if limits.max_removals is not None:
        allowed = limits.max_removals
    if count <= allowed:
        return None
    return Refusal(
        rule="removals",
        text=f"{count} of our labels and comments would be removed without others taking their place (we keep {total} "
        f"labels in all), the limit is {allowed} (limits.removals, limits.removal_share); if that is right, allow it "
        f"once with --max-removals {count}",
    )


def _comments(changes: ChangeSet, limits: GuardLimits, weighed: Weighed | None) -> Refusal | None:
    count, allowed = changes.created_comments, limits.new_comments
    if weighed is not None and not weighed.spreading:
        few = min(FEW_COMMENTS, limits.new_comments)
        allowed = allowance(allowed, limits.new_comment_share, weighed.comments, most=1.0, few=few)
    if limits.max_comments is not None:
        allowed = limits.max_comments
    elif weighed is not None and weighed.spreads_comments:
        return None
    if count <= allowed:
        return None
    return Refusal(
        rule="new-comments",
        text=f"{count} new comments would be posted, the limit is {allowed} (limits.new_comments, "
        f"limits.new_comment_share); if that is right, allow it once with --max-comments {count}",
    )


def _notified(weighed: Weighed, limits: GuardLimits) -> Refusal | None:
    """With ``--max-notifications`` the run does what fits and leaves the rest, so that nothing is to be refused."""
    attention, allowed = weighed.attention, people_allowed(weighed, limits)
    if weighed.spreading or limits.max_notifications is not None:
        return None
    if attention.people > allowed:
        what = f"at least {attention.people} people would probably be mailed, the limit is {allowed} "
        what += "(limits.notified, limits.notified_share)"
    elif attention.most > limits.mails_each:
        what = f"one person would get at least {attention.most} mails, the limit is {limits.mails_each} "
        what += "(limits.mails_each)"
    else:
        return None
    cure = ""
    if attention.noisy:
        cure = f"every edit in {', '.join(attention.noisy)} is mailed unless our account may administer the project; "
    return Refusal(
        rule="notified",
        text=f"{what}; {cure}if that is right, allow it once with --max-notifications {attention.mails}",
    )


def _gone_everywhere(
    confirmed: Collection[Suspicion],
    pushed: Mapping[IssueRef, frozenset[str]],
    looked_at: Collection[IssueRef],
) -> list[tuple[str, str, int]]:
    """(place, label, count) for labels that at least three issues of a place carried and all of them lost.

    Fewer are people. Issues that nobody looked at in this run say nothing either way.
    """
    seen = frozenset(looked_at)
    carried = Counter(
        (_place(ref), label) for ref, labels in pushed.items() if ref in seen for label in labels
    )
    lost = Counter((_place(s.ref), s.label) for s in confirmed if s.kind in ("veto", "gone"))
    vetoed = {(_place(s.ref), s.label) for s in confirmed if s.kind == "veto"}
    return [
        (place, label, count)
        for (place, label), count in sorted(lost.items())
        if count >= ENOUGH_TO_TELL and count == carried[place, label] and (place, label) in vetoed
    ]


def _place(ref: IssueRef) -> str:
    """Where a label can be deleted as such: in a GitHub repository, on a whole Jira site."""
    repository, is_github, _ = ref.key.partition("#")
    return f"{ref.tracker}:{repository}" if is_github else ref.tracker
