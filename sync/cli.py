"""The command line: arguments in, exit codes out. What a command does is imported when it is called."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from contextvars import ContextVar
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, cast

import typer

if TYPE_CHECKING:
    from sync.commands.ways import Ways
    from sync.run import Options

app = typer.Typer(
    name="increment-sync",
    help="Keeps increment plans and issue trackers (Jira, GitHub) telling the same story.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
mappings_app = typer.Typer(help="Configure a team's mapping.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(mappings_app, name="mappings")
snapshot_app = typer.Typer(
    help="Carry what is stored to another checkout.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(snapshot_app, name="snapshot")

EXIT_CONFIGURATION, EXIT_STALE, EXIT_LOCKED, EXIT_USAGE = 3, 5, 6, 64
USAGE_ERROR = cast("type[Exception]", typer.BadParameter.__mro__[1])
"""What every wrong option raises. Newer Typers carry a click of their own and hand out only this subclass."""

_AS_JSON: ContextVar[bool] = ContextVar("as_json", default=False)
"""Whether a program reads the output, and so wants to read about errors as well."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]
MaxRemovals = Annotated[int | None, typer.Option(help="Allow so many label removals this once.", min=0)]
MaxComments = Annotated[int | None, typer.Option(help="Allow so many new comments this once.", min=0)]
MaxWrites = Annotated[int | None, typer.Option(help="Leave the rest for the next run after so many.", min=0)]
MaxDuration = Annotated[
    str | None, typer.Option(help="Start no write after this time: 90s, 10m, 1h.", metavar="TIME")
]
AcceptOverrides = Annotated[
    bool, typer.Option("--accept-overrides", help="Take all labels changed by hand as people's decisions.")
]
AcceptShrink = Annotated[
    bool, typer.Option("--accept-shrink", help="Believe sources that hold far fewer issues than before.")
]


