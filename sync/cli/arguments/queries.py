"""Arguments of the commands that read the store: ``status``, ``report``, ``explain``, ``history``, ``overrides``..."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Argument, Option

from sync.cli.arguments.common import Json, build_invocation

app = typer.Typer()

_OpenIncrement = Annotated[
    str | None, typer.Argument(help="Id of an increment; default: the ones that are not closed.")
]


@app.command()
def status(
    increment: _OpenIncrement = None,
    at: str | None = Option(
        None, help="As it was at the end of a day (2026-11-20), at a time or after a run.", metavar="WHEN"
    ),
    since: str | None = Option(
        None, help="What changed since the beginning of a day, a time or a run; up to --at.", metavar="WHEN"
    ),
    as_json: Json = False,
) -> int:
    """Show the roll-up: goals, capabilities and counts, now or in the past, or what changed."""
    invocation = build_invocation(as_json)
    if since is not None:
        from sync.cli.commands.status_history import status_since

        return status_since(invocation, increment, since, at)
    if at is not None:
        from sync.cli.commands.status_history import status_at

        return status_at(invocation, increment, at)
    from sync.cli.commands.status import status as command

    return command(invocation, increment)


@app.command()
def report(
    increment: str | None = Argument(None, help="Id of an increment; default: the one in progress."),
    out: Path | None = Option(
        None, help="The file to write; - for stdout. Default: report-<increment>.html, or stdout."
    ),
    format_: Literal["html", "markdown", "json", "schema"] = Option(
        "html", "--format", help="Format of the report; schema: the JSON Schema of the JSON report."
    ),
    since: str | None = Option(None, help="Report changes since this day, time or run; default: a week ago."),
) -> int:
    """Write a report for executives, leads and teams, from the same numbers: one page without external files."""
    from sync.cli.commands.report import report as command

    return command(build_invocation(), increment, out, format_, since)


@app.command()
def unplanned(
    team: str | None = Option(None, help="Only this team's."),
    by: Literal["team", "requester", "type", "week", "age"] | None = Option(
        None, help="Count by this instead of listing the issues."
    ),
    csv_file: str | None = Option(
        None, "--csv", help="Write the issues as CSV; - for stdout.", metavar="FILE"
    ),
    as_json: Json = False,
) -> int:
    """Show ad-hoc work: issues that no rule assigns, who requests them, how long they wait, their share of the work."""
    from sync.cli.commands.unplanned import unplanned as command

    if as_json and csv_file == "-":
        raise typer.BadParameter("stdout can take --json or --csv -, not both", param_hint="--csv")
    return command(build_invocation(as_json), team, by, csv_file)


@app.command()
def predictability(
    increment: str | None = Argument(None, help="Id of an increment; default: all that have started."),
    as_json: Json = False,
) -> int:
    """Compare what increments promised with the result: values, goals, carried over and ad-hoc work, by team."""
    from sync.cli.commands.predictability import show_predictability

    return show_predictability(build_invocation(as_json), increment)


@app.command()
def learning(increment: _OpenIncrement = None, as_json: Json = False) -> int:
    """Show iterations and experiments: questions, results, and how long an answer takes."""
    from sync.cli.commands.learning import show_learning

    return show_learning(build_invocation(as_json), increment)


@app.command()
def audit(
    increment: str | None = Argument(None, help="Id of an increment; default: those in progress."),
    days: int = Option(
        14, help="Report goals in which nothing moved for N days.", metavar="N", min=1, max=3650
    ),
    strict: bool = Option(False, "--strict", help="Exit with 1 when there is a finding."),
    as_json: Json = False,
) -> int:
    """Find what looks better than it is, with evidence: goals without movement, committed work that left, aging WIP."""
    from sync.cli.commands.audit import show_audit

    return show_audit(build_invocation(as_json), increment, days, strict=strict)


@app.command()
def explain(
    issue: str = Argument(..., help="DS-12, acme/churn#7 or its URL."),
    live: bool = Option(False, "--live", help="Read the issue from its tracker now; needs credentials."),
    as_json: Json = False,
) -> int:
    """Show which rule matched an issue, which did not and why, what it counts towards, what was written."""
    from sync.cli.commands.explain import explain as command

    return command(build_invocation(as_json), issue, live=live)


@app.command()
def history(
    run_id: str | None = Argument(None, metavar="[RUN]", help="The writes of this run; default: the runs."),
    issue: str | None = Option(None, help="The writes on one issue."),
    since: str | None = Option(
        None, help="Only since the beginning of a day, a time or a run.", metavar="WHEN"
    ),
    limit: int = Option(20, help="Show at most N rows.", metavar="N", min=1, max=1_000_000),
    run_option: str | None = Option(None, "--run", help="The same as RUN.", hidden=True),
    as_json: Json = False,
) -> int:
    """Show the runs, or the journal of a run or an issue: who, when, what, which rule, why."""
    from sync.cli.commands.history import history as command

    return command(build_invocation(as_json), run_id or run_option, issue, limit, since)


overrides_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
app.add_typer(overrides_app, name="overrides")


@overrides_app.callback()
def overrides(typer_context: typer.Context, as_json: Json = False) -> int | None:
    """List manual overrides on the trackers, and what `undo` reverted; runs leave both alone."""
    if typer_context.invoked_subcommand is not None:
        return None
    from sync.cli.commands.overrides import list_overrides

    return list_overrides(build_invocation(as_json))


@overrides_app.command()
def clear(
    run_id: str | None = Option(None, "--run", help="Only what this run found, or what undoing it reverted."),
    issue: str | None = Option(None, help="Only on this issue."),
    label: str | None = Option(None, help="Only this label; capability:ID or goal:ID for a status comment."),
    yes: bool = Option(False, "--yes", "-y", help="Clear without asking."),
    as_json: Json = False,
) -> int:
    """Forget overrides, so that the next run follows the rules again; asks first."""
    from sync.cli.commands.overrides import OverrideFilter, clear_overrides

    if run_id is issue is label is None:
        raise typer.BadParameter("say which: --run RUN, --issue KEY or --label LABEL")
    selection = OverrideFilter(run=run_id, issue=issue, label=label, yes=yes)
    return clear_overrides(build_invocation(as_json), selection)
