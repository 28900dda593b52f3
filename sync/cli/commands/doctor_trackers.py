"""The part of ``doctor`` that asks the trackers: credentials, sources, rights, anchors, labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from connectors.errors import AuthFailed, ConnectorError
from connectors.model import CheckResult, FieldSelection, Source
from connectors.ports import IssueReader
from mappings.model import Anchor, Workspace
from sync.config.credentials import (
    CredentialError,
    Credentials,
    describe_missing_credentials,
    read_credentials,
)
from sync.config.sections import TrackerSettings
from sync.config.settings import Settings
from sync.model.anchors import list_anchors
from sync.model.rollup import CapabilityState, GoalState
from sync.pull.current_sources import workspace_sources
from sync.runtime.bootstrap import ClientOptions, open_trackers
from sync.runtime.invocation import Invocation


class _EmptyCache:
    """Knows nothing at first, so that everything is asked anew."""

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}

    def get(self, key: str) -> Any | None:
        return self._kept.get(key)

    def put(self, key: str, value: Any, *, days: float = 30) -> None:  # noqa: ARG002 - dies with the command
        self._kept[key] = value


@dataclass(kw_only=True, slots=True)
class _TrackerTargets:
    """What a tracker has to hold: containers with the labels that may be put there, and anchors."""

    sources: list[Source] = field(default_factory=list)
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    anchors: list[Anchor] = field(default_factory=list)


def check_trackers(
    invocation: Invocation, settings: Settings, workspace: Workspace | None
) -> Iterator[CheckResult]:
    """Every check of every tracker. Without a workspace only credentials and the tracker itself."""
    places = _tracker_targets(invocation, settings, workspace) if workspace else {}
    for name, tracker in settings.trackers.items():
        try:
            credentials = read_credentials(name, tracker.kind, invocation.environment)
        except CredentialError as error:
            yield CheckResult(level="problem", check="credentials", subject=name, text=str(error))
            continue
        if missing := describe_missing_credentials(name, tracker.kind, credentials):
            yield CheckResult(level="problem", check="credentials", subject=name, text=missing)
            continue
        found = ", ".join(credentials.found_in.values())
        yield CheckResult(level="ok", check="credentials", subject=name, text=f"found in {found}")
        yield from _check_tracker(
            invocation, settings, name, tracker, credentials, places.get(name, _TrackerTargets())
        )


def _check_tracker(
    invocation: Invocation,
    settings: Settings,
    name: str,
    tracker: TrackerSettings,
    credentials: Credentials,
    places: _TrackerTargets,
) -> Iterator[CheckResult]:
    alone = settings.model_copy(update={"trackers": {name: tracker}})
    waiting = ClientOptions(now=invocation.now, sleep=invocation.sleep)
    try:
        readers, _ = open_trackers(alone, {name: credentials}, lambda _: _EmptyCache(), waiting)
    except (CredentialError, AuthFailed) as error:
        yield CheckResult(level="problem", check="credentials", subject=name, text=str(error))
        return
    reached = False
    for finding in readers[name].diagnose(places.sources, places.labels):
        reached = reached or finding.check == "account"
        yield _downgrade_if_push_is_off(finding, settings)
    if reached and tracker.kind != "github" and places.labels:
        names = sorted(set().union(*places.labels.values()))
        yield CheckResult(level="ok", check="labels", subject=name, text=f"a run may put {', '.join(names)}")
    if reached:
        yield from _anchors(readers[name], places.anchors)


def _downgrade_if_push_is_off(finding: CheckResult, settings: Settings) -> CheckResult:
    """While push is off, a missing right to write hinders nothing yet."""
    if finding.check != "rights" or finding.level != "problem" or settings.push.enabled:
        return finding
    return replace(finding, level="warning", text=f"{finding.text} (needed when push is switched on)")


def _anchors(reader: IssueReader, anchors: list[Anchor]) -> Iterator[CheckResult]:
    readable = 0
    for anchor in anchors:
        try:
            issue = reader.read(anchor.key, FieldSelection())
        except ConnectorError as error:
            text = f"cannot be read; correct the anchor in the plan, or the rights of the account ({error})"
            yield CheckResult(level="problem", check="anchor", subject=str(anchor), text=text)
            continue
        readable += 1
        if issue.ref.key.casefold() != anchor.key.casefold():
            text = f"was moved to {issue.ref.key}; write that key in the plan"
            yield CheckResult(level="warning", check="anchor", subject=str(anchor), text=text)
        if issue.locked:
            text = "is locked, so that only people with write access can comment; unlock it, or grant that"
            yield CheckResult(level="warning", check="anchor", subject=str(anchor), text=text)
    if readable:
        text = f"{readable} of {len(anchors)} can be read"
        yield CheckResult(level="ok", check="anchors", subject=reader.tracker, text=text)


def _tracker_targets(
    invocation: Invocation, settings: Settings, workspace: Workspace
) -> dict[str, _TrackerTargets]:
    """By tracker: the sources, and the containers of anchors that lie outside them."""
    places = {name: _TrackerTargets() for name in settings.trackers}
    for source in workspace_sources(workspace):
        places[source.tracker].sources.append(source)
    for anchor in list_anchors(workspace):
        place = places[anchor.tracker]
        place.anchors.append(anchor)
        outside = _container_of(anchor)
        if not any(_container(source) == _container(outside) for source in place.sources):
            place.sources.append(outside)
    for name, place in places.items():
        place.labels = _labels(invocation, workspace, name)
    return places


def _container_of(anchor: Anchor) -> Source:
    repo, is_github, _ = anchor.key.partition("#")
    if is_github:
        return Source(tracker=anchor.tracker, repo=repo)
    return Source(tracker=anchor.tracker, project=anchor.key.rpartition("-")[0])


def _container(source: Source) -> str:
    return (source.repo or source.project or "").casefold()


def _labels(invocation: Invocation, workspace: Workspace, tracker: str) -> dict[str, tuple[str, ...]]:
    """Container -> the labels that the next runs may put there."""
    scheme = workspace.labels
    running = {
        capability.id: increment.id
        for increment in workspace.increments
        if increment.phase(invocation.now()) != "closed"
        for capability in increment.capabilities
    }
    labels: dict[str, set[str]] = {}
    for team in workspace.teams:
        assigned = {rule.assign for rule in team.rules} & set(running)
        wanted = {scheme.label("capability", capability, team.team) for capability in assigned}
        wanted |= {scheme.label("increment", running[capability], team.team) for capability in assigned}
        wanted |= {scheme.label("unplanned", team=team.team)} if team.label_unplanned else set()
        for source in team.sources:
            if source.tracker == tracker:
                labels.setdefault(source.repo or source.project or "", set()).update(wanted)
    for (anchor, owner), states in _states(workspace, running).items():
        if anchor.tracker == tracker:
            container = _container_of(anchor)
            wanted = {scheme.label("state", state, owner) for state in states}
            wanted |= {scheme.label("flag", flag, owner) for flag in ("blocked", "scope-growth")}
            labels.setdefault(container.repo or container.project or "", set()).update(wanted)
    return {container: tuple(sorted(names)) for container, names in labels.items()}


def _states(
    workspace: Workspace, running: Mapping[str, str]
) -> dict[tuple[Anchor, str | None], tuple[str, ...]]:
    """The states that the issue of each goal and capability may come to, by anchor and the team that owns it."""
    states: dict[tuple[Anchor, str | None], tuple[str, ...]] = {}
    for increment in workspace.increments:
        for goal in increment.goals:
            if goal.anchor and increment.id in running.values():
                states[goal.anchor, None] = get_args(GoalState)
            for capability in goal.capabilities:
                if capability.anchor and capability.id in running:
                    states[capability.anchor, capability.team] = get_args(CapabilityState)
    return states
