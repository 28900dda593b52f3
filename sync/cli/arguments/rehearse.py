"""``rehearse``: try the workspace on embedded trackers while everything goes wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from sync.cli.arguments.common import Json, build_invocation

app = typer.Typer()


@app.command()
def rehearse(
    typer_context: typer.Context,
    seed: Annotated[
        int, typer.Option(help="The first number; the same one shows the same again.", min=0)
    ] = 0,
    schedules: Annotated[int, typer.Option(help="How many schedules of faults to play.", min=1)] = 20,
    as_json: Json = False,
) -> None:
    """Run this workspace on embedded trackers with faults at every request; touches nothing real."""
    from sync.cli.commands.rehearse import rehearse as command

    raise typer.Exit(command(build_invocation(typer_context, as_json), seed=seed, schedules=schedules))
