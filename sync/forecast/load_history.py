"""The way of every issue, read from the store: for forecasts, reports and audits, without asking a tracker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from connectors.model import Category, IssueChange, IssueRef, KnownIssue
from mappings.model import MatchResult, TeamMapping, Workspace
from mappings.rules.flow_state import StateResolver
from sync.forecast.issue_history import IssueChanges, StateClassifier, build_issue_flows, build_status_catalog
from sync.model.flow import IssueFlow
from sync.model.records import IssueEvent
from sync.pull.current_sources import load_current_issues
from sync.store import Store


def load_issue_flows(
    store: Store,
    workspace: Workspace,
    matched: MatchResult | None = None,
    *,
    known: Mapping[IssueRef, KnownIssue] | None = None,
) -> dict[IssueRef, IssueFlow]:
    """The way of every issue that the sources of today hold, also of those closed long before the increment.

    Anchors and issues that left every source are not in it. The states are those of the team that ``matched``
    gives an issue to, else of the first team that has its source. ``known``: what ``load_current_issues`` gave, when the
    caller has it already.
    """
    known = load_current_issues(store, workspace) if known is None else known
    anchors = _anchor_keys(workspace)
    held = {
        ref: item
        for ref, item in known.items()
        if item.sources and (ref.tracker, ref.key.lower()) not in anchors
    }
    seen = store.observed_status_changes()
    trackers = {ref.tracker for ref in held}
    told = {
        (tracker, status_id): said
        for tracker in trackers
        for status_id, said in store.load_statuses(tracker).items()
    }
    statuses = build_status_catalog(known.values(), _observed_statuses(seen), told)
    return build_issue_flows(
        held.values(),
        _stored_changes(store, held, seen),
        _state_classifiers(held, workspace, matched),
        statuses,
    )


def owning_teams(
    known: Mapping[IssueRef, KnownIssue], workspace: Workspace, matched: MatchResult | None = None
) -> dict[IssueRef, str]:
    """Whose work each issue is: of the team that it is assigned to, else of the first team that has its source.
    Issues that no team has are left out."""
    first: dict[str, str] = {}
    for team in workspace.teams:
        for source in team.sources:
            first.setdefault(source.name, team.team)
    order = {team.team: number for number, team in enumerate(workspace.teams)}
    found: dict[IssueRef, str] = {}
    for ref, item in known.items():
        teams = {first[name] for name in item.sources if name in first}
        if teams:
            found[ref] = min(teams, key=order.__getitem__)
    for assignment in (*matched.assignments, *matched.unfinished_at_close) if matched else ():
        found[assignment.ref] = assignment.team
    return found


def _anchor_keys(workspace: Workspace) -> set[tuple[str, str]]:
    return {
        (anchor.tracker, anchor.key.lower())
        for increment in workspace.increments
        for goal in increment.goals
        for anchor in (goal.anchor, *(capability.anchor for capability in goal.capabilities))
        if anchor
    }


def _state_classifiers(
    known: Mapping[IssueRef, KnownIssue], workspace: Workspace, matched: MatchResult | None
) -> dict[IssueRef, StateClassifier]:
    """One for each team and kind of work, so that what a state means is worked out once."""
    mappings: dict[str, TeamMapping] = {team.team: team for team in workspace.teams}
    states = {name: StateResolver(mapping) for name, mapping in mappings.items()}
    plain = {name: StateClassifier(states=each) for name, each in states.items()}
    asking = {name: StateClassifier(states=each, experiment=True) for name, each in states.items()}
    experiments = {each.ref for each in matched.assignments if each.experiment} if matched else set()
    teams = owning_teams(known, workspace, matched)
    return {
        ref: (asking if ref in experiments else plain)[team] for ref, team in teams.items() if team in states
    }


def _stored_changes(
    store: Store, known: Mapping[IssueRef, KnownIssue], observed: Mapping[tuple[str, str], list[IssueEvent]]
) -> dict[IssueRef, IssueChanges]:
    changes, whole = store.issue_changes(), store.complete_histories()
    found: dict[IssueRef, IssueChanges] = {}
    for ref in known:
        key = (ref.tracker, ref.id)
        noticed = tuple(_observed_change(each, number) for number, each in enumerate(observed.get(key, ())))
        found[ref] = IssueChanges(
            changes=tuple(changes.get(key, ())), observed=noticed, complete=key in whole
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


def _observed_statuses(
    observed: Mapping[tuple[str, str], Iterable[IssueEvent]],
) -> Iterable[tuple[str, str, Category | None]]:
    for (tracker, _), events in observed.items():
        for event in events:
            for side in (event.before, event.after):
                said: Mapping[str, Any] = side or {}
                if said.get("status"):
                    yield tracker, said["status"], cast(Category | None, said.get("category"))
