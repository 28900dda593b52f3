"""Options that several commands share, and the step from parsed arguments to an ``Invocation`` and ``RunOptions``."""

from __future__ import annotations

import functools
import inspect
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, get_type_hints

import typer
from typer import Option
from typer.core import TyperGroup

if TYPE_CHECKING:
    from sync.model.run import RunOptions
    from sync.runtime.invocation import Invocation

GLOBAL_OPTIONS: ContextVar[Mapping[str, Any]] = ContextVar("global_options")
"""Options that stand before the command."""
INVOCATION: ContextVar[Invocation | None] = ContextVar("invocation", default=None)
"""Invocation of the command that runs; None before ``build_invocation()``."""

Json = Annotated[bool, Option("--json", help="Print JSON for a program.")]

LIMITS: Final = ("max_removals", "max_comments", "max_notifications")
"""Safety limits of one run."""
STOPS: Final = ("max_writes", "max_duration")
"""Options that end a run early."""


def _number(text: str) -> tuple[Any, Any]:
    return int | None, Option(None, help=text, metavar="N", min=0)


def _flag(name: str, text: str) -> tuple[Any, Any]:
    return bool, Option(False, name, help=text)


_RUN_OPTIONS: Final[Mapping[str, tuple[Any, Any]]] = {
    "max_removals": _number("Allow at most N label removals in this run."),
    "max_comments": _number("Allow at most N new comments in this run."),
    "max_notifications": _number("Cause at most N mails in this run; leave the rest."),
    "max_writes": _number("Stop after N writes; leave the rest for the next run."),
    "max_duration": (
        str | None,
        Option(None, help="Start no write after this time: 90s, 10m, 1h.", metavar="TIME"),
    ),
    "accept_overrides": _flag("--accept-overrides", "Accept all labels changed by hand as manual overrides."),
    "accept_shrink": _flag("--accept-shrink", "Accept sources that hold far fewer issues than before."),
    "restore_labels": _flag("--restore-labels", "Put back a label of ours that was deleted everywhere."),
}
"""Name -> type and option."""


def takes_run_options(*names: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command the named options of a run; it receives them together, as its parameter ``options``.

    Typer reads the options of a command from its signature, so the signature gets one parameter for each name.
    """

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        # Typer wants evaluated annotations. RunOptions is not imported here, because that would slow down --help.
        hints = get_type_hints(command, localns={"RunOptions": Any}, include_extras=True)
        parameters: list[inspect.Parameter] = []
        for each in inspect.signature(command).parameters.values():
            if each.name == "options":
                parameters += map(_option, names)
            else:
                kind, annotation = inspect.Parameter.KEYWORD_ONLY, hints[each.name]
                parameters.append(each.replace(kind=kind, annotation=annotation))

        @functools.wraps(command)
        def wrapper(**arguments: Any) -> int:
            values = {name: arguments.pop(name) for name in names}
            return command(**arguments, options=run_options(**values))

        wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {each.name: each.annotation for each in parameters}
        return wrapper

    return decorate


def _option(name: str) -> inspect.Parameter:
    annotation, option = _RUN_OPTIONS[name]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=annotation)


def build_invocation(as_json: bool = False) -> Invocation:
    """Build the description of this call from the global options and the environment."""
    from sync.runtime.invocation import Invocation

    invocation = Invocation(**GLOBAL_OPTIONS.get(), as_json=as_json, environment=dict(os.environ))
    INVOCATION.set(invocation)
    return invocation


def current_invocation() -> Invocation:
    """Return the invocation of the command that runs, or ran last; a default one if it failed too early."""
    from sync.runtime.invocation import Invocation

    return INVOCATION.get() or Invocation(environment=dict(os.environ))


def run_options(**values: Any) -> RunOptions:
    """Build the options of a run. Raises a usage error for a duration that cannot be read."""
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


@contextmanager
def _interruptions_kept() -> Iterator[None]:
    """Raise Abort for an interruption, which Typer would turn into a bare exit code."""
    try:
        yield
    except KeyboardInterrupt as stop:
        raise typer.Abort from stop


class CommandGroup(TyperGroup):
    """Group of all commands, with their whole first sentence in the help, over several lines where needed."""

    def make_context(self, *args: Any, **options: Any) -> Any:
        """Parse the command line."""
        with _interruptions_kept():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        with _interruptions_kept():
            return super().invoke(ctx)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands; click calls this and would cut the sentences off."""
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [
            (name, command.get_short_help_str(limit=1000))
            for name, command in commands
            if command and not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
