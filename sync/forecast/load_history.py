"""Issue flows and team histories from the store, for forecasts, reports and audits. No tracker is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from connectors.model import Category, IssueChange, IssueRef, KnownIssue
from mappings.model import MatchResult, Workspace
from mappings.rules.flow_state import StateResolver
from sync.forecast.issue_history import IssueChanges, StateClassifier, build_issue_flows, build_status_catalog
from sync.model.anchors import issues_by_place, list_anchors
from sync.model.flow import IssueFlow
from sync.model.forecast import PastIssue
from sync.model.records import IssueEvent
from sync.store import Store


def load_issue_flows(
    store: Store,
    workspace: Workspace,
    matched: MatchResult,
    *,
    known: Mapping[IssueRef, KnownIssue],
) -> dict[IssueRef, IssueFlow]:
    """Return the flow of every issue in the current sources, including those closed long before the increment.

    Anchors, issues that left every source, and closed ones of which nothing says since when are not included. An
    issue's states are those of the team that ``matched`` assigns it to, else of the first team that has its source.
    ``known``: result of ``load_current_issues``.
    """
    places = issues_by_place(known.values())
    anchors = {places[each.place].issue.ref for each in list_anchors(workspace) if each.place in places}
    included = {ref: item for ref, item in known.items() if item.sources and ref not in anchors}
    observed = store.observed_status_changes()
    listed = listed_statuses(store, {ref.tracker for ref in included})
    statuses = build_status_catalog(known.values(), observed_statuses(observed), listed)
    return build_issue_flows(
        included.values(),
        stored_changes(store, included, observed),
        _state_classifiers(included, workspace, matched),
        statuses,
    )


def owning_teams(
    known: Mapping[IssueRef, KnownIssue], workspace: Workspace, matched: MatchResult
) -> dict[IssueRef, str]:
    """Return issue -> the team it is assigned to, else the first team that has its source.

    Issues without such a team are left out.
    """
    first: dict[str, tuple[int, str]] = {}
    for number, team in enumerate(workspace.teams):
        for source in team.sources:
            first.setdefault(source.name, (number, team.team))
    found: dict[IssueRef, str] = {}
    for ref, item in known.items():
        if teams := [first[name] for name in item.sources if name in first]:
            found[ref] = min(teams)[1]
    assignments = (*matched.assignments, *matched.unfinished_at_close)
    return found | {each.ref: each.team for each in assignments}


def team_issue_histories(
    matched: MatchResult,
    known: Mapping[IssueRef, KnownIssue],
    flow: Mapping[IssueRef, IssueFlow],
    owners: Mapping[IssueRef, str],
    until: datetime,
) -> dict[str, list[PastIssue]]:
    """Return the issues of each team, whatever they count towards, as forecasts and backtests use them.

    The past ends at ``until``: later issues are left out, later closings are open issues.
    Capabilities (as labels) and milestones are the groups of a backtest.
    """
    capabilities = {each.ref: each.capability for each in matched.assignments}
    found: dict[str, list[PastIssue]] = {}
    for ref, issue_flow in flow.items():
        team = owners.get(ref)
        if team is None or issue_flow.created > until:
            continue
        issue = known[ref].issue
        milestones = {*issue.fix_versions, *([issue.milestone] if issue.milestone else [])}
        found.setdefault(team, []).append(
            PastIssue(
                created=issue_flow.created,
                closed=None if issue_flow.is_open_at(until) else issue_flow.closed,
                labels=(capabilities[ref],) if ref in capabilities else (),
                milestones=tuple(sorted(milestones)),
            )
        )
    return found


def _state_classifiers(
    known: Mapping[IssueRef, KnownIssue], workspace: Workspace, matched: MatchResult
) -> dict[IssueRef, StateClassifier]:
    """Return issue -> classifier. Issues of the same team share a resolver, so that its cache is used."""
    states = {team.team: StateResolver(team) for team in workspace.teams}
    experiments = {each.ref for each in matched.assignments if each.experiment}
    teams = owning_teams(known, workspace, matched)
    return {
        ref: StateClassifier(states=states[team], experiment=ref in experiments)
        for ref, team in teams.items()
        if team in states
    }


def listed_statuses(
    store: Store, trackers: Iterable[str]
) -> dict[tuple[str, str], tuple[str, Category | None]]:
    """Return (tracker, status id) -> name and category of the statuses that the trackers listed."""
    return {
        (tracker, status_id): status
        for tracker in trackers
        for status_id, status in store.load_statuses(tracker).items()
    }


def stored_changes(
    store: Store,
    known: Iterable[IssueRef],
    observed: Mapping[tuple[str, str], list[IssueEvent]],
    **selected: Any,
) -> dict[IssueRef, IssueChanges]:
    """Return the changes of each issue. ``selected``: see ``Store.issue_changes``."""
    changes, complete = store.issue_changes(**selected), store.complete_histories()
    found: dict[IssueRef, IssueChanges] = {}
    for ref in known:
        key = (ref.tracker, ref.id)
        events = tuple(_observed_change(each, number) for number, each in enumerate(observed.get(key, ())))
        found[ref] = IssueChanges(
            changes=tuple(changes.get(key, ())), observed=events, complete=key in complete
        )
    return found


def _observed_change(observed: IssueEvent, number: int) -> IssueChange:
    before, after = observed.before or {}, observed.after or {}
    return IssueChange(
        ref=observed.ref,
        id=f"seen:{number}",
        at=observed.at,
        kind="status",
        before=before.get("status") or "",
        after=after.get("status") or "",
    )


def observed_statuses(
    observed: Mapping[tuple[str, str], Iterable[IssueEvent]],
) -> Iterable[tuple[str, str, Category | None]]:
    """Yield (tracker, name, category) of every status that a run observed."""
    for (tracker, _), events in observed.items():
        for event in events:
            for side in (event.before, event.after):
                fields: Mapping[str, Any] = side or {}
                if fields.get("status"):
                    yield tracker, fields["status"], cast(Category | None, fields.get("category"))
