"""Arguments of ``snapshot export`` and ``snapshot import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sync.cli.arguments.common import FullHelpGroup, Json, build_invocation

app = typer.Typer(
    cls=FullHelpGroup,
    help="Copy the content of the store to another checkout.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("export")
def snapshot_export(
    typer_context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file to write; gzipped when the name ends in .gz.")],
    bodies: Annotated[bool, typer.Option("--bodies", help="Include the texts of issues.")] = False,
    as_json: Json = False,
) -> int:
    """Write the stored issues, what was pushed, and manual overrides into a file without secrets."""
    from sync.cli.commands.snapshot import export_snapshot

    return export_snapshot(build_invocation(typer_context, as_json), file, bodies=bodies)


@app.command("import")
def snapshot_import(
    typer_context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file that `snapshot export` wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Drop what the store holds, including its journal.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Load an exported snapshot into this workspace's store."""
    from sync.cli.commands.snapshot import import_snapshot

    return import_snapshot(build_invocation(typer_context, as_json), file, replace=replace)
