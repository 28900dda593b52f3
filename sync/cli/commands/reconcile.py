"""``reconcile``: read everything again and repair the drift."""

from __future__ import annotations

from dataclasses import replace

from sync.cli.output import Output
from sync.cli.run_output import apply_result_lines, change_summary, print_plan, run_context, run_document
from sync.model.run import RunOptions, RunResult
from sync.pipeline.run import apply_changes, plan_run, record_run, save_run_result
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation


def reconcile(invocation: Invocation, options: RunOptions, *, yes: bool) -> int:
    """Show the drift, ask unless ``yes``, and repair it."""
    options, output = replace(options, full=True), Output(invocation)
    with run_context(invocation, "reconcile", options, writes=True) as context:

        def work() -> RunResult:
            result = plan_run(context, options, records=True)
            print_plan(output, context, result)
            if len(result.changes) and context.writers and not result.refusals:
                if not yes and not _confirmed(output, context, result):
                    return result
                result = apply_changes(context, options, result)
            save_run_result(context, result)
            return result

        result = record_run(context, work)
        output.show(lambda: run_document(result), lambda: apply_result_lines(result))
        return result.exit_code


def _confirmed(output: Output, context: RunContext, result: RunResult) -> bool:
    with context.progress.paused():
        question = f"Repair? {change_summary(result.changes)}"
        return output.confirm(question, skipped="not repaired", action="repair")
