"""Inputs of the cost estimate, from the store and the trackers: people, notification settings, write limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from connectors.errors import ConnectorError
from connectors.http.rate_limiter import WriteLimits
from connectors.model import Issue, IssueRef
from sync.diff.notifications import TrackerWriteCost, estimate_cost
from sync.model.changes import ChangeSet
from sync.model.limits import Audience, ImpactEstimate, is_edit, project_of
from sync.model.run import ApplyResult
from sync.runtime.context import RunContext

ROLLOUT_KEY = "spreading"
"""Cache key that is set while a rollout goes on. Existing stores contain it, so it does not follow renames."""


def estimate_impact(context: RunContext, changes: ChangeSet, issues: Iterable[Issue]) -> ImpactEstimate:
    """Estimate the cost of a change set. ``issues``: all known issues.

    Costs one request a week for each Jira project with edited issues.
    """
    people = {issue.ref: _people_on(issue) for issue in issues} if len(changes) else {}
    jira_trackers = frozenset(name for name in context.settings.trackers if context.markup(name) == "jira")
    audience = Audience(
        people_by_issue={ref: people[ref] for ref in changes.refs if ref in people},
        jira_trackers=jira_trackers,
        notifying_projects=frozenset(_notifying_projects(context, changes, people, jira_trackers)),
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


def _notifying_projects(
    context: RunContext,
    changes: ChangeSet,
    people: Mapping[IssueRef, frozenset[str]],
    jira_trackers: frozenset[str],
) -> Iterable[str]:
    """Return the Jira projects in which our edits cause mail. A project that cannot be checked counts as one."""
    edited = {
        change.ref
        for change in changes.changes
        if change.ref.tracker in jira_trackers and is_edit(change) and people.get(change.ref)
    }
    for project, ref in sorted({project_of(ref): ref for ref in edited}.items()):
        try:
            sends_mail = context.readers[ref.tracker].edits_send_mail(project.partition(":")[2])
        except (ConnectorError, KeyError):
            sends_mail = True
        if sends_mail:
            yield project


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
        is_github = context.markup(tracker) == "github"
        missing = {each for each in labels if is_github and not cache.get(f"label-made:{each[0]}:{each[1]}")}
        costs[tracker] = TrackerWriteCost(
            limits=limiter.limits if limiter else WriteLimits(),
            recent_content=limiter.recent_content(context.now()) if limiter else 0,
            missing_labels=frozenset(missing),
        )
    return costs
