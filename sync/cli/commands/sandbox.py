"""``sandbox``: mock servers of Jira and GitHub on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from sync.cli.output import Output
from sync.runtime.invocation import Invocation

if TYPE_CHECKING:
    from connectors.sandbox.server import Sandbox

DEMO_TOKENS = {
    "JIRA_EMAIL": "robot@acme.example",
    "JIRA_API_TOKEN": "jira-demo-token",
    "GH_TOKEN": "github-demo-token",
}
"""Credentials of the accounts in ``demo.yaml``; valid for the mock servers only."""


class SandboxUnavailable(LookupError):
    """The sandbox cannot be started: its extra is not installed, its seed is broken, or its port is taken."""


def sandbox(invocation: Invocation, seed: Path | None, port: int, *, verbose: bool) -> int:
    """Serve the mock servers until interrupted. ``seed``: a YAML file; None: the content of the demo."""
    output = Output(invocation)
    with open_sandbox(seed, port, verbose=verbose) as box:
        output.line(f"Mock servers at {box.base_url} (only on this machine; Ctrl-C ends them)")
        output.lines(
            f"  {name:8} {tracker.kind:11} {box.url(name)}" for name, tracker in box.trackers.items()
        )
        output.line()
        if seed is None:
            output.lines(_demo_lines(box))
        output.line(f"Log of their requests: {box.base_url}/_sandbox/log")
        try:
            box.wait()
        except KeyboardInterrupt:
            output.note("sandbox ended")
    return 0


def _demo_lines(box: Sandbox) -> Iterator[str]:
    yield "Credentials for them, to paste into another terminal:"
    yield from (f"  export {variable}={value}" for variable, value in DEMO_TOKENS.items())
    yield ""
    yield "To act on them as a person, for example with curl: ada@acme.example with ada-demo-token (Jira),"
    yield "ada-demo-token (GitHub)."
    yield ""
    yield "A workspace for them:"
    yield (
        f"  increment-sync init try-out --jira {box.url('jira')} "
        f"--github acme/churn --github-url {box.url('github')}"
    )
    yield ""


@contextmanager
def open_sandbox(seed: Path | None, port: int, *, verbose: bool = False) -> Iterator[Sandbox]:
    """Start the mock servers for the time of a block. ``port`` 0: any free one. Raises SandboxUnavailable."""
    try:
        from connectors.sandbox.core.seed import SeedError
        from connectors.sandbox.server import Sandbox, SandboxError
    except ModuleNotFoundError as error:
        raise SandboxUnavailable(
            f"the sandbox needs {error.name}: install it with `pip install 'increment-sync[sandbox]'`"
        ) from None
    source = seed or Path(str(files("connectors").joinpath("sandbox/demo.yaml")))
    try:
        box = Sandbox.from_seed(source, port=port, verbose=verbose).start()
    except (SeedError, SandboxError) as error:
        raise SandboxUnavailable(str(error)) from None
    try:
        yield box
    finally:
        box.close()
