"""Issues that a change of plans or mappings may affect. Only these are planned again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from connectors.model import IssueRef, KnownIssue
from mappings.model import Capability, Workspace
from mappings.problems import Origin
from sync.model.anchors import list_anchors
from sync.model.planning import PlanningResult, RecordedState
from sync.model.renames import renamed_capabilities
from sync.pipeline.offline import find_anchors

_NOWHERE: Final = Origin(file="")


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanningBasis:
    """Inputs of one of the two plannings. Every source was readable."""

    workspace: Workspace
    known: Mapping[IssueRef, KnownIssue]
    recorded: RecordedState


def affected_issues(
    old: PlanningBasis, planning: PlanningResult, new: PlanningBasis
) -> frozenset[IssueRef] | None:
    """Return the issues for which ``new`` may give another result than ``old`` gave in ``planning``; None for all.

    The result for an issue depends on the teams that read it, on the plans of the capabilities that their rules name,
    on its overrides, and on its capability labels. Both bases have the same issues.
    """
    if _global_inputs(old) != _global_inputs(new) or not _has_same_team_order(old.workspace, new.workspace):
        return None
    changed = _changed_capabilities(old.workspace, new.workspace)
    named = _with_predecessors(changed, old.workspace, new.workspace)
    sources = _changed_sources(old.workspace, new.workspace, named)
    return frozenset(
        {
            *_issues_of_sources(sources, old.known, new.known),
            *_labeled_issues(changed, new),
            *_anchor_issues(old, planning, new),
            *(new.recorded.overrides.refs if changed else ()),
        }
    )


def _global_inputs(basis: PlanningBasis) -> tuple[Any, ...]:
    """Return the inputs that affect every issue, and the recorded state of single issues."""
    workspace, recorded = basis.workspace, basis.recorded
    return (
        workspace.labels,
        [replace(each, goals=(), holidays=(), origin=_NOWHERE) for each in workspace.increments],
        renamed_capabilities(workspace),
        recorded.finished_increments,
        recorded.overrides,
        recorded.pushed_labels,
    )


def _has_same_team_order(old: Workspace, new: Workspace) -> bool:
    """Compare the order of the teams that exist in both workspaces."""
    before, after = ([team.team for team in each.teams] for each in (old, new))
    return [name for name in before if name in after] == [name for name in after if name in before]


def _changed_capabilities(old: Workspace, new: Workspace) -> frozenset[str]:
    """Return the ids of capabilities whose assignment facts differ."""
    before, after = _assignment_facts(old), _assignment_facts(new)
    return frozenset(each for each in {*before, *after} if before.get(each) != after.get(each))


def _assignment_facts(workspace: Workspace) -> dict[str, tuple[str, Capability]]:
    return {
        each.id: (increment.id, _without_presentation(each))
        for increment in workspace.increments
        for each in increment.capabilities
    }


def _without_presentation(capability: Capability) -> Capability:
    """Return the capability without the fields that affect numbers and comments only.

    Numbers and comments are always computed anew.
    """
    return replace(
        capability,
        title="",
        origin=_NOWHERE,
        anchor=None,
        target=None,
        required=True,
        cancelled=False,
        released=None,
        evidence=None,
    )


def _with_predecessors(changed: frozenset[str], *workspaces: Workspace) -> frozenset[str]:
    """Return the changed capabilities and all that lead to one through ``continues``."""
    pairs = [
        (each.id, each.continues)
        for workspace in workspaces
        for increment in workspace.increments
        for each in increment.capabilities
        if each.continues
    ]
    found = changed
    while more := {former for later, former in pairs if later in found} - found:
        found |= more
    return found


def _changed_sources(old: Workspace, new: Workspace, capabilities: frozenset[str]) -> frozenset[str]:
    """Return the source names of every team with a changed mapping, or with a rule for one of these capabilities."""
    before, after = ({team.team: team for team in each.teams} for each in (old, new))
    changed = [
        team
        for name in {*before, *after}
        for team in (before.get(name), after.get(name))
        if team
        and (before.get(name) != after.get(name) or any(rule.assign in capabilities for rule in team.rules))
    ]
    return frozenset(source.name for team in changed for source in team.sources)


def _issues_of_sources(
    sources: frozenset[str], before: Mapping[IssueRef, KnownIssue], after: Mapping[IssueRef, KnownIssue]
) -> Iterator[IssueRef]:
    """Return the issues of these sources, and those whose sources changed."""
    for ref, item in after.items():
        former = before[ref]
        if not sources.isdisjoint(item.sources) or (former is not item and former.sources != item.sources):
            yield ref


def _labeled_issues(capabilities: frozenset[str], basis: PlanningBasis) -> Iterator[IssueRef]:
    """Return the issues with a label of one of these capabilities, put by anyone."""
    if not capabilities:
        return
    name_of = basis.workspace.labels.capability_of
    is_labeled: dict[frozenset[str], bool] = {}
    for ref, item in basis.known.items():
        labels = item.issue.labels
        if labels not in is_labeled:
            is_labeled[labels] = not capabilities.isdisjoint(map(name_of, labels))
        if is_labeled[labels]:
            yield ref


def _anchor_issues(old: PlanningBasis, planning: PlanningResult, new: PlanningBasis) -> Iterator[IssueRef]:
    """Return current and future anchors, and issues with a status comment."""
    yield from (ref for ref, labels in planning.desired.items() if labels.is_anchor)
    yield from (each.ref for basis in (old, new) for each in basis.recorded.status_comments.values())
    if list_anchors(old.workspace) != list_anchors(new.workspace):
        yield from (issue.ref for issue in find_anchors(new.known, new.workspace).values())
