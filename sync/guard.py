"""Refuse a change set that is unsafe. Each refusal names the number, the limit and the way past it this once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from connectors.model import IssueRef
from sync.changes import ChangeSet
from sync.compare import Suspicion

ENOUGH_TO_TELL = 3
"""On so many issues at least a label must have been before its loss everywhere tells of a deleted label."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardLimits:
    """Absolute numbers and shares; of a pair the larger allowance holds."""

    removals: int
    removal_share: float
    new_comments: int
    overrides: int
    override_share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Why the run stops before writing."""

    rule: str
    text: str


def check_changes(
    changes: ChangeSet, pushed: Mapping[IssueRef, frozenset[str]], limits: GuardLimits
) -> tuple[Refusal, ...]:
    """Limits on what one run takes away and on how many comments it starts."""
    return tuple(r for r in (_removals(changes, pushed, limits), _comments(changes, limits)) if r)


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
    allowed = max(limits.removals, int(limits.removal_share * total))
    if count <= allowed:
        return None
    return Refusal(
        rule="removals",
        text=f"{count} of our labels ({total} in all) and comments would be removed without others taking their "
        f"place, the limit is {allowed} (limits.removals, limits.removal_share); if that is right, allow it once with "
        f"--max-removals {count}",
    )


def _comments(changes: ChangeSet, limits: GuardLimits) -> Refusal | None:
    count = changes.created_comments
    if count <= limits.new_comments:
        return None
    return Refusal(
        rule="new-comments",
        text=f"{count} new comments would be posted, the limit is {limits.new_comments} (limits.new_comments); "
        f"if that is right, allow it once with --max-comments {count}",
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
