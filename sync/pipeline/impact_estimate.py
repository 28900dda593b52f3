"""Inputs of the cost estimate, from the store and the trackers: people, notification settings, write limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from connectors.errors import ConnectorError
from connectors.http.rate_limiter import WriteLimits
from connectors.model import Issue, IssueRef
from sync.diff.notifications import TrackerWriteCost, estimate_cost
from sync.model.changes import ChangeSet
from sync.model.limits import Audience, ImpactEstimate, is_edit
from sync.model.run import ApplyResult
from sync.runtime.context import RunContext

ROLLOUT_KEY = "spreading"
"""Cache key that is set while a rollout goes on. Existing stores contain it, so it does not follow renames."""


def estimate_impact(context: RunContext, changes: ChangeSet, issues: Iterable[Issue]) -> ImpactEstimate:
    """Estimate the cost of a change set. ``issues``: all known issues.

    Costs one request a week for each container with edited issues, on trackers that may mail about edits.
    """
    people = {issue.ref: _people_on(issue) for issue in issues} if len(changes) else {}
    notifying = frozenset(
        name for name, spec in context.settings.specs.items() if spec.traits.edits_may_send_mail
    )
    audience = Audience(
        people_by_issue={ref: people[ref] for ref in changes.refs if ref in people},
        notifying_trackers=notifying,
        mailed_edits=_mailed_edits(context, changes, people, notifying),
        people_known=len(frozenset().union(*people.values())),
    )
    comments = sum(1 for row in context.store.pushed_comments().values() if row.state == "live")
    is_first = not comments and not any(context.store.pushed_labels().values())
    return ImpactEstimate(
        cost=estimate_cost(changes, audience, _write_costs(context, changes)),
        audience=audience,
        existing_comments=comments,
        in_rollout=is_first or bool(context.store.cache.get(ROLLOUT_KEY)),
    )


@contextmanager
def tracking_rollout(
    context: RunContext, impact: ImpactEstimate, apply_result: ApplyResult
) -> Iterator[None]:
    """Keep the rollout flag set while changes are left, also after a crash."""
    _save_rollout(context, active=impact.in_rollout and bool(impact.cost.requests))
    yield
    _save_rollout(context, active=impact.in_rollout and bool(apply_result.skipped or apply_result.failed))


def _save_rollout(context: RunContext, *, active: bool) -> None:
    if bool(context.store.cache.get(ROLLOUT_KEY)) != active:
        context.store.cache.put(ROLLOUT_KEY, active or None)


def _people_on(issue: Issue) -> frozenset[str]:
    names = {issue.author, issue.reporter, *issue.assignees}
    return frozenset(f"{issue.ref.tracker}:{name}" for name in names if name)


def _mailed_edits(
    context: RunContext,
    changes: ChangeSet,
    people: Mapping[IssueRef, frozenset[str]],
    notifying: frozenset[str],
) -> Mapping[IssueRef, str]:
    """Return the issues whose edits cause mail. They do in a container that cannot be checked."""
    edited = {
        change.ref: (change.ref.tracker, context.container_of(change.ref))
        for change in changes.changes
        if change.ref.tracker in notifying and is_edit(change) and people.get(change.ref)
    }
    mailed = {place for place in sorted(set(edited.values())) if _edits_send_mail(context, *place)}
    return {ref: ":".join(place) for ref, place in edited.items() if place in mailed}


def _edits_send_mail(context: RunContext, tracker: str, container: str) -> bool:
    try:
        return context.readers[tracker].edits_send_mail(container)
    except (ConnectorError, KeyError):
        return True


def _write_costs(context: RunContext, changes: ChangeSet) -> Mapping[str, TrackerWriteCost]:
    costs = {}
    for tracker in sorted({change.ref.tracker for change in changes.changes}):
        limiter, cache = context.rate_limiters.get(tracker), context.store.cache_for(tracker)
        labels = {
            (change.container, label)
            for change in changes.labels
            if change.ref.tracker == tracker
            for label in change.add
        }
        traits = context.settings.spec(tracker).traits
        missing = {
            each
            for each in labels
            if traits.label_objects and not cache.get(f"label-made:{each[0]}:{each[1]}")
        }
        costs[tracker] = TrackerWriteCost(
            limits=limiter.limits if limiter else WriteLimits(),
            recent_content=limiter.recent_content(context.now()) if limiter else 0,
            missing_labels=frozenset(missing),
            labels_in_one_write=traits.labels_in_one_write,
        )
    return costs
