"""Times at which issues were closed: from their history, then the tracker's own time, then what runs saw.

No tracker is read. Only issues that were touched since the first increment began need a history: a closing is never
later than the last update.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from connectors.model import Issue, IssueRef, KnownIssue
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


class RecordedClosingTimes:
    """``ClosingTimes`` from the histories of issues. Each question replays the history in the words of the team."""

    def __init__(self, changes: Mapping[IssueRef, IssueChanges], statuses: StatusCatalog) -> None:
        self._changes, self._statuses = changes, statuses

    def closed_at(self, issue: Issue, states: StateResolver, *, experiment: bool) -> datetime | None:
        classifier = StateClassifier(states=states, experiment=experiment)
        changes = self._changes.get(issue.ref, IssueChanges())
        return closing_time(issue, changes, classifier, self._statuses)


def load_closing_times(
    store: Store, workspace: Workspace, known: Iterable[KnownIssue]
) -> RecordedClosingTimes:
    """Return the closing times of these issues."""
    start = min((each.starts_at for each in workspace.increments), default=None)
    touched = [each for each in known if start is None or each.issue.updated >= start]
    refs = [each.issue.ref for each in touched]
    observed = store.observed_status_changes()
    used = (*observed_statuses(observed), *store.statuses_in_use())
    selected = {"of": refs[0]} if len(refs) == 1 else {"updated_since": start}
    return RecordedClosingTimes(
        stored_changes(store, refs, observed, **selected),
        build_status_catalog(touched, used, listed_statuses(store, {ref.tracker for ref in refs})),
    )
