"""Arguments of the commands to begin with: ``init``, ``demo``, ``sandbox``."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import typer

from sync.cli.arguments.common import build_invocation

app = typer.Typer()


@app.command()
def init(
    typer_context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where to write the workspace.")] = Path(),
    jira: Annotated[str | None, typer.Option(help="URL of a Jira site.")] = None,
    jira_kind: Annotated[
        Literal["jira-cloud", "jira-dc"], typer.Option(help="Jira Cloud or Jira Data Center.")
    ] = "jira-cloud",
    project: Annotated[str, typer.Option(help="Key of a Jira project.")] = "DS",
    github: Annotated[str | None, typer.Option(help="A repository, as owner/name.")] = None,
    github_url: Annotated[str | None, typer.Option(help="API URL of GitHub Enterprise Server.")] = None,
    team: Annotated[str, typer.Option(help="Name of the first team.")] = "my-team",
    timezone: Annotated[str, typer.Option(help="IANA time zone of the plans.")] = "UTC",
) -> int:
    """Write a workspace to start from; never overwrites a file."""
    from sync.cli.commands.init import InvalidInitOption, WorkspaceOptions
    from sync.cli.commands.init import init as command

    options = WorkspaceOptions(
        jira=jira,
        jira_kind=jira_kind,
        project=project,
        github=github,
        github_url=github_url,
        team=team,
        timezone=timezone,
        today=date.today(),  # noqa: DTZ011 - the quarter in the time zone of the person at the keyboard
    )
    try:
        return command(build_invocation(typer_context), folder, options)
    except InvalidInitOption as error:
        raise typer.BadParameter(str(error)) from None


@app.command()
def demo(
    typer_context: typer.Context,
    folder: Annotated[
        Path | None, typer.Option(help="Keep the demo's workspace here; default: a temporary folder.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Where to write the report; default: a new temporary file.")
    ] = None,
) -> int:
    """Run the main job several times against mock servers, and show what happens."""
    from sync.cli.commands.demo import demo as command

    return command(build_invocation(typer_context), folder, report)


@app.command()
def sandbox(
    typer_context: typer.Context,
    seed: Annotated[
        Path | None,
        typer.Option(help="YAML file with the content of the trackers; default: that of the demo."),
    ] = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=0, max=65535)] = 8765,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print every request.")] = False,
) -> int:
    """Serve mock servers of Jira and GitHub on this machine, to try a mapping without touching anything real."""
    from sync.cli.commands.sandbox import sandbox as command

    return command(build_invocation(typer_context), seed, port, verbose=verbose)