def version(value: bool) -> None:
    """Print the version and stop."""
    if value:
        from importlib.metadata import version as installed

        sys.stdout.write(f"increment-sync {installed('increment-sync')}\n")
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    workspace: Annotated[
        Path | None,
        typer.Option("--workspace", "-C", help="Folder of increment-sync.yaml; default: here or above."),
    ] = None,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"] | None,
        typer.Option(help="Logs on stderr; default: warning on a terminal, info otherwise."),
    ] = None,
    _: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options that stand before the command."""
    context.obj = {"workspace": workspace, "log_level": log_level}


def _ways(context: typer.Context, as_json: bool = False) -> Ways:
    from sync.commands.ways import Ways

    _AS_JSON.set(as_json)
    return Ways(**context.obj, as_json=as_json, environment=dict(os.environ))


def _options(**chosen: Any) -> Options:
    from sync.run import Options

    if (text := chosen.pop("max_duration", None)) is not None:
        chosen["max_duration"] = _duration(text)
    return Options(**chosen)


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"(\d+)([smh])", text)
    if match is None:
        raise typer.BadParameter(f"write a time as 90s, 10m or 1h, not {text!r}", param_hint="--max-duration")
    seconds = int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
    return timedelta(seconds=min(seconds, 366 * 86_400))


@app.command()
def run(
    context: typer.Context,
    max_removals: MaxRemovals = None,
    max_comments: MaxComments = None,
    max_writes: MaxWrites = None,
    max_duration: MaxDuration = None,
    accept_overrides: AcceptOverrides = False,
    as_json: Json = False,
) -> None:
    """The cron job: read what changed, roll up, write labels and status comments."""
    from sync.commands.running import run as command

    options = _options(
        max_removals=max_removals,
        max_comments=max_comments,
        max_writes=max_writes,
        max_duration=max_duration,
        accept_overrides=accept_overrides,
    )
    raise typer.Exit(command(_ways(context, as_json), options))


@app.command()
def reconcile(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Repair without asking.")] = False,
    restore_labels: Annotated[
        bool, typer.Option("--restore-labels", help="Put back our labels that were removed by hand.")
    ] = False,
    accept_shrink: AcceptShrink = False,
    accept_overrides: AcceptOverrides = False,
    max_removals: MaxRemovals = None,
    max_comments: MaxComments = None,
    as_json: Json = False,
) -> None:
    """The one-off: read everything again, find drift, show it, ask, repair."""
    from sync.commands.running import reconcile as command

    options = _options(
        restore_labels=restore_labels,
        accept_shrink=accept_shrink,
        accept_overrides=accept_overrides,
        max_removals=max_removals,
        max_comments=max_comments,
    )
    raise typer.Exit(command(_ways(context, as_json), options, yes=yes))


@app.command()
def preview(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option(help="Save the change set for `apply`.")] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 when there is something to change.")
    ] = False,
    format_: Annotated[Literal["text", "markdown"], typer.Option("--format")] = "text",
    max_removals: MaxRemovals = None,
    max_comments: MaxComments = None,
    as_json: Json = False,
) -> None:
    """Show what `run` would write; writes nothing on any tracker."""
    from sync.commands.running import preview as command

    options = _options(max_removals=max_removals, max_comments=max_comments)
    raise typer.Exit(command(_ways(context, as_json), options, out, detailed_exitcode, format_))


@app.command()
def apply(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A change set saved by `preview --out`.")],
    max_removals: MaxRemovals = None,
    max_comments: MaxComments = None,
    max_writes: MaxWrites = None,
    as_json: Json = False,
) -> None:
    """Write exactly the change set that was reviewed, or refuse it when the world has moved."""
    from sync.commands.running import apply_file

    options = _options(max_removals=max_removals, max_comments=max_comments, max_writes=max_writes)
    raise typer.Exit(apply_file(_ways(context, as_json), file, options))


@app.command()
def status(
    context: typer.Context,
    increment: Annotated[
        str | None, typer.Argument(help="Id of an increment; default: the open ones.")
    ] = None,
    as_json: Json = False,
) -> None:
    """The roll-up of the last snapshot: goals, capabilities, counts."""
    from sync.commands.looking import status as command

    raise typer.Exit(command(_ways(context, as_json), increment))


@app.command()
def unplanned(
    context: typer.Context,
    team: Annotated[str | None, typer.Option(help="Only this team's.")] = None,
    by: Annotated[
        Literal["team", "requester", "type", "week", "age"] | None,
        typer.Option(help="Count by this instead of listing the issues."),
    ] = None,
    csv_file: Annotated[
        str | None, typer.Option("--csv", help="Write the issues as CSV; - for stdout.", metavar="FILE")
    ] = None,
    as_json: Json = False,
) -> None:
    """The ad-hoc work: issues that no rule assigns, who brings them, how long they wait, what they cost."""
    from sync.commands.unplanned import unplanned as command

    if as_json and csv_file == "-":
        raise typer.BadParameter("stdout can take --json or --csv -, not both", param_hint="--csv")
    raise typer.Exit(command(_ways(context, as_json), team, by, csv_file))


@app.command()
def explain(
    context: typer.Context,
    issue: Annotated[str, typer.Argument(help="DS-12, acme/churn#7 or its URL.")],
    live: Annotated[
        bool, typer.Option("--live", help="Read the issue from its tracker now; needs credentials.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Which rule matched an issue, which did not and why, what it counts towards, what was written."""
    from sync.commands.explaining import explain as command

    raise typer.Exit(command(_ways(context, as_json), issue, live=live))


@app.command()
def history(
    context: typer.Context,
    run_id: Annotated[str | None, typer.Option("--run", help="The writes of one run.")] = None,
    issue: Annotated[str | None, typer.Option(help="The writes on one issue.")] = None,
    limit: Annotated[int, typer.Option(help="How many rows at most.", min=1, max=1_000_000)] = 20,
    as_json: Json = False,
) -> None:
    """The runs, or the journal of a run or an issue: when, what, which rule, why."""
    from sync.commands.looking import history as command

    raise typer.Exit(command(_ways(context, as_json), run_id, issue, limit))


@app.command()
def overrides(context: typer.Context, as_json: Json = False) -> None:
    """People's decisions on the trackers that differ from ours; theirs win."""
    from sync.commands.looking import overrides as command

    raise typer.Exit(command(_ways(context, as_json)))


