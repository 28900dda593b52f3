"""Times at which issues were closed: from their history, then the tracker's own time, then what runs saw.

No tracker is read. Only issues that were touched since the first increment began need a history: a closing is never
later than the last update.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from connectors.model import Issue, IssueChange, IssueRef, KnownIssue
from mappings.model import TeamMapping, Workspace
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
        classifier = StateClassifier(states=states, experiment=experiment)
        return closing_time(issue, self._changes_until(issue), classifier, self._statuses)

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
    start = min((each.starts_at for each in workspace.increments), default=None)
    only_done = not any(_closes_in_its_own_words(team) for team in workspace.teams)
    touched = [
        each
        for each in known
        if (start is None or each.issue.updated >= start) and (each.issue.category == "done" or not only_done)
    ]
    refs = [each.issue.ref for each in touched]
    observed = store.observed_status_changes()
    used = (*observed_statuses(observed), *store.statuses_in_use())
    selected = {"of": refs[0]} if len(refs) == 1 else {"updated_since": start, "only_done": only_done}
    return RecordedClosingTimes(
        (each.issue for each in touched),
        stored_changes(store, refs, observed, **selected),
        build_status_catalog(touched, used, listed_statuses(store, {ref.tracker for ref in refs})),
    )


def _closes_in_its_own_words(team: TeamMapping) -> bool:
    """Return True if issues may be closed for the team that are open for the tracker."""
    rules = (team.states.get(state) for state in ("done", "dropped"))
    return any(rule and (rule.statuses or rule.labels or rule.types) for rule in rules)
