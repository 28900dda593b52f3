"""First mapping of a team without assigned issues, from its epics, milestones, versions, components and labels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from connectors.escape import escape_terminal
from connectors.model import IssueRef, KnownIssue
from connectors.text import fold_name
from mappings.labels import MAX_LABEL_LENGTH
from mappings.model import Anchor, Capability, Goal, Increment, Workspace
from mappings.problems import Origin
from sync.mapping_tools.dataset import MIN_GROUP_SIZE, Dataset, Feature, rule_condition
from sync.mapping_tools.rule_yaml import NewCapability, NewRule, slug, unused_name
from sync.model.anchors import list_anchors

_KEY_ORDER: Final[tuple[str, ...]] = ("parent", "milestone", "fix_version", "components", "labels")
"""Keys that group work come before keys that tag it."""
_MAX_RULES: Final = 12
_MAX_SHARE: Final = 0.8
"""A feature of a larger share of the unplanned issues groups nothing."""
_KINDS_OF_WORK: Final = (
    *("bug", "chore", "documentation", "duplicate", "enhancement", "good first issue", "help wanted"),
    *("invalid", "question", "wontfix"),
)
"""Labels for the kind of work, most of them defaults of new repositories: they stand for no capability."""
_MIN_SIMILARITY: Final = 0.5
"""Share of common words from which a name is taken for an existing capability."""
_MAX_TITLE: Final = 80


def build_first_mapping(dataset: Dataset) -> tuple[list[NewRule], tuple[NewCapability, ...]]:
    """Make a rule for each group of unplanned issues, and the capabilities that the rules name and no plan has."""
    rules: list[NewRule] = []
    new: list[NewCapability] = []
    grouped: set[IssueRef] = set()
    for feature in _useful_features(dataset):
        group = _issues_with(dataset, feature) - grouped
        if len(group) < MIN_GROUP_SIZE or len(rules) == _MAX_RULES:
            continue
        when = rule_condition([feature], [], dataset.features)
        if when is None:
            continue
        epic = _epic(dataset, feature)
        name = epic.issue.title if epic else dataset.features.spelling[feature]
        existing = _existing_capability(dataset, feature, name)
        if existing is None:
            used = {each.id for each in new} | _capability_ids(dataset.workspace)
            new.append(_new_capability(dataset, feature, epic, name, used))
        target = existing or new[-1].id
        ids = {rule.id for rule in dataset.team.rules} | {rule.id for rule in rules}
        rule_id = unused_name(slug(f"{feature.key} {feature.value}"), ids)
        rules.append(NewRule(id=rule_id, when=when, assign=target))
        grouped |= group
    return rules, tuple(new)


def workspace_with(dataset: Dataset, capabilities: tuple[NewCapability, ...]) -> Workspace:
    """Return the workspace with the new capabilities in the plan of the current increment."""
    old = dataset.workspace
    if not capabilities or not old.increments:
        return old
    origin = Origin(file="(suggested)")
    parts = tuple(
        Capability(id=each.id, title=each.title, team=each.team, origin=origin, anchor=each.anchor)
        for each in capabilities
    )
    goal = Goal(id="(suggested)", title="Suggested", origin=origin, capabilities=parts)
    chosen = current_increment(dataset)
    increments = tuple(
        replace(each, goals=(*each.goals, goal)) if each is chosen else each for each in old.increments
    )
    return replace(old, increments=increments)


def current_increment(dataset: Dataset) -> Increment:
    """Return the increment for new capabilities: the one in progress, else the next, else the last."""
    phases = {"active": 0, "not-started": 1, "grace": 2, "closed": 3}
    return min(dataset.workspace.increments, key=lambda each: (phases[each.phase(dataset.now)], each.start))


def _useful_features(dataset: Dataset) -> Iterator[Feature]:
    counted = Counter(feature for ref in dataset.unplanned for feature in dataset.features.by_issue[ref])

    def rank(feature: Feature) -> tuple[bool, int, Feature]:
        return not _is_epic(dataset, feature), -counted[feature], feature

    for key in _KEY_ORDER:
        found = (each for each in counted if each.key == key and _is_useful(dataset, each, counted))
        yield from sorted(found, key=rank)


def _is_useful(dataset: Dataset, feature: Feature, counted: Counter[Feature]) -> bool:
    if counted[feature] < MIN_GROUP_SIZE:
        return False
    if feature.key == "parent":
        return not _is_goal(dataset, feature)
    unplanned = len(dataset.unplanned)
    too_common = unplanned > MIN_GROUP_SIZE and counted[feature] > _MAX_SHARE * unplanned
    return not too_common and not (feature.key == "labels" and feature.value in _KINDS_OF_WORK)


def _is_epic(dataset: Dataset, feature: Feature) -> bool:
    epic = _epic(dataset, feature)
    return epic is not None and fold_name(epic.issue.type) == "epic"


def _issues_with(dataset: Dataset, feature: Feature) -> set[IssueRef]:
    return {ref for ref in dataset.unplanned if feature in dataset.features.by_issue[ref]}


def _epic(dataset: Dataset, feature: Feature) -> KnownIssue | None:
    """Return the issue of a feature that is the key of an ancestor."""
    if feature.key != "parent":
        return None
    trackers = {source.tracker for source in dataset.team.sources}
    items = (item for ref, item in dataset.known.items() if ref.tracker in trackers)
    return next((item for item in items if item.issue.ref.key.casefold() == feature.value), None)


def _is_goal(dataset: Dataset, feature: Feature) -> bool:
    return any(
        goal.anchor is not None and goal.anchor.key.casefold() == feature.value
        for increment in dataset.workspace.increments
        for goal in increment.goals
    )


def _existing_capability(dataset: Dataset, feature: Feature, name: str) -> str | None:
    """Return the team's capability that a group stands for: with its anchor, its id, or a similar id or title."""
    open_capabilities = dataset.open_capabilities()
    candidates = [
        capability
        for increment in dataset.workspace.increments
        for capability in increment.capabilities
        if capability.id in open_capabilities and capability.team == dataset.team.team
    ]
    for capability in candidates:
        anchored = capability.anchor is not None and capability.anchor.key.casefold() == feature.value
        if (feature.key == "parent" and anchored) or slug(name, MAX_LABEL_LENGTH) == capability.id:
            return capability.id
    similarity = {
        each.id: max(_similarity(name, each.title), _similarity(name, each.id)) for each in candidates
    }
    best = [each for each, value in similarity.items() if value == max(similarity.values())]
    return best[0] if len(best) == 1 and similarity[best[0]] >= _MIN_SIMILARITY else None


def _similarity(one: str, other: str) -> float:
    """Share of the words that both texts have (Jaccard index)."""
    first, second = (frozenset(re.findall(r"[^\W_]+", text.casefold())) for text in (one, other))
    return len(first & second) / len(first | second) if first | second else 0.0


def _capability_ids(workspace: Workspace) -> set[str]:
    return {
        name
        for increment in workspace.increments
        for capability in increment.capabilities
        for name in (capability.id, *capability.previously)
    }


def _new_capability(
    dataset: Dataset, feature: Feature, epic: KnownIssue | None, name: str, used: set[str]
) -> NewCapability:
    # Leaves room for the number that unused_name() may append.
    longest = MAX_LABEL_LENGTH - len(dataset.workspace.labels.prefix("capability", dataset.team.team)) - 3
    title = escape_terminal(name, _MAX_TITLE) or feature.value
    anchor = Anchor(tracker=epic.issue.ref.tracker, key=epic.issue.ref.key) if epic else None
    wanted = slug(name, min(longest, 40)) or slug(f"{feature.key} {feature.value}") or "capability"
    return NewCapability(
        id=unused_name(wanted, used),
        title=title,
        team=dataset.team.team,
        anchor=None if anchor in list_anchors(dataset.workspace) else anchor,
    )
