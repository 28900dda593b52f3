"""Arguments of ``mappings check``, ``schema``, ``test``, ``suggest`` and ``impact``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from sync.cli.arguments.common import FullHelpGroup, Json, build_invocation

app = typer.Typer(
    cls=FullHelpGroup, help="Configure a team's mapping.", no_args_is_help=True, rich_markup_mode=None
)

_Snapshot = Annotated[
    Path | None, typer.Option(help="Read this exported snapshot instead of the store.", metavar="FILE")
]


@app.command("check")
def mappings_check(
    typer_context: typer.Context,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings, too.")] = False,
    format_: Annotated[
        Literal["text", "json", "github"],
        typer.Option("--format", help="github: annotations on a pull request."),
    ] = "text",
    snapshot: _Snapshot = None,
    as_json: Json = False,
) -> int:
    """Report every problem of settings, plans and mappings at once, and warn about usual mistakes."""
    from sync.cli.commands.mappings_check import check

    chosen = "json" if as_json else format_
    invocation = build_invocation(typer_context, chosen == "json")
    return check(invocation, strict=strict, format_=chosen, snapshot=snapshot)


@app.command("schema")
def mappings_schema(
    typer_context: typer.Context,
    kind: Annotated[
        Literal["settings", "plan", "mapping", "tests", "defaults"] | None,
        typer.Option(help="One kind of file; default: all."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write one file per kind into this folder.")] = None,
    format_: Annotated[
        Literal["json", "markdown"], typer.Option("--format", help="markdown: the reference of every key.")
    ] = "json",
) -> int:
    """Print the JSON Schema of every file of a workspace, for editors and programs."""
    from sync.cli.commands.mappings_schema import print_schemas

    return print_schemas(build_invocation(typer_context), kind, out, format_)


@app.command("test")
def mappings_test(
    typer_context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Test files, mapping files or folders; default: all of the workspace."),
    ] = None,
    pattern: Annotated[
        str | None, typer.Option("--run", help="Only cases whose team/name contains this RE2 pattern.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write the results as JUnit XML.")] = None,
    as_json: Json = False,
) -> int:
    """Run the test cases of the mappings: example issues and what they should count towards."""
    from sync.cli.commands.mappings_test import InvalidCasePattern, run_cases

    try:
        return run_cases(build_invocation(typer_context, as_json), files or [], pattern=pattern, junit=junit)
    except InvalidCasePattern as error:
        raise typer.BadParameter(str(error), param_hint="--run") from None


@app.command("suggest")
def mappings_suggest(
    typer_context: typer.Context,
    team: Annotated[str | None, typer.Option(help="Only for this team.")] = None,
    min_precision: Annotated[
        float, typer.Option(help="Suggest only rules with at least this precision.", min=0.0, max=1.0)
    ] = 0.9,
    as_json: Json = False,
) -> int:
    """Suggest rules for unplanned issues, with their precision and recall, as YAML to paste."""
    from sync.cli.commands.mappings_suggest import suggest

    return suggest(build_invocation(typer_context, as_json), team, min_precision)


@app.command("impact")
def mappings_impact(
    typer_context: typer.Context,
    against: Annotated[
        str, typer.Option(help="A git revision, or a folder that holds a workspace.", metavar="REV|FOLDER")
    ] = "HEAD",
    snapshot: _Snapshot = None,
    format_: Annotated[
        Literal["text", "markdown", "json"],
        typer.Option("--format", help="markdown: for a comment on a pull request."),
    ] = "text",
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 when anything changes.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Show what the working tree's plans and mappings would change: issues, roll-up numbers and writes."""
    from sync.cli.commands.mappings_impact import impact

    chosen = "json" if as_json else format_
    invocation = build_invocation(typer_context, chosen == "json")
    return impact(invocation, against, snapshot, chosen, detailed=detailed_exitcode)
