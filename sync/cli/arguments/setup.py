"""The commands to begin with: ``init``, ``demo``, ``sandbox``."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import typer

from sync.cli.arguments.common import build_invocation

app = typer.Typer()


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write the workspace.")] = Path(),
    jira: Annotated[str | None, typer.Option(help="URL of a Jira site.")] = None,
    jira_kind: Annotated[Literal["jira-cloud", "jira-dc"], typer.Option()] = "jira-cloud",
    project: Annotated[str, typer.Option(help="Key of a Jira project.")] = "DS",
    github: Annotated[str | None, typer.Option(help="A repository, as owner/name.")] = None,
    github_url: Annotated[str | None, typer.Option(help="API URL of GitHub Enterprise Server.")] = None,
    team: Annotated[str, typer.Option(help="Name of the first team.")] = "my-team",
    timezone: Annotated[str, typer.Option(help="IANA time zone of the plans.")] = "UTC",
) -> None:
    """Write a workspace to start from; writes over nothing."""
    from sync.cli.commands.init import InvalidInitOption
    from sync.cli.commands.init import init as command

    try:
        code = command(
            folder,
            jira=jira,
            jira_kind=jira_kind,
            project=project,
            github=github,
            github_url=github_url,
            team=team,
            timezone=timezone,
            today=date.today(),  # noqa: DTZ011 - the quarter that the person at the keyboard lives in
        )
    except InvalidInitOption as bad:
        raise typer.BadParameter(str(bad)) from None
    raise typer.Exit(code)


@app.command()
def demo(
    typer_context: typer.Context,
    folder: Annotated[
        Path | None, typer.Option(help="Keep the demo's workspace here; default: a temporary folder.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Where to write the report; default: a new temporary file.")
    ] = None,
) -> None:
    """Run the main job against the embedded trackers and show what happens, twice."""
    from sync.cli.commands.demo import demo as command

    raise typer.Exit(command(build_invocation(typer_context), folder, report))


@app.command()
def sandbox(
    seed: Annotated[
        Path | None, typer.Option(help="What the trackers hold; default: the demo's world.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=0, max=65535)] = 8765,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print every request.")] = False,
) -> None:
    """Serve look-alikes of Jira and GitHub on this machine, to try a mapping without touching anything real."""
    from sync.cli.commands.demo import sandbox as command

    raise typer.Exit(command(seed, port, verbose=verbose))
