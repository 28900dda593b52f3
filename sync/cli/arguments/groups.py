"""Arguments of the commands with subcommands: ``mappings``, ``forecast`` and ``snapshot``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Argument, Option

from sync.cli.annotations import FORMAT_HELP, CheckFormat
from sync.cli.arguments.common import CommandGroup, Json, build_invocation

forecast_app = typer.Typer(rich_markup_mode=None)
mappings_app = typer.Typer(
    cls=CommandGroup, help="Configure a team's mapping.", no_args_is_help=True, rich_markup_mode=None
)
snapshot_app = typer.Typer(
    cls=CommandGroup,
    help="Copy the content of the store to another checkout.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Snapshot = Annotated[
    Path | None, typer.Option(help="Read this exported snapshot instead of the store.", metavar="FILE")
]


@mappings_app.command("check")
def mappings_check(
    strict: bool = Option(False, "--strict", help="Fail on warnings, too."),
    format_: CheckFormat = Option("text", "--format", help=FORMAT_HELP),
    snapshot: _Snapshot = None,
    as_json: Json = False,
) -> int:
    """Report every problem of settings, plans and mappings at once, and warn about usual mistakes."""
    from sync.cli.commands.mappings_check import check

    chosen = "json" if as_json else format_
    invocation = build_invocation(chosen == "json")
    return check(invocation, strict=strict, format_=chosen, snapshot=snapshot)


@mappings_app.command("schema")
def mappings_schema(
    kind: Literal["settings", "plan", "mapping", "tests", "defaults"] | None = Option(
        None, help="One kind of file; default: all."
    ),
    out: Path | None = Option(None, help="Write one file per kind into this folder."),
    format_: Literal["json", "markdown"] = Option(
        "json", "--format", help="markdown: the reference of every key."
    ),
) -> int:
    """Print the JSON Schema of every file of a workspace, for editors and programs."""
    from sync.cli.commands.mappings_schema import print_schemas

    return print_schemas(build_invocation(), kind, out, format_)


@mappings_app.command("test")
def mappings_test(
    files: list[Path] | None = Argument(
        None, help="Test files, mapping files or folders; default: all of the workspace."
    ),
    pattern: str | None = Option(None, "--run", help="Only cases whose team/name contains this RE2 pattern."),
    junit: Path | None = Option(None, help="Write the results as JUnit XML."),
    as_json: Json = False,
) -> int:
    """Run the test cases of the mappings: example issues and what they should count towards."""
    from sync.cli.commands.mappings_test import InvalidCasePattern, run_cases

    try:
        return run_cases(build_invocation(as_json), files or [], pattern=pattern, junit=junit)
    except InvalidCasePattern as error:
        raise typer.BadParameter(str(error), param_hint="--run") from None


@mappings_app.command("suggest")
def mappings_suggest(
    team: str | None = Option(None, help="Only for this team."),
    min_precision: float = Option(
        0.9, help="Suggest only rules with at least this precision.", min=0.0, max=1.0
    ),
    as_json: Json = False,
) -> int:
    """Suggest rules for unplanned issues, with their precision and recall, as YAML to paste."""
    from sync.cli.commands.mappings_suggest import suggest

    return suggest(build_invocation(as_json), team, min_precision)


@mappings_app.command("impact")
def mappings_impact(
    against: str = Option(
        "HEAD", help="A git revision, or a folder that holds a workspace.", metavar="REV|FOLDER"
    ),
    snapshot: _Snapshot = None,
    format_: Literal["text", "markdown", "json"] = Option(
        "text", "--format", help="markdown: for a comment on a pull request."
    ),
    detailed_exitcode: bool = Option(False, "--detailed-exitcode", help="Exit with 2 when anything changes."),
    as_json: Json = False,
) -> int:
    """Show what the working tree's plans and mappings would change: issues, roll-up numbers and writes."""
    from sync.cli.commands.mappings_impact import impact

    chosen = "json" if as_json else format_
    invocation = build_invocation(chosen == "json")
    return impact(invocation, against, snapshot, chosen, detailed=detailed_exitcode)


@forecast_app.callback(invoke_without_command=True)
def forecast(
    typer_context: typer.Context,
    increment: str | None = Option(None, help="Only this one; default: all that are not closed."),
    at: str | None = Option(
        None, help="Only with what had happened by the end of a day, a time or a run.", metavar="WHEN"
    ),
    as_json: Json = False,
) -> int | None:
    """Forecast what will be done by the end of an increment, with probabilities; also shows aging WIP."""
    if typer_context.invoked_subcommand is not None:
        return None
    from sync.cli.commands.forecast import forecast as command

    return command(build_invocation(as_json), increment, at)


@forecast_app.command("backtest")
def backtest(
    histories: list[Path] | None = Argument(
        None, help="CSV files or folders of them; default: the teams' own issues in the store."
    ),
    seed: int = Option(1, help="Seed of the random numbers that baseline models and ties need.", min=0),
    as_json: Json = False,
) -> int:
    """Forecast from many moments of the past, and compare with what happened and with usual methods."""
    from sync.cli.commands.backtest import backtest as command

    return command(build_invocation(as_json), histories or [], seed)


@snapshot_app.command("export")
def snapshot_export(
    file: Path = Argument(..., help="The file to write; gzipped when the name ends in .gz."),
    bodies: bool = Option(False, "--bodies", help="Include the texts of issues."),
    as_json: Json = False,
) -> int:
    """Write the stored issues, what was pushed, and manual overrides into a file without secrets."""
    from sync.cli.commands.snapshot import export_snapshot

    return export_snapshot(build_invocation(as_json), file, bodies=bodies)


@snapshot_app.command("import")
def snapshot_import(
    file: Path = Argument(..., help="A file that `snapshot export` wrote."),
    replace: bool = Option(False, "--replace", help="Drop what the store holds, including its journal."),
    as_json: Json = False,
) -> int:
    """Load an exported snapshot into this workspace's store."""
    from sync.cli.commands.snapshot import import_snapshot

    return import_snapshot(build_invocation(as_json), file, replace=replace)
