"""Arguments of ``rehearse``."""

from __future__ import annotations

from typing import Annotated

import typer

from sync.cli.arguments.common import Json, build_invocation

app = typer.Typer()


@app.command()
def rehearse(
    typer_context: typer.Context,
    seed: Annotated[
        int, typer.Option(help="Seed of the first simulation; the same seed gives the same one again.", min=0)
    ] = 0,
    schedules: Annotated[int, typer.Option(help="Simulate N schedules of faults.", metavar="N", min=1)] = 20,
    as_json: Json = False,
) -> int:
    """Simulate runs of this workspace on mock servers with a fault at every request; touches nothing real."""
    from sync.cli.commands.rehearse import rehearse as command

    return command(build_invocation(typer_context, as_json), seed=seed, schedules=schedules)
