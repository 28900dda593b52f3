"""Refuse a change set that is unsafe. Each refusal names the number, the limit and the way past it this once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from connectors.model import IssueRef
from sync.changes import ChangeSet
from sync.compare import Suspicion


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


def check_overrides(
    suspicions: tuple[Suspicion, ...], pushed: Mapping[IssueRef, frozenset[str]], limits: GuardLimits
) -> tuple[Refusal, ...]:
    """Many decisions of people at once are more often a deleted label or a broken list than people."""
    found = [s for s in suspicions if s.kind in ("veto", "pin") and not s.needs_history]
    allowed = max(limits.overrides, int(limits.override_share * len(pushed)))
    refusals = []
    if len(found) > allowed:
        refusals.append(
            Refusal(
                rule="overrides",
                text=f"{len(found)} labels were added or removed by hand since the last run, the limit is "
                f"{allowed} (limits.overrides, limits.override_share); look at them with `increment-sync "
                f"reconcile`, or take them all as people's decisions once with --accept-overrides",
            )
        )
    refusals += [
        Refusal(
            rule="label-gone",
            text=f"{label} is gone from all {count} issues that carried it, as if the label itself had been "
            f"deleted; put it back with `increment-sync reconcile --restore-labels`, or take it as people's "
            f"decision once with --accept-overrides",
        )
        for label, count in _gone_everywhere(found, pushed)
    ]
    return tuple(refusals)


def _removals(
    changes: ChangeSet, pushed: Mapping[IssueRef, frozenset[str]], limits: GuardLimits
) -> Refusal | None:
    count = sum(len(change.pure_removals) for change in changes.labels)
    total = sum(len(labels) for labels in pushed.values())
    allowed = max(limits.removals, int(limits.removal_share * total))
    if count <= allowed:
        return None
    return Refusal(
        rule="removals",
        text=f"{count} of our {total} labels would be removed without another taking their place, the limit is "
        f"{allowed} (limits.removals, limits.removal_share); if that is right, allow it once with "
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
    found: list[Suspicion], pushed: Mapping[IssueRef, frozenset[str]]
) -> list[tuple[str, int]]:
    """Labels that we put on at least three issues of a tracker and that all of them lost."""
    carried = Counter((ref.tracker, label) for ref, labels in pushed.items() for label in labels)
    lost = Counter((s.ref.tracker, s.label) for s in found if s.kind == "veto")
    return [
        (label, count)
        for (tracker, label), count in sorted(lost.items())
        if count >= 3 and count == carried[tracker, label]
    ]
