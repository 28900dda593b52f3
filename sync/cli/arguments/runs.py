"""Arguments of commands that send requests: ``run``, ``reconcile``, ``preview``, ``apply``, ``undo``, ``doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer
from typer import Argument, Option

from sync.cli.arguments.common import LIMITS, STOPS, Json, build_invocation, takes_run_options

if TYPE_CHECKING:
    from sync.model.run import RunOptions

app = typer.Typer()


@app.command()
@takes_run_options(*LIMITS, *STOPS, "accept_overrides")
def run(
    options: RunOptions,
    metrics: Path | None = Option(
        None, help="Write metrics for Prometheus to this file; default: metrics.textfile of the settings."
    ),
    as_json: Json = False,
) -> int:
    """The cron job: read what changed, roll up, write labels and status comments."""
    from sync.cli.commands.run import run as command

    return command(build_invocation(as_json), options, metrics)


@app.command()
@takes_run_options("restore_labels", "accept_shrink", "accept_overrides", *LIMITS, *STOPS)
def reconcile(
    options: RunOptions,
    yes: bool = Option(False, "--yes", "-y", help="Repair without asking."),
    as_json: Json = False,
) -> int:
    """The one-off: read everything again, find drift, show it, ask, repair."""
    from sync.cli.commands.reconcile import reconcile as command

    return command(build_invocation(as_json), options, yes=yes)


@app.command()
@takes_run_options(*LIMITS)
def preview(
    options: RunOptions,
    out: Path | None = Option(None, help="Save the change set for `apply`."),
    detailed_exitcode: bool = Option(
        False, "--detailed-exitcode", help="Exit with 2 when there is something to change."
    ),
    format_: Literal["text", "markdown"] = Option(
        "text", "--format", help="markdown: a table for a pull request or a job summary."
    ),
    as_json: Json = False,
) -> int:
    """Show what `run` would write; writes nothing on any tracker."""
    from sync.cli.commands.preview import preview as command

    return command(build_invocation(as_json), options, out, detailed_exitcode, format_)


@app.command()
@takes_run_options(*LIMITS, *STOPS)
def apply(
    options: RunOptions,
    file: Path = Argument(..., help="A change set saved by `preview --out`."),
    as_json: Json = False,
) -> int:
    """Write exactly the change set that was reviewed; refuse it when the trackers changed since."""
    from sync.cli.commands.apply import apply_file

    return apply_file(build_invocation(as_json), file, options)


@app.command()
@takes_run_options(*LIMITS)
def undo(
    options: RunOptions,
    run_id: str = Argument(..., metavar="RUN", help="A run of `increment-sync history`."),
    issue: list[str] | None = Option(None, help="Only on this issue; may be given several times."),
    yes: bool = Option(False, "--yes", "-y", help="Revert without asking."),
    dry_run: bool = Option(False, "--dry-run", help="Only show what would be reverted."),
    post_again: bool = Option(
        False, "--post-again", help="Post comments again that the run deleted; this sends notification mails."
    ),
    as_json: Json = False,
) -> int:
    """Revert what a run wrote, except where people changed it since; asks first. Later runs leave it reverted."""
    from sync.cli.commands.undo import UndoOptions
    from sync.cli.commands.undo import undo as command

    undo_options = UndoOptions(
        run_id=run_id,
        issues=tuple(issue or ()),
        yes=yes,
        dry_run=dry_run,
        post_again=post_again,
        limits=options,
    )
    return command(build_invocation(as_json), undo_options)


@app.command()
def doctor(as_json: Json = False) -> int:
    """Check settings, credentials, rights, label names, clock and store; say what to do."""
    from sync.cli.commands.doctor import doctor as command

    return command(build_invocation(as_json))


@app.command()
def settings(as_json: Json = False) -> int:
    """Show each setting and credential with the file, variable or folder that it comes from; hide secrets."""
    from sync.cli.commands.settings import show_settings

    return show_settings(build_invocation(as_json))
