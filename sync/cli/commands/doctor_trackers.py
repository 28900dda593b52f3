"""Checks of ``doctor`` that send requests: credentials, sources, rights, anchors, labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from connectors.check_result import CheckResult
from connectors.errors import AuthFailed, ConnectorError
from connectors.model import FieldSelection, Source
from connectors.ports import IssueReader
from connectors.spec import KeySpec
from mappings.model import Anchor, Workspace
from sync.config.credentials import (
    Credentials,
    describe_missing_credentials,
    read_credentials,
)
from sync.config.secret_lookup import CredentialError
from sync.config.settings import Settings
from sync.config.trackers import TrackerSettings
from sync.model.anchors import list_anchors
from sync.model.rollup import CapabilityState, GoalState
from sync.pull.current_sources import workspace_sources
from sync.runtime.bootstrap import ClientOptions, open_trackers
from sync.runtime.invocation import Invocation


class _EmptyCache:
    """Cache that is empty at first, so that every check sends its requests."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def get(self, key: str) -> Any | None:
        return self._values.get(key)

    def put(self, key: str, value: Any, *, days: float = 30) -> None:  # noqa: ARG002 - lives as long as the command
        self._values[key] = value


def check_result(
    level: Literal["ok", "warning", "problem"], check: str, subject: str, text: str
) -> CheckResult:
    """Return the result of one check."""
    return CheckResult(level=level, check=check, subject=subject, text=text)


@dataclass(kw_only=True, slots=True)
class _TrackerTargets:
    """Sources, labels and anchors that the workspace needs of one tracker."""

    sources: list[Source] = field(default_factory=list)
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Container -> labels that runs may add there."""
    anchors: list[Anchor] = field(default_factory=list)


def check_trackers(
    invocation: Invocation, settings: Settings, workspace: Workspace | None
) -> Iterator[CheckResult]:
    """Check every tracker; without a workspace only its credentials and whether it answers."""
    targets = _tracker_targets(invocation, settings, workspace) if workspace else {}
    for name, tracker in settings.trackers.items():
        try:
            credentials = read_credentials(name, tracker.kind, invocation.secrets, tracker.url)
        except CredentialError as error:
            yield check_result("problem", "credentials", name, str(error))
            continue
        if missing := describe_missing_credentials(name, tracker.kind, credentials):
            yield check_result("problem", "credentials", name, missing)
            continue
        if found := ", ".join(credentials.found_in.values()):
            yield check_result("ok", "credentials", name, f"found in {found}")
        yield from _check_tracker(
            invocation, settings, name, tracker, credentials, targets.get(name, _TrackerTargets())
        )


def _check_tracker(
    invocation: Invocation,
    settings: Settings,
    name: str,
    tracker: TrackerSettings,
    credentials: Credentials,
    targets: _TrackerTargets,
) -> Iterator[CheckResult]:
    only = settings.model_copy(update={"trackers": {name: tracker}})
    options = ClientOptions(now=invocation.now, sleep=invocation.sleep)
    try:
        readers, _ = open_trackers(only, {name: credentials}, lambda _: _EmptyCache(), options)
    except (CredentialError, AuthFailed) as error:
        yield check_result("problem", "credentials", name, str(error))
        return
    reached = False
    for result in readers[name].diagnose(targets.sources, targets.labels):
        reached = reached or result.check == "account"
        yield _downgrade_if_push_is_off(result, settings)
    if reached and not settings.spec(name).traits.label_objects and targets.labels:
        names = sorted(set().union(*targets.labels.values()))
        yield check_result("ok", "labels", name, f"a run may add {', '.join(names)}")
    if reached:
        yield from _anchors(readers[name], targets.anchors)


def _downgrade_if_push_is_off(result: CheckResult, settings: Settings) -> CheckResult:
    """Turn a missing right to write into a warning while push is off."""
    if result.check != "rights" or result.level != "problem" or settings.push.enabled:
        return result
    return replace(result, level="warning", text=f"{result.text} (needed when push is switched on)")


def _anchors(reader: IssueReader, anchors: list[Anchor]) -> Iterator[CheckResult]:
    readable = 0
    for anchor in anchors:
        try:
            issue = reader.read(anchor.key, FieldSelection())
        except ConnectorError as error:
            text = f"cannot be read; correct the anchor in the plan, or the rights of the account ({error})"
            yield check_result("problem", "anchor", str(anchor), text)
            continue
        readable += 1
        if issue.ref.key.casefold() != anchor.key.casefold():
            text = f"was moved to {issue.ref.key}; write that key in the plan"
            yield check_result("warning", "anchor", str(anchor), text)
        if issue.locked:
            text = "is locked, so that only people with write access can comment; unlock it, or grant that"
            yield check_result("warning", "anchor", str(anchor), text)
    if readable:
        text = f"{readable} of {len(anchors)} can be read"
        yield check_result("ok", "anchors", reader.tracker, text)


def _tracker_targets(
    invocation: Invocation, settings: Settings, workspace: Workspace
) -> dict[str, _TrackerTargets]:
    """Tracker -> its sources, the containers of anchors outside of them, and the labels that runs may add."""
    targets = {name: _TrackerTargets() for name in settings.trackers}
    for source in workspace_sources(workspace):
        targets[source.tracker].sources.append(source)
    for anchor in list_anchors(workspace):
        target = targets[anchor.tracker]
        target.anchors.append(anchor)
        container = settings.spec(anchor.tracker).keys.container(anchor.key)
        if not any(source.container.casefold() == container.casefold() for source in target.sources):
            target.sources.append(Source(tracker=anchor.tracker, container=container))
    for name, target in targets.items():
        target.labels = _labels(invocation, workspace, name, settings.spec(name).keys)
    return targets


def _labels(
    invocation: Invocation, workspace: Workspace, tracker: str, keys: KeySpec
) -> dict[str, tuple[str, ...]]:
    """Container -> labels that the next runs may add there."""
    scheme = workspace.labels
    running = {
        capability.id: increment.id
        for increment in workspace.increments
        if increment.phase(invocation.now()) != "closed"
        for capability in increment.capabilities
    }
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for team in workspace.teams:
        assigned = {rule.assign for rule in team.rules} & set(running)
        wanted = {scheme.label("capability", capability, team.team) for capability in assigned}
        wanted |= {scheme.label("increment", running[capability], team.team) for capability in assigned}
        wanted |= {scheme.label("unplanned", team=team.team)} if team.label_unplanned else set()
        for source in team.sources:
            if source.tracker == tracker:
                labels[source.container] |= wanted
    for (anchor, owner), states in _states(workspace, running).items():
        if anchor.tracker == tracker:
            wanted = {scheme.label("state", state, owner) for state in states}
            wanted |= {scheme.label("flag", flag, owner) for flag in ("blocked", "scope-growth")}
            labels[keys.container(anchor.key)] |= wanted
    return {container: tuple(sorted(names)) for container, names in labels.items()}


def _states(
    workspace: Workspace, running: Mapping[str, str]
) -> dict[tuple[Anchor, str | None], tuple[str, ...]]:
    """(anchor, owning team) -> states that the goal or capability of the anchor can have."""
    states: dict[tuple[Anchor, str | None], tuple[str, ...]] = {}
    for increment in workspace.increments:
        for goal in increment.goals:
            if goal.anchor and increment.id in running.values():
                states[goal.anchor, None] = get_args(GoalState)
            for capability in goal.capabilities:
                if capability.anchor and capability.id in running:
                    states[capability.anchor, capability.team] = get_args(CapabilityState)
    return states
