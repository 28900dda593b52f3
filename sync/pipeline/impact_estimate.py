"""What an estimate needs from the store and the trackers: who stands on issues, where edits are mailed, what a write
costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from connectors.errors import ConnectorError
from connectors.http.rate_limiter import WriteLimits
from connectors.model import Issue, IssueRef
from sync.diff.notifications import Cost, weigh
from sync.model.changes import ChangeSet
from sync.model.limits import Audience, Weighed, edits, place_of
from sync.model.run import Applied
from sync.runtime.context import Job

SPREADING = "spreading"
"""In the store's cache while a large first run goes on over several runs."""


def weigh_changes(job: Job, changes: ChangeSet, issues: Iterable[Issue]) -> Weighed:
    """``issues``: all that are known; looked at only when there are changes. Costs a request for each Jira project
    whose issues are edited, once a week."""
    people = {issue.ref: _people(issue) for issue in issues} if len(changes) else {}
    jira = frozenset(name for name in job.settings.trackers if job.markup(name) == "jira")
    audience = Audience(
        people={ref: people[ref] for ref in changes.refs if ref in people},
        jira=jira,
        noisy=frozenset(_noisy(job, changes, people, jira)),
        team=len(frozenset().union(*people.values())),
    )
    comments = sum(1 for row in job.store.pushed_comments().values() if row.state == "live")
    first = not comments and not any(job.store.pushed_labels().values())
    return Weighed(
        attention=weigh(changes, audience, _costs(job, changes)),
        audience=audience,
        comments=comments,
        spreading=first or bool(job.store.cache.get(SPREADING)),
    )


@contextmanager
def spreading_kept(job: Job, weighed: Weighed, applied: Applied) -> Iterator[None]:
    """Around the writing of a change set: while a first run has not done all, the next goes on, also after a crash."""
    _keep(job, on=weighed.spreading and bool(weighed.attention.requests))
    yield
    _keep(job, on=weighed.spreading and bool(applied.left or applied.failed))


def _keep(job: Job, *, on: bool) -> None:
    if bool(job.store.cache.get(SPREADING)) != on:
        job.store.cache.put(SPREADING, on or None)


def _people(issue: Issue) -> frozenset[str]:
    names = (issue.author, *issue.assignees)
    return frozenset(f"{issue.ref.tracker}:{name}" for name in names if name)


def _noisy(
    job: Job, changes: ChangeSet, people: Mapping[IssueRef, frozenset[str]], jira: frozenset[str]
) -> Iterable[str]:
    """Jira projects where our edits are mailed to somebody. Where that cannot be found out, they are."""
    edited = {
        change.ref
        for change in changes.changes
        if change.ref.tracker in jira and edits(change) and people.get(change.ref)
    }
    for place, ref in sorted({place_of(ref): ref for ref in edited}.items()):
        try:
            mails = job.readers[ref.tracker].edits_are_mailed(place.partition(":")[2])
        except (ConnectorError, KeyError):
            mails = True
        if mails:
            yield place


def _costs(job: Job, changes: ChangeSet) -> Mapping[str, Cost]:
    costs = {}
    for tracker in sorted({change.ref.tracker for change in changes.changes}):
        pace, cache = job.paces.get(tracker), job.store.cache_for(tracker)
        labels = {
            (change.container, label)
            for change in changes.labels
            if change.ref.tracker == tracker
            for label in change.add
        }
        is_github = job.markup(tracker) == "github"
        unmade = {each for each in labels if is_github and not cache.get(f"label-made:{each[0]}:{each[1]}")}
        costs[tracker] = Cost(
            limits=pace.limits if pace else WriteLimits(),
            spent=pace.spent(job.now()) if pace else 0,
            unmade=frozenset(unmade),
        )
    return costs
