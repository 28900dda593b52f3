"""Which issues two versions of plans and mappings may judge differently. The others need not be thought about twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from connectors.model import IssueRef, KnownIssue
from mappings.model import Capability, Origin, Workspace
from sync.model.anchors import list_anchors
from sync.model.planning import PlanningResult, RecordedState
from sync.model.renames import renamed_capabilities
from sync.pipeline.offline import find_anchors

_NOWHERE: Final = Origin(file="")


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanningBasis:
    """What one of the two thoughts starts from. Every source could be read."""

    workspace: Workspace
    known: Mapping[IssueRef, KnownIssue]
    remembered: RecordedState


def affected_issues(
    old: PlanningBasis, planning: PlanningResult, new: PlanningBasis
) -> frozenset[IssueRef] | None:
    """The issues that ``new`` may judge in another way than ``old`` did in its ``planning``; None: all of them.

    An issue is judged by the teams that read it, by what the plans say of the capabilities that their rules name,
    by what people decided about it, and by its labels that name a capability. Both know the same issues.
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
            *(new.remembered.overrides.refs if changed else ()),
        }
    )


def _global_inputs(basis: PlanningBasis) -> tuple[Any, ...]:
    """What is the same for every issue, and everything that is remembered of single ones."""
    workspace, remembered = basis.workspace, basis.remembered
    return (
        workspace.labels,
        [replace(each, goals=(), holidays=(), origin=_NOWHERE) for each in workspace.increments],
        renamed_capabilities(workspace),
        remembered.finished_increments,
        remembered.overrides,
        remembered.pushed_labels,
    )


def _has_same_team_order(old: Workspace, new: Workspace) -> bool:
    """Those that are in both."""
    before, after = ([team.team for team in each.teams] for each in (old, new))
    return [name for name in before if name in after] == [name for name in after if name in before]


def _changed_capabilities(old: Workspace, new: Workspace) -> frozenset[str]:
    """Their ids, where the plans differ in what decides about issues: not in titles, dates or what people promised."""
    before, after = _assignment_facts(old), _assignment_facts(new)
    return frozenset(each for each in {*before, *after} if before.get(each) != after.get(each))


def _assignment_facts(workspace: Workspace) -> dict[str, tuple[str, Capability]]:
    return {
        each.id: (increment.id, _without_presentation(each))
        for increment in workspace.increments
        for each in increment.capabilities
    }


def _without_presentation(capability: Capability) -> Capability:
    """Without what changes figures and comments only, which are made anew."""
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
    """The capabilities from which an issue may land in a changed one (``continues``), and those."""
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
    """Names of the sources of every team whose mapping is not the same, or whose rules name one of these."""
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
    """The issues of these sources, and those that are held by others now than before."""
    for ref, item in after.items():
        was = before[ref]
        if not sources.isdisjoint(item.sources) or (was is not item and was.sources != item.sources):
            yield ref


def _labeled_issues(capabilities: frozenset[str], basis: PlanningBasis) -> Iterator[IssueRef]:
    """The issues that carry a label of one of these, whoever put it."""
    if not capabilities:
        return
    name_of = basis.workspace.labels.capability_of
    told: dict[frozenset[str], bool] = {}
    for ref, item in basis.known.items():
        labels = item.issue.labels
        if labels not in told:
            told[labels] = not capabilities.isdisjoint(map(name_of, labels))
        if told[labels]:
            yield ref


def _anchor_issues(old: PlanningBasis, planning: PlanningResult, new: PlanningBasis) -> Iterator[IssueRef]:
    """Issues that are anchors, that become some, or that carry our comment."""
    yield from (ref for ref, wish in planning.desired.items() if wish.is_anchor)
    yield from (each.ref for basis in (old, new) for each in basis.remembered.status_comments.values())
    if list_anchors(old.workspace) != list_anchors(new.workspace):
        yield from (issue.ref for issue in find_anchors(new.known, new.workspace).values())
