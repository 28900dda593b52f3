"""Arguments of ``init``, and of the commands with mock servers: ``demo``, ``sandbox``, ``rehearse``."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

import typer
from typer import Argument, Option

from sync.cli.arguments.common import Json, build_invocation

app = typer.Typer()


@app.command()
def init(
    folder: Path = Argument(Path(), help="Where to write the workspace."),
    jira: str | None = Option(None, help="URL of a Jira site."),
    jira_kind: Literal["jira-cloud", "jira-dc"] = Option(
        "jira-cloud", help="Jira Cloud or Jira Data Center."
    ),
    project: str = Option("DS", help="Key of a Jira project."),
    github: str | None = Option(None, help="A repository, as owner/name."),
    github_url: str | None = Option(None, help="API URL of GitHub Enterprise Server."),
    team: str = Option("my-team", help="Name of the first team."),
    timezone: str = Option("UTC", help="IANA time zone of the plans."),
) -> int:
    """Write a workspace to start from; never overwrites a file."""
    from sync.cli.commands.init import InitialTracker, InvalidInitOption, WorkspaceOptions
    from sync.cli.commands.init import init as command

    if not jira and not github:
        jira, github = "https://acme.atlassian.net", "acme/churn"
    trackers = []
    if jira:
        trackers.append(InitialTracker(kind=jira_kind, url=jira, container=project))
    if github:
        trackers.append(InitialTracker(kind="github", url=github_url, container=github))
    options = WorkspaceOptions(
        trackers=tuple(trackers),
        team=team,
        timezone=timezone,
        today=date.today(),  # noqa: DTZ011 - the quarter in the time zone of the person at the keyboard
    )
    try:
        return command(build_invocation(), folder, options)
    except InvalidInitOption as error:
        raise typer.BadParameter(str(error)) from None


@app.command()
def demo(
    folder: Path | None = Option(None, help="Keep the demo's workspace here; default: a temporary folder."),
    report: Path | None = Option(None, help="Where to write the report; default: a new temporary file."),
) -> int:
    """Run the main job several times against mock servers, and show what happens."""
    from sync.cli.commands.demo import demo as command

    return command(build_invocation(), folder, report)


@app.command()
def sandbox(
    seed: Path | None = Option(
        None, help="YAML file with the content of the trackers; default: that of the demo."
    ),
    port: int = Option(8765, help="Port on 127.0.0.1.", min=0, max=65535),
    verbose: bool = Option(False, "--verbose", help="Print every request."),
) -> int:
    """Serve mock servers of Jira and GitHub on this machine, to try a mapping without touching anything real."""
    from sync.cli.commands.sandbox import sandbox as command

    return command(build_invocation(), seed, port, verbose=verbose)


@app.command()
def rehearse(
    seed: int = Option(
        0, help="Seed of the first simulation; the same seed gives the same one again.", min=0
    ),
    schedules: int = Option(20, help="Simulate N schedules of faults.", metavar="N", min=1),
    as_json: Json = False,
) -> int:
    """Simulate runs of this workspace on mock servers with a fault at every request; touches nothing real."""
    from sync.cli.commands.rehearse import rehearse as command

    return command(build_invocation(as_json), seed=seed, schedules=schedules)
