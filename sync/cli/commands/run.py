"""``run``: the cron job."""

from __future__ import annotations

from pathlib import Path

from sync.cli.output import Output
from sync.cli.run_output import print_result, run_context
from sync.cli.run_telemetry import ObservedRun, run_with_telemetry
from sync.model.run import RunOptions, RunResult
from sync.pipeline.run import run_once
from sync.runtime.invocation import Invocation


def run(invocation: Invocation, options: RunOptions, metrics: Path | None = None) -> int:
    """Pull, roll up, push. ``metrics``: the metrics file, instead of the one of the settings."""
    return run_with_telemetry(
        invocation, metrics, lambda observed: run_and_print(invocation, options, observed).exit_code
    )


def run_and_print(invocation: Invocation, options: RunOptions, observed: ObservedRun) -> RunResult:
    """Run once without telemetry, and print the result."""
    with run_context(invocation, "run", options, writes=True) as context:
        observed.context = context
        observed.result = result = run_once(context, options)
        print_result(Output(invocation), context, result)
        return result
