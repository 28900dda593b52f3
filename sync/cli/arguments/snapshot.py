"""The commands that carry what is stored to another checkout: ``snapshot export`` and ``import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sync.cli.arguments.common import FullHelpGroup, Json, build_invocation

app = typer.Typer(
    cls=FullHelpGroup,
    help="Carry what is stored to another checkout.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("export")
def snapshot_export(
    typer_context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where to write; gzipped when the name ends in .gz.")],
    bodies: Annotated[bool, typer.Option("--bodies", help="With the texts of issues.")] = False,
    as_json: Json = False,
) -> None:
    """Write the stored issues, and what was pushed and decided, into a file without secrets."""
    from sync.cli.commands.snapshot import export_snapshot as command

    raise typer.Exit(command(build_invocation(typer_context, as_json), file, bodies=bodies))


@app.command("import")
def snapshot_import(
    typer_context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file that `snapshot export` wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Drop what the store holds, its journal included.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Put an exported snapshot into this workspace's store."""
    from sync.cli.commands.snapshot import import_snapshot as command

    raise typer.Exit(command(build_invocation(typer_context, as_json), file, replace=replace))
