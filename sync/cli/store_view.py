"""The content of the store, loaded and planned once for a command, and insights from it. No request is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import Final, TypeVar

from connectors.model import IssueRef, KnownIssue
from connectors.text import fold_name, show_invisible
from mappings.model import Increment, Phase, Workspace
from mappings.problems import suggestion
from sync.forecast.load_history import load_issue_flows, owning_teams
from sync.insights.audit import AuditFinding, AuditInputs, find_audit_findings
from sync.insights.change_queries import NoRecordedData, changes_until_now
from sync.insights.predictability import Predictability, assess_predictability
from sync.insights.unplanned import AdHocShare, ad_hoc_share
from sync.model.attribution import Difference, PlanFacts
from sync.model.flow import IssueFlow
from sync.model.planning import PlanningResult, RecordedState
from sync.model.rollup import IncrementRollup, Rollup
from sync.pipeline.offline import plan_offline
from sync.pull.current_sources import load_current_issues
from sync.pull.recorded import load_recorded_state
from sync.runtime.context import RunContext

OPEN_PHASES: Final[tuple[Phase, ...]] = ("not-started", "active", "grace")
"""Phases of increments that are not closed."""


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


_Increment = TypeVar("_Increment", Increment, IncrementRollup)


def find_increment(increments: Iterable[_Increment], name: str) -> _Increment:
    """Return the increment with this id. Raises LookupError, which lists the ids that exist."""
    by_id = {each.id: each for each in increments}
    if name not in by_id:
        raise LookupError(f"there is no increment {name!r}; the plans have {', '.join(by_id) or 'none'}")
    return by_id[name]


def select_rollups(rollup: Rollup, name: str | None, *phases: Phase) -> list[IncrementRollup]:
    """Return the increment with this id (or raise LookupError); without a name those in one of the phases."""
    if name is not None:
        return [find_increment(rollup.increments, name)]
    return [each for each in rollup.increments if each.phase in phases]


def select_teams(workspace: Workspace, name: str | None) -> list[str]:
    """Return the team of this name (or raise LookupError); without a name all teams."""
    teams = [each.team for each in workspace.teams]
    if name is None:
        return teams
    found = [each for each in teams if fold_name(each) == fold_name(name)]
    if not found:
        shown = show_invisible(name)
        raise LookupError(f'there is no team "{shown}"; {suggestion(name, teams, kind="teams")}')
    return found


def audit_findings(
    view: StoreView, increments: Sequence[IncrementRollup], idle_after: timedelta
) -> tuple[AuditFinding, ...]:
    """Find what looks better than it is. ``idle_after``: time without movement after which a goal is a finding."""
    context = view.context
    return find_audit_findings(
        AuditInputs(
            increments=tuple(increments),
            since_commitment=_changes_since_commitment(view, increments),
            history=tuple(context.store.plan_history()),
            flow=view.flows,
            teams=view.owners,
            starts={each.id: each.starts_at for each in context.workspace.increments},
            quiet_after=idle_after,
            now=context.now(),
        )
    )


def _changes_since_commitment(
    view: StoreView, increments: Sequence[IncrementRollup]
) -> dict[str, Difference]:
    """Capability id -> what changed since it was committed.

    Capabilities are usually committed together, so that there are few moments to compare with.
    """
    baselines = view.recorded.baselines
    capabilities = {
        each.id for increment in increments for goal in increment.goals for each in goal.capabilities
    } & baselines.keys()
    found: dict[str, Difference] = {}
    for moment in sorted({baselines[each].at for each in capabilities}):
        try:
            changes = changes_until_now(view.context, moment, view.planning, view.known)
        except NoRecordedData:
            return {}
        by_subject = {each.subject: each for each in changes.differences}
        for each in capabilities:
            if baselines[each].at == moment and f"capability:{each}" in by_subject:
                found[each] = by_subject[f"capability:{each}"]
    return found


def started_increments(view: StoreView) -> list[Increment]:
    """Return the increments that have started, oldest first."""
    now = view.context.now()
    started = [each for each in view.context.workspace.increments if each.phase(now) != "not-started"]
    return sorted(started, key=lambda each: each.start)


def increment_predictability(view: StoreView, increment: Increment) -> Predictability:
    """Compare what an increment promised with the current roll-up."""
    context = view.context
    ended = min(context.now(), increment.ends_at)
    at_end = plan_offline(replace(context, now=lambda: ended), view.known, view.recorded).rollup
    teams = [each.team for each in context.workspace.teams]

    def share(*names: str) -> AdHocShare:
        return ad_hoc_share(at_end, view.known, names, since=increment.starts_at, until=ended)

    return assess_predictability(
        increment,
        next(each for each in view.rollup.increments if each.id == increment.id),
        _committed_plan(context.store.plan_history(), increment),
        {each.continues: each.id for each in view.rollup.capabilities if each.continues},
        share(*teams),
        {team: share(team) for team in teams},
    )


def _committed_plan(history: Sequence[PlanFacts], increment: Increment) -> PlanFacts | None:
    """Return the plan at the start of an increment; else the first one recorded before its end."""
    recorded = [
        each for each in history if increment.id in each.body["increments"] and each.at < increment.ends_at
    ]
    at_start = [each for each in recorded if each.at <= increment.starts_at]
    return at_start[-1] if at_start else next(iter(recorded), None)
