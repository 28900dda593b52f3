"""The Typer application and the entry point of ``increment-sync``.

Commands are imported when they are called, so that ``--help`` starts fast.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, cast

import typer

from sync.cli.arguments import groups, queries, runs, setup
from sync.cli.arguments.common import GLOBAL_OPTIONS, INVOCATION, CommandGroup, current_invocation
from sync.cli.exit_codes import ExitCode
from sync.cli.interrupts import leave, raise_interrupts
from sync.cli.streams import StandardStreams
from sync.model.interruption import as_interruption

app = typer.Typer(
    name="increment-sync",
    cls=CommandGroup,
    help="Keeps increment plans and issue trackers telling the same story.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (runs, queries, setup):
    app.add_typer(group.app)
app.add_typer(groups.forecast_app, name="forecast")
app.add_typer(groups.mappings_app, name="mappings")
app.add_typer(groups.snapshot_app, name="snapshot")

USAGE_ERROR = cast("type[Exception]", typer.BadParameter.__mro__[1])
"""Base class of all usage errors. Newer versions of Typer bundle click and export only this subclass."""


def print_version(value: bool) -> None:
    """Print the version and stop."""
    if value:
        from importlib.metadata import version

        sys.stdout.write(f"increment-sync {version('increment-sync')}\n")
        raise typer.Exit


@app.callback()
def global_options(
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace",
            "-C",
            help="Folder of increment-sync.yaml; default: INCREMENT_SYNC_WORKSPACE, else this folder or one above.",
        ),
    ] = None,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"] | None,
        typer.Option(help="Level of the logs on stderr; default: warning on a terminal, info otherwise."),
    ] = None,
    _: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Keep the options that stand before the command."""
    GLOBAL_OPTIONS.set({"workspace": workspace, "log_level": log_level})


def main() -> NoReturn:
    """Run the command of ``sys.argv`` and exit. Usage errors exit with 64, so that 2 can mean "changes pending"."""
    # Nearly every object of a command lives until the command ends. With the default thresholds, garbage collection
    # takes a third of the time and finds nothing.
    gc.set_threshold(250_000, 50, 100)
    streams = StandardStreams()
    raise_interrupts()
    code = invoke(lambda: app(standalone_mode=False))
    if lost := streams.close():
        sys.stderr.write(f"increment-sync: output was lost: {lost}\n")
        streams.close()
        code = code or ExitCode.OUTPUT_LOST
    leave(code)


def invoke(action: Callable[[], Any]) -> int:
    """Run an action; turn what it raises into a message on stderr and an exit code."""
    INVOCATION.set(None)
    try:
        result = action()
    except USAGE_ERROR as error:
        cast("Any", error).show()
        return ExitCode.USAGE
    except typer.Exit as stop:
        return stop.exit_code
    except (typer.Abort, KeyboardInterrupt) as stop:
        interruption = as_interruption(stop)
        return _report(interruption.exit_code, interruption.outcome)
    except Exception as error:
        return _report_failure(error)
    return result if isinstance(result, int) else ExitCode.DONE


def _report_failure(error: Exception) -> int:
    from sync.cli.errors import error_message, exit_code_for
    from sync.runtime.session import BrokenMappingFiles

    message = error_message(error, current_invocation().redactor)
    # With broken mapping files the command has printed its document before it ended with this error.
    return _report(exit_code_for(error), message, has_document=isinstance(error, BrokenMappingFiles))


def _report(code: int, message: str, *, has_document: bool = False) -> int:
    from sync.cli.output import Output

    output = Output(current_invocation())
    output.note(f"increment-sync: {message}")
    if output.as_json and not has_document:
        output.document({"exit_code": code, "error": message})
    return code


if __name__ == "__main__":
    main()
