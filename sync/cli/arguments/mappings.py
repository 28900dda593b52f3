"""The commands that configure a team's mapping: ``mappings check`` and its kin."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from sync.cli.arguments.common import FullHelpGroup, Json, build_invocation

app = typer.Typer(
    cls=FullHelpGroup, help="Configure a team's mapping.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("check")
def mappings_check(
    typer_context: typer.Context,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings too.")] = False,
    format_: Annotated[
        Literal["text", "json", "github"],
        typer.Option("--format", help="github: annotations on a pull request."),
    ] = "text",
    snapshot: Annotated[
        Path | None, typer.Option(help="Look at this exported snapshot, not at the store.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Report every problem of settings, plans and mappings at once, and what is usually a mistake."""
    from sync.cli.commands.mappings_check import check as command

    chosen = "json" if as_json else format_
    raise typer.Exit(
        command(
            build_invocation(typer_context, chosen == "json"),
            strict=strict,
            format_=chosen,
            snapshot=snapshot,
        )
    )


@app.command("schema")
def mappings_schema(
    kind: Annotated[
        Literal["settings", "plan", "mapping", "tests", "defaults"] | None,
        typer.Option(help="One kind of file; default: all."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write one file a kind into this folder.")] = None,
    format_: Annotated[
        Literal["json", "markdown"], typer.Option("--format", help="markdown: the reference of every key.")
    ] = "json",
) -> None:
    """JSON Schema of every file of a workspace, for editors and programs."""
    from sync.cli.commands.mappings_schema import print_schemas as command

    raise typer.Exit(command(kind, out, format_))


@app.command("test")
def mappings_test(
    typer_context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Test files, mapping files or folders; default: all of the workspace."),
    ] = None,
    pattern: Annotated[
        str | None, typer.Option("--run", help="Only cases in whose team/name this RE2 pattern is found.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write the results as JUnit XML.")] = None,
    as_json: Json = False,
) -> None:
    """Run the cases of the mappings: do the rules do what they say?"""
    from sync.cli.commands.mappings_test import InvalidCasePattern
    from sync.cli.commands.mappings_test import run_cases as command

    try:
        code = command(build_invocation(typer_context, as_json), files or [], pattern=pattern, junit=junit)
    except InvalidCasePattern as error:
        raise typer.BadParameter(str(error), param_hint="--run") from None
    raise typer.Exit(code)


@app.command("suggest")
def mappings_suggest(
    typer_context: typer.Context,
    team: Annotated[str | None, typer.Option(help="Only for this team.")] = None,
    min_precision: Annotated[
        float, typer.Option(help="Suggest nothing that is right less often than this.", min=0.0, max=1.0)
    ] = 0.9,
    as_json: Json = False,
) -> None:
    """Rules that would take in unplanned issues, with their precision and recall, as YAML to paste."""
    from sync.cli.commands.mappings_suggest import suggest as command

    raise typer.Exit(command(build_invocation(typer_context, as_json), team, min_precision))


@app.command("impact")
def mappings_impact(
    typer_context: typer.Context,
    against: Annotated[
        str, typer.Option(help="A git revision, or a folder that holds a workspace.", metavar="REV|FOLDER")
    ] = "HEAD",
    snapshot: Annotated[
        Path | None, typer.Option(help="Look at this exported snapshot, not at the store.")
    ] = None,
    format_: Annotated[
        Literal["text", "markdown", "json"],
        typer.Option("--format", help="markdown: for a comment on a pull request."),
    ] = "text",
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 when anything changes.")
    ] = False,
    as_json: Json = False,
) -> None:
    """What the working tree's plans and mappings would change: which issues move, which figures, how many writes."""
    from sync.cli.commands.mappings_impact import impact as command

    chosen = "json" if as_json else format_
    raise typer.Exit(
        command(
            build_invocation(typer_context, chosen == "json"),
            against,
            snapshot,
            chosen,
            detailed=detailed_exitcode,
        )
    )
