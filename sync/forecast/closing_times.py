"""Times at which issues were closed: from their history, then the tracker's own time, then what runs saw.

No tracker is read. Only issues that were touched since the first increment began need a history: a closing is never
later than the last update.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from connectors.model import Issue, IssueChange, IssueRef, KnownIssue
from connectors.text import fold_name
from mappings.model import Workspace
from mappings.rules.flow_state import StateResolver
from sync.forecast.issue_history import (
    IssueChanges,
    StateClassifier,
    StatusCatalog,
    build_status_catalog,
    closing_time,
)
from sync.forecast.load_history import listed_statuses, observed_statuses, stored_changes
from sync.store import Store

_AGREEMENT: Final = timedelta(minutes=1)
"""Distance of a tracker's closing time from the change that closed the issue."""


class RecordedClosingTimes:
    """``ClosingTimes`` from the histories of issues. Each question replays the history in the words of the team."""

    def __init__(
        self,
        issues: Iterable[Issue],
        changes: Mapping[IssueRef, IssueChanges],
        statuses: StatusCatalog,
    ) -> None:
        """``issues``: as they were when their changes were loaded."""
        self._issues = {issue.ref: issue for issue in issues}
        self._changes, self._statuses = changes, statuses

    def closed_at(self, issue: Issue, states: StateResolver, *, experiment: bool) -> datetime | None:
        changes = self._changes_until(issue)
        if states.closes_like_tracker and (agreed := self._agreed_closing(issue, changes)):
            return agreed
        classifier = StateClassifier(states=states, experiment=experiment)
        return closing_time(issue, changes, classifier, self._statuses)

    def _agreed_closing(self, issue: Issue, changes: IssueChanges) -> datetime | None:
        """Return the closing where history and tracker agree: no replay is needed then, and most issues are so."""
        moves = [change for change in changes.changes if change.kind == "status"]
        if issue.closed is None or not moves:
            return None
        last = max(moves, key=lambda change: (change.at, len(change.id), change.id))
        _, before = self._statuses.resolve(issue.ref.tracker, last.before_id, last.before)
        is_closing = before in ("todo", "doing") and fold_name(last.after) == fold_name(issue.status)
        return last.at if is_closing and abs(last.at - issue.closed) <= _AGREEMENT else None

    def _changes_until(self, issue: Issue) -> IssueChanges:
        """Return the changes of an issue. One that was read again since shows its new status from then on."""
        changes = self._changes.get(issue.ref, IssueChanges())
        before = self._issues.get(issue.ref)
        if before is None or before.updated == issue.updated:
            return changes
        if before.status == issue.status:
            return replace(changes, complete=False)
        seen = IssueChange(
            ref=issue.ref,
            id="seen:again",
            at=issue.updated,
            kind="status",
            before=before.status,
            after=issue.status,
        )
        return replace(changes, complete=False, observed=(*changes.observed, seen))


def load_closing_times(
    store: Store, workspace: Workspace, known: Iterable[KnownIssue]
) -> RecordedClosingTimes:
    """Return the closing times of these issues."""
    everything = list(known)
    start = min((each.starts_at for each in workspace.increments), default=None)
    only_done = all(StateResolver(team).closes_like_tracker for team in workspace.teams)
    touched = [
        issue.ref
        for issue in (each.issue for each in everything)
        if (start is None or issue.updated >= start) and (issue.category == "done" or not only_done)
    ]
    observed = store.observed_status_changes()
    used = (*observed_statuses(observed), *store.statuses_in_use())
    listed = listed_statuses(store, {ref.tracker for ref in touched})
    selected = {"of": touched[0]} if len(touched) == 1 else {"updated_since": start, "only_done": only_done}
    return RecordedClosingTimes(
        (each.issue for each in everything),
        stored_changes(store, touched, observed, **selected),
        build_status_catalog(everything, used, listed),
    )
