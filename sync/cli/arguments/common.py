"""What the commands of the command line share: options that several take, and how a command was called."""

from __future__ import annotations

import os
import re
from contextvars import ContextVar
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from sync.model.run import RunOptions
    from sync.runtime.invocation import Invocation

INVOCATION: ContextVar[Invocation | None] = ContextVar("invocation", default=None)
"""The invocation of the command that runs; None before ``build_invocation``."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]
MaxRemovals = Annotated[int | None, typer.Option(help="Allow so many label removals this once.", min=0)]
MaxComments = Annotated[int | None, typer.Option(help="Allow so many new comments this once.", min=0)]
MaxNotifications = Annotated[
    int | None, typer.Option(help="Cause at most so many mails this once, leave the rest.", min=0)
]
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


def build_invocation(typer_context: typer.Context, as_json: bool = False) -> Invocation:
    """Return the invocation for the code that does the work of a command."""
    from sync.runtime.invocation import Invocation

    invocation = Invocation(**typer_context.obj, as_json=as_json, environment=dict(os.environ))
    INVOCATION.set(invocation)
    return invocation


def current_invocation() -> Invocation:
    """Return the invocation of the command that runs, or ran last; a default one if it failed too early."""
    from sync.runtime.invocation import Invocation

    return INVOCATION.get() or Invocation(environment=dict(os.environ))


def run_options(**values: Any) -> RunOptions:
    """A run's options from the command line's; a time that cannot be read is a usage error."""
    from sync.model.run import RunOptions

    if (text := values.pop("max_duration", None)) is not None:
        values["max_duration"] = _parse_duration(text)
    return RunOptions(**values)


def _parse_duration(text: str) -> timedelta:
    match = re.fullmatch(r"(\d+)([smh])", text)
    if match is None:
        raise typer.BadParameter(f"write a time as 90s, 10m or 1h, not {text!r}", param_hint="--max-duration")
    seconds = int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
    return timedelta(seconds=min(seconds, 366 * 86_400))


class FullHelpGroup(TyperGroup):
    """Lists commands with their whole first sentence, over several lines where needed, instead of cutting it off."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Called by click while it writes the help."""
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [
            (name, command.get_short_help_str(limit=1000))
            for name, command in commands
            if command and not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
