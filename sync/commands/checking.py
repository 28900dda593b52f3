"""``mappings check``: everything that is wrong with plans and mappings, without a tracker and without a store."""

from __future__ import annotations

from sync.commands.ways import Ways, complain, say, say_json
from sync.settings import load_settings, unknown_push_teams


def check(ways: Ways, *, strict: bool) -> int:
    """3 when there are errors (or warnings, with ``strict``), else 0."""
    from mappings.load import check_workspace

    settings = load_settings(ways.root)
    workspace, problems = check_workspace(
        ways.root,
        trackers={name: tracker.kind for name, tracker in settings.trackers.items()},
        timezone=settings.timezone,
        labels=settings.scheme,
    )
    found = [*problems, *(unknown_push_teams(settings, workspace) if workspace else [])]
    errors = [problem for problem in found if problem.severity == "error"]
    failed = bool(errors) or (strict and bool(found))
    if ways.as_json:
        say_json(
            {
                "version": 1,
                "ok": not failed,
                "problems": [
                    {
                        "file": p.origin.file,
                        "line": p.origin.line,
                        "column": p.origin.column,
                        "path": p.path,
                        "severity": p.severity,
                        "check": p.check,
                        "message": p.message,
                    }
                    for p in found
                ],
            }
        )
        return 3 if failed else 0
    for problem in found:
        complain(str(problem))
    if workspace is not None:
        rules = sum(len(team.rules) for team in workspace.teams)
        capabilities = sum(len(increment.capabilities) for increment in workspace.increments)
        say(
            f"{len(workspace.increments)} increments, {capabilities} capabilities, "
            f"{len(workspace.teams)} teams, {rules} rules"
        )
    warnings = len(found) - len(errors)
    say(f"{len(errors)} errors, {warnings} warnings")
    return 3 if failed else 0
