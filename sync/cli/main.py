"""The command line: arguments in, exit codes out. What a command does is imported when it is called."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, cast

import typer

from sync.cli.arguments import forecast as forecasting
from sync.cli.arguments import mappings, snapshot
from sync.cli.arguments import queries as looking
from sync.cli.arguments import rehearse as rehearsing
from sync.cli.arguments import runs as running
from sync.cli.arguments import setup as starting
from sync.cli.arguments.common import INVOCATION, FullHelpGroup, current_invocation

app = typer.Typer(
    name="increment-sync",
    cls=FullHelpGroup,
    help="Keeps increment plans and issue trackers (Jira, GitHub) telling the same story.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for family in (running, looking, starting, rehearsing):
    app.add_typer(family.app)
app.add_typer(forecasting.app, name="forecast")
app.add_typer(mappings.app, name="mappings")
app.add_typer(snapshot.app, name="snapshot")

EXIT_USAGE = 64
USAGE_ERROR = cast("type[Exception]", typer.BadParameter.__mro__[1])
"""What every wrong option raises. Newer Typers carry a click of their own and hand out only this subclass."""


def print_version(value: bool) -> None:
    """Print the version and stop."""
    if value:
        from importlib.metadata import version as installed

        sys.stdout.write(f"increment-sync {installed('increment-sync')}\n")
        raise typer.Exit


@app.callback()
def global_options(
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
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options that stand before the command."""
    context.obj = {"workspace": workspace, "log_level": log_level}


def main() -> NoReturn:
    """Entry point. Usage errors exit with 64, so that 2 can mean "changes pending"."""
    # Nearly all that a command makes lives as long as it does: looking for rubbish among it takes a third of its time.
    gc.set_threshold(250_000, 50, 100)
    sys.exit(invoke(lambda: app(standalone_mode=False)))


def invoke(action: Callable[[], Any]) -> int:
    """Run a command and turn what it raised into a sentence on stderr and an exit code."""
    INVOCATION.set(None)
    try:
        code = _exit_code_from(action)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        # The reader of our output has left (`| head`), which Typer turns into SystemExit: nothing more to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _exit_code_from(command: Callable[[], Any]) -> int:
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
        return _report_failure(error)
    return result if isinstance(result, int) else 0


def _report_failure(error: Exception) -> int:
    from sync.cli.exit_codes import error_message, exit_code_for
    from sync.runtime.invocation import print_json
    from sync.runtime.session import BrokenMappingFiles

    invocation = current_invocation()
    code, sentence = exit_code_for(error), error_message(error, invocation.redactor)
    sys.stderr.write(f"increment-sync: {sentence}\n")
    if invocation.as_json and not isinstance(error, BrokenMappingFiles):
        print_json({"version": 1, "exit_code": code, "error": sentence})
    return code


if __name__ == "__main__":
    main()
