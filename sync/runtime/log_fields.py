"""Fields that say in a log line which source, team and rule an event is about."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from structlog.contextvars import bound_contextvars

from connectors.model import Source
from mappings.model import Workspace
from sync.model.changes import Change, LabelChange
from sync.model.redaction_policy import container_id, container_of_source


def logs_sources(workspace: Workspace, sources: Iterable[Source]) -> AbstractContextManager[Any]:
    """Name these sources and their teams in every log line of the block."""
    return bound_contextvars(**source_fields(workspace, *sources))


def logs_change(workspace: Workspace, change: Change) -> AbstractContextManager[Any]:
    """Name issue, source, team, rule and reason of a change in every log line of the block."""
    return bound_contextvars(**change_fields(workspace, change))


def source_fields(workspace: Workspace, *sources: Source) -> dict[str, str]:
    """Return the names of sources and of the teams that have them."""
    teams = [team.team for team in workspace.teams if set(sources).intersection(team.sources)]
    return _joined(source=[source.name for source in sources], team=teams)


def change_fields(workspace: Workspace, change: Change) -> dict[str, str]:
    """Return issue, source, team, rule and reason of a change, as far as they are known."""
    reasons = (
        [*change.add.values(), *change.remove.values()]
        if isinstance(change, LabelChange)
        else [change.reason]
    )
    rules = {reason.rule for reason in reasons if reason.rule}
    place = container_id(change.ref.tracker, change.container) if isinstance(change, LabelChange) else ""
    sources = [
        (team.team, source.name)
        for team in workspace.teams
        for source in team.sources
        if container_of_source(source) == place
    ]
    teams = [team.team for team in workspace.teams if rules.intersection(rule.id for rule in team.rules)]
    if not isinstance(change, LabelChange):
        teams = _teams_of_subject(workspace, change.subject)
    return _joined(
        issue=[str(change.ref)],
        source=[source for team, source in sources if not teams or team in teams],
        team=teams,
        rule=sorted(rules),
        why=[reason.text for reason in reasons],
    )


def _teams_of_subject(workspace: Workspace, subject: str) -> list[str]:
    """Return the teams of ``capability:<id>`` or of all capabilities of ``goal:<id>``."""
    return [
        capability.team
        for increment in workspace.increments
        for goal in increment.goals
        for capability in goal.capabilities
        if subject in (f"capability:{capability.id}", f"goal:{goal.id}")
    ]


def _joined(**fields: Iterable[str]) -> dict[str, str]:
    """Join the different values of each field, without those that are empty."""
    joined = {name: ", ".join(dict.fromkeys(values)) for name, values in fields.items()}
    return {name: text for name, text in joined.items() if text}
