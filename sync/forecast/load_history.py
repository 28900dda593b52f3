"""The way of every issue, read from the store: for forecasts, reports and audits, without asking a tracker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from connectors.model import Category, IssueChange, IssueRef, KnownIssue
from mappings.model import Matched, TeamMapping, Workspace
from mappings.rules.flow_state import States
from sync.forecast.issue_history import Judge, Told, flow_of, statuses_of
from sync.model.flow import FlowIssue
from sync.model.records import Noticed
from sync.pull.current_sources import known_today
from sync.store import Store


def load_flow(
    store: Store,
    workspace: Workspace,
    matched: Matched | None = None,
    *,
    known: Mapping[IssueRef, KnownIssue] | None = None,
) -> dict[IssueRef, FlowIssue]:
    """The way of every issue that the sources of today hold, also of those closed long before the increment.

    Anchors and issues that left every source are not in it. The states are those of the team that ``matched``
    gives an issue to, else of the first team that has its source. ``known``: what ``known_today`` gave, when the
    caller has it already.
    """
    known = known_today(store, workspace) if known is None else known
    anchors = _anchors(workspace)
    held = {
        ref: item
        for ref, item in known.items()
        if item.sources and (ref.tracker, ref.key.lower()) not in anchors
    }
    seen = store.statuses_seen()
    trackers = {ref.tracker for ref in held}
    told = {
        (tracker, status_id): said
        for tracker in trackers
        for status_id, said in store.learned_statuses(tracker).items()
    }
    statuses = statuses_of(known.values(), _classes(seen), told)
    return flow_of(held.values(), _told(store, held, seen), _judges(held, workspace, matched), statuses)


def team_of(
    known: Mapping[IssueRef, KnownIssue], workspace: Workspace, matched: Matched | None = None
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
    for assignment in (*matched.assignments, *matched.left_open) if matched else ():
        found[assignment.ref] = assignment.team
    return found


def _anchors(workspace: Workspace) -> set[tuple[str, str]]:
    return {
        (anchor.tracker, anchor.key.lower())
        for increment in workspace.increments
        for goal in increment.goals
        for anchor in (goal.anchor, *(capability.anchor for capability in goal.capabilities))
        if anchor
    }


def _judges(
    known: Mapping[IssueRef, KnownIssue], workspace: Workspace, matched: Matched | None
) -> dict[IssueRef, Judge]:
    """One for each team and kind of work, so that what a state means is worked out once."""
    mappings: dict[str, TeamMapping] = {team.team: team for team in workspace.teams}
    states = {name: States(mapping) for name, mapping in mappings.items()}
    plain = {name: Judge(states=each) for name, each in states.items()}
    asking = {name: Judge(states=each, experiment=True) for name, each in states.items()}
    experiments = {each.ref for each in matched.assignments if each.experiment} if matched else set()
    teams = team_of(known, workspace, matched)
    return {
        ref: (asking if ref in experiments else plain)[team] for ref, team in teams.items() if team in states
    }


def _told(
    store: Store, known: Mapping[IssueRef, KnownIssue], seen: Mapping[tuple[str, str], list[Noticed]]
) -> dict[IssueRef, Told]:
    changes, whole = store.issue_changes(), store.whole_histories()
    found: dict[IssueRef, Told] = {}
    for ref in known:
        key = (ref.tracker, ref.id)
        noticed = tuple(_as_change(each, number) for number, each in enumerate(seen.get(key, ())))
        found[ref] = Told(changes=tuple(changes.get(key, ())), seen=noticed, whole=key in whole)
    return found


def _as_change(seen: Noticed, number: int) -> IssueChange:
    before, after = seen.before or {}, seen.after or {}
    return IssueChange(
        ref=seen.ref,
        id=f"seen:{number}",
        at=seen.at,
        kind="status",
        before=before.get("status") or "",
        after=after.get("status") or "",
    )


def _classes(
    seen: Mapping[tuple[str, str], Iterable[Noticed]],
) -> Iterable[tuple[str, str, Category | None]]:
    for (tracker, _), events in seen.items():
        for event in events:
            for side in (event.before, event.after):
                said: Mapping[str, Any] = side or {}
                if said.get("status"):
                    yield tracker, said["status"], cast(Category | None, said.get("category"))
