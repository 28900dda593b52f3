"""The commands that look ahead, and back at how well they did: ``forecast``, ``forecast backtest``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sync.arguments.common import Json, ways

app = typer.Typer(help="What will be done by the end, and how sure that is.", rich_markup_mode=None)


@app.command("backtest")
def backtest(
    context: typer.Context,
    histories: Annotated[
        list[Path],
        typer.Argument(help="CSV files or folders of them."),
    ],
    seed: Annotated[
        int, typer.Option(help="Of the random numbers that the rivals and the ties need.", min=0)
    ] = 1,
    as_json: Json = False,
) -> None:
    """Forecast from many moments of the past, and hold it against what happened and against usual methods."""
    from sync.commands.backtesting import backtest as command

    raise typer.Exit(command(ways(context, as_json), histories, seed))
