"""Check that the teams and sources in the ``push`` section exist."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.model import Workspace
from mappings.problems import Problem, suggestion
from sync.config.settings import Settings


def check_push_names(settings: Settings, workspace: Workspace) -> list[Problem]:
    """Return a problem for each team in ``push.teams`` without a mapping and each unknown source in ``push.share``."""
    return [*_unknown_teams(settings, workspace), *_unknown_sources(settings, workspace)]


def _unknown_teams(settings: Settings, workspace: Workspace) -> Iterator[Problem]:
    known = {team.team for team in workspace.teams}
    for team in settings.push.teams or ():
        if team not in known:
            names = ", ".join(sorted(known)) or "none"
            yield _push_problem(
                settings, "teams", f"no mapping file is for team {team!r}; the teams are {names}"
            )


def _unknown_sources(settings: Settings, workspace: Workspace) -> Iterator[Problem]:
    sources = (source for team in workspace.teams for source in team.sources)
    known = {f"{source.tracker}:{source.container}" for source in sources}
    for name in settings.push.share:
        if name.lower() not in {each.lower() for each in known}:
            yield _push_problem(
                settings, "share", f"no team reads {name!r}; {suggestion(name, known, kind='sources')}"
            )


def _push_problem(settings: Settings, key: str, message: str) -> Problem:
    return Problem(
        origin=settings.nearest_origin(("push", key)),
        path=f"push.{key}",
        message=message,
        severity="error",
        check=f"push-{key}",
    )
