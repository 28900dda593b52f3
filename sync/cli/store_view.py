"""The content of the store, loaded and planned once for a command. No request is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Protocol, TypeVar

from connectors.model import IssueRef, KnownIssue
from sync.forecast.load_history import load_issue_flows, owning_teams
from sync.model.flow import IssueFlow
from sync.model.planning import PlanningResult, RecordedState
from sync.model.rollup import Rollup
from sync.pipeline.offline import plan_offline
from sync.pull.current_sources import load_current_issues
from sync.pull.recorded import load_recorded_state
from sync.runtime.context import RunContext


class StoreView:
    """Issues, recorded state and planning of the store; each is loaded when it is first needed."""

    def __init__(self, context: RunContext) -> None:
        self.context = context

    @cached_property
    def known(self) -> dict[IssueRef, KnownIssue]:
        """Stored issues with the sources of the current workspace."""
        return load_current_issues(self.context.store, self.context.workspace)

    @cached_property
    def recorded(self) -> RecordedState:
        """State that earlier runs recorded."""
        return load_recorded_state(self.context)

    @cached_property
    def planning(self) -> PlanningResult:
        """Planning result of the stored issues."""
        return plan_offline(self.context, self.known, self.recorded)

    @property
    def rollup(self) -> Rollup:
        """Roll-up of the planning result."""
        return self.planning.rollup

    @cached_property
    def flows(self) -> Mapping[IssueRef, IssueFlow]:
        """State history of each issue."""
        matched = self.planning.matched
        return load_issue_flows(self.context.store, self.context.workspace, matched, known=self.known)

    @cached_property
    def owners(self) -> Mapping[IssueRef, str]:
        """Issue -> the team that it belongs to."""
        return owning_teams(self.known, self.context.workspace, self.planning.matched)


class _Named(Protocol):
    @property
    def id(self) -> str: ...


_Increment = TypeVar("_Increment", bound=_Named)


def find_increment(increments: Iterable[_Increment], name: str) -> _Increment:
    """Return the increment with this id. Raises LookupError, which lists the ids that exist."""
    by_id = {each.id: each for each in increments}
    if name not in by_id:
        raise LookupError(f"there is no increment {name!r}; the plans have {', '.join(by_id) or 'none'}")
    return by_id[name]
