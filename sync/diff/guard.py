"""The guard: limits that refuse an unsafe change set.

Each refusal names the number, the limit, and the option that allows the change set in this run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

from connectors.model import IssueRef
from connectors.spec import ConnectorSpec
from connectors.wording import pluralize
from sync.diff.write_budget import WriteBudget
from sync.model.changes import ChangeSet
from sync.model.labels import SuspectedOverride
from sync.model.limits import GuardLimits, ImpactEstimate, Refusal

MIN_ISSUES_OF_DELETED_LABEL = 3
"""Number of issues from which the loss of a label everywhere is taken for a deleted label."""


MAX_SHARE = 0.5
"""Largest share of a small number, unless the settings allow a larger one."""
MAX_LABEL_SHARE = 0.75
"""The same for labels. It is larger, because a small team loses many labels when an increment closes."""
ALWAYS_ALLOWED_LABELS, ALWAYS_ALLOWED_COMMENTS, ALWAYS_ALLOWED_PEOPLE = 4, 10, 10
"""Numbers that no limit refuses."""


def check_changes(
    changes: ChangeSet,
    pushed: Mapping[IssueRef, frozenset[str]],
    limits: GuardLimits,
    impact: ImpactEstimate | None = None,
) -> tuple[Refusal, ...]:
    """Check removals, new comments and notified people.

    During a rollout, size alone is not refused: ``write_budget`` spreads the change set over several runs.
    """
    found = (
        _check_removals(changes, pushed, limits),
        _check_comments(changes, limits, impact),
        impact and _check_notified(impact, limits),
    )
    return tuple(refusal for refusal in found if refusal)


def check_atomic_changes(
    changes: ChangeSet, pushed: Mapping[IssueRef, frozenset[str]], limits: GuardLimits, impact: ImpactEstimate
) -> tuple[Refusal, ...]:
    """Check a change set that is written completely or not at all, such as an undo.

    No mail can be postponed to another run.
    """
    impact, allowed = replace(impact, in_rollout=False), limits.max_notifications
    found = [
        _check_removals(changes, pushed, limits),
        _check_comments(changes, limits, None),
        _check_notified(impact, limits),
    ]
    mails = impact.cost.mails
    if allowed is not None and mails > allowed:
        text = f"at least {pluralize(mails, 'mail')} would probably be sent, and --max-notifications allows {allowed}"
        found.append(Refusal(rule="notified", text=text))
    return tuple(refusal for refusal in found if refusal)


def allowance(
    absolute: int, share: float, total: int, *, max_share: float = MAX_SHARE, minimum: int = 0
) -> int:
    """Return how many of ``total`` one run may change.

    The larger of a number and a share. For a small total it is at most ``max_share`` of it (or ``share``, if larger),
    and never below ``minimum``.
    """
    largest = int(max(max_share, share) * total)
    return max(minimum, min(max(absolute, int(share * total)), largest))


def write_budget_for(impact: ImpactEstimate, limits: GuardLimits) -> WriteBudget:
    """Return the budget of one run. It has limits if the change set is spread over several runs."""
    budget = WriteBudget(audience=impact.audience)
    if impact.rolls_out_comments:
        budget.max_comments = limits.new_comments if limits.max_comments is None else limits.max_comments
    if limits.max_notifications is not None:
        budget.max_mails = limits.max_notifications
    elif impact.in_rollout:
        budget.max_people, budget.max_mails_per_person = _max_people(impact, limits), limits.mails_each
    return budget


def _max_people(impact: ImpactEstimate, limits: GuardLimits) -> int:
    """Return how many people one run may cause mail to."""
    known, minimum = impact.cost.people_known, ALWAYS_ALLOWED_PEOPLE
    return allowance(limits.notified, limits.notified_share, known, max_share=1.0, minimum=minimum)


def max_overrides(pushed: Mapping[IssueRef, frozenset[str]], limits: GuardLimits) -> int:
    """Return how many new overrides one run may find."""
    labeled = sum(1 for labels in pushed.values() if labels)
    return max(limits.overrides, int(limits.override_share * labeled))


def is_override(suspicion: SuspectedOverride) -> bool:
    """Return True for a new override. One that the label history proves (after a lost store) is not new."""
    return suspicion.kind in ("veto", "pin") and not suspicion.needs_history


def check_overrides(
    confirmed: Collection[SuspectedOverride],
    pushed: Mapping[IssueRef, frozenset[str]],
    limits: GuardLimits,
    read_issues: Collection[IssueRef],
    specs: Mapping[str, ConnectorSpec],
) -> tuple[Refusal, ...]:
    """Refuse many new overrides at once, which usually come from a deleted label or a broken list.

    ``confirmed``: checked by direct reads. ``pushed``: before the run. ``read_issues``: issues fully read in this run.
    """
    allowed, refusals = max_overrides(pushed, limits), []
    gone = _labels_gone_everywhere(confirmed, pushed, read_issues, specs)
    deleted = {(container, label) for container, label, _ in gone}
    decided = [
        each
        for each in confirmed
        if is_override(each) and (label_scope(each.ref, specs), each.label) not in deleted
    ]
    if len(decided) > allowed:
        vetoed = {each.label for each in decided if each.kind == "veto"}
        refusals.append(
            Refusal(
                rule="overrides",
                text=f"more than {allowed} labels were added or removed manually since the last run, and the limit "
                f"is {allowed} (limits.overrides, limits.override_share); review them with `increment-sync "
                f"reconcile`, or accept all of them in this run with --accept-overrides"
                f"{_emptied(vetoed, confirmed, pushed)}",
            )
        )
    refusals += [
        Refusal(
            rule="label-gone",
            text=f"{label} is gone from all {count} issues of {container} that had it, which looks like a deleted "
            f"or renamed label; restore it with `increment-sync reconcile --restore-labels`, or accept the removal in "
            f"this run with --accept-overrides{_emptied({label}, confirmed, pushed)}",
        )
        for container, label, count in gone
    ]
    return tuple(refusals)


def _emptied(
    labels: Collection[str],
    confirmed: Collection[SuspectedOverride],
    pushed: Mapping[IssueRef, frozenset[str]],
) -> str:
    """Return a warning about labels that no issue keeps if their removal is accepted; empty if there is none."""
    lost = Counter(each.label for each in confirmed if each.kind in ("veto", "gone"))
    total = Counter(label for of_issue in pushed.values() for label in of_issue)
    emptied = ", ".join(sorted(label for label in labels if lost[label] >= total[label]))
    return f", which leaves no issue with {emptied}" if emptied else ""


def deleted_labels(
    suspicions: Collection[SuspectedOverride],
    pushed: Mapping[IssueRef, frozenset[str]],
    read_issues: Collection[IssueRef],
    specs: Mapping[str, ConnectorSpec],
) -> list[SuspectedOverride]:
    """Return the suspected vetoes that ``label-gone`` would refuse. All others are decisions about single issues."""
    gone = {
        (container, label)
        for container, label, _ in _labels_gone_everywhere(suspicions, pushed, read_issues, specs)
    }
    return [s for s in suspicions if s.kind == "veto" and (label_scope(s.ref, specs), s.label) in gone]


def _check_removals(
    changes: ChangeSet, pushed: Mapping[IssueRef, frozenset[str]], limits: GuardLimits
) -> Refusal | None:
    count = sum(len(change.pure_removals) for change in changes.labels) + len(changes.removals)
    total = sum(len(labels) for labels in pushed.values())
    allowed = limits.max_removals
    if allowed is None:
        minimum, max_share = min(ALWAYS_ALLOWED_LABELS, limits.removals), MAX_LABEL_SHARE
        allowed = allowance(
            limits.removals, limits.removal_share, total, max_share=max_share, minimum=minimum
        )
    if count <= allowed:
        return None
    return Refusal(
        rule="removals",
        text=f"{count} managed labels and comments would be removed without a replacement (of {total} managed labels), "
        f"the limit is {allowed} (limits.removals, limits.removal_share); if this is intended, allow it in this run "
        f"with --max-removals {count}",
    )


def _check_comments(changes: ChangeSet, limits: GuardLimits, impact: ImpactEstimate | None) -> Refusal | None:
    count, allowed = changes.created_comments, limits.new_comments
    if impact is not None and not impact.in_rollout:
        minimum = min(ALWAYS_ALLOWED_COMMENTS, limits.new_comments)
        allowed = allowance(
            allowed, limits.new_comment_share, impact.existing_comments, max_share=1.0, minimum=minimum
        )
    if limits.max_comments is not None:
        allowed = limits.max_comments
    elif impact is not None and impact.rolls_out_comments:
        return None
    if count <= allowed:
        return None
    return Refusal(
        rule="new-comments",
        text=f"{pluralize(count, 'new comment')} would be posted, the limit is {allowed} (limits.new_comments, "
        f"limits.new_comment_share); if this is intended, allow it in this run with --max-comments {count}",
    )


def _check_notified(impact: ImpactEstimate, limits: GuardLimits) -> Refusal | None:
    """Check the number of notified people and mails.

    With ``--max-notifications`` the run writes what fits and postpones the rest, so nothing is refused.
    """
    cost, allowed = impact.cost, _max_people(impact, limits)
    if impact.in_rollout or limits.max_notifications is not None:
        return None
    if cost.people > allowed:
        what = (
            f"at least {pluralize(cost.people, 'person')} would probably be mailed, the limit is {allowed} "
        )
        what += "(limits.notified, limits.notified_share)"
    elif cost.most_mails > limits.mails_each:
        what = f"one person would get at least {pluralize(cost.most_mails, 'mail')}, the limit is {limits.mails_each} "
        what += "(limits.mails_each)"
    else:
        return None
    cure = ""
    if cost.notifying_containers:
        containers = ", ".join(cost.notifying_containers)
        cure = (
            f"every edit in {containers} is mailed unless our account may silence it there (docs/rights.md); "
        )
    return Refusal(
        rule="notified",
        text=f"{what}; {cure}if this is intended, allow it in this run with --max-notifications {cost.mails}",
    )


def _labels_gone_everywhere(
    confirmed: Collection[SuspectedOverride],
    pushed: Mapping[IssueRef, frozenset[str]],
    read_issues: Collection[IssueRef],
    specs: Mapping[str, ConnectorSpec],
) -> list[tuple[str, str, int]]:
    """Return (container, label, count) for each label that at least three issues had and all of them lost.

    Fewer losses count as overrides. Issues that were not read in this run do not count.
    """
    read = frozenset(read_issues)
    pushed_counts = Counter(
        (label_scope(ref, specs), label) for ref, labels in pushed.items() if ref in read for label in labels
    )
    lost = Counter((label_scope(s.ref, specs), s.label) for s in confirmed if s.kind in ("veto", "gone"))
    vetoed = {(label_scope(s.ref, specs), s.label) for s in confirmed if s.kind == "veto"}
    return [
        (container, label, count)
        for (container, label), count in sorted(lost.items())
        if count >= MIN_ISSUES_OF_DELETED_LABEL
        and count == pushed_counts[container, label]
        and (container, label) in vetoed
    ]


def label_scope(ref: IssueRef, specs: Mapping[str, ConnectorSpec]) -> str:
    """Return the scope in which a label can be deleted as a whole: where labels are objects, the issue's container."""
    spec = specs[ref.tracker]
    return f"{ref.tracker}:{spec.keys.container(ref.key)}" if spec.traits.label_objects else ref.tracker
