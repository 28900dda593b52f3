"""The commands that talk to trackers: ``run``, ``reconcile``, ``preview``, ``apply``, ``undo``, ``doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from sync.cli.arguments.common import (
    AcceptOverrides,
    AcceptShrink,
    Json,
    MaxComments,
    MaxDuration,
    MaxNotifications,
    MaxRemovals,
    MaxWrites,
    build_invocation,
    run_options,
)

app = typer.Typer()


@app.command()
def run(
    typer_context: typer.Context,
    max_removals: MaxRemovals = None,
    max_comments: MaxComments = None,
    max_notifications: MaxNotifications = None,
    max_writes: MaxWrites = None,
    max_duration: MaxDuration = None,
    accept_overrides: AcceptOverrides = False,
    metrics: Annotated[
        Path | None,
        typer.Option(
            help="Write figures for Prometheus to this file; default: metrics.textfile of the settings."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """The cron job: read what changed, roll up, write labels and status comments."""
    from sync.cli.commands.run import run as command

    options = run_options(
        max_removals=max_removals,
        max_comments=max_comments,
        max_notifications=max_notifications,
        max_writes=max_writes,
        max_duration=max_duration,
        accept_overrides=accept_overrides,
    )
    raise typer.Exit(command(build_invocation(typer_context, as_json), options, metrics))


@app.command()
def reconcile(
    typer_context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Repair without asking.")] = False,
    restore_labels: Annotated[
        bool, typer.Option("--restore-labels", help="Put back a label of ours that was deleted as a whole.")
    ] = False,
    accept_shrink: AcceptShrink = False,
    accept_overrides: AcceptOverrides = False,
    max_removals: MaxRemovals = None,
    max_comments: MaxComments = None,
    max_notifications: MaxNotifications = None,
    max_writes: MaxWrites = None,
    max_duration: MaxDuration = None,
    as_json: Json = False,
) -> None:
    """The one-off: read everything again, find drift, show it, ask, repair."""
    from sync.cli.commands.run import reconcile as command

    options = run_options(
        restore_labels=restore_labels,
        accept_shrink=accept_shrink,
        accept_overrides=accept_overrides,
        max_removals=max_removals,
        max_comments=max_comments,
        max_notifications=max_notifications,
        max_writes=max_writes,
        max_duration=max_duration,
    )
    raise typer.Exit(command(build_invocation(typer_context, as_json), options, yes=yes))


@app.command()
def preview(
    typer_context: typer.Context,
    out: Annotated[Path | None, typer.Option(help="Save the change set for `apply`.")] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 when there is something to change.")
    ] = False,
    format_: Annotated[Literal["text", "markdown"], typer.Option("--format")] = "text",
    max_removals: MaxRemovals = None,
    max_comments: MaxComments = None,
    max_notifications: MaxNotifications = None,
    as_json: Json = False,
) -> None:
    """Show what `run` would write; writes nothing on any tracker."""
    from sync.cli.commands.run import preview as command

    options = run_options(
        max_removals=max_removals, max_comments=max_comments, max_notifications=max_notifications
    )
    raise typer.Exit(
        command(build_invocation(typer_context, as_json), options, out, detailed_exitcode, format_)
    )


@app.command()
def apply(
    typer_context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A change set saved by `preview --out`.")],
    max_removals: MaxRemovals = None,
    max_comments: MaxComments = None,
    max_notifications: MaxNotifications = None,
    max_writes: MaxWrites = None,
    max_duration: MaxDuration = None,
    as_json: Json = False,
) -> None:
    """Write exactly the change set that was reviewed, or refuse it when the world has moved."""
    from sync.cli.commands.run import apply_file

    options = run_options(
        max_removals=max_removals,
        max_comments=max_comments,
        max_notifications=max_notifications,
        max_writes=max_writes,
        max_duration=max_duration,
    )
    raise typer.Exit(apply_file(build_invocation(typer_context, as_json), file, options))


@app.command()
def undo(
    typer_context: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="A run of `increment-sync history`.")],
    issue: Annotated[
        list[str] | None, typer.Option(help="Only on this issue; may be given several times.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take back without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be taken back.")] = False,
    post_again: Annotated[
        bool, typer.Option("--post-again", help="Post comments anew that the run deleted; people get mail.")
    ] = False,
    max_removals: MaxRemovals = None,
    max_comments: MaxComments = None,
    max_notifications: MaxNotifications = None,
    as_json: Json = False,
) -> None:
    """Take back what a run wrote, except where people changed it since; asks first. Runs then leave it so."""
    from sync.cli.commands.undo import UndoOptions
    from sync.cli.commands.undo import undo as command

    options = UndoOptions(
        run_id=run_id,
        issues=tuple(issue or ()),
        yes=yes,
        dry_run=dry_run,
        post_again=post_again,
        limits=run_options(
            max_removals=max_removals, max_comments=max_comments, max_notifications=max_notifications
        ),
    )
    raise typer.Exit(command(build_invocation(typer_context, as_json), options))


@app.command()
def doctor(typer_context: typer.Context, as_json: Json = False) -> None:
    """Check settings, credentials, rights, label names, clock and store; say what to do."""
    from sync.cli.commands.doctor import doctor as command

    raise typer.Exit(command(build_invocation(typer_context, as_json)))
