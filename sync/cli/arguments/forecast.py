"""Arguments of ``forecast`` and ``forecast backtest``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sync.cli.arguments.common import Json, build_invocation

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def forecast(
    typer_context: typer.Context,
    increment: Annotated[
        str | None, typer.Option(help="Only this one; default: all that are not closed.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            help="Only with what had happened by the end of a day, a time or a run.", metavar="WHEN"
        ),
    ] = None,
    as_json: Json = False,
) -> int | None:
    """Forecast what will be done by the end of an increment, with probabilities; also shows aging WIP."""
    if typer_context.invoked_subcommand is not None:
        return None
    from sync.cli.commands.forecast import forecast as command

    return command(build_invocation(typer_context, as_json), increment, at)


@app.command("backtest")
def backtest(
    typer_context: typer.Context,
    histories: Annotated[
        list[Path] | None,
        typer.Argument(help="CSV files or folders of them; default: the teams' own issues in the store."),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Seed of the random numbers that baseline models and ties need.", min=0)
    ] = 1,
    as_json: Json = False,
) -> int:
    """Forecast from many moments of the past, and compare with what happened and with usual methods."""
    from sync.cli.commands.backtest import backtest as command

    return command(build_invocation(typer_context, as_json), histories or [], seed)