@app.command()
def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Check settings, credentials, rights, label names, clock and store; say what to do."""
    from sync.commands.diagnosing import doctor as command

    raise typer.Exit(command(_ways(context, as_json)))


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
    from sync.commands.starting import BadAnswer
    from sync.commands.starting import init as command

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
    except BadAnswer as bad:
        raise typer.BadParameter(str(bad)) from None
    raise typer.Exit(code)


@app.command()
def demo(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Option(help="Keep the demo's workspace here; default: a temporary folder.")
    ] = None,
) -> None:
    """Run the main job against the embedded trackers and show what happens, twice."""
    from sync.commands.demonstrating import demo as command

    raise typer.Exit(command(_ways(context), folder))


@app.command()
def sandbox(
    seed: Annotated[
        Path | None, typer.Option(help="What the trackers hold; default: the demo's world.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=0, max=65535)] = 8765,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print every request.")] = False,
) -> None:
    """Serve look-alikes of Jira and GitHub on this machine, to try a mapping without touching anything real."""
    from sync.commands.demonstrating import sandbox as command

    raise typer.Exit(command(seed, port, verbose=verbose))


@mappings_app.command("check")
def mappings_check(
    context: typer.Context,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings too.")] = False,
    format_: Annotated[
        Literal["text", "json", "github"],
        typer.Option("--format", help="github: annotations on a pull request."),
    ] = "text",
    as_json: Json = False,
) -> None:
    """Report every problem of settings, plans and mappings at once, and what is usually a mistake."""
    from sync.commands.checking import check as command

    chosen = "json" if as_json else format_
    raise typer.Exit(command(_ways(context, chosen == "json"), strict=strict, format_=chosen))


@mappings_app.command("schema")
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
    from sync.commands.schemas import schema as command

    raise typer.Exit(command(kind, out, format_))


@mappings_app.command("test")
def mappings_test(
    context: typer.Context,
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
    from sync.commands.testing import BadPattern
    from sync.commands.testing import test as command

    try:
        code = command(_ways(context, as_json), files or [], pattern=pattern, junit=junit)
    except BadPattern as error:
        raise typer.BadParameter(str(error), param_hint="--run") from None
    raise typer.Exit(code)


@mappings_app.command("suggest")
def mappings_suggest(
    context: typer.Context,
    team: Annotated[str | None, typer.Option(help="Only for this team.")] = None,
    min_precision: Annotated[
        float, typer.Option(help="Suggest nothing that is right less often than this.", min=0.0, max=1.0)
    ] = 0.9,
    as_json: Json = False,
) -> None:
    """Rules that would take in unplanned issues, with their precision and recall, as YAML to paste."""
    from sync.commands.suggesting import suggest as command

    raise typer.Exit(command(_ways(context, as_json), team, min_precision))


@mappings_app.command("impact")
def mappings_impact(
    context: typer.Context,
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
    from sync.commands.impacting import impact as command

    chosen = "json" if as_json else format_
    raise typer.Exit(
        command(_ways(context, chosen == "json"), against, snapshot, chosen, detailed=detailed_exitcode)
    )


@snapshot_app.command("export")
def snapshot_export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where to write; gzipped when the name ends in .gz.")],
    bodies: Annotated[bool, typer.Option("--bodies", help="With the texts of issues.")] = False,
    as_json: Json = False,
) -> None:
    """Write the stored issues, and what was pushed and decided, into a file without secrets."""
    from sync.commands.snapshots import export as command

    raise typer.Exit(command(_ways(context, as_json), file, bodies=bodies))


@snapshot_app.command("import")
def snapshot_import(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file that `snapshot export` wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Drop what the store holds, its journal included.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Put an exported snapshot into this workspace's store."""
    from sync.commands.snapshots import load as command

    raise typer.Exit(command(_ways(context, as_json), file, replace=replace))


def main() -> NoReturn:
    """Entry point. Usage errors exit with 64, so that 2 can mean "changes pending"."""
    sys.exit(call(lambda: app(standalone_mode=False)))


def call(command: Callable[[], Any]) -> int:
    """Run a command and turn what it raised into a sentence on stderr and an exit code."""
    _AS_JSON.set(False)
    try:
        code = _called(command)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        # The reader of our output has left (`| head`), which Typer turns into SystemExit: nothing more to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _called(command: Callable[[], Any]) -> int:
    try:
        result = command()
    except USAGE_ERROR as error:
        cast("Any", error).show()
        return EXIT_USAGE
    except typer.Exit as stop:
        return stop.exit_code
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write("stopped\n")
        return 130
    except BrokenPipeError:
        raise
    except Exception as error:
        return _failed(error)
    return result if isinstance(result, int) else 0


def _failed(error: Exception) -> int:
    from sync.commands.failing import exit_code_for, sentence_for
    from sync.commands.ways import say_json

    code, sentence = exit_code_for(error), sentence_for(error)
    sys.stderr.write(f"increment-sync: {sentence}\n")
    if _AS_JSON.get():
        say_json({"version": 1, "exit_code": code, "error": sentence})
    return code


if __name__ == "__main__":
    main()
