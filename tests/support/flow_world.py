"""Build the flow of an issue from a list of changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from connectors.model import Category, IssueChange
from mappings.model import StateRule, TeamMapping
from mappings.rules.flow_state import StateResolver
from sync.forecast.issue_history import IssueChanges, StateClassifier, StatusCatalog, build_issue_flows
from sync.model.flow import IssueFlow
from tests.support.match_world import at, known, team

CREATED = at(10, 5)
CLASSES: dict[str, Category] = {
    "To Do": "todo",
    "In Progress": "doing",
    "Review": "doing",
    "Done": "done",
    "Released": "done",
    "open": "todo",
    "closed": "done",
}
STATUSES = StatusCatalog(by_name={("jira", name.casefold()): each for name, each in CLASSES.items()})


def day(number: float) -> datetime:
    """Return the time ``number`` days after the creation of the issue."""
    return CREATED + timedelta(days=number)


def status(when: float, before: str, after: str, **more: Any) -> IssueChange:
    fields = {"ref": known().issue.ref, "id": f"{when}:{after}", "at": day(when), "kind": "status"}
    return IssueChange(**{**fields, "before": before, "after": after, **more})


def label(when: float, name: str, *, off: bool = False) -> IssueChange:
    ends = {"before": name} if off else {"after": name}
    return IssueChange(ref=known().issue.ref, id=f"{when}:{name}:{off}", at=day(when), kind="label", **ends)


def flag(when: float, *, off: bool = False) -> IssueChange:
    ends = {"before": "flagged"} if off else {"after": "flagged"}
    return IssueChange(ref=known().issue.ref, id=f"{when}:flag", at=day(when), kind="flag", **ends)


def issue_flow(
    *changes: IssueChange,
    now: str = "To Do",
    complete: bool = True,
    observed: Iterable[IssueChange] = (),
    states: dict[str, StateRule] | None = None,
    statuses: StatusCatalog = STATUSES,
    experiment: bool = False,
    **facts: Any,
) -> IssueFlow:
    """Return the flow of an issue with the current status ``now``."""
    vanished = facts.pop("vanished", None)
    fields: dict[str, Any] = {"status": now, "category": CLASSES.get(now), "created": CREATED, **facts}
    item = known(**fields)
    if vanished:
        item = replace(item, vanished=vanished)
    mapping: TeamMapping = team("science", states=states or {})
    known_changes = IssueChanges(changes=changes, observed=tuple(observed), complete=complete)
    classifier = StateClassifier(states=StateResolver(mapping), experiment=experiment)
    ref = item.issue.ref
    return build_issue_flows([item], {ref: known_changes}, {ref: classifier}, statuses)[ref]


def states_of(flow: IssueFlow) -> list[tuple[str, datetime]]:
    return [(change.state, change.at) for change in flow.state_changes]
